"""How quick the notebook's server answers, asked over HTTP as a browser asks.

    python benchmarks/notebook_http.py [notes] [runs]

The synthetic notebook of notebook_scale.py, served by `glassbook serve`.
"""

from __future__ import annotations

import http.client
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import quote

import notebook_scale


def main(notes: int = 100_000, runs: int = 10_000) -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "notebook"
        words = notebook_scale.make(folder, notes, runs)
        first, server = _serve(folder)
        print(f"{'start with no index':32} {first:8.2f} s")
        server.terminate()
        server.wait()
        again, server = _serve(folder)
        print(f"{'start':32} {again:8.2f} s")
        try:
            _settle(server.pid)
            _ask(json.loads((Path(place) / "url").read_text()), words, notes)
            print(f"{'memory of the server':32} {_memory(server.pid):8.0f} MB")
        finally:
            server.terminate()
            server.wait()


def _serve(folder: Path) -> tuple[float, subprocess.Popen[str]]:
    """(seconds until it answers, the server)."""
    begin = time.perf_counter()
    command = [sys.executable, "-m", "glassbook", "serve", "--port", "0", "--json", "--notebook", str(folder)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    url = json.loads(server.stdout.readline())["url"]
    (folder.parent / "url").write_text(json.dumps(url))
    return time.perf_counter() - begin, server


def _settle(pid: int) -> None:
    """Wait until the server has looked through all files, which it does after it has begun to answer."""
    before = _used(pid)
    for _ in range(60):
        time.sleep(1)
        now = _used(pid)
        if now - before < 0.2:
            return
        before = now


def _used(pid: int) -> float:
    """Seconds of processor time of a process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _ask(url: str, words: list[str], notes: int) -> None:
    connection = http.client.HTTPConnection(url.removeprefix("http://").rstrip("/"))

    def get(path: str) -> bytes:
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read()
        assert answer.status == 200, (path, answer.status, body[:200])
        return body

    rng = random.Random(2)
    pages = [f"/p/note-{rng.randrange(notes)}" for _ in range(200)]
    search = "/api/v1/search?q="
    pairs = [f"{search}{quote(' '.join(rng.choices(words[:3000], k=2)))}" for _ in range(200)]
    rows = [
        ("search, commonest words", [search + word for word in words[: notebook_scale.COMMON]] * 5),
        ("search, two words", pairs),
        ("search, misspelt words", [search + word for word in notebook_scale.misspelt(rng.choices(words, k=200), rng)]),
        ("find as one types", [f"/api/v1/find?q={w[:n]}" for w in rng.choices(words, k=60) for n in (1, 2, 3, 4, 5)]),
        (
            "find, misspelt words",
            [f"/api/v1/find?q={w}" for w in notebook_scale.misspelt(rng.choices(words, k=200), rng)],
        ),
        ("page of results", [f"/search?q={word}" for word in rng.choices(words[:3000], k=100)]),
        ("names as one types", [f"/api/v1/complete?q={w[:n]}" for w in rng.choices(words, k=60) for n in (1, 2, 3, 4)]),
        ("pages, first time", pages),
        ("pages, again", pages),
        ("table of runs", ["/runs?order=results.loss", "/runs", "/runs?experiment=experiment-3"] * 10),
        ("runs as JSON", ["/api/v1/runs?order=results.loss", "/api/v1/runs"] * 10),
        (f"run with {notebook_scale.METRICS:,} metrics", [f"/runs/{notebook_scale.WIDE}"] * 20),
        ("one of its curves", [f"/api/v1/runs/{notebook_scale.WIDE}/metrics?names=layer_0%2Fmetric_0"] * 20),
        ("home", ["/"] * 20),
        ("glossary", ["/glossary"] * 10),
        ("claims", ["/claims"] * 5),
    ]
    get("/")
    for name, paths in rows:
        if name == f"run with {notebook_scale.METRICS:,} metrics":
            print(f"{f'{name}, first time':32} {notebook_scale.timed(get, paths[:1])}")
        if name != "pages, first time":
            get(paths[0])
        print(f"{name:32} {notebook_scale.timed(get, paths)}")


def _memory(pid: int) -> float:
    """Resident memory of a process in MB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1e3
    return float("nan")


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:]))
