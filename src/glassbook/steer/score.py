"""Effect beside damage: how steering changes the likelihood of texts on a topic and of texts off it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from glassbook.errors import GlassbookError
from glassbook.nets import LanguageModel
from glassbook.steer.effects import Effect, Key, effects
from glassbook.steer.extract import actadd, padded_pair, random_like
from glassbook.steer.norms import in_unit
from glassbook.steer.vector import Vector
from glassbook.steer.where import Where
from glassbook.trace.roles import blocks

Control = Literal["random", "swap", "prompt"]


@dataclass(frozen=True)
class Row:
    """One way to steer, measured on some of the texts.

    `on` and `off` are perplexity ratios steered / plain: exp(mean over tokens of steered minus plain negative
    log-likelihood of the token that follows). `on` below 1 is effect, `off` above 1 is damage. `kl` is the mean
    KL(plain || steered) per token on the off-topic texts, in nats. `wrong` is the share of on-topic texts that become
    less likely: the mean can hide them (Tan et al. 2024, arXiv:2407.12404).
    """

    site: str
    arm: str
    """ "vector", or a control: "random", "swap", "prompt"."""
    by: float | None
    """Strength; None for the prompt, which has none."""
    split: str
    """ "dev", "test", or "all"."""
    on: float
    off: float
    kl: float
    wrong: float


@dataclass(frozen=True)
class Best:
    """An arm at the strength that its own dev half picked, measured on the test half, with 95 % intervals."""

    test: Row
    on_interval: tuple[float, float]
    off_interval: tuple[float, float]
    within_bound: bool
    """Whether a strength with off <= bound on the dev half existed; if not, the least damaging one is shown."""


@dataclass(frozen=True)
class Score:
    """What `score` found: every arm at every strength on both halves, and each arm at its best."""

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
    on: Sequence[str],
    off: Sequence[str],
    by: Sequence[float] = (0.5, 1.0, 2.0, 4.0),
    controls: Sequence[Control] = ("random", "swap", "prompt"),
    unit: Literal["raw", "norm"] = "raw",
    where: Where | None = None,
    seed: int = 0,
    bound: float = 1.01,
    prompt: str | None = None,
    pad: str | int = " ",
) -> Score:
    """Measure effect and damage of `v` beside its controls, with the strength picked on texts not reported on.

    Both lists are split in halves by `seed`. Each arm picks, on its dev half, the strength with the lowest on-topic
    ratio among those whose off-topic ratio is at most `bound`, and is reported on the test half.

    Args:
        lm: the model, in evaluation mode.
        v: the vector.
        on: texts on the topic that `v` should make likelier, at least 4.
        off: texts off it, at least 4.
        by: strengths to try, in `unit`; every arm with a strength tries them all.
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
    if min(len(on), len(off)) < 4:
        raise GlassbookError("score needs at least 4 texts on the topic and 4 off it; give more, or shorter ones")
    arms = _arms(in_unit(lm, v, unit), by, controls, seed)
    prefixes = _prefixes(lm, v, prompt, pad) if "prompt" in controls else None
    found = [effects(lm, texts, arms, where, prefixes) for texts in (on, off)]
    generator = torch.Generator().manual_seed(seed)
    halves = [torch.randperm(len(texts), generator=generator).tensor_split(2) for texts in (on, off)]
    rows = {
        (key, split): _row(key, split, found, (halves[0][half], halves[1][half]))
        for half, split in enumerate(("dev", "test"))
        for key in found[0]
    }
    best = {}
    for arm in dict.fromkeys(key[1] for key in found[0]):
        key, within = _pick([key for key in found[0] if key[1] == arm], rows, bound)
        intervals = [effect[key].interval(half[1], seed) for effect, half in zip(found, halves, strict=True)]
        best[arm] = Best(rows[key, "test"], intervals[0], intervals[1], within)
    return Score(tuple(rows.values()), best, unit, bound)


