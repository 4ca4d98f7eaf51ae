"""Feature dashboard of a run: all that is known of the features of a dictionary, read without torch.

It is one SQLite file, artifacts/features.sqlite of the run, written by `features.dashboard.build`: a table `header`
(key, JSON), tables `feature` and `detail` with a row for each feature, `name` with a row for each of their names, and
`elsewhere` with random excerpts of the text. `set_names` changes the names.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

from glassbook.errors import GlassbookError
from glassbook.notebook.files import disk_errors, is_inside, replacing

NAME = "features.sqlite"
"""The artifact's name."""
SCHEMA = """
CREATE TABLE header (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE feature (
    idx INTEGER PRIMARY KEY, label TEXT NOT NULL, score REAL, density REAL NOT NULL, max REAL NOT NULL,
    words TEXT NOT NULL, tokens TEXT NOT NULL, promotes TEXT NOT NULL, suppresses TEXT NOT NULL,
    similar TEXT NOT NULL, histogram TEXT NOT NULL, contexts TEXT NOT NULL);
CREATE TABLE detail (idx INTEGER PRIMARY KEY, together TEXT NOT NULL, sampled TEXT NOT NULL);
CREATE TABLE name (
    idx INTEGER NOT NULL, place INTEGER NOT NULL, label TEXT NOT NULL, source TEXT NOT NULL, score REAL,
    scores TEXT NOT NULL, precision REAL, recall REAL, top_precision REAL, PRIMARY KEY (idx, place));
CREATE TABLE elsewhere (place INTEGER PRIMARY KEY, tokens TEXT NOT NULL, active TEXT NOT NULL);
CREATE INDEX feature_density ON feature (density);
CREATE INDEX feature_score ON feature (score);
CREATE INDEX feature_max ON feature (max);
CREATE INDEX feature_label ON feature (label);
"""
"""What the file holds; lists are JSON. The label of a feature is those of its names, its score that of the first.
Older dashboards lack the tables `detail`, `elsewhere` and `name`."""

Order = Literal["index", "density", "score", "label", "max"]
_ORDERS = {"index": "idx", "density": "density", "score": "score", "label": "label", "max": "max"}
Token = tuple[str, float]
"""A token's text and a number that belongs to it."""


@dataclass(frozen=True)
class Name:
    """Something that a feature stands for.

    Attributes:
        label: what it is.
        source: who says so: "truth", "tokens", or a language model's name.
        score: how well the label fits (by its own definition, see the header), None if nobody has looked.
        scores: the same by each measure: "detection" and "fuzzing", balanced accuracies, where they were measured.
        precision: share of the texts with an activation above half of the feature's maximum that the label fits.
        recall: share of the texts that it fits that have such an activation.
        top_precision: share that it fits of the texts with the strongest activations.
    """

    label: str
    source: str
    score: float | None = None
    scores: dict[str, float] = field(default_factory=dict)
    precision: float | None = None
    recall: float | None = None
    top_precision: float | None = None

    def __str__(self) -> str:
        if self.precision is None or self.recall is None:
            return self.label
        return f"{self.label} (precision {self.precision:.2f}, recall {self.recall:.2f})"


@dataclass(frozen=True)
class FeatureRow:
    """A feature in a list."""

    index: int
    label: str
    """All that it stands for, "" if nobody knows."""
    score: float | None
    """How well the first of its names fits, None without one."""
    density: float
    """Share of the tokens that it is active on."""
    max: float
    """Its largest value."""
    tokens: list[Token]
    """The tokens that carry most of its activation, with their shares of it."""
    names: list[Name]
    """What it stands for, with how well that fits, the best first."""


