"""Feature dashboards: written in one streaming pass over activations, in memory that does not grow with their number.

For each feature: how often it is active, a histogram of its values, the tokens that carry its activation, its top
activating examples and a sample of all its activations (with its value at every token around them), the nearest other
directions, the features that are active on the same tokens, and what the direction does to the logits.
`notebook.runs.feature_dashboard.FeatureDashboard` reads it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from glassbook.errors import GlassbookError
from glassbook.features.dashboard.collect import FeatureStats, collect_stats, open_stream
from glassbook.features.dashboard.logits import logit_effects
from glassbook.features.dashboard.top_activations import TopActivations
from glassbook.features.data import check_source
from glassbook.nets import LanguageModel
from glassbook.notebook.runs.feature_dashboard import NAME, SCHEMA, Name, new_store, write_names
from glassbook.trace import Activations
from glassbook.trace.roles import blocks, final

TOP = 10
"""Nearest directions and logits of each feature."""
BEFORE, AFTER = 12, 6
"""Tokens shown before and after an activation."""
WRITTEN = 256
"""Features written at a time."""


def build_dashboard(
    d: Any,
    activations: Tensor | tuple[Activations, str],
    lm: LanguageModel,
    to: Path,
    *,
    tokens: Tensor | None = None,
    sequence: Tensor | None = None,
    names: Mapping[int, Sequence[Name]] | None = None,
    label_score: str = "",
    about: Mapping[str, Any] | None = None,
    contexts: int = 10,
    sampled: int = 10,
    chunk: int = 4096,
) -> Path:
    """Write the dashboard of a dictionary as one file, whole or not at all.

    Args:
        d: the dictionary, or another coder; a feature is active where its latent is above zero.
        activations: [N, d_in], or (recording, site).
        lm: the model that the activations are of; its tokenizer writes the tokens.
        to: the artifacts folder of the run.
        tokens: [N] ids, if the activations are a tensor.
        sequence: [N] the text of each row, if they are a tensor.
        names: index -> names, the best first, such as `autointerp.from_truth` gives.
        label_score: what the scores of the names are.
        about: further facts for the header (model, site, dictionary ...).
        contexts: top activating examples of each feature, at most one from each text.
        sampled: further examples, evenly by rank from twice as many random ones.
        chunk: rows encoded at once.

    Raises:
        GlassbookError: activations, tokens and model do not fit together, or the disk refused.
    """
    site = activations[1] if isinstance(activations, tuple) else d.about.get("site")
    check_source(d.about, activations)
    stream = open_stream(activations, tokens, sequence)
    stats = collect_stats(
        d, stream, lm.vocab, contexts=contexts, sampled=2 * sampled, before=BEFORE, after=AFTER, chunk=chunk
    )
    header = {
        **d.about,
        "site": site,
        "width": d.width,
        "d_in": d.d_in,
        "code": repr(getattr(d, "rule", type(d).__name__)),
        "tokens": stats.n,
        "label_score": label_score,
        **(about or {}),
    }
    path = to / NAME
    with new_store(path) as db:
        db.executescript(SCHEMA)
        db.executemany("INSERT INTO header VALUES (?, ?)", [(k, json.dumps(v)) for k, v in header.items()])
        writer = _Writer(d, lm, header.get("site"), stats)
        db.executemany("INSERT INTO elsewhere VALUES (?, ?, ?)", writer.non_activating_examples())
        for start in range(0, d.width, WRITTEN):
            some = range(start, min(start + WRITTEN, d.width))
            db.executemany(_FEATURE, writer.features(some))
            db.executemany("INSERT INTO detail VALUES (?, ?, ?)", writer.details(some))
        write_names(db, names or {})
    return path


_FEATURE = f"INSERT INTO feature VALUES ({', '.join('?' * 12)})"


class _Writer:
    """The rows of the dashboard's tables; lists are written as JSON."""

    def __init__(self, d: Any, lm: LanguageModel, site: Any, stats: FeatureStats) -> None:
        self.stats, self.effects = stats, _Effects(d, lm, site)
        self.words = lm.tokens(range(lm.vocab))
        # A context has some twenty tokens, nearly all with the value 0, and there are tens of thousands of contexts.
        self.opened = [f"[{json.dumps(word)}," for word in self.words]
        self.silent = [f"{text}0]" for text in self.opened]
        self.heavy, self.shares = stats.token_attribution.top()
        self.partners = stats.coactivation.partners()

    def non_activating_examples(self) -> Iterator[tuple[int, str, str]]:
        """The random excerpts of text."""
        for i, excerpt in enumerate(self.stats.excerpts):
            ids = self.stats.tokens[excerpt.rows].tolist()
            yield i, json.dumps([self.words[t] for t in ids]), json.dumps(excerpt.active)

    def features(self, some: range) -> Iterator[tuple[Any, ...]]:
        """Rows of the table `feature`, without names."""
        promotes, suppresses = self.effects.of(some)
        similar, top = self.effects.similar(some), self._contexts(self.stats.top, some)
        for i, feature in enumerate(some):
            ids, shares = self.heavy[feature], self.shares[feature]
            tokens = [[self.words[t], _short(share)] for t, share in zip(ids, shares, strict=True)]
            largest = float(self.stats.top.keys[feature, 0])
            edges, counts = self.stats.histograms.of(feature, largest)
            histogram = {"edges": [_short(edge) for edge in edges], "counts": counts}
            words = " ".join(token for token, _ in tokens).casefold()
            lists = map(json.dumps, (tokens, promotes[i], suppresses[i], similar[i], histogram))
            density = float(self.stats.active[feature]) / self.stats.n
            yield feature, "", None, density, largest, words, *lists, _list(top[i])

    def details(self, some: range) -> Iterator[tuple[Any, ...]]:
        """Rows of the table `detail`."""
        sampled = self._contexts(self.stats.sampled, some)
        for i, feature in enumerate(some):
            together = [[other, _short(share)] for other, share in self.partners[feature]]
            spread = _spread(sampled[i], self.stats.sampled.n // 2)
            yield feature, json.dumps(together), _list(spread)

    def _contexts(self, examples: TopActivations, some: range) -> list[list[str]]:
        """The examples of each feature as JSON, by the value there, largest first."""
        here = slice(some.start, some.stop)
        shown, rows, there = examples.shown[here], examples.rows[here], examples.keys[here] > 0
        order = (
            shown[:, :, self.stats.window.before].masked_fill(~there, -1).argsort(dim=1, descending=True, stable=True)
        )
        rows, there = rows.gather(1, order), there.gather(1, order).tolist()
        shown = shown.gather(1, order[:, :, None].expand_as(shown))
        near, inside = self.stats.context_rows(rows)
        ids = torch.where(inside, self.stats.tokens[near], -1).tolist()
        values = shown.tolist()
        return [
            [self._context(*context) for context, real in zip(zip(*feature, strict=True), reals, strict=True) if real]
            for feature, reals in zip(zip(ids, values, strict=True), there, strict=True)
        ]

    def _context(self, ids: list[int], values: list[float]) -> str:
        opened, silent = self.opened, self.silent
        parts = [
            f"{opened[t]}{v:.4g}]" if v else silent[t]
            for t, v in zip(ids, values, strict=True)
            if t >= 0
        ]  # fmt: skip
        return _list(parts)


def _list(parts: list[str]) -> str:
    return f"[{','.join(parts)}]"


def _spread(ordered: list[str], n: int) -> list[str]:
    """n of them at equal distances: of a sample in order, its quantiles (i + 1/2) / n."""
    m = len(ordered)
    return [ordered[(2 * i + 1) * m // (2 * n)] for i in range(n)] if m > n else ordered


class _Effects:
    """What each direction adds to the logits (see `logit_effects`), and which others are near it.

    The logits are empty where the dictionary is not of the residual stream, or the model's way from there to its
    logits is not known.
    """

    def __init__(self, d: Any, lm: LanguageModel, site: Any) -> None:
        self.readout = None
        if not getattr(d, "transcodes", False) and _in_stream(lm, site):
            with suppress(GlassbookError):  # of a model whose way to the logits is not known
                self.readout = final(lm)
        if self.readout is not None and self.readout.width != d.d_out:
            raise GlassbookError(f"the dictionary writes {d.d_out} dimensions to {site}; is it of {lm.name}?")
        directions = torch.stack([d.direction(i) for i in range(d.width)]).float()
        directions = torch.nn.functional.normalize(directions, dim=1)
        self.directions, self.lm = directions, lm

    def of(self, some: range) -> tuple[list[list[Any]], list[list[Any]]]:
        """(tokens promoted, tokens suppressed) by some features."""
        if self.readout is None:
            return [[] for _ in some], [[] for _ in some]
        logits = logit_effects(self.directions[some.start : some.stop], self.readout)
        out = []
        for largest in (True, False):
            top = logits.topk(min(TOP, logits.shape[1]), dim=1, largest=largest)
            names = self.lm.tokens(top.indices.flatten())
            k = top.indices.shape[1]
            out.append(
                [
                    [[name, _short(v)] for name, v in zip(names[i * k : i * k + k], values, strict=True)]
                    for i, values in enumerate(top.values.tolist())
                ]
            )
        return out[0], out[1]

    def similar(self, some: range) -> list[list[list[float]]]:
        """The nearest other directions of some features, with their cosines."""
        cosines = self.directions[some.start : some.stop] @ self.directions.T
        cosines[torch.arange(len(some)), torch.arange(some.start, some.stop)] = -2
        top = cosines.topk(min(TOP, cosines.shape[1] - 1), dim=1)
        return [
            [[int(i), _short(c)] for i, c in zip(indices, values, strict=True)]
            for indices, values in zip(top.indices.tolist(), top.values.tolist(), strict=True)
        ]


def _in_stream(lm: LanguageModel, site: Any) -> bool:
    """Whether a site is the residual stream itself, before or after a block."""
    return site in {f"{name}.{side}" for name in blocks(lm.model) for side in ("in", "out")}


def _short(value: float) -> float:
    """Four significant digits: more would only make the file larger."""
    return float(f"{value:.4g}")
