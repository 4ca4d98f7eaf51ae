"""Networks that remove noise are compared with filters on pictures that nothing was chosen by."""

import pytest
import torch
from torch import nn

from glassbook.experiments.latent._denoising import PSNR, compared, components, frames, over_filters, trained
from glassbook.experiments.latent._digits import Digits, drawn
from glassbook.notebook import Notebook


@pytest.fixture
def run(tmp_path):
    with Notebook.create(tmp_path / "nb").start_run("denoising", {}, 0) as run:
        yield run


def smooth(n: int, seed: int) -> torch.Tensor:
    """Pictures [n, 1, 8, 8] of ramps."""
    slope = torch.rand(n, 1, 1, 1, generator=torch.Generator().manual_seed(seed))
    return slope * torch.linspace(0, 1, 8).expand(n, 1, 8, 8)


def test_what_leaves_the_noise_in_gains_nothing_and_what_knows_the_answer_gains_most(run):
    train, dev, test = smooth(500, 0), smooth(50, 1), smooth(80, 2)

    class Oracle(nn.Module):
        def forward(self, noisy):
            return test

    nothing, rows = (
        compared(run, label, model, train, dev, test, 0.2)
        for label, model in (("noisy ramps", nn.Identity()), ("ramps", Oracle()))
    )
    found = {row["method"]: row[PSNR] for row in nothing}
    assert found["denoiser"] == found["noisy"]
    found = {row["method"]: row[PSNR] for row in rows}
    assert found["denoiser"] > max(psnr for method, psnr in found.items() if method != "denoiser") + 20
    filters = {row["method"] for row in rows if row["setting"] is not None}
    assert filters == {"blur", "components", "linear", "total variation", "patches", "linear patches", "known pictures"}
    assert all(found[name] > found["noisy"] for name in filters)


def test_a_gain_is_over_the_best_filter_and_no_other_method():
    rows = [
        {"method": "noisy", PSNR: 30.0, "setting": None},
        {"method": "blur", PSNR: 20.0, "setting": 1.0},
        {"method": "linear", PSNR: 22.5, "setting": 0.8},
        {"method": "denoiser", PSNR: 25.0, "setting": None},
    ]
    assert over_filters(rows) == {"noisy": 7.5, "blur": -2.5, "linear": 0.0, "denoiser": 2.5}


def test_frames_to_choose_by_and_to_judge_by_are_not_those_to_learn_from(run):
    parts = [frames(run, part, 6) for part in ("train", "dev", "test")]
    assert all(part.shape == (6, 3, 32, 32) and part.min() >= 0 and part.max() <= 1 for part in parts)
    assert torch.cdist(*(torch.cat(pair).flatten(1) for pair in (parts[:1], parts[1:]))).min() > 1
    assert torch.equal(frames(run, "dev", 6), parts[1])


def test_a_network_learns_to_remove_noise_but_not_towards_other_pictures(run):
    train = torch.cat([smooth(400, 3), 1 - smooth(400, 4)])

    def make() -> nn.Module:
        return nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.Unflatten(1, (1, 8, 8)))

    errors = {}
    for broken in (False, True):
        model = trained(run, f"broken {broken}", train, make, 0.3, 32, broken, steps=200, lr=1e-2)
        noisy = train + 0.3 * torch.randn(train.shape, generator=torch.Generator().manual_seed(5))
        with torch.no_grad():
            errors[broken] = float((model(noisy) - train).square().mean())
    assert errors[False] < 0.3**2 / 4 < errors[True]


def test_components_are_those_of_the_widest_spread():
    """Ramps of two kinds: two components tell all, and the first is the wider one."""
    generator = torch.Generator().manual_seed(6)
    wide, narrow = torch.randn(2, 500, 1, 1, 1, generator=generator) * torch.tensor([3.0, 1.0]).view(2, 1, 1, 1, 1)
    across = torch.linspace(-1, 1, 6).expand(500, 1, 6, 6)
    pictures = wide * across + narrow * across.mT
    one, both = components(pictures, 1)(pictures), components(pictures, 2)(pictures)
    assert abs(torch.corrcoef(torch.stack([one.flatten(), wide.flatten()]))[0, 1]) > 0.99
    assert both.square().sum() == pytest.approx(float(pictures.square().sum()), rel=1e-4)


def test_drawn_digits_are_a_seeds_own_with_their_labels(run, tmp_path):
    known = Digits(torch.arange(100.0).view(100, 1, 1, 1), torch.arange(100))
    some = drawn(run, known, 30)
    assert torch.equal(some.images.flatten(), some.labels.float())
    assert len(some.labels.unique()) == 30
    assert torch.equal(drawn(run, known, 30).labels, some.labels)
    with Notebook.create(tmp_path / "other").start_run("denoising", {}, 1) as other:
        assert not torch.equal(drawn(other, known, 30).labels, some.labels)
