"""How quick a large notebook is: index, search, names as they are typed, tables of runs, memory.

    python benchmarks/notebook_scale.py [notes] [runs]

Makes a synthetic notebook in a temporary folder: notes of about 1.7 KB in four sections, words by Zipf's law over
20,000 forms, wikilinks; runs with a few settings, results and 500 logged points each for the newest 200, and one that
logged METRICS metrics at 100 steps.
"""

from __future__ import annotations

import json
import os
import random
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

from glassbook.notebook import Notebook
from glassbook.notebook.pages.references import References

COMMON = 20
"""The commonest words, which match nearly every note."""
METRICS = 3000
WIDE = "20250101-000000-000000-wide"
"""The run with METRICS metrics."""
WORKS = 20_000
"""Entries of the BibTeX file."""


def make(folder: Path, notes: int, runs: int) -> list[str]:
    """Write the notebook; returns its words, the commonest first."""
    rng = random.Random(0)
    syllables = ["ba", "co", "di", "fe", "go", "hu", "ka", "li", "mo", "ne", "pu", "ra", "si", "to", "vu", "ze"]
    words = list(dict.fromkeys("".join(rng.choices(syllables, k=rng.randint(2, 5))) for _ in range(26_000)))[:20_000]
    weights = list(accumulate(1 / (i + 1) for i in range(len(words))))
    Notebook.create(folder).close()
    for n in range(notes):
        text = rng.choices(words, cum_weights=weights, k=180)
        title = f"{text[0]} {text[1]} {n}"
        parts = [f"## {text[2 + i]} {text[6 + i]}\n\n" + " ".join(text[45 * i : 45 * i + 45]) for i in range(4)]
        if n > 2:
            parts[1] += f" [[note-{rng.randrange(n)}]] and [[note-{rng.randrange(n)}]]"
        head = f"---\nid: note-{n}\ntitle: {title}\nkind: {'term' if n % 4 == 0 else 'note'}\nlevel: {n % 100}\n"
        path = folder / "pages" / f"{n // 1000:03}" / f"note-{n}.md"
        if n % 1000 == 0:
            path.parent.mkdir()
        path.write_text(f"{head}tags: [{words[n % 50]}]\n---\n# {title}\n\n" + "\n\n".join(parts) + "\n")
    _make_runs(folder / "runs", runs, rng)
    _make_wide(folder / "runs" / WIDE, rng)
    return words


def misspelt(words: list[str], rng: random.Random) -> list[str]:
    """The words with two neighbouring letters swapped, a letter left out, or another in the place of one."""
    out = []
    for word in words:
        at = rng.randrange(1, max(2, len(word) - 2))
        swapped = word[:at] + word[at + 1 : at + 2] + word[at : at + 1] + word[at + 2 :]
        out.append(rng.choice([swapped, word[:at] + word[at + 1 :], word[:at] + "x" + word[at + 1 :]]))
    return out


def bibtex(works: int) -> str:
    """A BibTeX file as reference managers write it, with an abstract in each entry."""
    abstract = "We show that {sparse} features are found in $x_t$, and that \\'{e}tudes differ. " * 12
    entry = (
        '@article{{key{n},\n  author = {{Family{n}, Given and M{{\\"u}}ller, Anna and {{The Group}}}},\n'
        "  title = {{A {{Title}} of the Work {n}}},\n  journal = {{Journal of Work}},\n  year = {{{year}}},\n"
        "  volume = {{{n}}},\n  pages = {{1--{n}}},\n  doi = {{10.1000/x.{n}}},\n  abstract = {{{abstract}}},\n}}\n"
    )
    return "\n".join(entry.format(n=n, year=1950 + n % 70, abstract=abstract) for n in range(works))


def _make_runs(folder: Path, runs: int, rng: random.Random) -> None:
    for n in range(runs):
        place = folder / f"2026{1 + n % 12:02}01-{n // 3600 % 24:02}{n // 60 % 60:02}{n % 60:02}-{n:06}-abcd"
        place.mkdir()
        config = {"lr": rng.random(), "width": rng.randrange(64, 1024), "model": {"layers": n % 12}}
        header = {"format": 1, "experiment": f"experiment-{n % 7}", "seed": n % 3, "config": config, "claims": []}
        header |= {"created": f"2026-{1 + n % 12:02}-01T00:00:{n % 60:02}+00:00", "code": {}, "environment": {}}
        (place / "run.json").write_text(json.dumps(header))
        points = 500 if n >= runs - 200 else 20
        lines = [{"event": "start", "time": 1.0, "pid": 1, "host": "elsewhere"}]
        lines += [
            {"event": "metric", "time": 1.0 + i, "step": i, "metrics": {"loss": rng.random(), "rate": 0.1}}
            for i in range(points)
        ]
        lines.append({"event": "result", "time": 9.0, "metrics": {"loss": rng.random(), "accuracy": rng.random()}})
        lines.append({"event": "end", "time": 9.0, "state": "finished"})
        _write_events(place, lines)


