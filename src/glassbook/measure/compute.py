"""Amounts of computation: FLOP and FLOP/s as types, formulas for networks' sizes, and amounts as text. Needs no torch.

One convention everywhere, that of torch's counter: a multiplication with its addition is two operations; attention is
counted as if every position saw every other, its backward pass with the scores that fast kernels compute again (14 of
h d T^2 in a layer's training step; 12 without); what is not a matrix product or a convolution is not counted. A kernel
that skips what a causal mask hides computes about half of that attention.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from glassbook.errors import GlassbookError


@dataclass(frozen=True, order=True)
class Flop:
    """An amount of computation: floating-point operations. Amounts add up; an amount and a rate do not."""

    n: float

    def __post_init__(self) -> None:
        _check(self.n, "FLOP")

    def __add__(self, other: Flop) -> Flop:
        if not isinstance(other, Flop):
            raise TypeError(f"an amount of computation (FLOP) cannot be added to {type(other).__name__}")
        return Flop(self.n + other.n)

    def __mul__(self, times: float) -> Flop:
        return Flop(self.n * times)

    __rmul__ = __mul__

    def __truediv__(self, other: Flop) -> float:
        """How many times the other amount this one is."""
        if not isinstance(other, Flop):
            raise TypeError(f"an amount of computation (FLOP) cannot be divided by {type(other).__name__}")
        return self.n / other.n


@dataclass(frozen=True, order=True)
class FlopPerSecond:
    """A speed of computation: floating-point operations a second. Times seconds it is an amount."""

    n: float

    def __post_init__(self) -> None:
        _check(self.n, "FLOP/s")

    def during(self, seconds: float, utilisation: float = 1.0) -> Flop:
        """What is computed in some seconds at a share of this speed."""
        if not 0 < utilisation <= 1:
            raise GlassbookError(f"a utilisation of {utilisation:g} is no share; give one above 0 and at most 1")
        return Flop(self.n * _check(seconds, "seconds") * utilisation)


def _check(n: float, what: str) -> float:
    if not 0 <= n < float("inf"):  # also False for NaN
        raise GlassbookError(f"{n:g} {what} makes no sense; give a finite number that is not negative")
    return n


@dataclass(frozen=True, kw_only=True)
class TransformerSize:
    """What a transformer's cost depends on.

    Args:
        matrices: parameters in matrices that every token is multiplied with, the output layer included, embeddings not.
            Of a mixture of experts those of the experts that a token goes to.
        layers: blocks with attention.
        heads: attention heads in a block.
        head_dim: channels of a head.
    """

    matrices: float
    layers: int
    heads: int
    head_dim: int


def forward(size: TransformerSize, tokens: float, length: float) -> Flop:
    """A forward pass: 2 N D for the matrices, 4 L h d T D for attention.

    Args:
        size: the model.
        tokens: D, over all sequences.
        length: T, tokens in a sequence.

    Source: Kaplan et al. 2020, arXiv:2001.08361, section 2.1; Hoffmann et al. 2022, arXiv:2203.15556, appendix F.
    """
    attention = 4.0 * size.layers * size.heads * size.head_dim * length
    return Flop((2.0 * size.matrices + attention) * tokens)


def training(size: TransformerSize, tokens: float, length: float) -> Flop:
    """Forward and backward pass: 6 N D for the matrices, and 14 L h d T D for attention.

    The backward pass costs twice the forward pass; attention is also computed once more there, from queries and keys.
    """
    attention = 14.0 * size.layers * size.heads * size.head_dim * length
    return Flop((6.0 * size.matrices + attention) * tokens)


def rule_of_thumb(parameters: float, tokens: float) -> Flop:
    """6 N D, from which the training compute of published models is estimated.

    Source: Kaplan et al. 2020, arXiv:2001.08361, equation 2.2.
    """
    return Flop(6.0 * _check(parameters, "parameters") * _check(tokens, "tokens"))


def convolution(positions: float, inputs: int, outputs: int, kernel: int, groups: int = 1) -> Flop:
    """A forward pass of a convolution: 2 positions k inputs outputs / groups.

    Args:
        positions: places of the output, over all pictures.
        inputs, outputs: channels.
        kernel: places that the kernel covers (9 for 3 x 3).
        groups: the channels are cut into so many.
    """
    return Flop(2.0 * positions * kernel * inputs * outputs / groups)


def dictionary_step(rows: float, inputs: int, width: int, active: float, outputs: int | None = None) -> Flop:
    """A training step of a sparse autoencoder: all latents are encoded, only the active ones decoded and corrected.

    The matrix products of an active latent are its share of the output, the gradient of its value, of its decoder row
    and of its encoder row, and the removal of what is parallel to its row. Dead latents' loss is not counted.

    Args:
        rows: activations in the batch.
        inputs: dimensions of an activation.
        width: latents.
        active: latents that are active for an activation.
        outputs: dimensions of what is predicted, where that is something else than the activation.
    """
    outputs = inputs if outputs is None else outputs
    return Flop(2.0 * rows * (inputs * width + active * (inputs + 4.0 * outputs)))


# --- numbers as people write them -------------------------------------------------------------------------------------

_PREFIXES = {"": 1.0, "k": 1e3, "M": 1e6, "G": 1e9, "B": 1e9, "T": 1e12, "P": 1e15, "E": 1e18, "Z": 1e21}
_PREFIXES |= {"K": 1e3, "g": 1e9, "b": 1e9, "t": 1e12}
_NUMBER = r"([+-]?[\d.,]*\d[\d.,]*(?:e[+-]?\d+)?|nan|[+-]?inf)"
_WRITTEN = re.compile(_NUMBER + r"\s*([a-z]?)\s*(flops?(?:\s*/\s*s)?|)", re.IGNORECASE)

_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+(\.\d+)?")
"""The only way in which commas are read. After a 0, or before an exponent, a comma may mean a decimal point."""


def read_count(text: str, what: str) -> float:
    """A number such as "70e9", "70B", "15 T" or "300,000".

    Args:
        text: as it was written.
        what: what is counted, for the error.

    Raises:
        GlassbookError: it is none, negative or not finite, or has a unit.
    """
    n, unit = _parts(text, what)
    if unit:
        raise GlassbookError(f"{text.strip()!r} is an amount of computation, and {what} are asked; give a plain number")
    return n


def read_flop(text: str, what: str = "an amount of computation") -> Flop:
    """An amount such as "1e25", "1e25 FLOP" or "6.9 TFLOP".

    Raises:
        GlassbookError: it is none; a speed ("1e25 FLOP/s") is refused as such.
    """
    n, unit = _parts(text, what)
    if unit.endswith("s"):
        raise GlassbookError(
            f"{text.strip()!r} is a speed, and {what} is asked: leave out '/s', or give chips, hours and utilisation"
        )
    return Flop(n)


def read_speed(text: str, what: str = "a speed") -> FlopPerSecond:
    """A speed such as "989 TFLOP/s".

    Raises:
        GlassbookError: it is none; an amount ("989 TFLOP") is refused as such, and a number without a unit.
    """
    n, unit = _parts(text, what)
    if not unit:
        raise GlassbookError(f"{text.strip()!r} has no unit, and {what} is asked: write FLOP/s, such as 989 TFLOP/s")
    if unit == "flop":
        raise GlassbookError(f"{text.strip()!r} is an amount, and {what} is asked: write FLOP/s")
    return FlopPerSecond(n)


def _parts(text: str, what: str) -> tuple[float, str]:
    """The number in a text, and its unit: "", "flop" or "flop/s"."""
    match = _WRITTEN.fullmatch(text.strip())
    if match is None or match[2] not in _PREFIXES:
        raise GlassbookError(f"{text.strip()!r} is no number for {what}; write it as 70e9, 70B or 1e25")
    unit = "".join(match[3].lower().split())
    if unit == "flops":
        raise GlassbookError(f"{text.strip()!r} may mean an amount or a speed; write FLOP or FLOP/s")
    if "," in match[1] and not _THOUSANDS.fullmatch(match[1]):
        raise GlassbookError(
            f"{text.strip()!r}: a comma stands between thousands only, as in 300,000; write 0.5 and 1.5e25 with a point"
        )
    try:
        n = float(match[1].replace(",", "")) * _PREFIXES[match[2]]
    except ValueError:
        raise GlassbookError(f"{text.strip()!r} is no number for {what}; write it as 70e9, 70B or 1e25") from None
    return _check(n, unit.upper() or what), unit
