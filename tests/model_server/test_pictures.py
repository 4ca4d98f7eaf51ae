"""Pictures through a model, as the web asks for it."""

from __future__ import annotations

import base64
import json

import pytest
import torch

from glassbook.errors import GlassbookError
from glassbook.features import Dictionary, TopK
from glassbook.model_server.methods import OpenModels, handle
from glassbook.nets import PictureModel, open_picture_model, save_model
from glassbook.nets.autoencoder import VAE, PictureConfig
from glassbook.nets.conv import resnet_cifar
from glassbook.nets.gan import pictures_gan
from glassbook.notebook import Notebook
from glassbook.trace import record, trace

NAMES = tuple("abcdefghij")
SITE = "blocks.1.out"
"""[B, 32, 16, 16]."""


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Open models of a notebook whose run has kept a classifier, a VAE, a GAN, and a dictionary of the classifier."""
    folder = tmp_path_factory.mktemp("pictures")
    nb = Notebook.create(folder / "nb")
    torch.manual_seed(0)
    classifier = PictureModel(resnet_cifar(8).eval(), "r", "classify", 32, 3, NAMES)
    images = torch.randint(256, (4, 3, 32, 32), dtype=torch.uint8)
    with nb.start_run("toy", {}) as run:
        save_model(classifier, run.artifact("classifier"))
        save_model(
            PictureModel(VAE(PictureConfig(size=16, channels=1, code=3, width=4)), "v", "autoencode", 16, 1),
            run.artifact("vae"),
        )
        save_model(PictureModel(pictures_gan(8, 1, 4, 4), "g", "generate", 8, 1), run.artifact("gan"))
        recording = record(classifier.model, [classifier.batch(images)], SITE, folder / "recording")
        d = Dictionary(32, 64, TopK(4))
        header = recording.header
        d.about = {"weights": header["model"]["weights"], "site": SITE}
        d.save(run.artifact("d.safetensors"))
        Dictionary(32, 64, TopK(4)).save(run.artifact("of-another.safetensors"), weights="0" * 16, site=SITE)
        run.artifact("notes.safetensors").write_bytes(b"no safetensors")
    return OpenModels(nb)


def name(models: OpenModels, artifact: str) -> str:
    return f"run:{models.notebook.runs()[0].id}/{artifact}"


def sent(image: torch.Tensor) -> dict:
    """A picture [3, H, W] as the browser sends it."""
    pixels = base64.b64encode(bytes(image.permute(1, 2, 0).flatten().tolist())).decode()
    return {"pixels": pixels, "width": image.shape[2], "height": image.shape[1]}


@pytest.fixture
def image():
    return torch.randint(256, (3, 40, 60), dtype=torch.uint8, generator=torch.Generator().manual_seed(5))


def test_a_classifier_tells_its_likeliest_classes(models, image):
    told = handle(models, "look", {"model": name(models, "classifier"), **sent(image)})
    pm = open_picture_model(models.notebook.runs()[0].artifact("classifier"))
    want = pm.probabilities(image[None])[0]
    assert [c["name"] for c in told["classes"]] == [NAMES[i] for i in want.topk(8).indices]
    assert [c["p"] for c in told["classes"]] == pytest.approx(want.topk(8).values.tolist())
    assert json.dumps(told)
    pictures = pytest.importorskip("PIL.Image")
    import io

    seen = pictures.open(io.BytesIO(base64.b64decode(told["seen"])))
    assert seen.tobytes() == bytes(pm.view(image[None])[0].permute(1, 2, 0).flatten().tolist())


def test_an_autoencoder_shows_what_is_left(models, image):
    told = handle(models, "look", {"model": name(models, "vae"), **sent(image)})
    assert told["task"] == "autoencode"
    assert told["psnr"] > 0
    assert all(base64.b64decode(told[part]).startswith(b"\x89PNG") for part in ("seen", "made"))


def test_the_strongest_features_with_their_maps(models, image):
    model, dictionary = name(models, "classifier"), name(models, "d.safetensors")
    features = handle(models, "look", {"model": model, "dictionary": dictionary, **sent(image)})["features"]
    assert (features["site"], features["grid"]) == (SITE, [16, 16])
    pm = open_picture_model(models.notebook.runs()[0].artifact("classifier"))
    with torch.no_grad(), trace(pm.model, read=SITE) as t:
        pm.model(**pm.batch(image[None]))
    d = Dictionary.load(models.notebook.runs()[0].artifact("d.safetensors"))
    latents = d.encode(t[SITE][0].permute(1, 2, 0)).detach()
    largest = latents.flatten(0, 1).max(0).values
    assert [f["index"] for f in features["shown"]] == largest.topk(8).indices.tolist()
    for feature in features["shown"]:
        one = latents[..., feature["index"]].flatten()
        assert feature["largest"] == pytest.approx(float(one.max()))
        assert feature["values"] == pytest.approx((one.clamp(min=0) / one.max()).tolist(), abs=6e-4)
        assert feature["active"] == pytest.approx(float((one > 0).float().mean()))


def test_a_model_says_what_it_is_and_which_dictionaries_are_of_it(models):
    said = handle(models, "open", {"model": name(models, "classifier")})
    facts = ("kind", "task", "size", "channels", "classes")
    assert [said[fact] for fact in facts] == ["pictures", "classify", 32, 3, 10]
    assert said["blocks"] == ["blocks.0", "blocks.1", "blocks.2"]
    assert said["dictionaries"] == [{"name": name(models, "d.safetensors"), "site": SITE}]
    sites = {site["name"]: site["form"] for site in said["sites"]}
    assert (sites[SITE], sites["out"]) == ("32 × 16 × 16", "10")
    assert handle(models, "open", {"model": name(models, "vae")})["dictionaries"] == []


def test_pictures_are_made_of_a_seed(models):
    made = [
        handle(models, "make", {"model": name(models, "gan"), "seed": seed, "count": 3})["made"] for seed in (1, 1, 2)
    ]
    assert made[0] == made[1] != made[2]
    assert len(set(made[0])) == 3


@pytest.mark.parametrize(
    ("method", "artifact", "given", "why"),
    [
        ("look", "classifier", {"pixels": "AAAA", "width": 2, "height": 2}, "3 bytes are no picture of 2 x 2"),
        ("look", "classifier", {"pixels": "A A!", "width": 1, "height": 1}, "not base64"),
        ("look", "gan", {"pixels": "AAAA", "width": 1, "height": 1}, "reads none"),
        ("make", "classifier", {}, "makes none"),
        ("sample", "classifier", {"prompt": "x"}, "is a picture model, which reads no text"),
        ("attention", "vae", {"prompt": "x"}, "is a picture model, which reads no text"),
        ("lens", "vae", {"prompt": "x"}, "is a picture model, which reads no text"),
        ("steer", "vae", {"sources": [], "prompts": ["x"]}, "."),
    ],
)
def test_what_does_not_fit_is_one_line(models, method, artifact, given, why):
    with pytest.raises(GlassbookError, match=why) as refused:
        handle(models, method, {"model": name(models, artifact), **given})
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("artifact", "why"), [("of-another.safetensors", "another model"), ("nothing.safetensors", "."), ("vae", "folder")]
)
def test_another_dictionary_is_refused(models, image, artifact, why):
    with pytest.raises(GlassbookError, match=why):
        handle(
            models, "look", {"model": name(models, "classifier"), "dictionary": name(models, artifact), **sent(image)}
        )


def test_a_model_of_text_sees_no_pictures(models):
    with pytest.raises(GlassbookError, match="sees no pictures"):
        handle(models, "look", {"model": "builtin", "pixels": "AAAA", "width": 1, "height": 1})
