"""Runs and search beside what people use today: MLflow and Trackio for runs, Datasette and ripgrep for search.

    python benchmarks/notebook_peers.py [--venv FOLDER] [notes]

FOLDER is a virtual environment with mlflow-skinny, sqlalchemy, alembic, trackio and datasette in it; it is made if it
is not there. Every store is asked for the same work on this machine, one after the other.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from urllib.request import urlopen

import notebook_scale

from glassbook.notebook import Notebook

PACKAGES = ("mlflow-skinny", "sqlalchemy", "alembic", "trackio", "datasette")
RUNS, POINTS = 200, 500

MLFLOW = """
import json, sys, time
import mlflow
from mlflow.entities import Metric
from mlflow.tracking import MlflowClient
place, runs, points = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
client = MlflowClient(f"sqlite:///{place}/mlflow.db")
experiment = client.create_experiment("speed")
single = client.create_run(experiment).info.run_id
begin = time.perf_counter()
for step in range(100):
    client.log_metric(single, "loss", 0.5, step=step)
one = (time.perf_counter() - begin) / 100
begin, n, ids = time.perf_counter(), 0, []
for r in range(runs):
    run = client.create_run(experiment).info.run_id
    ids.append(run)
    rows = [Metric("loss", 0.5 / (s + 1), 0, s) for s in range(points)]
    for i in range(0, points, 500):
        client.log_batch(run, rows[i : i + 500])
        n += 500
batched = (time.perf_counter() - begin) / n
took = []
for _ in range(5):
    begin = time.perf_counter()
    found = client.search_runs([experiment], max_results=runs)
    assert len([r.data.metrics["loss"] for r in found if "loss" in r.data.metrics]) >= runs - 1
    took.append(time.perf_counter() - begin)
print(json.dumps({"single": one, "batched": batched, "latest": sorted(took)[2]}))
"""

TRACKIO = """
import json, os, sys, time
os.environ["TRACKIO_DIR"] = sys.argv[1]
import contextlib, io
import trackio
with contextlib.redirect_stdout(io.StringIO()):
    run = trackio.init(project="speed", embed=False)
    begin = time.perf_counter()
    for step in range(2000):
        trackio.log({"loss": 0.5}, step=step)
    one = (time.perf_counter() - begin) / 2000
    begin = time.perf_counter()
    trackio.finish()
    whole = one + (time.perf_counter() - begin) / 2000
print(json.dumps({"single": one, "with finish": whole}))
"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--venv", type=Path, default=Path.home() / ".cache" / "glassbook" / "peers")
    parser.add_argument("notes", type=int, nargs="?", default=20_000)
    options = parser.parse_args()
    python = _python(options.venv)
    with tempfile.TemporaryDirectory() as place:
        _runs(Path(place), python)
        _search(Path(place), python, options.notes)


def _python(venv: Path) -> Path:
    python = venv / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", *PACKAGES], check=True)
    return python


def _peer(python: Path, program: str, *words: str) -> dict[str, float]:
    """What a program of a peer prints; nothing if it cannot run here."""
    done = subprocess.run([str(python), "-c", program, *words], capture_output=True, text=True, timeout=600)
    if done.returncode:
        print("  (cannot run here: " + done.stderr.strip().splitlines()[-1][:150] + ")")
        return {}
    return json.loads(done.stdout.strip().splitlines()[-1])