@dataclass(frozen=True)
class Feature(FeatureRow):
    """All that is known of one feature."""

    promotes: list[Token]
    """Tokens that its direction makes likelier, with what a unit of it adds to their logits (relative to the mean)."""
    suppresses: list[Token]
    """Tokens that it makes less likely."""
    similar: list[tuple[int, float]]
    """Features with the nearest directions, and the cosines."""
    histogram: dict[str, list[float]]
    """edges [n + 1] and counts [n] of its values where it is active."""
    contexts: list[list[Token]]
    """Where it is strongest: tokens in order, with its value at each."""
    sampled: list[list[Token]] = field(default_factory=list)
    """Quantiles of all places where it is active, by a random sample: the same, largest value first."""
    together: list[tuple[int, float]] = field(default_factory=list)
    """Features that it is active together with, and the Jaccard index: both active, as a share of either active."""


@dataclass(frozen=True)
class NonActivatingExample:
    """A random excerpt of the text, and the features that are active in it; it is an example for all others."""

    tokens: list[str]
    active: frozenset[int]


@contextlib.contextmanager
def new_store(path: Path) -> Iterator[sqlite3.Connection]:
    """An empty SQLite file to fill; it becomes `path` after the block, or is removed if that raises.

    Raises:
        GlassbookError: the disk refused; an old file is untouched.
    """
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as making:
        try:
            with contextlib.closing(sqlite3.connect(making)) as db:
                # Unread until it is renamed, and it can be made again: no journal, one fsync at the end.
                db.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF")
                yield db
                db.commit()
        except sqlite3.Error as error:
            raise GlassbookError(f"cannot write {path}: {error}; free some space and try again") from error


