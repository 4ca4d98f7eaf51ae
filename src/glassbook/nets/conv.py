"""Convolutional networks for small pictures: convolution with batch normalisation, residual block, ResNet for CIFAR."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glassbook.errors import GlassbookError


class ConvBN(nn.Module):
    """Convolution without bias, then batch normalisation; `folded` is the one convolution that both are in eval mode.

    Args:
        before, after: channels of input and output.
        kernel: pixels of a side, odd; the picture keeps its size but for the stride.
        stride: pixels from one place to the next.
        groups: convolutions that channels are divided among; `before` of them make a depthwise convolution.
        eps: added to the variance.
    """

    def __init__(
        self, before: int, after: int, kernel: int = 3, stride: int = 1, groups: int = 1, eps: float = 1e-5
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(before, after, kernel, stride, padding=kernel // 2, groups=groups, bias=False)
        self.bn = nn.BatchNorm2d(after, eps=eps)

    def forward(self, x: Tensor) -> Tensor:
        """[B, before, H, W] -> [B, after, H / stride, W / stride]."""
        return self.bn(self.conv(x))

    @torch.no_grad()
    def folded(self) -> nn.Conv2d:
        """One convolution with bias that gives what both give in eval mode, but for rounding."""
        conv, bn = self.conv, self.bn
        assert bn.running_var is not None
        assert bn.running_mean is not None
        scale = bn.weight / (bn.running_var + bn.eps).sqrt()
        sizes: Any = {"kernel_size": conv.kernel_size, "stride": conv.stride, "padding": conv.padding}
        one = nn.Conv2d(conv.in_channels, conv.out_channels, groups=conv.groups, **sizes)
        one.to(conv.weight)
        one.weight.copy_(conv.weight * scale[:, None, None, None])
        assert one.bias is not None
        one.bias.copy_(bn.bias - bn.running_mean * scale)
        return one


@torch.no_grad()
def fold(model: nn.Module) -> nn.Module:
    """Replace every `ConvBN` in a model by its one convolution, in place: faster, and only for eval mode.

    Raises:
        GlassbookError: the model is in training mode, in which batch normalisation is no fixed scale.
    """
    if model.training:
        raise GlassbookError("batch normalisation folds into convolutions in eval mode only; call eval() on the model")
    for name, part in model.named_children():
        setattr(model, name, part.folded().train(False)) if isinstance(part, ConvBN) else fold(part)
    return model


class ResBlock(nn.Module):
    """Residual block: relu(shortcut(x) + second(relu(first(x)))).

    Where the size changes, the shortcut takes every second pixel and has zeros in the new channels (option A of the
    paper, without parameters).

    Source: He et al. 2015, "Deep residual learning for image recognition", arXiv:1512.03385.
    """

    def __init__(self, before: int, after: int, stride: int = 1) -> None:
        super().__init__()
        self.stride, self.more = stride, after - before
        self.first = ConvBN(before, after, stride=stride)
        self.act1 = nn.ReLU()
        self.second = ConvBN(after, after)
        self.act2 = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """[B, before, H, W] -> [B, after, H / stride, W / stride]."""
        shortcut = x[:, :, :: self.stride, :: self.stride]
        if self.more:
            shortcut = F.pad(shortcut, (0, 0, 0, 0, self.more // 2, self.more - self.more // 2))
        return self.act2(shortcut + self.second(self.act1(self.first(x))))


class CifarResNet(nn.Module):
    """ResNet for 32 x 32 pixels: a convolution, three stages of 16, 32 and 64 channels, mean over pixels, logits.

    Modules: `stem`, `blocks.0` ... , `pool`, `head`.

    Args:
        depth: layers with weights, 6 n + 2 for n blocks in a stage: 20, 32, 44, 56, 110.
        classes: logits.

    Raises:
        GlassbookError: a depth that is not 6 n + 2 from 8 to 1202.
    """

    main_input_name = "pixel_values"

    def __init__(self, depth: int = 20, classes: int = 10) -> None:
        super().__init__()
        if (depth - 2) % 6 or not 8 <= depth <= 1202 or classes < 1:
            raise GlassbookError(
                f"a ResNet for CIFAR of depth {depth} with {classes} classes; the depth is 6 n + 2, from 8 to 1202, "
                "and one class is the least"
            )
        self.depth, self.classes, n = depth, classes, (depth - 2) // 6
        self.stem = nn.Sequential(ConvBN(3, 16), nn.ReLU())
        blocks = [ResBlock(16, 16) for _ in range(n)]
        for before, after in ((16, 32), (32, 64)):
            blocks += [ResBlock(before, after, stride=2), *(ResBlock(after, after) for _ in range(n - 1))]
        self.blocks = nn.Sequential(*blocks)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.head = nn.Linear(64, classes)

    def forward(self, pixel_values: Tensor) -> Tensor:
        """[B, 3, H, W] -> logits [B, classes]."""
        return self.head(self.pool(self.blocks(self.stem(pixel_values))).flatten(1))


def resnet_cifar(depth: int = 20, classes: int = 10) -> CifarResNet:
    """The ResNet of the paper's section 4.2, with random weights."""
    return CifarResNet(depth, classes)
