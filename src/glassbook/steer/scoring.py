"""Steering evaluation: effect on on-topic texts, damage to off-topic texts, and controls, by perplexity ratios."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from glassbook.errors import GlassbookError
from glassbook.nets import LanguageModel
from glassbook.steer.effects import Condition, Effect, effects
from glassbook.steer.extract import actadd, padded_pair, random_like
from glassbook.steer.norms import in_unit
from glassbook.steer.spec import Unit
from glassbook.steer.vector import Vector
from glassbook.steer.where import Where
from glassbook.trace.roles import blocks

Control = Literal["random", "swap", "prompt"]


@dataclass(frozen=True)
class Row:
    """One condition at one strength, measured on some of the texts.

    Perplexity ratios are steered / plain: exp(mean over tokens of steered minus plain negative log-likelihood of the
    next token). On topic, below 1 is effect; off topic, above 1 is damage.
    """

    site: str
    condition: str
    """ "vector", or a control: "random", "swap", "prompt"."""
    coeff: float | None
    """Strength; None for the prompt, which has none."""
    split: str
    """ "dev", "test", or "all"."""
    on_topic_ppl_ratio: float
    off_topic_ppl_ratio: float
    kl: float
    """Mean KL(plain || steered) per token on the off-topic texts, nats."""
    fraction_harmed: float
    """Fraction of the on-topic texts that become less likely, which the mean can hide (Tan et al. 2024,
    arXiv:2407.12404)."""


@dataclass(frozen=True)
class Best:
    """A condition at the strength picked on its dev half, measured on the test half, with 95 % intervals."""

    test: Row
    on_topic_interval: tuple[float, float]
    off_topic_interval: tuple[float, float]
    within_bound: bool
    """Whether a strength kept off_topic_ppl_ratio <= bound on the dev half; if not, this is the least damaging one."""


@dataclass(frozen=True)
class Score:
    """The result of `score`: every condition at every strength on both halves, and each condition at its best."""

    rows: tuple[Row, ...]
    best: Mapping[str, Best]
    unit: str
    bound: float

    def table(self) -> list[dict[str, Any]]:
        """The rows as plain dicts, for a run's table."""
        return [asdict(row) for row in self.rows]


def score(
    lm: LanguageModel,
    v: Vector,
    on_topic: Sequence[str],
    off_topic: Sequence[str],
    coeffs: Sequence[float] = (0.5, 1.0, 2.0, 4.0),
    controls: Sequence[Control] = ("random", "swap", "prompt"),
    unit: Unit = "raw",
    where: Where | None = None,
    seed: int = 0,
    bound: float = 1.01,
    prompt: str | None = None,
    pad: str | int = " ",
) -> Score:
    """Measure effect and damage of `v` and its controls; strengths are picked on texts that are not reported on.

    Both lists are split in halves by `seed`. Each condition picks, on its dev half, the strength with the lowest
    on-topic ratio among those whose off-topic ratio is at most `bound`, and is reported on the test half.

    Args:
        lm: the model, in evaluation mode.
        v: the vector.
        on_topic: texts that `v` should make likelier, at least 4.
        off_topic: other texts, at least 4.
        coeffs: strengths to try, in `unit`; every condition with a strength tries them all.
        controls: "random": Gaussian rows of the same norms; "swap": -v; "prompt": `prompt` put before each text,
            against as many `pad` tokens put there.
        unit: as in steer; with "norm" the norms are measured once.
        where: as in steer, but the rule must not need the end of a prompt.
        seed: of the halves, the random vector and the bootstrap.
        bound: the largest off-topic ratio that a strength may have on the dev half.
        prompt: the text of the prompt control; by default the `plus` that actadd made `v` from.
        pad: as in actadd.

    Raises:
        GlassbookError: too few texts, no strength, strength 0, or no text for the prompt control.

    Source: the evaluation of Turner et al. 2023, arXiv:2308.10248.
    """
    if min(len(on_topic), len(off_topic)) < 4:
        raise GlassbookError("score needs at least 4 texts on the topic and 4 off it; give more, or shorter ones")
    conditions = _conditions(in_unit(lm, v, unit), coeffs, controls, seed)
    prefixes = _prefixes(lm, v, prompt, pad) if "prompt" in controls else None
    measured = [effects(lm, texts, conditions, where, prefixes) for texts in (on_topic, off_topic)]
    generator = torch.Generator().manual_seed(seed)
    halves = [torch.randperm(len(texts), generator=generator).tensor_split(2) for texts in (on_topic, off_topic)]
    rows = {
        (key, split): _row(key, split, measured, (halves[0][half], halves[1][half]))
        for half, split in enumerate(("dev", "test"))
        for key in measured[0]
    }
    best = {}
    for name in dict.fromkeys(key.name for key in measured[0]):
        key, within = _pick([key for key in measured[0] if key.name == name], rows, bound)
        intervals = [effect[key].interval(half[1], seed) for effect, half in zip(measured, halves, strict=True)]
        best[name] = Best(rows[key, "test"], intervals[0], intervals[1], within)
    return Score(tuple(rows.values()), best, unit, bound)