class FeatureDashboard:
    """Reads the feature dashboard of a run.

    Args:
        folder: the run's folder.

    Raises:
        GlassbookError: there is none, or it cannot be read.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / "artifacts" / NAME
        if not self.exists(folder):
            raise GlassbookError(
                f"run {folder.name} has no feature dashboard; runs of dictionary-learning and tours do"
            )

    @staticmethod
    def exists(folder: Path) -> bool:
        """Whether the run in `folder` has a feature dashboard, which no link brings from elsewhere."""
        path = folder / "artifacts" / NAME
        return path.is_file() and is_inside(path, folder)

    @property
    def header(self) -> dict[str, Any]:
        """model, site, dictionary (the artifact), width, d_in, code, tokens (how many it is made from), label_score."""
        with self._open() as db:
            return {key: json.loads(value) for key, value in db.execute("SELECT key, value FROM header")}

    def rows(
        self,
        text: str = "",
        order: Order = "index",
        descending: bool = False,
        labelled: bool = False,
        density: tuple[float | None, float | None] = (None, None),
        limit: int = 100,
        offset: int = 0,
    ) -> tuple[list[FeatureRow], int]:
        """Some features, and how many there are that fit.

        Args:
            text: words that label or tokens have to contain.
            order: what they are ordered by; those without a score or label come last.
            descending: the other way round.
            labelled: only features with a label.
            density: the least and the largest share of tokens, None for no bound.
            limit: at most so many.
            offset: how many to pass over.

        Raises:
            GlassbookError: there is no such order, or the file is damaged.
        """
        if order not in _ORDERS:
            raise GlassbookError(f"features are not ordered by {order!r}; choose from {', '.join(_ORDERS)}")
        where, values = ["1"], []
        for word in text.casefold().split():
            where.append("instr(words, ?)")
            values.append(word)
        if labelled:
            where.append("label <> ''")
        for bound, sign in zip(density, (">=", "<="), strict=True):
            if bound is not None:
                where.append(f"density {sign} ?")
                values.append(bound)
        column, condition = _ORDERS[order], " AND ".join(where)
        empty = f"{column} IS NULL OR {column} = '', " if order in ("score", "label") else ""
        with self._open() as db:
            (total,) = db.execute(f"SELECT count(*) FROM feature WHERE {condition}", values).fetchone()
            found = db.execute(
                f"""SELECT idx, label, score, density, max, tokens FROM feature WHERE {condition}
                    ORDER BY {empty}{column} {"DESC" if descending else "ASC"}, idx LIMIT ? OFFSET ?""",
                [*values, limit, offset],
            ).fetchall()
            names = self._names(db, {index: (label, score) for index, label, score, *_ in found})
            return [
                FeatureRow(index, label, score, density, peak, _pairs(tokens), names[index])
                for index, label, score, density, peak, tokens in found
            ], total

    def feature(self, index: int) -> Feature:
        """One feature.

        Raises:
            GlassbookError: the dashboard has no feature of that number.
        """
        with self._open() as db:
            row = db.execute(
                """SELECT idx, label, score, density, max, tokens, promotes, suppresses, similar, histogram, contexts
                   FROM feature WHERE idx = ?""",
                [index if abs(index) < 2**63 else -1],  # more than SQLite can count to
            ).fetchone()
            if row is None:
                count, last = db.execute("SELECT count(*), max(idx) FROM feature").fetchone()
                some = "" if last == count - 1 else " of the best"  # as `write_best` keeps them
                raise GlassbookError(f"there is no feature {index}; this dashboard has {count}{some}, counted from 0")
            together, sampled = "[]", "[]"
            if self._has(db, "detail"):
                asked = "SELECT together, sampled FROM detail WHERE idx = ?"
                together, sampled = db.execute(asked, [row[0]]).fetchone() or (together, sampled)
            index, label, score, density, peak, *lists, histogram, contexts = row
            tokens, promotes, suppresses, similar = map(_pairs, lists)
            return Feature(
                index,
                label,
                score,
                density,
                peak,
                tokens,
                self._names(db, {index: (label, score)})[index],
                promotes,
                suppresses,
                similar,
                histogram=json.loads(histogram),
                contexts=_contexts(contexts),
                sampled=_contexts(sampled),
                together=_pairs(together),
            )

    def neighbours(self, index: int) -> tuple[int | None, int | None]:
        """The features before and after one in the order of their numbers; None at the ends."""
        before = "SELECT max(idx) FROM feature WHERE idx < ?"
        after = "SELECT min(idx) FROM feature WHERE idx > ?"
        with self._open() as db:
            return db.execute(before, [index]).fetchone()[0], db.execute(after, [index]).fetchone()[0]

    def non_activating_examples(self) -> list[NonActivatingExample]:
        """Random excerpts of the text, [] in an older dashboard."""
        with self._open() as db:
            if not self._has(db, "elsewhere"):
                return []
            found = db.execute("SELECT tokens, active FROM elsewhere ORDER BY place")
            return [NonActivatingExample(list(json.loads(t)), frozenset(json.loads(a))) for t, a in found]

    def set_names(self, names: Mapping[int, Sequence[Name]], label_score: str = "") -> None:
        """Give features these names in place of those they have; all of them, or none if anything goes wrong.

        Args:
            names: index -> names, the best first; none takes the old ones away.
            label_score: what the scores are, for the header; "" leaves what it says.

        Raises:
            GlassbookError: the dashboard cannot be read, is of an older kind, or the disk refused.
        """
        with self._open() as old, new_store(self.path) as db:
            if not self._has(old, "name"):
                raise GlassbookError(f"{self.path} is of an older kind that keeps no names; make it again")
            old.backup(db)
            write_names(db, names)
            if label_score:
                db.execute("INSERT OR REPLACE INTO header VALUES ('label_score', ?)", [json.dumps(label_score)])

    def write_best(self, path: Path, count: int, dictionary: str | None = None) -> None:
        """Write a dashboard of the `count` features whose names score best, without the random excerpts of the text.

        Args:
            path: the file.
            count: features that are kept at most.
            dictionary: what its header says of the dictionary from now on; None leaves it as it is.

        Raises:
            GlassbookError: the dashboard cannot be read, or the disk refused.
        """
        rows, _ = self.rows(order="score", descending=True, density=(1e-12, None), limit=count)
        kept = {row.index for row in rows}
        these = f"({', '.join(map(str, sorted(kept)))})"
        with self._open() as old, new_store(path) as db:
            old.backup(db)
            lists = {"feature": "similar", "detail": "together", "name": None}
            for table, column in ((table, column) for table, column in lists.items() if self._has(old, table)):
                db.execute(f"DELETE FROM {table} WHERE idx NOT IN {these}")
                if column is None:
                    continue
                for index, others in db.execute(f"SELECT idx, {column} FROM {table}").fetchall():
                    left = [pair for pair in _pairs(others) if pair[0] in kept]
                    db.execute(f"UPDATE {table} SET {column} = ? WHERE idx = ?", [json.dumps(left), index])
            db.execute("DROP TABLE IF EXISTS elsewhere")
            if dictionary is not None:
                db.execute("UPDATE header SET value = ? WHERE key = 'dictionary'", [json.dumps(dictionary)])
            db.commit()
            db.execute("VACUUM")

    def _names(self, db: sqlite3.Connection, labels: Mapping[int, tuple[str, float | None]]) -> dict[int, list[Name]]:
        """The names of some features, index -> (label, score); an older dashboard says no more than those."""
        names = {index: [Name(label, "", score)] if label else [] for index, (label, score) in labels.items()}
        if self._has(db, "name"):
            found = db.execute(
                """SELECT idx, label, source, score, scores, precision, recall, top_precision FROM name
                   WHERE idx IN (SELECT value FROM json_each(?)) ORDER BY idx, place""",
                [json.dumps(list(labels))],
            )
            for index, rows in groupby(found, key=itemgetter(0)):
                names[index] = [
                    Name(label, source, score, dict(json.loads(scores)), *precisions)
                    for _, label, source, score, scores, *precisions in rows
                ]
        return names

    @staticmethod
    def _has(db: sqlite3.Connection, table: str) -> bool:
        return db.execute("SELECT 1 FROM sqlite_master WHERE name = ?", [table]).fetchone() is not None

    def words(self) -> Iterator[tuple[int, str, str]]:
        """(index, title, text) of the features that were ever active, for search."""
        with self._open() as db:
            for index, label, tokens in db.execute(
                "SELECT idx, label, tokens FROM feature WHERE density > 0 ORDER BY idx"
            ):
                named = " ".join(token.strip() for token, _ in _pairs(tokens))
                yield index, label or f"feature {index}", named

    @contextlib.contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        # Immutable: nobody writes a finished dashboard, and a reader must leave no lock or journal beside it.
        address = f"file:{quote(str(self.path))}?mode=ro&immutable=1"
        try:
            with contextlib.closing(sqlite3.connect(address, uri=True)) as db:
                yield db
        except (sqlite3.DatabaseError, ArithmeticError, LookupError, RecursionError, TypeError, ValueError) as error:
            raise GlassbookError(f"{self.path} cannot be read as a feature dashboard: {error}") from error


def write_names(db: sqlite3.Connection, names: Mapping[int, Sequence[Name]]) -> None:
    """Give features of an open dashboard these names in place of those they have: index -> names, the best first."""
    for index, given in names.items():
        (tokens,) = db.execute("SELECT tokens FROM feature WHERE idx = ?", [index]).fetchone()
        label = "; ".join(name.label for name in given)
        words = f"{label} {' '.join(token for token, _ in _pairs(tokens))}".casefold()
        score = given[0].score if given else None
        db.execute("UPDATE feature SET label = ?, score = ?, words = ? WHERE idx = ?", [label, score, words, index])
        db.execute("DELETE FROM name WHERE idx = ?", [index])
        rows = [
            (index, place, n.label, n.source, n.score, json.dumps(n.scores), n.precision, n.recall, n.top_precision)
            for place, n in enumerate(given)
        ]
        db.executemany("INSERT INTO name VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)


def _pairs(text: str) -> list[Any]:
    return [(first, second) for first, second in json.loads(text)]


def _contexts(text: str) -> list[list[Token]]:
    return [[(token, value) for token, value in context] for context in json.loads(text)]
