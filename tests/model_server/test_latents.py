"""Latents of models that decode pictures, as the panel asks for them."""

from __future__ import annotations

import io
from base64 import b64decode, b64encode

import pytest
import torch

from glassbook.data.world import World
from glassbook.data.world.frames import close_frames, split
from glassbook.errors import GlassbookError
from glassbook.model_server import LatentSettings, latents_from_query, latents_query, models_with_latents, read_latents
from glassbook.model_server.latents import FRAMES, latents
from glassbook.model_server.methods import OpenModels
from glassbook.nets import save_model
from glassbook.nets.autoencoder import VAE, Autoencoder, PictureConfig
from glassbook.nets.gan import pictures_gan
from glassbook.nets.picture_model import PictureModel
from glassbook.notebook import Notebook

SIZE = 16


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    """A notebook whose run has saved an autoencoder, a VAE with two active latents of six, a GAN and a classifier."""
    nb = Notebook.create(tmp_path_factory.mktemp("latents") / "nb")
    torch.manual_seed(0)
    config = PictureConfig(size=SIZE, channels=3, code=6, width=8)
    vae = VAE(config)
    with torch.no_grad():  # units 4 and 1 follow the picture, 4 more than 1; the others hardly do
        vae.to_mean.weight *= torch.tensor([1e-3, 20.0, 1e-3, 1e-3, 60.0, 1e-3])[:, None]
    with nb.start_run("toy", {}) as run:
        for name, model in (("ae", Autoencoder(config)), ("vae", vae)):
            save_model(PictureModel(model, name, "autoencode", SIZE, 3), run.artifact(name))
        gan = PictureModel(pictures_gan(SIZE, 1, 5, 4).eval(), "gan", "generate", SIZE, 1, mean=(0.5,), std=(0.5,))
        save_model(gan, run.artifact("gan"))
        (run.artifact("other")).mkdir()
    return nb, run.id


@pytest.fixture(scope="module")
def ask(book):
    nb, run = book
    models = OpenModels(nb).with_latents

    def call(name="vae", **settings):
        return latents(models, model=name if name.startswith("builtin") else f"run:{run}/{name}", **settings)

    call.models = models
    return call


def pixels(address):
    """The bytes [H, W, C] of a picture's data address."""
    image = pytest.importorskip("PIL.Image")
    numpy = pytest.importorskip("numpy")
    return torch.from_numpy(numpy.array(image.open(io.BytesIO(b64decode(address.partition(",")[2])))))


def test_the_active_latents_come_first_and_are_where_the_picture_has_them(ask):
    answer = ask(seed=3)
    assert [unit["unit"] for unit in answer["units"]] == [4, 1]
    assert answer["latents"] == 6
    assert all(unit["own"] == unit["now"] for unit in answer["units"])
    assert answer["rebuilt"] == answer["decoded"]
    # A latent's places over the held-out pictures have mean 0 and standard deviation 1, by the definition of the unit.
    model = ask.models.open(answer["model"])
    codes = model.model.encode(model.examples(FRAMES, 2**20))
    mean, variance = model.activity
    places = (codes - mean) / variance.sqrt()
    assert places.mean(0).abs().max() < 1e-3
    assert torch.allclose(places.std(0), torch.ones(6), atol=1e-3)


def test_a_moved_latent_is_where_it_was_put_and_the_others_stay(ask):
    before, after = ask(seed=3), ask(seed=3, set={4: -1.5}, strip=1)
    assert [unit["now"] for unit in after["units"]] == [-1.5, before["units"][1]["own"]]
    assert after["decoded"] != after["rebuilt"] == before["rebuilt"]
    assert after["picture"] == before["picture"]
    assert after["strip"]["at"] == [-3, -2, -1, 0, 1, 2, 3]
    assert len(set(after["strip"]["pictures"])) == 7
    # The kept code decodes to the same picture, without the picture that it came from.
    again = ask(code=after["code"])
    assert again["picture"] is None
    assert (pixels(again["decoded"]).int() - pixels(after["decoded"]).int()).abs().max() <= 1


def test_a_seed_is_a_held_out_frame(ask):
    frame = close_frames(World(), 1, SIZE, -1 - 7, split(World())["train"])[0]
    assert torch.equal(pixels(ask(seed=7)["picture"]).permute(2, 0, 1), frame)
    assert ask(seed=7)["picture"] != ask(seed=8)["picture"]
    assert ask()["picture"] == ask(seed=0)["picture"]


