"""EfficientNet-Lite0: a convolutional classifier of photographs, without attention over channels, made for small chips.

Read from top to bottom: the convolution, the block, the network. Every ReLU6 is a module of its own behind the
normalisation that it follows, so feature maps are read at `blocks.3.out` as at `blocks.3.depthwise.2.out`.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from glassbook.errors import GlassbookError

EPS = 1e-3
"""Added to the variance by batch normalisation."""
STAGES = (
    (1, 3, 1, 1, 16), (2, 3, 2, 6, 24), (2, 5, 2, 6, 40), (3, 3, 2, 6, 80), (3, 5, 1, 6, 112), (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)  # fmt: skip
"""Blocks of a stage, their kernel, the first one's stride, by how much they widen, channels."""
STEM, TOP = 32, 1280


class SameConv2d(nn.Conv2d):
    """Convolution without bias, padded as TensorFlow does: an odd pixel goes to the right and to the bottom."""

    def __init__(self, before: int, after: int, kernel: int, stride: int = 1, groups: int = 1) -> None:
        super().__init__(before, after, kernel, stride, groups=groups, bias=False)

    def forward(self, input: Tensor) -> Tensor:
        """[B, before, H, W] -> [B, after, H / stride, W / stride], rounded up."""
        (height, width), kernel, stride = input.shape[2:], self.kernel_size[0], self.stride[0]
        rows, columns = (max(0, (-(-n // stride) - 1) * stride + kernel - n) for n in (height, width))
        return super().forward(F.pad(input, (columns // 2, columns - columns // 2, rows // 2, rows - rows // 2)))


def unit(before: int, after: int, kernel: int = 1, stride: int = 1, groups: int = 1, act: bool = True) -> nn.Sequential:
    """Convolution, batch normalisation, and ReLU6 if wanted."""
    parts = [SameConv2d(before, after, kernel, stride, groups), nn.BatchNorm2d(after, eps=EPS)]
    return nn.Sequential(*parts, *([nn.ReLU6()] if act else []))


class MBConv(nn.Module):
    """Inverted residual block: widen, convolve each channel by itself, narrow; added to its input where that fits.

    Source: Sandler et al. 2018, "MobileNetV2: inverted residuals and linear bottlenecks", arXiv:1801.04381.
    """

    def __init__(self, before: int, after: int, kernel: int, stride: int, widen: int) -> None:
        super().__init__()
        inside = before * widen
        self.expand = unit(before, inside) if widen != 1 else nn.Identity()
        self.depthwise = unit(inside, inside, kernel, stride, groups=inside)
        self.project = unit(inside, after, act=False)
        self.skips = stride == 1 and before == after

    def forward(self, x: Tensor) -> Tensor:
        """[B, before, H, W] -> [B, after, H / stride, W / stride]."""
        y = self.project(self.depthwise(self.expand(x)))
        return x + y if self.skips else y


class EfficientNetLite(nn.Module):
    """EfficientNet-Lite0: 16 blocks, 4.65 million parameters, for 224 x 224 pixels from -1 to 1.

    Modules: `stem`, `blocks.0` to `blocks.15`, `top`, `pool`, `head`.

    Args:
        classes: logits.

    Source: Tan and Le 2019, "EfficientNet", arXiv:1905.11946; Lite0 drops its squeeze-and-excitation and swish.
    """

    main_input_name = "pixel_values"

    def __init__(self, classes: int = 1000) -> None:
        super().__init__()
        if classes < 1:
            raise GlassbookError(f"{classes} classes; there is at least one")
        self.classes = classes
        blocks, before = [], STEM
        for n, kernel, stride, widen, after in STAGES:
            blocks.append(MBConv(before, after, kernel, stride, widen))
            blocks += [MBConv(after, after, kernel, 1, widen) for _ in range(n - 1)]
            before = after
        self.stem = unit(3, STEM, 3, 2)
        self.blocks = nn.Sequential(*blocks)
        self.top = unit(before, TOP)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.head = nn.Linear(TOP, classes)

    def forward(self, pixel_values: Tensor) -> Tensor:
        """[B, 3, H, W] -> logits [B, classes]."""
        return self.head(self.pool(self.top(self.blocks(self.stem(pixel_values)))).flatten(1))
