"""What ships with the package: it opens by name without a network, is small, and is as good as is written beside it."""

from __future__ import annotations

import json

import pytest
import torch

from glassbook.assets import builtin
from glassbook.assets.builtin import BUILTIN_MODELS, BUILTIN_VAE
from glassbook.data.world import World
from glassbook.data.world.frames import close_frames, split
from glassbook.errors import GlassbookError
from glassbook.measure.reconstruction import psnr
from glassbook.nets import LanguageModel, model_path, open_language_model, open_model, open_picture_model
from glassbook.nets.autoencoder import VAE
from glassbook.nets.picture_model import PictureModel

HOME = BUILTIN_MODELS["builtin"].parent


def size(folder):
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def test_what_ships_is_small():
    assert size(BUILTIN_MODELS[BUILTIN_VAE]) <= 600_000
    assert size(HOME) <= 10_000_000
    assert builtin.BUILTIN_DICTIONARY.is_file()


@pytest.mark.parametrize(("name", "kind"), [("builtin", LanguageModel), (BUILTIN_VAE, PictureModel)])
def test_models_open_by_name(name, kind):
    assert isinstance(open_model(name), kind)
    assert model_path(name) == BUILTIN_MODELS[name]


def test_each_door_refuses_the_other_kind():
    with pytest.raises(GlassbookError, match="picture model"):
        open_language_model(BUILTIN_VAE)
    with pytest.raises(GlassbookError, match="no picture model"):
        open_picture_model("builtin")


def test_a_copy_without_a_model_says_so(monkeypatch, tmp_path):
    monkeypatch.setitem(BUILTIN_MODELS, BUILTIN_VAE, tmp_path)
    with pytest.raises(GlassbookError, match="install it again"):
        open_model(BUILTIN_VAE)


@pytest.mark.parametrize("kind", ["same_stations", "unseen_stations"])
def test_the_vae_is_as_good_as_is_written_beside_it(kind):
    written = json.loads((BUILTIN_MODELS[BUILTIN_VAE] / "measured.json").read_text())[kind]
    world, vae = World(), open_picture_model(BUILTIN_VAE)
    assert isinstance(vae.model, VAE)
    places = split(world)
    where = places["train"] if kind == "same_stations" else [*places["dev"], *places["test"]]
    frames = close_frames(world, 96, vae.size, -1, where)  # the first of those that it was measured with
    posterior = vae.model.posterior(**vae.batch(frames))
    with torch.no_grad():
        assert psnr(frames.float() / 255, vae.reconstruct(frames).float() / 255) == pytest.approx(
            written["psnr"], abs=1.0
        )
        assert float(posterior.kl().sum(1).mean()) == pytest.approx(written["kl_nats"], rel=0.1)
    assert written["psnr"] > written["psnr_of_mean"] + 3
    assert written["active_units"] >= 16
