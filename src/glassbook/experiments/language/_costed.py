"""Small networks of four kinds with what a training step of each costs by formula."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from glassbook.experiments.language._mixture import Mixture
from glassbook.measure.compute import Flop, TransformerSize, convolution, rule_of_thumb, training
from glassbook.nets import LM, LMConfig
from glassbook.nets.blocks import GELU, Attention, Block
from glassbook.notebook.runs.rng import Rng

PUBLISHED = {"rule_error_gpt_3": (12288, 2048), "rule_error_llama_3_405b": (16384, 8192)}
"""Result that tells what 6 N D leaves out -> width and tokens in a sequence.

Source: Brown et al. 2020, table 2.1; Llama team 2024, table 3.
"""


@dataclass(frozen=True)
class Costed:
    """A network, an input for it, and the cost of a training step on that input.

    Attributes:
        kind: "dense", "experts", "vit" or "convolution".
        formula: by formula, from the sizes alone.
        without_attention: by the formula without attention; of a network without attention the same.
    """

    kind: str
    model: nn.Module
    inputs: Tensor
    formula: Flop
    without_attention: Flop

    def step(self) -> None:
        """Forward and backward pass."""
        out = self.model(self.inputs)
        getattr(out, "logits", out).square().mean().backward()


def _transformer(
    kind: str, model: nn.Module, inputs: Tensor, size: TransformerSize, rows: int, length: int, cut: float = 0
) -> Costed:
    """A transformer; the first `cut` parameters of its matrices read pictures, which need no gradient."""
    without = TransformerSize(matrices=size.matrices, layers=0, heads=0, head_dim=0)
    tokens = rows * length
    whole, bare = (training(s, tokens, length).n - 2 * cut * tokens for s in (size, without))
    return Costed(kind, model, inputs, Flop(whole), Flop(bare))


def _drawn(rng: Rng, *choices: list[int]) -> list[int]:
    draw = rng.child("sizes").numpy()
    return [int(draw.choice(choice)) for choice in choices]


def language_model(
    rng: Rng, tokens: int, experts: int = 0, active: int = 0, *, counted: int | None = None, wide: int = 1
) -> Costed:
    """A dense language model, or one whose blocks have a mixture of experts.

    Args:
        rng: draws the sizes and the weights.
        tokens: in a sequence.
        experts, active: experts of a block, and those that a token goes to; none for a dense model.
        counted: experts that the formula takes to be active, if not those that are.
        wide: how many times as wide the MLP is.
    """
    heads, layers, rows, width, vocab, times = _drawn(rng, [1, 2, 4], [2, 3], [2, 3], [64, 96], [128, 256], [2, 3])
    hidden = times * wide * width
    torch.manual_seed(rng.seed)
    model = LM(LMConfig(vocab, width, layers, heads, heads, hidden, tokens))
    mlp = 3 * width * hidden
    if experts:
        for block in model.blocks:
            block.mlp = Mixture(width, hidden, experts, active)
        mlp = (active if counted is None else counted) * mlp + width * experts
    matrices = layers * (4 * width**2 + mlp) + width * vocab
    size = TransformerSize(matrices=matrices, layers=layers, heads=heads, head_dim=width // heads)
    inputs = torch.randint(vocab, (rows, tokens), generator=rng.child("text").torch())
    return _transformer("experts" if experts else "dense", model, inputs, size, rows, tokens)


def of_width(rng: Rng, width: int, tokens: int) -> Costed:
    """A dense language model of two blocks in the usual proportions: 12 width^2 parameters in a block's matrices."""
    torch.manual_seed(rng.seed)
    heads, hidden, vocab = width // 64, 8 * width // 3, 128
    model = LM(LMConfig(vocab, width, 2, heads, heads, hidden, tokens))
    matrices = 2 * (4 * width**2 + 3 * width * hidden) + width * vocab
    size = TransformerSize(matrices=matrices, layers=2, heads=heads, head_dim=64)
    inputs = torch.randint(vocab, (1, tokens), generator=rng.child("text").torch())
    return _transformer("dense", model, inputs, size, 1, tokens)


def share_of_attention(width: int, length: int) -> float:
    """Share of a training step of a block of 12 width^2 parameters that 6 N D leaves out, by formula."""
    size = TransformerSize(matrices=12 * width**2, layers=1, heads=1, head_dim=width)
    return 1 - rule_of_thumb(size.matrices, 1).n / training(size, 1, length).n


def vision_transformer(rng: Rng, tokens: int) -> Costed:
    """Patches cut by a convolution, then blocks as those of a vision transformer; `tokens` is a square number."""
    heads, layers, rows, width, patch = _drawn(rng, [1, 2, 4], [2, 3], [2, 3], [64, 96], [4, 8])
    torch.manual_seed(rng.seed)
    blocks = (
        Block(nn.LayerNorm(width), Attention(width, heads, bias=True), nn.LayerNorm(width), GELU(width, 4 * width))
        for _ in range(layers)
    )
    cut = nn.Sequential(nn.Conv2d(3, width, patch, patch), nn.Flatten(2), _Turned())
    side = patch * round(tokens**0.5)
    size = TransformerSize(
        matrices=layers * 12 * width**2 + 3 * patch**2 * width, layers=layers, heads=heads, head_dim=width // heads
    )
    inputs = torch.rand(rows, 3, side, side, generator=rng.child("pictures").torch())
    return _transformer("vit", nn.Sequential(cut, *blocks), inputs, size, rows, tokens, cut=3 * patch**2 * width)


class _Turned(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        """[B, d, T] -> [B, T, d]."""
        return x.transpose(1, 2)


def convolutional(rng: Rng, side: int) -> Costed:
    """Convolutions of 3 x 3, each second one over half the side, and one of 1 x 1 in groups."""
    rows, channels, depth = _drawn(rng, [2, 3], [16, 32], [3, 4, 5])
    torch.manual_seed(rng.seed)
    layers, n, inputs = [], 0.0, 3
    pictures = torch.rand(rows, 3, side, side, generator=rng.child("pictures").torch())
    for i in range(depth):
        stride, outputs = 1 + i % 2, channels * (1 + i // 2)
        side //= stride
        layers += [nn.Conv2d(inputs, outputs, 3, stride, padding=1), nn.ReLU()]
        n += convolution(rows * side**2, inputs, outputs, 9).n * (3 if i else 2)  # pictures need no gradient
        inputs = outputs
    layers.append(nn.Conv2d(inputs, inputs, 1, groups=4))
    cost = Flop(n + 3 * convolution(rows * side**2, inputs, inputs, 1, groups=4).n)
    return Costed("convolution", nn.Sequential(*layers), pictures, cost, cost)
