"""Reading a feature book: no torch, nothing left beside the file, one line for what is no book."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys

import pytest

from glassbook.errors import GlassbookError
from glassbook.notebook.runs.feature_dashboard import NAME, SCHEMA, FeatureBook, Name


def write(folder, features, header=None):
    """A book of (label, score, density, max, tokens), by hand."""
    path = folder / "artifacts" / NAME
    path.parent.mkdir(parents=True, exist_ok=True)
    db = sqlite3.connect(path)
    db.executescript(SCHEMA)
    said = {"model": "builtin", "width": len(features)} if header is None else header
    db.executemany("INSERT INTO header VALUES (?, ?)", [(k, json.dumps(v)) for k, v in said.items()])
    for i, (label, score, density, top, tokens) in enumerate(features):
        words = " ".join([label, *(token for token, _ in tokens)]).casefold()
        histogram = json.dumps({"edges": [0, top], "counts": [3]})
        contexts = json.dumps([[[" a", 0.0], [" b", top]]])
        row = (i, label, score, density, top, words, json.dumps(tokens), "[]", "[]", "[[0, 0.5]]", histogram, contexts)
        db.execute(f"INSERT INTO feature VALUES ({', '.join('?' * 12)})", row)
    db.commit()
    db.close()
    return path


FEATURES = [
    ("", None, 0.0, 0.0, []),
    ("place: Ridge", 0.95, 0.01, 4.0, [[" Ridge", 0.7], [" hill", 0.2]]),
    ("", None, 0.2, 9.0, [[" 100%", 0.6]]),
    ("animal: owl", 0.99, 0.05, 2.0, [[" owl", 1.0]]),
]


@pytest.fixture
def book(tmp_path):
    write(tmp_path / "a run?#%", FEATURES)  # names that mean something in an address
    return FeatureBook(tmp_path / "a run?#%")


def indices(book, **asked):
    return [row.index for row in book.rows(**asked)[0]]


def test_it_is_read_without_torch_and_leaves_nothing_beside_it(tmp_path, book):
    code = (
        "import sys, pathlib; from glassbook.notebook.runs.feature_dashboard import FeatureBook; "
        "b = FeatureBook(pathlib.Path(sys.argv[1])); b.header, b.rows(), b.feature(1), list(b.words()); "
        "assert not {'torch', 'numpy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code, str(book.path.parent.parent)], check=True)
    assert [path.name for path in book.path.parent.iterdir()] == [NAME]


def test_every_order_puts_what_is_unknown_last(book):
    assert indices(book, order="index", descending=True) == [3, 2, 1, 0]
    assert indices(book, order="density", descending=True) == [2, 3, 1, 0]
    assert indices(book, order="max") == [0, 3, 1, 2]
    assert indices(book, order="score") == [1, 3, 0, 2]
    assert indices(book, order="score", descending=True) == [3, 1, 0, 2]
    assert indices(book, order="label") == [3, 1, 0, 2]
    assert indices(book, order="label", descending=True) == [1, 3, 0, 2]
    with pytest.raises(GlassbookError, match="not ordered by 'idx; DROP'"):
        book.rows(order="idx; DROP")


def test_words_are_found_in_labels_and_tokens_as_they_are_written(book):
    assert indices(book, text="ridge HILL") == [1]
    assert indices(book, text="100%") == [2]
    assert indices(book, text="1%0") == []
    assert book.rows(text="o", limit=0) == ([], 1)


def test_a_feature_is_all_that_was_written(book):
    f = book.feature(1)
    assert (f.index, f.label, f.score, f.density, f.max) == (1, "place: Ridge", 0.95, 0.01, 4.0)
    assert f.tokens == [(" Ridge", 0.7), (" hill", 0.2)]
    assert f.similar == [(0, 0.5)]
    assert f.contexts == [[(" a", 0.0), (" b", 4.0)]]
    assert f.histogram == {"edges": [0, 4.0], "counts": [3]}
    for index in (-1, 4, 2**80, -(2**80)):
        with pytest.raises(GlassbookError, match="this book has 4, counted from 0"):
            book.feature(index)


def test_search_is_given_the_features_that_were_ever_active(book):
    assert list(book.words()) == [
        (1, "place: Ridge", "Ridge hill"),
        (2, "feature 2", "100%"),
        (3, "animal: owl", "owl"),
    ]


def damage(path, how):
    db = sqlite3.connect(path)
    match how:
        case "cut":
            db.close()
            path.write_bytes(path.read_bytes()[:5000])
            return
        case "other":
            db.executescript("DROP TABLE feature; DROP TABLE header; CREATE TABLE feature (x)")
        case "list":
            db.execute("UPDATE feature SET tokens = '[1', similar = '7'")
            db.execute("UPDATE header SET value = '{'")
        case "pairs":
            db.execute("UPDATE feature SET tokens = '[[1, 2, 3]]'")
            db.execute("UPDATE header SET value = ''")
        case "deep":
            db.execute("UPDATE feature SET tokens = ?", ["[" * 100_000])
            db.execute("UPDATE header SET value = ?", ["[" * 100_000])
        case "bytes":
            db.execute("UPDATE feature SET tokens = CAST(x'ff' AS TEXT)")
            db.execute("UPDATE header SET value = CAST(x'ff' AS TEXT)")
    db.commit()
    db.close()


@pytest.mark.parametrize("how", ["cut", "other", "list", "pairs", "deep", "bytes"])
def test_a_damaged_or_foreign_file_is_one_line(tmp_path, book, how):
    damage(book.path, how)
    for read in (lambda: book.header, book.rows, lambda: book.feature(1), lambda: list(book.words())):
        with pytest.raises(GlassbookError, match="cannot be read as a feature book") as error:
            read()
        assert "\n" not in str(error.value)


def test_a_book_that_went_away_is_one_line(book):
    book.path.unlink()
    with pytest.raises(GlassbookError, match="cannot be read as a feature book"):
        book.rows()


def test_a_book_of_an_older_kind_is_read_and_says_that_it_keeps_no_names(book):
    before = book.feature(1)
    db = sqlite3.connect(book.path)
    db.executescript("DROP TABLE detail; DROP TABLE elsewhere")
    db.close()
    assert book.feature(1) == before
    assert book.elsewhere() == []
    with pytest.raises(GlassbookError, match="of an older kind"):
        book.rename({1: Name("hill", "tokens")})
    assert [path.name for path in book.path.parent.iterdir()] == [NAME]


def test_names_are_given_and_taken_away(tmp_path):
    path = write(tmp_path / "run", FEATURES)
    db = sqlite3.connect(path)
    with db:
        db.executemany("INSERT INTO detail VALUES (?, '', '{}', '[]', '[]')", [(i,) for i in range(4)])
    db.close()
    book = FeatureBook(tmp_path / "run")
    book.rename({0: Name("dead", "me", 0.5, {"detection": 0.5}), 1: Name("", "me", 0.7)}, "mine")
    assert (book.feature(0).label, book.feature(0).score, book.feature(0).scores) == ("dead", 0.5, {"detection": 0.5})
    assert (book.feature(1).label, book.feature(1).score, book.feature(1).source) == ("", None, "")
    assert book.header["label_score"] == "mine"
    assert [row.index for row in book.rows(text="ridge")[0]] == [1]  # its token still is
    assert [row.index for row in book.rows(text="place")[0]] == []


def test_names_that_cannot_be_written_leave_the_book(tmp_path, monkeypatch):
    path = write(tmp_path / "run", FEATURES)
    before = path.read_bytes()
    monkeypatch.setattr(
        "glassbook.notebook.runs.feature_dashboard.os.replace", lambda a, b: (_ for _ in ()).throw(OSError(28, "full"))
    )
    with pytest.raises(GlassbookError, match="cannot write"):
        FeatureBook(tmp_path / "run").rename({0: Name("x", "me")})
    assert path.read_bytes() == before
    assert [p.name for p in path.parent.iterdir()] == [NAME]