def _make_wide(place: Path, rng: random.Random) -> None:
    place.mkdir()
    header = {"format": 1, "experiment": "wide", "seed": 0, "config": {}, "claims": [], "code": {}, "environment": {}}
    (place / "run.json").write_text(json.dumps(header | {"created": "2025-01-01T00:00:00+00:00"}))
    names = [f"layer_{n // 30}/metric_{n % 30}" for n in range(METRICS)]
    lines: list[dict[str, Any]] = [{"event": "start", "time": 1.0, "pid": 1, "host": "elsewhere"}]
    for step in range(100):
        metrics = {name: round(rng.random(), 4) for name in names}
        lines.append({"event": "metric", "time": 1.0 + step, "step": step, "metrics": metrics})
    lines.append({"event": "result", "time": 101.0, "metrics": {"loss": 0.5}})
    lines.append({"event": "end", "time": 101.0, "state": "finished"})
    _write_events(place, lines)


def _write_events(place: Path, lines: list[dict[str, Any]]) -> None:
    text = "\n".join(json.dumps(line, separators=(",", ":")) for line in lines) + "\n"
    (place / "events.jsonl").write_text(text)


def timed(ask: Callable[[Any], object], given: list[Any]) -> str:
    """Median, 95th and 99th percentile in milliseconds."""
    took = []
    for value in given:
        begin = time.perf_counter()
        ask(value)
        took.append((time.perf_counter() - begin) * 1e3)
    took.sort()
    p50, p95, p99 = (took[min(len(took) - 1, int(q * len(took)))] for q in (0.5, 0.95, 0.99))
    return f"p50 {p50:8.2f}   p95 {p95:8.2f}   p99 {p99:8.2f} ms   (n = {len(took)})"


def main(notes: int = 100_000, runs: int = 10_000) -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "notebook"
        words = make(folder, notes, runs)
        begin = time.perf_counter()
        code = "import sys; from glassbook.notebook import Notebook; Notebook(sys.argv[1]).index.follow()"
        pid = os.spawnv(os.P_NOWAIT, sys.executable, [sys.executable, "-c", code, str(folder)])
        os.waitpid(pid, 0)
        print(f"{'full index':28} {time.perf_counter() - begin:8.2f} s")
        size = sum(file.stat().st_size for file in (folder / ".glassbook").iterdir()) / 1e6
        text = sum(file.stat().st_size for file in folder.glob("pages/*/*.md")) / 1e6
        print(f"{'size of the index':28} {size:8.1f} MB for {text:.1f} MB of text")
        begin = time.perf_counter()
        nb = Notebook(folder)
        nb.index.follow()
        print(f"{'start, nothing changed':28} {time.perf_counter() - begin:8.2f} s")
        _questions(nb, words, notes, runs)
        used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
        print(f"{'memory, at most':28} {used:8.0f} MB")
        begin = time.perf_counter()
        found = len(References(folder).from_bibtex(bibtex(WORKS)))
        print(f"{f'{found:,} works of BibTeX':28} {time.perf_counter() - begin:8.2f} s")
        nb.close()


def _questions(nb: Notebook, words: list[str], notes: int, runs: int) -> None:
    rng = random.Random(1)
    mixed = [" ".join(rng.choices(words[:3000], k=rng.randint(1, 3))) for _ in range(200)]
    rows: list[tuple[str, Callable[[Any], object], list[Any]]] = [
        ("search, commonest words", nb.index.search, words[:COMMON] * 5),
        ("search, two common words", nb.index.search, [f"{a} {b}" for a, b in pairwise(words[:40])] * 3),
        ("search, mixed", nb.index.search, mixed),
        ("search, rare word", nb.index.search, words[-200:]),
        ("search, misspelt words", nb.index.search, misspelt(rng.choices(words, k=200), rng)),
        ("names as they are typed", nb.index.complete, [w[:n] for w in rng.choices(words, k=60) for n in (1, 2, 3, 4)]),
        ("a page", nb.page, [f"note-{rng.randrange(notes)}" for _ in range(200)]),
        ("its backlinks", nb.index.backlinks, [f"note-{rng.randrange(notes)}" for _ in range(200)]),
        ("its graph", nb.index.graph, [nb.page(f"note-{rng.randrange(notes)}") for _ in range(100)]),
        ("table of pages", lambda o: nb.index.page_rows(order=o, offset=50), ["title", "level", "modified"] * 10),
        ("table of runs", lambda o: nb.index.run_table(order=o), ["started", "results.loss", "config.lr"] * 10),
        (
            "runs of one experiment",
            lambda o: nb.index.run_table("experiment-3", order=o),
            ["results.loss", "seed"] * 10,
        ),
    ]
    for name, ask, given in rows:
        ask(given[0])
        print(f"{name:28} {timed(ask, given)}")
    newest = [row.id for row in nb.index.run_table(limit=200).rows]
    print(f"{'latest metrics of 200 runs':28} {timed(nb.index.latest, [newest] * 20)}")

    def change(n: int) -> None:
        page = nb.page(f"note-{n}")
        page.body += " changed"
        nb.write(page)
        nb.index.page_count()

    print(f"{'one note changed and seen':28} {timed(change, [rng.randrange(notes) for _ in range(50)])}")


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:]))
