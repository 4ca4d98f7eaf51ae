import pytest
import torch
import torch.nn.functional as F

from glassbook.errors import GlassbookError
from glassbook.nets.efficientnet import EfficientNetLite, MBConv, SameConv2d


@pytest.mark.parametrize(("size", "kernel", "stride"), [(8, 3, 2), (7, 3, 2), (8, 5, 2), (9, 5, 1), (6, 1, 1)])
@torch.no_grad()
def test_padding_is_that_of_tensorflow(size, kernel, stride):
    """Size / stride rounded up, and of an odd number of pixels one more behind than before."""
    conv, x = SameConv2d(2, 3, kernel, stride), torch.randn(1, 2, size, size)
    out = -(-size // stride)
    total = max(0, (out - 1) * stride + kernel - size)
    sides = (total // 2, total - total // 2) * 2
    assert conv(x).shape[2:] == (out, out)
    assert torch.equal(conv(x), F.conv2d(F.pad(x, sides), conv.weight, stride=stride))


@pytest.mark.parametrize(("before", "after", "stride", "skips"), [(8, 8, 1, True), (8, 8, 2, False), (8, 16, 1, False)])
@torch.no_grad()
def test_a_block_is_added_to_its_input_where_that_fits(before, after, stride, skips):
    block = MBConv(before, after, 3, stride, 6).eval()
    block.project[1].weight.zero_()
    x = torch.randn(1, before, 8, 8)
    y = block(x)
    assert y.shape == (1, after, 8 // stride, 8 // stride)
    assert bool(y.any()) == skips
    if skips:
        assert torch.equal(y, x)


def test_it_has_as_many_parameters_as_the_published_network():
    net = EfficientNetLite()
    assert sum(p.numel() for p in net.parameters()) == 4_652_008
    assert len(net.blocks) == 16


@torch.no_grad()
def test_it_takes_pictures_of_any_size():
    net = EfficientNetLite(3).eval()
    for size in ((32, 32), (33, 47), (224, 224)):
        assert net(torch.randn(1, 3, *size)).shape == (1, 3)


def test_no_class_is_refused():
    with pytest.raises(GlassbookError, match="at least one"):
        EfficientNetLite(0)