def layer_sweep(
    lm: LanguageModel,
    plus: str,
    minus: str,
    on: Sequence[str],
    off: Sequence[str],
    layers: Sequence[int] | None = None,
    by: float | Sequence[float] = 1.0,
    unit: Literal["raw", "norm"] = "raw",
    where: Where | None = None,
    seed: int = 0,
    pad: str | int = " ",
) -> list[Row]:
    """The published layer curve: an actadd pair made and added at the input of each layer, beside random rows.

    Args:
        lm: the model, in evaluation mode.
        plus: text to steer towards.
        minus: text to steer away from.
        on: texts on the topic.
        off: texts off it.
        layers: block indices (None: all); negative ones count from the last.
        by: one strength or several.
        unit: as in steer.
        where: as in score.
        seed: of the random control; every layer has its own draw.
        pad: as in actadd.

    Returns:
        Rows of split "all", arms "vector" and "random", ordered by layer.
    """
    names, strengths = blocks(lm.model), [by] if isinstance(by, int | float) else by
    chosen = range(len(names)) if layers is None else layers
    if not all(-len(names) <= layer < len(names) for layer in chosen):
        raise GlassbookError(f"there are layers 0 to {len(names) - 1}; choose among them")
    arms: dict[Key, Vector] = {}
    for layer in chosen:
        v = actadd(lm, plus, minus, f"{names[layer]}.in", pad)
        arms |= _arms(in_unit(lm, v, unit), strengths, ("random",), seed + layer % len(names))
    return _rows(lm, on, off, arms, where)


def dose_curve(
    lm: LanguageModel,
    v: Vector,
    on: Sequence[str],
    off: Sequence[str],
    by: Sequence[float],
    controls: Sequence[Literal["random", "swap"]] = ("random",),
    unit: Literal["raw", "norm"] = "raw",
    where: Where | None = None,
    seed: int = 0,
) -> list[Row]:
    """Effect and damage as functions of strength, negative ones included; rows of split "all". See `score`."""
    return _rows(lm, on, off, _arms(in_unit(lm, v, unit), by, controls, seed), where)


def _arms(v: Vector, by: Sequence[float], controls: Sequence[Control], seed: int) -> dict[Key, Vector]:
    """Every arm at every strength, in the model's own units."""
    if not by or 0 in by:
        raise GlassbookError("give strengths other than 0 to measure; 0 is the plain model that all are compared with")
    made = {"vector": v}
    if "random" in controls:
        made["random"] = random_like(v, torch.Generator().manual_seed(seed))
    if "swap" in controls:
        made["swap"] = -v
    site = "+".join(v.sites)
    return {(site, arm, float(b)): u * float(b) for arm, u in made.items() for b in by}


def _prefixes(lm: LanguageModel, v: Vector, prompt: str | None, pad: str | int) -> tuple[list[int], list[int]]:
    """The prompt's tokens and as many space tokens."""
    text = v.about.get("plus") if prompt is None else prompt
    if not text:
        raise GlassbookError("the prompt control needs a text; give prompt=..., or leave it out of controls")
    plus, minus = padded_pair(lm, text, "", pad)
    return plus[1:], minus[1:]


def _rows(
    lm: LanguageModel, on: Sequence[str], off: Sequence[str], arms: dict[Key, Vector], where: Where | None
) -> list[Row]:
    found = [effects(lm, texts, arms, where) for texts in (on, off)]
    return [_row(key, "all", found, (slice(None), slice(None))) for key in arms]


def _row(key: Key, split: str, found: Sequence[Mapping[Key, Effect]], texts: tuple[Tensor | slice, ...]) -> Row:
    on, off = (effect[key] for effect in found)
    return Row(*key, split, on.ratio(texts[0]), off.ratio(texts[1]), off.mean_kl(texts[1]), on.wrong(texts[0]))


def _pick(keys: Sequence[Key], rows: Mapping[tuple[Key, str], Row], bound: float) -> tuple[Key, bool]:
    """The dev half's choice among one arm's strengths, and whether it keeps the bound."""
    allowed = [key for key in keys if rows[key, "dev"].off <= bound]
    if allowed:
        return min(allowed, key=lambda key: rows[key, "dev"].on), True
    return min(keys, key=lambda key: rows[key, "dev"].off), False
