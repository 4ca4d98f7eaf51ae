"""Write the feature book of a dictionary: one streaming pass over activations, in memory that does not grow with them.

For each feature: how often it is active, a histogram of its values, the tokens that carry its activation, the places
where it is strongest (with its value at every token round them), the nearest other directions, and what the direction
does to the logits. `notebook.featurebook.FeatureBook` reads it.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from glassbook.errors import GlassbookError
from glassbook.features.contexts import Contexts, top_contexts
from glassbook.features.dictionary import Dictionary
from glassbook.features.logits import final, logit_effects
from glassbook.features.rows import open_rows
from glassbook.nets import LanguageModel
from glassbook.notebook.featurebook import NAME, SCHEMA
from glassbook.trace import Recording, blocks

BINS = 24
"""Bins of the histogram, equal on a logarithmic scale down to a thousandth of the largest value."""
TOP = 10
"""Tokens, neighbours and logits that are kept for each feature."""
WRITTEN = 256
"""Features whose logits are worked out at a time."""
TOGETHER = 4096
"""Features whose contexts are, so that rows which many of them show are encoded once."""

Labels = Mapping[int, tuple[str, float]]


@dataclass
class _Counts:
    """What one pass adds up for each feature."""

    active: Tensor
    """[F] tokens that it is active on."""
    bins: Tensor
    """[F, BINS]."""
    mass: _Mass
    """The sum of its values on each token."""
    top: Tensor
    """[F] largest value."""
    n: int = 0


def build(
    d: Dictionary,
    activations: Tensor | tuple[Recording, str],
    lm: LanguageModel,
    to: Path,
    *,
    tokens: Tensor | None = None,
    sequence: Tensor | None = None,
    labels: Labels | None = None,
    label_score: str = "",
    about: Mapping[str, Any] | None = None,
    contexts: int = 10,
    before: int = 12,
    after: int = 6,
    chunk: int = 4096,
) -> Path:
    """Write the book as a file, whole or not at all.

    Args:
        d: the dictionary.
        activations: [N, d_in], or (recording, site).
        lm: the model that the activations are of; its tokenizer writes the tokens.
        to: the artifacts folder of the run.
        tokens: [N] ids, if the activations are a tensor.
        sequence: [N] the text of each row, if they are a tensor.
        labels: index -> (what the feature stands for, score).
        label_score: what that score is.
        about: further facts for the header (model, site, dictionary ...).
        contexts: places kept for each feature, at most one from each text.
        before: tokens shown before the place.
        after: tokens shown after it.
        chunk: rows encoded at once.

    Raises:
        GlassbookError: activations, tokens and model do not fit together, or the disk refused.
    """
    site = d.about.get("site")
    if isinstance(activations, tuple):
        recording, site = activations
        tokens, sequence = recording.tokens(), recording.index()[0]
    rows = open_rows(activations)
    if tokens is None or len(tokens) != rows.n:
        raise GlassbookError(f"{rows.n} activations need as many tokens")
    places = top_contexts(d, activations, tokens, sequence, n=3 * contexts, chunk=chunk)
    counts = _count(d, rows, tokens, places.values[:, 0], lm.vocab, chunk)
    header = {
        **d.about,
        "site": site,
        "width": d.width,
        "d_in": d.d_in,
        "code": repr(d.code),
        "tokens": rows.n,
        "label_score": label_score,
        **(about or {}),
    }
    path = to / NAME
    making = to / f".{NAME}.{os.getpid()}.tmp"
    making.unlink(missing_ok=True)
    try:
        to.mkdir(parents=True, exist_ok=True)
        db = sqlite3.connect(making)
        try:
            # Nobody reads it before it is renamed, and it can be made again: no journal, one fsync at the end.
            db.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;" + SCHEMA)
            db.executemany("INSERT INTO header VALUES (?, ?)", [(k, json.dumps(v)) for k, v in header.items()])
            effects = _Effects(d, lm, header.get("site"))
            shown = _shown(places, d.width, lm, contexts, before, after)
            for start in range(0, d.width, WRITTEN):
                some = range(start, min(start + WRITTEN, d.width))
                db.executemany(
                    "INSERT INTO feature VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    _rows(some, d, lm, counts, shown, effects, labels or {}),
                )
            db.commit()
        finally:
            db.close()
        with making.open("rb") as file:
            os.fsync(file.fileno())
        os.replace(making, path)
    except (OSError, sqlite3.OperationalError) as error:
        making.unlink(missing_ok=True)
        raise GlassbookError(f"cannot write {path}: {error}; free some space and try again") from error
    return path


class _Mass:
    """Sums by (feature, token), of which only those that occur are kept."""

    HELD = 4_000_000

    def __init__(self, vocab: int) -> None:
        self.vocab = vocab
        self.keys, self.sums = torch.empty(0, dtype=torch.int64), torch.empty(0)
        self._waiting: list[tuple[Tensor, Tensor]] = []
        self._held = 0

    def add(self, latents: Tensor, token: Tensor, values: Tensor) -> None:
        self._waiting.append((latents * self.vocab + token, values))
        self._held += len(values)
        if self._held > self.HELD:
            self.settle()

    def settle(self) -> None:
        """Add up what waits."""
        keys = torch.cat([self.keys, *(k for k, _ in self._waiting)])
        values = torch.cat([self.sums, *(v for _, v in self._waiting)])
        self.keys, place = keys.unique(return_inverse=True)
        self.sums = torch.zeros(len(self.keys)).index_add_(0, place, values)
        self._waiting, self._held = [], 0

    def top(self, feature: int) -> tuple[Tensor, Tensor]:
        """(tokens, their shares of all of the feature's activation), the largest first."""
        bounds = torch.tensor([feature * self.vocab, (feature + 1) * self.vocab])
        low, high = torch.searchsorted(self.keys, bounds).tolist()
        sums = self.sums[low:high]
        largest = sums.topk(min(TOP, len(sums)))
        return self.keys[low:high][largest.indices] % self.vocab, largest.values / sums.sum().clamp_min(1e-12)


@torch.no_grad()
def _count(d: Dictionary, rows: Any, tokens: Tensor, top: Tensor, vocab: int, chunk: int) -> _Counts:
    """Density, histogram and tokens of every feature, from the active entries alone."""
    counts = _Counts(torch.zeros(d.width), torch.zeros(d.width, BINS), _Mass(vocab), top)
    for x in rows.chunks(chunk):
        values, latents = (t.cpu() for t in d.encode_sparse(x.to(d.W_enc.device)))
        token = tokens[counts.n : counts.n + len(x), None].expand_as(latents)
        here = values > 0
        values, latents, token = values[here], latents[here], token[here]
        one = torch.ones_like(values)
        counts.active.index_add_(0, latents, one)
        counts.mass.add(latents, token, values)
        counts.bins.view(-1).index_add_(0, latents * BINS + _bin(values, top[latents]), one)
        counts.n += len(x)
    counts.mass.settle()
    return counts


def _bin(values: Tensor, top: Tensor) -> Tensor:
    """Bin of each value: the last one ends at the feature's largest, the first takes all below a thousandth of it."""
    place = 1 + torch.log10((values / top).clamp(1e-3, 1)) / 3
    return (place * BINS).long().clamp(0, BINS - 1)


def _edges(top: float) -> list[float]:
    return [0.0, *(top * 10 ** (3 * (i / BINS - 1)) for i in range(1, BINS + 1))]


class _Effects:
    """What each direction adds to the logits (see `logit_effects`), and which others are near it.

    The logits are empty where the dictionary is not of the residual stream, or the model's way from there to its
    logits is not known.
    """

    def __init__(self, d: Dictionary, lm: LanguageModel, site: Any) -> None:
        self.final = final(lm) if not d.transcodes and _in_stream(lm, site) else None
        if self.final is not None and self.final[1].weight.shape[1] != d.d_out:
            raise GlassbookError(f"the dictionary writes {d.d_out} dimensions to {site}; is it of {lm.name}?")
        directions = torch.nn.functional.normalize(d.W_dec.detach(), dim=1)
        self.directions, self.lm = directions, lm

    def of(self, some: range) -> tuple[list[list[Any]], list[list[Any]]]:
        """(tokens promoted, tokens suppressed) by some features."""
        if self.final is None:
            return [[] for _ in some], [[] for _ in some]
        logits = logit_effects(self.directions[some.start : some.stop], *self.final)
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


def _shown(places: Contexts, width: int, lm: LanguageModel, n: int, before: int, after: int) -> Iterator[list[Any]]:
    """The contexts of each feature in turn as text, at most one from each sequence."""
    for start in range(0, width, TOGETHER):
        for contexts in places.many(range(start, min(start + TOGETHER, width)), before, after, texts=n):
            yield [
                [[name, _short(v)] for name, v in zip(lm.tokens(c.tokens), c.values.tolist(), strict=True)]
                for c in contexts
            ]


def _rows(
    some: range,
    d: Dictionary,
    lm: LanguageModel,
    counts: _Counts,
    shown: Iterator[list[Any]],
    effects: _Effects,
    labels: Labels,
) -> list[tuple[Any, ...]]:
    promotes, suppresses = effects.of(some)
    similar = effects.similar(some)
    out = []
    for i, feature in enumerate(some):
        ids, shares = counts.mass.top(feature)
        tokens = [[name, _short(share)] for name, share in zip(lm.tokens(ids), shares.tolist(), strict=True)]
        label, score = labels.get(feature, ("", None))
        top = float(counts.top[feature])
        histogram = {"edges": [_short(e) for e in _edges(top)], "counts": counts.bins[feature].int().tolist()}
        words = f"{label} {' '.join(name for name, _ in tokens)}".casefold()
        lists = (tokens, promotes[i], suppresses[i], similar[i], histogram, next(shown))
        density = float(counts.active[feature]) / max(counts.n, 1)
        out.append((feature, label, score, density, top, words, *(json.dumps(part) for part in lists)))
    return out


def _short(value: float) -> float:
    """Four significant digits are more than anybody reads, and a third of the file."""
    return float(f"{value:.4g}")
