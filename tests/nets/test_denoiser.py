"""Denoiser of pictures: shapes, what reaches what, and a known answer."""

import pytest
import torch
from torch import nn

from glassbook.errors import GlassbookError
from glassbook.nets.denoiser import Denoiser, DenoiserConfig

SIZES = {"size": 16, "channels": 1, "widths": (2, 3, 4), "mixing": 0, "kept": 0.5}


def denoiser(**changes) -> Denoiser:
    torch.manual_seed(0)
    return Denoiser(DenoiserConfig(**{**SIZES, **changes}))


@pytest.mark.parametrize("widths", [(3,), (2, 4), (2, 4, 6), (1, 1, 1, 1)])
@pytest.mark.parametrize(("size", "channels", "mixing"), [(16, 3, 0), (8, 1, 5), (32, 2, 3)])
def test_an_answer_has_the_pictures_shape(widths, size, channels, mixing):
    x = torch.rand(2, channels, size, size)
    model = denoiser(size=size, channels=channels, widths=widths, mixing=mixing)
    assert model(x).shape == x.shape
    assert (model.mixing is None) == (mixing == 0)


@pytest.mark.parametrize("kept", [0.0, 0.3, 1.0])
def test_a_share_of_the_picture_is_kept(kept):
    model = denoiser(kept=kept)
    nn.init.zeros_(model.last.weight)
    nn.init.constant_(model.last.bias, 0.25)
    x = torch.rand(2, 1, 16, 16)
    torch.testing.assert_close(model(x), kept * x + 0.25)


def test_detail_goes_across():
    """With nothing coming up from below, the full size still tells pictures apart."""
    model = denoiser(kept=0.0)
    nn.init.zeros_(model.up[-1].weight)
    x = torch.rand(2, 1, 16, 16)
    first, second = model(x)
    assert not torch.allclose(first, second)


@pytest.mark.parametrize(("mixing", "reached"), [(0, False), (6, True)])
def test_only_mixing_sees_the_whole_picture(mixing, reached):
    model = denoiser(size=64, widths=(2, 2, 3), mixing=mixing)
    x = torch.rand(1, 1, 64, 64)
    changed = x.clone()
    changed[:, :, 60:, 60:] = 1 - changed[:, :, 60:, 60:]
    corner = [model(pictures)[..., :4, :4] for pictures in (x, changed)]
    assert torch.equal(*corner) is not reached


@pytest.mark.parametrize(
    "sizes",
    [{"size": 18}, {"size": 0}, {"widths": ()}, {"widths": (2, 0)}, {"channels": 0}, {"mixing": -1}, {"size": 6}],
)
def test_sizes_that_do_not_fit_are_one_line(sizes):
    with pytest.raises(GlassbookError, match=r"at least 1|cannot be halved"):
        denoiser(**sizes)
