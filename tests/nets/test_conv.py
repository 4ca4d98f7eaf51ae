import pytest
import torch
from torch import nn

from glassbook.errors import GlassbookError
from glassbook.nets.conv import ConvBN, ResBlock, fold, resnet_cifar


def lived(model: nn.Module) -> nn.Module:
    """With statistics as of a trained model."""
    torch.manual_seed(0)
    for part in model.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.running_mean.normal_()
            part.running_var.uniform_(0.5, 2)
            nn.init.normal_(part.weight)
            nn.init.normal_(part.bias)
    return model.eval()


@pytest.mark.parametrize("settings", [{}, {"stride": 2}, {"kernel": 1}, {"kernel": 5, "groups": 2}, {"eps": 0.1}])
@torch.no_grad()
def test_a_folded_convolution_gives_the_same(settings):
    both, x = lived(ConvBN(4, 6, **settings)), torch.randn(2, 4, 9, 7)
    torch.testing.assert_close(both.folded()(x), both(x), rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_a_folded_network_gives_the_same_without_normalisation():
    net, x = lived(resnet_cifar(8)), torch.randn(2, 3, 32, 32)
    want = net(x)
    fold(net)
    assert not any(isinstance(part, nn.BatchNorm2d | ConvBN) for part in net.modules())
    torch.testing.assert_close(net(x), want, rtol=1e-3, atol=1e-3)


def test_folding_needs_eval_mode():
    with pytest.raises(GlassbookError, match=r"call eval\(\)"):
        fold(resnet_cifar(8).train())


@torch.no_grad()
def test_the_shortcut_takes_every_second_pixel_and_zeros():
    block = ResBlock(4, 8, stride=2).eval()
    nn.init.zeros_(block.second.bn.weight)  # nothing but the shortcut is left
    x = torch.rand(1, 4, 6, 6)
    want = torch.zeros(1, 8, 3, 3)
    want[:, 2:6] = x[:, :, ::2, ::2]
    assert torch.equal(block(x), want)


@pytest.mark.parametrize(("depth", "parameters"), [(20, 269_722), (56, 853_018), (110, 1_727_962)])
def test_parameters_are_those_of_the_paper(depth, parameters):
    """.27, .85 and 1.7 million in its table 6; the shortcuts have none."""
    assert sum(p.numel() for p in resnet_cifar(depth).parameters()) == parameters


@pytest.mark.parametrize(("depth", "classes"), [(21, 10), (2, 10), (-4, 10), (2000, 10), (20, 0)])
def test_sizes_that_no_resnet_has_are_refused(depth, classes):
    with pytest.raises(GlassbookError, match="6 n"):
        resnet_cifar(depth, classes)
