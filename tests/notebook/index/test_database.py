"""An index that is damaged anywhere is made again; an error of ours is none of its damages."""

import random
import shutil
from pathlib import Path
from typing import Any

import pytest

from glassbook.notebook import Notebook


def said(folder: Path) -> Any:
    nb = Notebook(folder)
    try:
        found = sorted(hit.id for hit in nb.index.search("hello", 50))
        return found, [page.title for page in nb.pages()], [run.results for run in nb.runs()], nb.index.latest(["x"])
    finally:
        nb.close()


@pytest.fixture
def folder(nb: Notebook) -> Path:
    for n in range(20):
        (nb.folder / "pages" / f"p{n}.md").write_text(f"# Page {n}\n\nhello [[Page {n + 1}]]\n")
    with nb.start_run("e", {"a": [1, {"b": 2}]}) as run:
        run.log(a=1)
        run.result(b=2)
    return nb.folder


@pytest.mark.parametrize("seed", range(6))
def test_random_damage(folder: Path, seed: int):
    rng, right, path = random.Random(seed), said(folder), folder / ".glassbook" / "index.db"
    whole = path.read_bytes()
    for name in ("index.db-wal", "index.db-shm"):
        (path.parent / name).unlink(missing_ok=True)
    data = bytearray(whole)
    place = rng.randrange(0, len(data), 4096)
    if seed % 3 == 0:
        data[place : place + 4096] = rng.randbytes(4096)
    elif seed % 3 == 1:
        data[place : place + 4096] = bytes(4096)
    else:
        del data[rng.randrange(len(data)) :]
    path.write_bytes(bytes(data))
    assert said(folder) == right


@pytest.mark.parametrize("column", ["summary", "header", "latest"])
@pytest.mark.parametrize("value", [b"\xff\xfe", b"{", b"[1]", b'{"results": 5}'])
def test_values_that_are_not_what_was_written(folder: Path, column: str, value: bytes):
    right, nb = said(folder), Notebook(folder)
    (run,) = nb.runs()
    nb.index._open().execute(f"UPDATE run SET {column} = CAST(? AS TEXT)", [value])
    nb.close()
    nb = Notebook(folder)
    assert [record.results for record in nb.runs()] in ([{"b": 2.0}], [{}])
    nb.index.latest([run.id])
    nb.close()
    shutil.rmtree(folder / ".glassbook")
    assert said(folder) == right


def test_an_error_of_ours_is_raised_and_not_hidden(nb: Notebook, monkeypatch):
    tries = []

    def broken(*_: Any) -> None:
        tries.append(1)
        raise ValueError("a defect")

    monkeypatch.setattr(nb.index, "_fresh_runs", broken)
    with pytest.raises(ValueError, match="a defect"):
        nb.runs()
    assert len(tries) == 2


@pytest.mark.parametrize("seed", range(8))
def test_some_bytes_changed_anywhere(folder: Path, seed: int):
    rng, right, path = random.Random(seed), said(folder), folder / ".glassbook" / "index.db"
    for name in ("index.db-wal", "index.db-shm"):
        (path.parent / name).unlink(missing_ok=True)
    data = bytearray(path.read_bytes())
    for _ in range(rng.choice([1, 5, 30])):
        data[rng.randrange(len(data))] = rng.randrange(256)
    path.write_bytes(bytes(data))
    assert said(folder) == right


@pytest.mark.parametrize(
    "statement", ["UPDATE entry SET kind = 'pbge'", "DELETE FROM fts_page", "DELETE FROM fts_name"]
)
def test_words_that_search_would_not_find_are_missed_when_a_small_index_is_opened(folder: Path, statement: str):
    right, nb = said(folder), Notebook(folder)
    db = nb.index._open()
    db.execute(statement)
    nb.close()
    assert said(folder) == right
