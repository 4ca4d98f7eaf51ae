"""Index rows of runs: plain data, which another process may have made."""

from __future__ import annotations

import contextlib
import json
import math
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from glassbook.errors import GlassbookError
from glassbook.notebook.index import schema
from glassbook.notebook.runs.annotations import NONE, Annotations, from_text, read_annotations, tag_key, to_text
from glassbook.notebook.runs.events import Summary, summarise
from glassbook.notebook.runs.feature_dashboard import FeatureDashboard
from glassbook.notebook.runs.record import RunRecord, read_claims, read_header, read_record
from glassbook.notebook.serialization import flat, read_number, whole

COLUMNS = (
    "id", "stamp", "experiment", "header", "summary", "words", "claims", "problem", "started", "status", "seed",
    "folded", "latest", "annotations", "archived",
    "duration",
)  # fmt: skip


def read_run(folder: Path, stamp: str, known: tuple[str, str] | None = None) -> dict[str, Any]:
    """The row of the run in `folder`, with its values as "values"; one that cannot be read has its problem.

    Args:
        folder: the run's folder.
        stamp: what its files looked like before (see `scan.run_stamp`).
        known: its summary and latest values as the index has them: the log is then read on from there.
    """
    before = Summary.from_data({**json.loads(known[0]), "latest": json.loads(known[1])}) if known else None
    try:
        header = read_header(folder)
        return _row(folder, stamp, header, summarise(folder / "events.jsonl", before), read_annotations(folder))
    except GlassbookError as error:
        problem = str(error)
    except (ArithmeticError, LookupError, RecursionError, TypeError, ValueError) as error:
        # A record that nobody thought of must not take the other runs with it.
        problem = f"{folder}: the run cannot be read ({type(error).__name__}: {error})"
    return _row(folder, stamp, {}, Summary(), NONE, whole(problem))


def _row(
    folder: Path,
    stamp: str,
    header: dict[str, Any],
    summary: Summary,
    annotations: Annotations,
    problem: str | None = None,
) -> dict[str, Any]:
    record = read_record(folder, header, summary, annotations)
    experiment = whole(record.experiment)
    parts = [experiment, *schema.flat(header.get("config")), *summary.notes, " ".join(summary.results)]
    parts += [annotations.note, " ".join(annotations.tags)]
    words = whole("\n".join(parts))
    data = asdict(summary)
    latest = data.pop("latest")
    row = [
        folder.name,
        stamp,
        experiment,
        json.dumps(header),
        json.dumps(data),
        words,
        json.dumps([claim.to_data() for claim in read_claims(header)]),
        problem,
        record.started.timestamp(),
        record.status,
        _column(record.seed),
        f"{words.casefold()} {folder.name}",
        json.dumps(latest),
        to_text(annotations),
        annotations.archived,
        (record.ended - record.started).total_seconds() if record.ended else None,
    ]
    return {**dict(zip(COLUMNS, row, strict=True)), "values": _values(record)}


def write_runs(db: sqlite3.Connection, folder: Path, rows: Sequence[dict[str, Any]]) -> None:
    """Write some runs, in place of what the index knew of them. `folder` is the notebook's."""
    tags = {row["id"]: from_text(row["annotations"]).tags for row in rows}
    for row in rows:
        name, words = row["id"], row["words"]
        known = db.execute("SELECT words, stamp, problem FROM run WHERE id = ?", [name]).fetchone()
        if known is None or (known[0], known[2]) != (words, row["problem"]):
            if known is not None:
                schema.forget(db, "run", name)
            if row["problem"] is None:
                schema.add(
                    db,
                    schema.Entry("run", name, name, f"{row['experiment']} {name}", words, tag=" \n".join(tags[name])),
                )
        if known is None or known[1].rpartition("|")[2] != row["stamp"].rpartition("|")[2]:
            _write_dashboard(db, folder / "runs" / name, known is not None)
    marks = ", ".join("?" * len(COLUMNS))
    db.executemany(f"INSERT OR REPLACE INTO run VALUES ({marks})", [[row[c] for c in COLUMNS] for row in rows])
    db.executemany("DELETE FROM run_tag WHERE run = ?", [(row["id"],) for row in rows])
    said = [(tag_key(tag), tag, name) for name, own in tags.items() for tag in own]
    db.executemany("INSERT INTO run_tag VALUES (?, ?, ?)", said)
    values = [(k, row["id"], v) for row in rows for k, v in row["values"].items()]
    db.executemany("INSERT OR REPLACE INTO run_value VALUES (?, ?, ?)", values)
    columns = {(row["experiment"], column) for row in rows for column in row["values"]}
    db.executemany("INSERT OR IGNORE INTO run_column VALUES (?, ?)", columns)


def forget_runs(db: sqlite3.Connection, names: Iterable[str]) -> None:
    """Runs were deleted: their values go, and the columns that nobody else has."""
    given = [(name,) for name in names]
    if not given:
        return
    db.executemany("DELETE FROM run WHERE id = ?", given)
    for (name,) in given:
        schema.forget(db, "run", name)
        schema.forget(db, "feature", name)
    for table in ("run_value", "run_tag"):
        db.executemany(f"DELETE FROM {table} WHERE run = ?", given)
    db.execute("DELETE FROM run_column")
    db.execute(
        """INSERT INTO run_column SELECT DISTINCT run.experiment, run_value.name
           FROM run_value JOIN run ON run.id = run_value.run"""
    )


def _write_dashboard(db: sqlite3.Connection, run: Path, forget: bool) -> None:
    """Let search find the features of a run's feature dashboard."""
    if forget:
        schema.forget(db, "feature", run.name)
    if FeatureDashboard.exists(run):
        # A dashboard that cannot be read says so on its own page.
        with contextlib.suppress(GlassbookError):
            for index, title, text in FeatureDashboard(run).words():
                schema.add(db, schema.Entry("feature", run.name, f"{run.name}/{index}", title, text))


def _values(record: RunRecord) -> dict[str, Any]:
    """What a run can be sorted by: "config.<setting>" (nested ones by their path), "results.<metric>" and "flop"."""
    values = flat(record.config, "config.") | flat(record.results, "results.")
    values |= {} if record.flop is None else {"flop": record.flop}
    return {whole(name): _sortable(value) for name, value in values.items()}


def _sortable(value: Any) -> float | str | None:
    """A value as SQLite orders it: numbers before text; what is not finite counts as missing."""
    if value is None or isinstance(value, bool | int | float):
        number = read_number(value)
        return number if number is not None and math.isfinite(number) else None
    return whole(value if isinstance(value, str) else json.dumps(value))


def _column(number: int) -> int | float | None:
    """A whole number as SQLite can hold it to sort by: beyond 64 bits the nearest float."""
    return number if -(2**63) <= number < 2**63 else read_number(number)
