"""The list of models: names, what was opened before, and which names mean one model."""

from __future__ import annotations

import pytest

from glassbook.model_server import available_models, forget, is_local, kind_of, remember, same_model, short_name
from glassbook.model_server.remembered import MOST, remembered
from glassbook.nets import PictureModel, model_path, save_model
from glassbook.nets.conv import resnet_cifar
from glassbook.notebook import Notebook

FACTS = {"parameters": 7, "blocks": [f"h.{i}" for i in range(6)]}


@pytest.fixture
def nb(tmp_path, monkeypatch):
    """A notebook on a machine without models that others have published."""
    monkeypatch.delenv("GLASSBOOK_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return Notebook.create(tmp_path / "nb")


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("builtin", "builtin"),
        ("/a/b/stories260K.bin", "stories260K.bin"),
        ("/a/b/model/", "model"),
        ("HuggingFaceTB/SmolLM2-135M", "SmolLM2-135M"),
        ("run:20261128-1/model", "model of 20261128-1"),
        ("/", "/"),
    ],
)
def test_short_names(name, short):
    assert short_name(name) == short


def test_models_once_opened_are_listed_newest_first(nb):
    for name in ("org/a", "org/b", "org/a", "builtin"):
        remember(nb, name, FACTS)
    listed = available_models(nb)
    assert [model["name"] for model in listed] == ["builtin", "builtin-vae", "org/a", "org/b"]
    assert listed[2] | {"opened": ""} == {
        "name": "org/a",
        "short": "a",
        "kind": "text",
        "task": "write",
        "origin": "opened",
        "where": "Hugging Face",
        "opened": "",
        "parameters": 7,
        "site": "h.2.in",
    }
    assert (listed[0]["origin"], listed[0]["parameters"]) == ("built-in", 7)
    forget(nb, "org/a")
    assert [model["name"] for model in available_models(nb)] == ["builtin", "builtin-vae", "org/b"]
    forget(nb, "nobody")


def test_the_oldest_are_forgotten(nb):
    for n in range(MOST + 3):
        remember(nb, f"org/{n}", {})
    kept = [entry["name"] for entry in remembered(nb)]
    assert (len(kept), kept[0], kept[-1]) == (MOST, f"org/{MOST + 2}", "org/3")


@pytest.mark.parametrize("damaged", ["", "{", "3", "[3]", '[{"name": "x"}]', '[{"name": "x", "opened": "y"}]'])
def test_a_damaged_list_is_an_empty_one(nb, damaged):
    remember(nb, "org/a", FACTS)
    (nb.folder / ".glassbook" / "models.json").write_text(damaged)
    assert remembered(nb) == []
    assert [model["name"] for model in available_models(nb)] == ["builtin", "builtin-vae"]
    remember(nb, "org/b", FACTS)
    assert [entry["name"] for entry in remembered(nb)] == ["org/b"]


def test_what_is_on_this_machine(nb, tmp_path):
    assert is_local(nb, "builtin")
    assert is_local(nb, str(tmp_path))
    assert not is_local(nb, "org/a")
    remember(nb, "org/a", FACTS)
    assert is_local(nb, "org/a")


def test_two_names_of_one_model(nb):
    place = model_path("builtin")
    with nb.start_run("toy", {}) as run:
        run.artifact("model").symlink_to(place)
    assert same_model(nb, "builtin", "builtin")
    assert same_model(nb, f"run:{run.id}/model", str(place))
    assert not same_model(nb, "builtin", "org/a")
    assert not same_model(nb, "run:nobody/model", str(place))


def picture_model(folder):
    save_model(PictureModel(resnet_cifar(8, 2), "r", "classify", 32, 3, ("a", "b")), folder)
    return folder


def test_the_list_says_what_each_model_is_of(nb, tmp_path, monkeypatch):
    with nb.start_run("toy", {}) as run:
        picture_model(run.artifact("net"))
    outside = str(picture_model(tmp_path / "outside"))
    remember(nb, outside, FACTS)
    dataset = tmp_path / "data" / "resnet-cifar10"
    dataset.mkdir(parents=True)
    (dataset / "resnet20-12fca82f.th").touch()
    monkeypatch.setenv("GLASSBOOK_DATA", str(tmp_path / "data"))
    listed = {model["name"]: (model["origin"], model["kind"], model["task"]) for model in available_models(nb)}
    assert listed == {
        "builtin": ("built-in", "text", "write"),
        "builtin-vae": ("built-in", "pictures", "autoencode"),
        outside: ("opened", "pictures", "classify"),
        "resnet20-cifar10": ("published", "pictures", "classify"),
        f"run:{nb.runs()[0].id}/net": ("run", "pictures", "classify"),
    }


@pytest.mark.parametrize("name", ["org/tiny", "run:nobody/net", "/nowhere", "smollm2", "minilm"])
def test_a_model_elsewhere_is_taken_for_text(nb, name):
    assert kind_of(nb, name) == ("text", "write")


@pytest.mark.parametrize(
    "config", ["", "[]", "{}", '{"model_type": 3}', '{"model_type": "glassbook-x", "task": "fly"}']
)
def test_a_config_that_says_nothing_is_that_of_text(nb, tmp_path, config):
    (tmp_path / "config.json").write_text(config)
    assert kind_of(nb, str(tmp_path)) == ("text", "write")
