"""Settings that cannot work are refused before anything is computed."""

import pytest

from glassbook.errors import GlassbookError
from glassbook.experiments.base import find, sabotaged


@pytest.mark.parametrize(
    ("name", "settings", "why"),
    [
        ("denoising-autoencoder", {"dev": 0}, "dev = 0 must be at least 2"),
        ("denoising-autoencoder", {"sigma": 0.0}, "sigma = 0 must be at least 0.001"),
        ("denoising-autoencoder", {"frames_sigma": float("nan")}, "frames_sigma = nan must be at least"),
        ("denoising-autoencoder", {"labels": 0}, "labels = 0 must be at least 1"),
        ("finetune", {"notes": 0}, "notes = 0 must be at least 1"),
        ("finetune", {"replay": 1.0}, "replay = 1 is a share of the rows"),
        ("gan", {"every": 0}, "every = 0 must be at least 1"),
        ("gan", {"gamma": float("inf")}, "gamma = inf must be at least 0"),
        ("gan", {"digits": 40_000}, "digits = 40000: .*at most 20000"),
        ("vae", {"betas": (1.0,)}, "number_of_betas = 1 must be at least 2"),
        ("vae", {"betas": (0.5, -1.0)}, r"betas\[1\] = -1 must be at least 0"),
        ("vae", {"sprite_warm_up": 0}, "sprite_warm_up = 0 must be at least 1"),
        ("vae", {"pictures": 0}, "pictures = 0 must be at least 1"),
    ],
)
def test_a_setting_that_cannot_work_is_named(name, settings, why):
    with pytest.raises(GlassbookError, match=why):
        find(name)(**settings)


@pytest.mark.parametrize("name", ["denoising-autoencoder", "finetune", "gan", "vae"])
def test_what_is_tried_and_broken_is_allowed(name):
    kind = find(name)
    whole = {kind(), kind.quick()}
    assert all(sabotaged(kind, sabotage) not in whole for sabotage in kind.sabotages)
