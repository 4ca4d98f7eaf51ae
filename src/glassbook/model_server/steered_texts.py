"""Steered generation for the steering panel: prompts continued plainly and steered, with effect and damage."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import zip_longest
from typing import Any

from glassbook.errors import GlassbookError
from glassbook.features import Dictionary
from glassbook.features.data import check_model
from glassbook.measure.language import distinct_n
from glassbook.model_server.available import artifact_of
from glassbook.nets import LanguageModel
from glassbook.nets.live import watch_texts
from glassbook.notebook import Notebook
from glassbook.notebook.runs.feature_dashboard import FeatureDashboard
from glassbook.steer import Vector, Where, actadd, feature, read_where, steer
from glassbook.steer.spec import ActAddSource, AnySource, FeatureSource, SteeringSettings

Weighted = tuple[Vector, float]
Partial = Callable[[dict[str, Any]], object]
"""Takes a part of a result as soon as it is there."""


def steer_texts(
    notebook: Notebook, lm: LanguageModel, settings: SteeringSettings, partial: Partial = lambda part: None
) -> dict[str, Any]:
    """Continue each prompt plainly and under all the vectors at once, with the same random numbers.

    Args:
        notebook: whose runs hold the features and the vectors.
        lm: the model that `settings` name.
        settings: sources (those of strength 0 are left out), positions, prompts and sampling.
        partial: called with `results` so far, and `done` of so many `tokens`, those of both texts of a prompt. What it
            raises ends the work.

    Returns:
        results: {prompt, plain, steered}, whole texts; effect: `changed_tokens` (share of new tokens that differ) and
        `preference_nats` (by how much steering makes its own texts likelier, for each new token); damage: `nll_plain`
        and `nll_steered` (of the plain and the steered texts under the plain model, nats for each new token) and
        `distinct_2_plain`, `distinct_2_steered` (`measure.distinct_n` of the new tokens; NaN where no text has two).
    """
    vectors = [(_vector(notebook, lm, source), source.coeff) for source in settings.sources if source.coeff]
    where, prompts = read_where(settings.where), settings.prompts
    sampling = {"tokens": settings.tokens, "temperature": settings.temperature, "seed": settings.seed}

    def tell(done: int, plain: Sequence[str], steered: Sequence[str] = ("",) * len(prompts)) -> None:
        texts = zip(prompts, plain, steered, strict=True)
        results = [{"prompt": p, "plain": a, "steered": b} for p, a, b in texts]
        partial({"results": results, "done": done, "tokens": 2 * settings.tokens})

    tell(0, prompts)
    with watch_texts(lm, prompts, lambda new, n: tell(n, _after(prompts, new))):
        plain_ids = lm.generate_ids(prompts, **sampling)
    plain = _texts(lm, prompts, plain_ids)
    tell(settings.tokens, plain)
    if where.start.of_end and where.start.n == 0 and (settings.tokens < 2 or not any(plain_ids)):
        # The first new token is chosen at the prompt's end, so in texts that end with it these vectors have no effect.
        vectors = [(v, coeff) for v, coeff in vectors if v.positional]
    with (
        _steered(lm, vectors, where),
        watch_texts(lm, prompts, lambda new, n: tell(settings.tokens + n, plain, _after(prompts, new))),
    ):
        steered_ids = lm.generate_ids(prompts, **sampling)
    steered = _texts(lm, prompts, steered_ids)
    tell(2 * settings.tokens, plain, steered)
    count = sum(map(len, steered_ids))
    return {
        "results": [{"prompt": p, "plain": a, "steered": b} for p, a, b in zip(prompts, plain, steered, strict=True)],
        "label": settings.label,
        "effect": {
            "changed_tokens": round(_changed(plain_ids, steered_ids), 4),
            "preference_nats": round(_preference(lm, vectors, where, prompts, steered_ids) / max(count, 1), 4),
        },
        "damage": {
            "nll_plain": round(_nll(lm, prompts, plain_ids) / max(sum(map(len, plain_ids)), 1), 4),
            "nll_steered": round(_nll(lm, prompts, steered_ids) / max(count, 1), 4),
            "distinct_2_plain": round(distinct_n(plain_ids), 4),
            "distinct_2_steered": round(distinct_n(steered_ids), 4),
        },
    }


def _vector(notebook: Notebook, lm: LanguageModel, source: AnySource) -> Vector:
    if isinstance(source, ActAddSource):
        return actadd(lm, source.plus, source.minus, source.site)
    if isinstance(source, FeatureSource):
        record = notebook.run(source.run)
        dashboard = FeatureDashboard(record.folder)
        header, largest = dashboard.header, dashboard.feature(source.index).max
        if not isinstance(header.get("dictionary"), str) or not isinstance(header.get("site"), str):
            raise GlassbookError(
                f"the feature dashboard of run {record.id} names no dictionary and site to steer with; run it again"
            )
        d = Dictionary.load(artifact_of(notebook, record.id, header["dictionary"]))
        check_model(d.about, lm.model)
        # In units of the largest recorded activation, a scale that needs no knowledge of the model. A feature that
        # was never active is taken as it is.
        return feature(d, source.index, header["site"]) * (largest or 1.0)
    return Vector.load(artifact_of(notebook, source.run, source.artifact))


@contextmanager
def _steered(lm: LanguageModel, vectors: Sequence[Weighted], where: Where) -> Iterator[None]:
    """All vectors at once; a positional one at the first tokens, the others by the rule. None of them: plain."""
    with ExitStack() as stack:
        for v, coeff in vectors:
            stack.enter_context(steer(lm, v, coeff=coeff, where=None if v.positional else where))
        yield


def _texts(lm: LanguageModel, prompts: Sequence[str], new: Sequence[list[int]]) -> list[str]:
    """The prompts with their new tokens as text."""
    return _after(prompts, [lm.continuation(lm.encode(p), ids) for p, ids in zip(prompts, new, strict=True)])


def _after(prompts: Sequence[str], new: Sequence[str]) -> list[str]:
    return [prompt + text for prompt, text in zip(prompts, new, strict=True)]


def _nll(lm: LanguageModel, prompts: Sequence[str], new: Sequence[list[int]]) -> float:
    return float(lm.continuation_nll(prompts, new).sum())


def _preference(
    lm: LanguageModel, vectors: Sequence[Weighted], where: Where, prompts: Sequence[str], new: Sequence[list[int]]
) -> float:
    """NLL of the new tokens under the plain model minus that under the steered one, nats in all."""
    total = 0.0
    for prompt, ids in zip(prompts, new, strict=True):
        if not ids:
            continue
        end = len(lm.encode(prompt))
        rule = where.at_prompt_end(end)  # the text is read as a whole, so the rule has to name positions
        # A single new token leaves nothing after the prompt to add to: it was chosen at the prompt's last one.
        reached = [(v, coeff) for v, coeff in vectors if v.positional or rule.start.n < end + len(ids) - 1]
        plain = _nll(lm, [prompt], [ids])
        with _steered(lm, reached, rule):
            total += plain - _nll(lm, [prompt], [ids])
    return total


def _changed(plain: Sequence[list[int]], steered: Sequence[list[int]]) -> float:
    # A text that ends sooner differs in every token that the other has more.
    pairs = [(a, b) for x, y in zip(plain, steered, strict=True) for a, b in zip_longest(x, y)]
    return sum(a != b for a, b in pairs) / max(len(pairs), 1)
