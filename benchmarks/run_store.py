"""What it costs to log a point and to read runs, beside a plain JSON Lines file and SQLite in the same process.

    python benchmarks/run_store.py [points] [runs]

Every store keeps the same promise: when the call returns, the point survives the death of the process.
"""

from __future__ import annotations

import json
import os
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from glassbook.notebook import Notebook

ROUNDS = 5


def per_call(log: Callable[[int], object], points: int) -> tuple[float, float]:
    """(median over rounds of the mean microseconds of a call, 99th percentile of single calls in microseconds)."""
    means, single = [], []
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        for step in range(points):
            log(step)
        means.append((time.perf_counter() - begin) / points * 1e6)
    for step in range(points):
        begin = time.perf_counter()
        log(step)
        single.append((time.perf_counter() - begin) * 1e6)
    return median(means), sorted(single)[int(0.99 * points)]


def main(points: int = 20_000, runs: int = 200) -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as folder:
        nb = Notebook.create(Path(folder) / "book")
        run = nb.start_run("speed")
        rows = {"glassbook run.log": per_call(lambda step: run.log(step, loss=0.1 * step), points)}
        run.finish()

        plain = os.open(Path(folder) / "plain.jsonl", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

        def write_line(step: int) -> None:
            line = {"event": "metric", "time": time.time(), "step": step, "metrics": {"loss": 0.1 * step}}
            os.write(plain, json.dumps(line).encode() + b"\n")

        rows["json.dumps + os.write"] = per_call(write_line, points)
        os.close(plain)

        db = sqlite3.connect(Path(folder) / "points.db", isolation_level=None)
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = NORMAL")
        db.execute("CREATE TABLE point (run TEXT, name TEXT, step INTEGER, time REAL, value REAL)")

        def insert(step: int) -> None:
            db.execute("INSERT INTO point VALUES ('run', 'loss', ?, ?, ?)", [step, time.time(), 0.1 * step])

        rows["sqlite3, WAL, autocommit"] = per_call(insert, points)
        db.close()

        print(f"{'logging one point':28}{'mean us':>10}{'p99 us':>10}")
        for name, (mean, p99) in rows.items():
            print(f"{name:28}{mean:10.1f}{p99:10.1f}")

        for seed in range(runs):
            with nb.start_run("many", config={"width": seed % 7}, seed=seed) as one:
                for step in range(1000):
                    one.log(step, loss=1 / (step + 1))
                one.result(loss=0.001)
        timings = {}
        for name in ("first, index made anew", "again, nothing changed"):
            if name.startswith("first"):
                nb.close()
                for file in (nb.folder / ".glassbook").glob("index.db*"):
                    file.unlink()
            begin = time.perf_counter()
            found = [record.results for record in nb.runs("many")]
            timings[name] = (time.perf_counter() - begin) * 1e3
            assert len(found) == runs
        begin = time.perf_counter()
        steps, _ = nb.run(run.id).metrics("loss")
        timings[f"one metric, {points * (ROUNDS + 1)} lines"] = (time.perf_counter() - begin) * 1e3
        assert len(steps) == points
        print(f"\n{f'reading results of {runs} runs':38}{'ms':>10}")
        for name, taken in timings.items():
            print(f"{name:38}{taken:10.1f}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