@pytest.mark.parametrize("side", [SIZE, 40, 1])
def test_pixels_of_any_square_are_fitted(ask, side):
    picture = torch.full((side, side, 3), 200, dtype=torch.uint8)
    answer = ask(pixels=b64encode(picture.numpy().tobytes()).decode())
    assert torch.equal(pixels(answer["picture"]), torch.full((SIZE, SIZE, 3), 200, dtype=torch.uint8))


def test_a_picture_of_the_notebook_is_read_by_its_path(ask, book):
    image = pytest.importorskip("PIL.Image")
    folder = book[0].folder / "pages" / "terms"
    folder.mkdir(parents=True, exist_ok=True)
    image.new("RGB", (30, 20), (10, 20, 30)).save(folder / "plain.png")
    assert (pixels(ask(picture="terms/plain.png")["picture"]) == torch.tensor([10, 20, 30])).all()
    for name in ("terms/none.png", "../glassbook.toml", "/etc/hostname", "terms"):
        with pytest.raises(GlassbookError, match="below pages/"):
            ask(picture=name)


def test_noise_is_added_to_the_picture_and_goes_through_the_model(ask):
    still, little, much = (ask("ae", mode="denoise", seed=1, noise=noise) for noise in (0, 0.05, 0.4))
    assert still["noisy"] == still["picture"] == much["picture"]
    assert still["psnr_noisy"] == 99.0
    # 20 log10(1 / sigma), as long as little noise leaves the range of a pixel.
    assert little["psnr_noisy"] == pytest.approx(26.0, abs=0.6)
    assert much["psnr_noisy"] < little["psnr_noisy"]
    assert much == ask("ae", mode="denoise", seed=1, noise=0.4)
    assert pixels(much["decoded"]).shape == (SIZE, SIZE, 3)


def test_a_generator_is_moved_through_its_noise(ask):
    answer = ask("gan", seed=2, set={0: 2})
    assert [unit["unit"] for unit in answer["units"]] == [0, 1, 2, 3, 4]
    assert (answer["units"][0]["now"], answer["picture"], answer["psnr"]) == (2, None, None)
    assert pixels(answer["decoded"]).shape == (SIZE, SIZE)
    for given in ({"pixels": "AAAA"}, {"picture": "a.png"}, {"mode": "denoise"}):
        with pytest.raises(GlassbookError, match="reads no"):
            ask("gan", **given)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"seed": 1, "code": [0.0]}, "choose one of them"),
        ({"seed": 1, "picture": "a.png", "pixels": "AAAA"}, "seed and picture and pixels"),
        ({"mode": "denoise", "code": [0.0] * 6}, "not to a code"),
        ({"code": [0.0, 1.0]}, "have 6 numbers; this one has 2"),
        ({"code": [float("nan")] * 6}, "code"),
        ({"set": {6: 1}}, "there is no latent 6"),
        ({"set": {0: 11}}, "set"),
        ({"set": {"a": 1}}, "set"),
        ({"strip": 99}, "there is no latent 99"),
        ({"noise": 2}, "noise"),
        ({"seed": -1}, "seed"),
        ({"pixels": "not base64!"}, "base64"),
        ({"pixels": b64encode(b"12345").decode()}, "5 bytes are no picture"),
        ({"pixels": ""}, "pixels"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(ask, given, says):
    with pytest.raises(GlassbookError, match=says) as told:
        ask(**given)
    assert "\n" not in str(told.value)


def test_models_without_latents_are_refused(ask):
    with pytest.raises(GlassbookError, match="builtin is a model of text and sees no pictures"):
        ask("builtin")


def test_models_with_latents_are_listed_by_their_config(book):
    nb, run = book
    assert models_with_latents(nb) == ["builtin-vae", *(f"run:{run}/{name}" for name in ("ae", "gan", "vae"))]


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"seed": 4, "set": {3: -1.5, 11: 0.25}, "strip": 3},
        {"model": "run:20261130-1/ae", "mode": "denoise", "picture": "terms/a b&c.png", "noise": 0.35},
        {"code": [0.5, -1.25, 3e-05]},
    ],
)
def test_an_address_holds_the_settings(given):
    from urllib.parse import parse_qsl

    settings = read_latents(given)
    query = parse_qsl(latents_query(settings))
    assert read_latents(latents_from_query(query)) == settings


def test_the_vae_that_ships_gives_back_frames_that_it_has_not_seen(ask):
    """Far better than the mean frame, from most of its latents; the measured numbers stand beside its weights."""
    answers = [ask("builtin-vae", seed=seed) for seed in range(5)]
    assert sum(answer["psnr"] for answer in answers) / 5 > 17
    assert len(answers[0]["units"]) >= 16


def test_settings_are_json():
    settings = LatentSettings(seed=1, set={2: 0.5})
    assert read_latents(settings.model_dump(mode="json")) == settings