def layer_sweep(
    lm: LanguageModel,
    plus: str,
    minus: str,
    on_topic: Sequence[str],
    off_topic: Sequence[str],
    layers: Sequence[int] | None = None,
    coeffs: float | Sequence[float] = 1.0,
    seed: int = 0,
) -> list[Row]:
    """The published layer curve: an actadd pair computed and added at the input of each layer, with random controls.

    Args:
        lm: the model, in evaluation mode.
        plus: text to steer towards.
        minus: text to steer away from.
        on_topic: texts that the pair should make likelier.
        off_topic: other texts.
        layers: block indices (None: all); negative ones count from the last.
        coeffs: one strength or several.
        seed: of the random control; every layer has its own draw.

    Returns:
        Rows of split "all", conditions "vector" and "random", ordered by layer.
    """
    names, strengths = blocks(lm.model), [coeffs] if isinstance(coeffs, int | float) else coeffs
    chosen = range(len(names)) if layers is None else layers
    if not all(-len(names) <= layer < len(names) for layer in chosen):
        raise GlassbookError(f"there are layers 0 to {len(names) - 1}; choose among them")
    conditions: dict[Condition, Vector] = {}
    for layer in chosen:
        v = actadd(lm, plus, minus, f"{names[layer]}.in")
        conditions |= _conditions(v, strengths, ("random",), seed + layer % len(names))
    return _rows(lm, on_topic, off_topic, conditions)


def strength_sweep(
    lm: LanguageModel,
    v: Vector,
    on_topic: Sequence[str],
    off_topic: Sequence[str],
    coeffs: Sequence[float],
    controls: Sequence[Literal["random", "swap"]] = ("random",),
    unit: Unit = "raw",
    where: Where | None = None,
    seed: int = 0,
) -> list[Row]:
    """Effect and damage as functions of strength, negative ones included; rows of split "all". See `score`."""
    return _rows(lm, on_topic, off_topic, _conditions(in_unit(lm, v, unit), coeffs, controls, seed), where)


def _conditions(v: Vector, coeffs: Sequence[float], controls: Sequence[Control], seed: int) -> dict[Condition, Vector]:
    """The vector and its controls at every strength, in the model's own units."""
    if not coeffs or 0 in coeffs:
        raise GlassbookError("give strengths other than 0 to measure; 0 is the plain model that all are compared with")
    vectors = {"vector": v}
    if "random" in controls:
        vectors["random"] = random_like(v, torch.Generator().manual_seed(seed))
    if "swap" in controls:
        vectors["swap"] = -v
    site = "+".join(v.sites)
    return {Condition(site, name, float(c)): u * float(c) for name, u in vectors.items() for c in coeffs}


def _prefixes(lm: LanguageModel, v: Vector, prompt: str | None, pad: str | int) -> tuple[list[int], list[int]]:
    """The prompt's tokens and as many space tokens."""
    text = v.about.get("plus") if prompt is None else prompt
    if not text:
        raise GlassbookError("the prompt control needs a text; give prompt=..., or leave it out of controls")
    plus, minus = padded_pair(lm, text, "", pad)
    return plus[1:], minus[1:]


def _rows(
    lm: LanguageModel,
    on_topic: Sequence[str],
    off_topic: Sequence[str],
    conditions: dict[Condition, Vector],
    where: Where | None = None,
) -> list[Row]:
    measured = [effects(lm, texts, conditions, where) for texts in (on_topic, off_topic)]
    return [_row(key, "all", measured, (slice(None), slice(None))) for key in conditions]


def _row(
    key: Condition, split: str, measured: Sequence[Mapping[Condition, Effect]], texts: tuple[Tensor | slice, ...]
) -> Row:
    on, off = (effect[key] for effect in measured)
    return Row(
        *key, split, on.ratio(texts[0]), off.ratio(texts[1]), off.mean_kl(texts[1]), on.fraction_harmed(texts[0])
    )


def _pick(keys: Sequence[Condition], rows: Mapping[tuple[Condition, str], Row], bound: float) -> tuple[Condition, bool]:
    """The dev half's choice among one condition's strengths, and whether it keeps the bound."""
    allowed = [key for key in keys if rows[key, "dev"].off_topic_ppl_ratio <= bound]
    if allowed:
        return min(allowed, key=lambda key: rows[key, "dev"].on_topic_ppl_ratio), True
    return min(keys, key=lambda key: rows[key, "dev"].off_topic_ppl_ratio), False
