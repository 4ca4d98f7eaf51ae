"""An index that is damaged anywhere is made again; an error of ours is none of its damages."""

import contextlib
import random
import shutil
import sqlite3
import time
from pathlib import Path
from typing import Any

import pytest

from glassbook.notebook import Notebook
from glassbook.notebook.index import schema
from glassbook.notebook.index.database import SMALL


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


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    """A notebook whose index is larger than those that are searched for damage when they are opened."""
    nb = Notebook.create(tmp_path_factory.mktemp("large") / "book")
    rng = random.Random(0)
    words = ["".join(rng.choices("abcdefghij", k=rng.randint(3, 9))) for _ in range(5000)]
    for n in range(1200):
        body = f"# Page {n}\n\nhello [[Page {n + 1}]] {' '.join(rng.choices(words, k=400))}\n"
        (nb.folder / "pages" / f"p{n}.md").write_text(body)
    right = everything(nb)
    nb.close()
    assert (nb.folder / ".glassbook" / "index.db").stat().st_size > SMALL
    return nb.folder, right


def everything(nb: Notebook) -> Any:
    found = [sorted(hit.id for hit in nb.index.search(word, 2000)) for word in ("hello", "page", "abcd")]
    rows = [(row.id, row.title, row.path) for row in nb.index.page_rows(limit=2000)]
    links = [nb.index.links(f"pages/p{n}.md") for n in range(0, 1200, 40)]
    return found, rows, links, [nb.index.backlinks(f"p{n}") for n in range(0, 1200, 40)], nb.index.complete("page 7")


@pytest.mark.parametrize("seed", range(6))
def test_a_large_index_damaged_in_the_middle_is_made_again_by_the_query_that_meets_it(large, tmp_path, seed: int):
    folder, right = shutil.copytree(large[0], tmp_path / "book"), large[1]
    path, rng = folder / ".glassbook" / "index.db", random.Random(seed)
    for name in ("index.db-wal", "index.db-shm"):
        (path.parent / name).unlink(missing_ok=True)
    for file in (folder / "pages").iterdir():
        shutil.copystat(large[0] / "pages" / file.name, file)
    data = bytearray(path.read_bytes())
    for _ in range(400):
        place = rng.randrange(len(data) // 4, 3 * len(data) // 4) // 4096 * 4096
        data[place : place + 4096] = rng.randbytes(4096) if seed % 2 else bytes(4096)
    path.write_bytes(bytes(data))
    assert not is_whole(path)
    nb = Notebook(folder)
    assert everything(nb) == right
    nb.close()
    assert is_whole(path)


def is_whole(path: Path) -> bool:
    with contextlib.closing(sqlite3.connect(path)) as db:
        try:
            schema.check(db)
        except sqlite3.DatabaseError:
            return False
    return True


def test_a_server_finds_damage_that_no_query_meets(large, tmp_path):
    folder = shutil.copytree(large[0], tmp_path / "book")
    nb = Notebook(folder)
    nb.index.page_count()
    nb.index._open().execute("PRAGMA wal_checkpoint(TRUNCATE)")
    nb.close()
    path = folder / ".glassbook" / "index.db"
    data = bytearray(path.read_bytes())
    at = data.rindex(b"pages/p77.md")
    data[at : at + 12] = b"pages/q77.md"
    path.write_bytes(bytes(data))
    assert not is_whole(path)
    nb.index.follow(at_once=True)
    until = time.monotonic() + 60
    while not is_whole(path) and time.monotonic() < until:
        time.sleep(0.5)
        nb.index.page_count()
    assert everything(nb) == large[1]
    nb.close()
    assert is_whole(path)