def _runs(place: Path, python: Path) -> None:
    nb = Notebook.create(place / "nb")
    begin = time.perf_counter()
    ids = []
    for _ in range(RUNS):
        with nb.start_run("speed", {}) as run:
            for step in range(POINTS):
                run.log(step, loss=0.5 / (step + 1))
            ids.append(run.id)
    ours = (time.perf_counter() - begin) / RUNS / POINTS
    nb.index.latest(ids)
    took = []
    for _ in range(5):
        begin = time.perf_counter()
        assert all(v["loss"][0] == POINTS - 1 for v in nb.index.latest(ids).values())
        took.append(time.perf_counter() - begin)
    print(f"{RUNS} runs of {POINTS} points                      per point    latest of all")
    latest = median(took)
    print(f"  glassbook, each point on its own       {ours * 1e6:8.1f} us   {latest * 1e3:8.1f} ms")
    (place / "mlflow").mkdir()
    if found := _peer(python, MLFLOW, str(place / "mlflow"), str(RUNS), str(POINTS)):
        one, batched, slow = found["single"], found["batched"], found["latest"]
        print(f"  mlflow, each point on its own          {one * 1e6:8.1f} us   ({one / ours:.0f} times ours)")
        print(f"  mlflow, 500 points at a time           {batched * 1e6:8.1f} us   {slow * 1e3:8.1f} ms", end="")
        print(f"   ({batched / ours:.0f} and {slow / latest:.0f} times ours)")
    (place / "trackio").mkdir()
    if found := _peer(python, TRACKIO, str(place / "trackio")):
        one, whole = found["single"], found["with finish"]
        print(f"  trackio, log alone                     {one * 1e6:8.1f} us   ({one / ours:.0f} times ours)")
        print(f"  trackio, until finish returns          {whole * 1e6:8.1f} us   ({whole / ours:.0f} times ours)")
    nb.close()


def _search(place: Path, python: Path, notes: int) -> None:
    folder = place / "search"
    words = notebook_scale.make(folder, notes, 0)
    nb = Notebook(folder)
    nb.index.follow()
    rng = random.Random(3)
    asked = words[:20] + [rng.choice(words[:5000]) for _ in range(80)]
    print(f"\nsearch in {notes:,} notes, 20 commonest words and 80 others")
    nb.index.search(asked[0])
    print(f"  glassbook, in process     {notebook_scale.timed(nb.index.search, asked)}")
    _over_http(folder, asked)
    _datasette(place, folder, python, asked)
    if rg := shutil.which("rg"):
        pages = str(folder / "pages")

        def grep(word: str) -> None:
            subprocess.run([rg, "--files-with-matches", "-F", word, pages], stdout=subprocess.DEVNULL, check=False)

        print(f"  ripgrep, names of files   {notebook_scale.timed(grep, asked)}")
    nb.close()


def _over_http(folder: Path, asked: list[str]) -> None:
    command = [sys.executable, "-m", "glassbook", "serve", "--port", "0", "--json", "--notebook", str(folder)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    url = json.loads(server.stdout.readline())["url"]
    try:
        urlopen(f"{url}api/v1/search?q=x").read()
        ask = notebook_scale.timed(lambda word: urlopen(f"{url}api/v1/search?q={word}").read(), asked)
        print(f"  glassbook, over HTTP      {ask}")
    finally:
        server.terminate()
        server.wait()


def _datasette(place: Path, folder: Path, python: Path, asked: list[str]) -> None:
    """The same notes in a table with full-text search, asked as JSON over HTTP."""
    import sqlite3

    path = place / "notes.db"
    db = sqlite3.connect(path)
    db.execute("CREATE TABLE notes (id INTEGER PRIMARY KEY, title TEXT, body TEXT)")
    pages = sorted(folder.glob("pages/*/*.md"))
    db.executemany("INSERT INTO notes VALUES (?, ?, ?)", [(i, p.stem, p.read_text()) for i, p in enumerate(pages)])
    db.execute("CREATE VIRTUAL TABLE notes_fts USING fts5 (title, body, content=notes, content_rowid=id)")
    db.execute("INSERT INTO notes_fts (notes_fts) VALUES ('rebuild')")
    db.commit()
    db.close()
    command = [str(python), "-m", "datasette", "serve", str(path), "--port", "8917"]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    sql = (
        "select+notes.id,+notes.title,+snippet(notes_fts,1,'','','',24)+from+notes_fts+join+notes+on+notes.id=notes_fts.rowid"
        "+where+notes_fts+match+:q+order+by+rank+limit+20"
    )
    base = f"http://127.0.0.1:8917/notes.json?sql={sql}&_shape=array&q="
    try:
        for _ in range(100):
            try:
                urlopen(base + "x").read()
                break
            except OSError:
                time.sleep(0.2)
        ask = notebook_scale.timed(lambda word: urlopen(base + word).read(), asked)
        print(f"  datasette, 20 by bm25     {ask}")
    except OSError as error:
        print(f"  (datasette cannot be asked here: {error})")
    finally:
        server.terminate()
        server.wait()


if __name__ == "__main__":
    main()
