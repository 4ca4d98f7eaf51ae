"""Prompts continued plainly and steered: texts, what the steering brought and what it cost."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import pairwise, zip_longest
from typing import Any

import torch

from glassbook.errors import GlassbookError
from glassbook.features import Dictionary
from glassbook.features.data import check_model
from glassbook.model_server.available import artifact_of
from glassbook.nets import LanguageModel, next_token_nll
from glassbook.notebook import Notebook
from glassbook.notebook.runs.feature_dashboard import FeatureDashboard
from glassbook.steer import (
    Vector,
    Where,
    actadd,
    after_prompt,
    before_position,
    during_prompt,
    everywhere,
    feature,
    from_position,
    steer,
)

RULES: dict[str, Callable[[], Where]] = {"everywhere": everywhere, "prompt": during_prompt, "after": after_prompt}
"""Where a direction is added. Activation addition goes to the first tokens of the prompt, whatever is chosen here."""
Weighted = tuple[Vector, float]


def steer_texts(
    notebook: Notebook,
    lm: LanguageModel,
    sources: Sequence[dict[str, Any]],
    by: Sequence[float],
    prompts: Sequence[str],
    where: str = "everywhere",
    tokens: int = 40,
    temperature: float = 0.8,
    seed: int = 0,
) -> dict[str, Any]:
    """Continue each prompt plainly and under all the vectors at once, with the same random numbers.

    Args:
        notebook: whose runs hold the features and the vectors.
        lm: the model.
        sources: {kind: "actadd", plus, minus, site}, {kind: "feature", run, index} or {kind: "file", run, artifact}.
        by: the strength of each, for a feature in units of the largest value it was seen to take; 0 leaves it out.
        prompts: the beginnings.
        where: "everywhere", "prompt" or "after".
        tokens: new tokens of each text.
        temperature: 0 takes the likeliest token.
        seed: of the sampling.

    Returns:
        results: {prompt, plain, steered}, whole texts; effect: `changed_tokens` (share of new tokens that differ) and
        `preference_nats` (by how much steering makes its own texts likelier, for each new token); damage:
        `surprise_plain` and `surprise_steered` (nats that the plain model needs for each new token of its own texts,
        and of the steered ones) and `distinct_2_plain`, `distinct_2_steered` (different pairs of neighbouring new
        tokens as a share of all; low where a text repeats itself).
    """
    if where not in RULES:
        raise GlassbookError(f"there is no place {where!r} to steer at; choose from {', '.join(RULES)}")
    if len(by) != len(sources):
        raise GlassbookError(f"{len(sources)} sources need as many strengths, not {len(by)}")
    vectors = [
        (_vector(notebook, lm, source), strength) for source, strength in zip(sources, by, strict=True) if strength
    ]
    own = lm.generate_ids(prompts, tokens=tokens, temperature=temperature, seed=seed)
    if where == "after" and (tokens < 2 or not any(own)):
        # The first new token is chosen at the prompt's end. Texts that end with it have nothing that these act on.
        vectors = [(v, strength) for v, strength in vectors if v.positional]
    with _steered(lm, vectors, RULES[where]()):
        other = lm.generate_ids(prompts, tokens=tokens, temperature=temperature, seed=seed)
    plain, steered = (_texts(lm, prompts, new) for new in (own, other))
    results = [{"prompt": p, "plain": a, "steered": b} for p, a, b in zip(prompts, plain, steered, strict=True)]
    surprise = _surprise(lm, prompts, own), _surprise(lm, prompts, other)
    liked = _liked(lm, vectors, where, prompts, other)
    return {
        "results": results,
        "label": "; ".join(f"{strength:+g} {_named(source)}" for source, strength in zip(sources, by, strict=True)),
        "effect": {
            "changed_tokens": round(_changed(own, other), 4),
            "preference_nats": round(surprise[1] - liked, 4),
        },
        "damage": {
            "surprise_plain": round(surprise[0], 4),
            "surprise_steered": round(surprise[1], 4),
            "distinct_2_plain": round(_distinct(own), 4),
            "distinct_2_steered": round(_distinct(other), 4),
        },
    }


def _vector(notebook: Notebook, lm: LanguageModel, source: dict[str, Any]) -> Vector:
    match source.get("kind"):
        case "actadd":
            return actadd(lm, source["plus"], source["minus"], source["site"])
        case "feature":
            record = notebook.run(source["run"])
            dashboard = FeatureDashboard(record.folder)
            header, largest = dashboard.header, dashboard.feature(source["index"]).max
            if not isinstance(header.get("dictionary"), str) or not isinstance(header.get("site"), str):
                raise GlassbookError(
                    f"the feature dashboard of run {record.id} names no dictionary and site to steer with"
                )
            d = Dictionary.load(artifact_of(notebook, record.id, header["dictionary"]))
            check_model(d.about, lm.model)
            # Strength 1 is the largest value that the feature was seen to take: a scale that needs no knowledge of
            # the model. A feature that was never active is taken as it is.
            return feature(d, source["index"], header["site"]) * (largest or 1.0)
        case "file":
            return Vector.load(artifact_of(notebook, source["run"], source["artifact"]))
    raise GlassbookError(f"there is no source of the kind {source.get('kind')!r}; use actadd, feature or file")


def _named(source: dict[str, Any]) -> str:
    match source["kind"]:
        case "actadd":
            return f"“{source['plus']}” minus “{source['minus']}” at {source['site']}"
        case "feature":
            return f"feature {source['index']} of {source['run']}"
    return f"{source['artifact']} of {source['run']}"


@contextmanager
def _steered(lm: LanguageModel, vectors: Sequence[Weighted], where: Where) -> Iterator[None]:
    """All vectors at once; a positional one at the first tokens, the others by the rule. None of them: plain."""
    with ExitStack() as stack:
        for v, strength in vectors:
            stack.enter_context(steer(lm, v, by=strength, where=None if v.positional else where))
        yield


def _texts(lm: LanguageModel, prompts: Sequence[str], new: Sequence[list[int]]) -> list[str]:
    """The prompts with their new tokens as text."""
    return [p + lm.continuation(lm.encode(p), ids) for p, ids in zip(prompts, new, strict=True)]


def _surprise(lm: LanguageModel, prompts: Sequence[str], new: Sequence[list[int]]) -> float:
    """Nats for each new token, given the prompt and the tokens before it."""
    total, count = 0.0, 0
    for prompt, ids in zip(prompts, new, strict=True):
        if not ids:
            continue
        row = torch.tensor([lm.encode(prompt) + ids], device=lm.device)
        # Read with a mask, as prompts in a batch are, so that positions are counted in the same way.
        total += float(next_token_nll(lm.model, row, torch.ones_like(row))[0, -len(ids) :].sum())
        count += len(ids)
    return total / max(count, 1)


def _liked(
    lm: LanguageModel, vectors: Sequence[Weighted], where: str, prompts: Sequence[str], new: Sequence[list[int]]
) -> float:
    """The same under the vectors. In a text that is read at once, the prompt's end has to be given as a position."""
    total, count = 0.0, 0
    for prompt, ids in zip(prompts, new, strict=True):
        end = len(lm.encode(prompt))
        rule = {"everywhere": everywhere(), "prompt": before_position(end), "after": from_position(end)}[where]
        # A single new token leaves nothing after the prompt to add to: it was chosen at the prompt's last one.
        with _steered(lm, vectors if ids[where == "after" :] else [], rule):
            total += _surprise(lm, [prompt], [ids]) * len(ids)
        count += len(ids)
    return total / max(count, 1)


def _changed(own: Sequence[list[int]], other: Sequence[list[int]]) -> float:
    # A text that ends sooner differs in every token that the other has more.
    pairs = [(a, b) for x, y in zip(own, other, strict=True) for a, b in zip_longest(x, y)]
    return sum(a != b for a, b in pairs) / max(len(pairs), 1)


def _distinct(texts: Sequence[list[int]]) -> float:
    pairs: list[Any] = [pair for ids in texts for pair in pairwise(ids)]
    return len(set(pairs)) / max(len(pairs), 1)
