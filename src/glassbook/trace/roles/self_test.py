"""Self-test of an opened model: what of it could be proved by running it, and what could not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch

from glassbook.nets import LanguageModel
from glassbook.nets.proof import rounding
from glassbook.trace import trace
from glassbook.trace.roles.blocks import blocks
from glassbook.trace.roles.final import final
from glassbook.trace.roles.roles import roles

LENGTH, NEW = 8, 6
"""Tokens of the made-up texts, and new tokens that are generated."""
WITHIN, EPS = 1e-2, 16
"""Differences that count as rounding, in standard deviations; where numbers are coarser, `EPS` times their spacing."""


@dataclass(frozen=True)
class Check:
    """One thing that was tried on a model.

    Attributes:
        name: what should be so, in one sentence.
        proved: whether it was found to be so.
        reason: why it was not; "" if it was.
    """

    name: str
    proved: bool
    reason: str = ""


@torch.no_grad()
def self_test(lm: LanguageModel) -> list[Check]:
    """Try what everything else relies on. Nothing is changed, and no check stops at another's failure.

    Args:
        lm: the model; a text of `LENGTH` tokens and one half as long are made up for it.
    """
    length = max(2, min(LENGTH, (lm.context or LENGTH) - NEW))
    row = [(lm.vocab // 2 + i) % lm.vocab for i in range(length)]
    checks = {
        "reading every block changes no bit of the logits": lambda: _reading(lm, row),
        "its blocks carry one residual stream": lambda: _found(blocks(lm.model)),
        "its attention and MLPs add up to that stream": lambda: _found(roles(lm.model)),
        "its final norm and head lead from the last block to the logits": lambda: _found(final(lm)),
        "pads on the left change nothing": lambda: _pads(lm, row, "left", lm.pads_left),
        "pads on the right change nothing": lambda: _pads(lm, row, "right", lm.pads_right),
        "adding a vector between two blocks moves the stream by that vector": lambda: _edit(lm, row),
        "decoding with a cache gives the logits of reading the whole text": lambda: _cache(lm, row),
    }
    return [_check(name, tried) for name, tried in checks.items()]


def _check(name: str, tried: Callable[[], str]) -> Check:
    """Of a function that returns the reason why something is not so, or "", or raises it."""
    try:
        reason = tried()
    except Exception as error:  # what a model raises where it cannot do what was tried is what there is to say
        reason = " ".join(str(error).split()) or type(error).__name__
    return Check(name, not reason, reason)


def _found(part: object) -> str:
    """No reason: looking for the part raises one if it is not found."""
    return ""


def _within(lm: LanguageModel) -> float:
    return max(WITHIN, EPS * rounding(lm.model))


def _reading(lm: LanguageModel, row: list[int]) -> str:
    batch = lm.batch_ids([row])
    plain = lm.model(**batch).logits
    with trace(lm.model, read=[f"{name}.out" for name in blocks(lm.model)]):
        read = lm.model(**batch).logits
    if torch.equal(plain, read):
        return ""
    return (
        f"with hooks the logits differ by up to {float((plain - read).abs().max()):.2g}; it may be random or compiled"
    )


def _pads(lm: LanguageModel, row: list[int], side: Literal["left", "right"], fits: bool) -> str:
    if not fits:
        more = ", so texts of several lengths cannot be continued in one batch" if side == "left" else ""
        return f"it reads pads on the {side} as text{more}"
    short = row[: len(row) // 2]
    alone = lm.model(**lm.batch_ids([short])).logits[0].float()
    places = slice(-len(short), None) if side == "left" else slice(len(short))
    padded = lm.model(**lm.batch_ids([row, short], side)).logits[1, places].float()
    gap = float((alone - padded).abs().max() / alone.std().clamp(min=1e-9))
    return (
        "" if gap < _within(lm) else f"beside a longer text its logits differ by {gap:.2g} of their standard deviation"
    )


def _edit(lm: LanguageModel, row: list[int]) -> str:
    if len(names := blocks(lm.model)) < 2:
        return "it has one block only"
    first, second = names[:2]
    batch = lm.batch_ids([row])
    with trace(lm.model, read=[f"{second}.in"]) as plain:
        logits = lm.model(**batch).logits
    stream = plain[f"{second}.in"]
    v = stream.std() * torch.ones_like(stream[0, 0])
    v[::2] *= -1
    with trace(lm.model, edit={f"{first}.out": lambda x, at: x + v}, read=[f"{second}.in"]) as moved:
        changed = lm.model(**batch).logits
    gap = float((moved[f"{second}.in"] - stream - v).abs().max() / stream.std())
    if gap > _within(lm):
        return f"what the next block reads is off by {gap:.2g} of the stream's standard deviation"
    return "" if not torch.equal(logits, changed) else "the logits stay as they are"


def _cache(lm: LanguageModel, row: list[int]) -> str:
    if lm.tokenizer is None:
        return "without a tokenizer nothing can be generated"
    steps: list[torch.Tensor] = []
    prompt = lm.decode(row[:4])
    handle = lm.model.register_forward_hook(lambda module, args, out: steps.append(out.logits[0, -1].float()))
    try:
        (new,) = lm.generate_ids([prompt], tokens=NEW)
    finally:
        handle.remove()
    ids = lm.encode(prompt)
    whole = lm.model(**lm.batch_ids([[*ids, *new]])).logits[0, len(ids) - 1 :].float()
    pairs = list(zip(steps, whole, strict=False))
    if len(pairs) < 2:
        return "it ends its text at once, so that no step reads the cache"
    gap = max(float((step - at_once).abs().max()) for step, at_once in pairs) / float(whole.std().clamp(min=1e-9))
    return "" if gap < _within(lm) else f"its logits differ by {gap:.2g} of their standard deviation"
