import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from glassbook.errors import GlassbookError
from glassbook.nets import (
    LM,
    LanguageModel,
    LMConfig,
    PictureModel,
    open_language_model,
    open_model,
    open_picture_model,
)
from glassbook.nets import save_model as save
from glassbook.nets.autoencoder import VAE, Autoencoder, PictureConfig
from glassbook.nets.conv import resnet_cifar
from glassbook.nets.gan import pictures_gan, points_gan

SMALL = PictureConfig(size=16, channels=3, code=5, width=4)
MLP = PictureConfig(size=7, channels=1, code=2, kind="mlp", width=9)

MODELS: dict[str, Callable[[], PictureModel]] = {
    "autoencoder": lambda: PictureModel(Autoencoder(SMALL), "net", "autoencode", 16, 3),
    "mlp": lambda: PictureModel(Autoencoder(MLP), "net", "autoencode", 7, 1, mean=(0.5,), std=(0.25,)),
    "vae": lambda: PictureModel(VAE(SMALL), "net", "autoencode", 16, 3),
    "normal": lambda: PictureModel(VAE(SMALL, "normal"), "net", "autoencode", 16, 3),
    "gan": lambda: PictureModel(pictures_gan(8, 3, 6, 4), "net", "generate", 8, 3, mean=(0.5,) * 3, std=(0.5,) * 3),
}


def output(pm: PictureModel) -> torch.Tensor:
    if pm.task == "generate":
        return pm.decode(torch.randn(2, pm.latents, generator=torch.Generator().manual_seed(0)))
    images = torch.arange(2 * pm.channels * pm.size**2).reshape(2, pm.channels, pm.size, pm.size) % 256
    with torch.no_grad():
        return pm.model(**pm.batch(images.to(torch.uint8)))


@pytest.mark.parametrize("kind", MODELS)
def test_what_is_saved_opens_as_it_was(kind, tmp_path):
    torch.manual_seed(0)
    pm = MODELS[kind]()
    pm.model.eval()
    save(pm, tmp_path / "kept")
    again = open_model(tmp_path / "kept")
    assert isinstance(again, PictureModel)
    assert not again.model.training
    assert {**vars(again), "model": 0} == {**vars(pm), "model": 0, "name": str(tmp_path / "kept")}
    assert torch.equal(output(again), output(pm))
    assert sorted(file.name for file in (tmp_path / "kept").iterdir()) == ["config.json", "model.safetensors"]


def test_it_opens_in_half_precision_and_half_of_it_is_kept(tmp_path):
    pm = MODELS["vae"]()
    pm.model.half()
    save(pm, tmp_path)
    assert open_picture_model(tmp_path).dtype == torch.float32
    assert open_picture_model(tmp_path, dtype="bfloat16").dtype == torch.bfloat16
    assert load_file(tmp_path / "model.safetensors")["to_mean.weight"].dtype == torch.float16


def test_each_door_says_what_the_other_kind_is(tmp_path):
    save(MODELS["vae"](), tmp_path / "vae")
    lm = LanguageModel(LM(LMConfig(10, 8, 1, 2, 2, 16, 8)), None, "lm")
    save(lm, tmp_path / "lm")
    with pytest.raises(GlassbookError, match="is a picture model; `glassbook look"):
        open_language_model(tmp_path / "vae")
    with pytest.raises(GlassbookError, match="is no picture model; `glassbook open"):
        open_picture_model(tmp_path / "lm")
    with pytest.raises(GlassbookError, match="reads no text"):
        open_model(tmp_path / "vae", tokenizer="bytes")
    assert isinstance(open_model(tmp_path / "lm"), LanguageModel)


@pytest.mark.parametrize(
    "pm",
    [
        PictureModel(nn.Sequential(nn.Flatten(), nn.Linear(4, 2)), "net", "classify", 2, 1, ("a", "b")),
        PictureModel(points_gan(), "net", "generate", 2, 1),
    ],
)
def test_what_has_no_kind_is_not_saved_and_leaves_no_folder(pm, tmp_path):
    with pytest.raises(GlassbookError, match="cannot be saved"):
        save(pm, tmp_path / "kept")
    assert not (tmp_path / "kept").exists()


def _set(config: dict, path: str, value: object) -> None:
    *way, last = path.split(".")
    for key in way:
        config = config[key]
    config[last] = value


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("network", None),
        ("network", {}),
        ("network.code", 6),
        ("network.code", "many"),
        ("network.code", 0),
        ("network.code", 10**15),
        ("network.width", 10**9),
        ("network.size", 2**40),
        ("network.size", 15),
        ("network.kind", "attention"),
        ("network.pixels", "poisson"),
        ("network.layers", 3),
        ("pictures", []),
        ("pictures.size", 32),
        ("pictures.channels", 1),
        ("pictures.mean", [0.5]),
        ("pictures.std", ["wide", 1, 1]),
        ("pictures.colour", "red"),
    ],
)
def test_a_config_of_something_else_is_refused_in_one_line(path, value, tmp_path):
    save(MODELS["vae"](), tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    _set(config, path, value)
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(GlassbookError, match=f"^{tmp_path}[^\n]*$"):
        open_model(tmp_path)


def damage(folder: Path, how: str) -> None:
    file = folder / "model.safetensors"
    if how == "missing":
        file.unlink()
    elif how == "cut":
        file.write_bytes(file.read_bytes()[:-100])
    else:
        state = load_file(file)
        if how == "fewer":
            del state["to_mean.bias"]
        elif how == "more":
            state["extra"] = torch.zeros(3)
        else:
            state["to_mean.bias"] = torch.zeros(1)  # would be spread over all
        save_file(state, file)


@pytest.mark.parametrize("how", ["missing", "cut", "fewer", "more", "shape"])
def test_weights_that_do_not_fit_are_refused_in_one_line(how, tmp_path):
    save(MODELS["vae"](), tmp_path)
    damage(tmp_path, how)
    with pytest.raises(GlassbookError, match=f"^{tmp_path}[^\n]*$"):
        open_model(tmp_path)


def test_a_classifier_with_other_classes_than_logits_is_refused(tmp_path):
    pm = PictureModel(resnet_cifar(8, 3), "net", "classify", 32, 3, ("a", "b", "c"))
    save(pm, tmp_path)
    assert open_picture_model(tmp_path).classes == ("a", "b", "c")
    config = json.loads((tmp_path / "config.json").read_text())
    for classes in (["a", "b"], [], list("abcd")):
        config["pictures"]["classes"] = classes
        (tmp_path / "config.json").write_text(json.dumps(config))
        with pytest.raises(GlassbookError, match="classes"):
            open_model(tmp_path)
