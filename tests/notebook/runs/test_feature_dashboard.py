"""Reading a feature dashboard: no torch, nothing left beside the file, one line for what is no dashboard."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys

import pytest

from glassbook.errors import GlassbookError
from glassbook.notebook.runs.feature_dashboard import NAME, SCHEMA, FeatureDashboard, Name


def write(folder, features, header=None):
    """A dashboard of (label, score, density, max, tokens), by hand."""
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
def dashboard(tmp_path):
    write(tmp_path / "a run?#%", FEATURES)  # names that mean something in an address
    return FeatureDashboard(tmp_path / "a run?#%")


def indices(dashboard, **asked):
    return [row.index for row in dashboard.rows(**asked)[0]]


def test_it_is_read_without_torch_and_leaves_nothing_beside_it(tmp_path, dashboard):
    code = (
        "import sys, pathlib; from glassbook.notebook.runs.feature_dashboard import FeatureDashboard; "
        "b = FeatureDashboard(pathlib.Path(sys.argv[1])); b.header, b.rows(), b.feature(1), list(b.words()); "
        "assert not {'torch', 'numpy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code, str(dashboard.path.parent.parent)], check=True)
    assert [path.name for path in dashboard.path.parent.iterdir()] == [NAME]


def test_every_order_puts_what_is_unknown_last(dashboard):
    assert indices(dashboard, order="index", descending=True) == [3, 2, 1, 0]
    assert indices(dashboard, order="density", descending=True) == [2, 3, 1, 0]
    assert indices(dashboard, order="max") == [0, 3, 1, 2]
    assert indices(dashboard, order="score") == [1, 3, 0, 2]
    assert indices(dashboard, order="score", descending=True) == [3, 1, 0, 2]
    assert indices(dashboard, order="label") == [3, 1, 0, 2]
    assert indices(dashboard, order="label", descending=True) == [1, 3, 0, 2]
    with pytest.raises(GlassbookError, match="not ordered by 'idx; DROP'"):
        dashboard.rows(order="idx; DROP")


def test_words_are_found_in_labels_and_tokens_as_they_are_written(dashboard):
    assert indices(dashboard, text="ridge HILL") == [1]
    assert indices(dashboard, text="100%") == [2]
    assert indices(dashboard, text="1%0") == []
    assert dashboard.rows(text="o", limit=0) == ([], 1)


def test_a_feature_is_all_that_was_written(dashboard):
    f = dashboard.feature(1)
    assert (f.index, f.label, f.score, f.density, f.max) == (1, "place: Ridge", 0.95, 0.01, 4.0)
    assert f.tokens == [(" Ridge", 0.7), (" hill", 0.2)]
    assert f.similar == [(0, 0.5)]
    assert f.contexts == [[(" a", 0.0), (" b", 4.0)]]
    assert f.histogram == {"edges": [0, 4.0], "counts": [3]}
    for index in (-1, 4, 2**80, -(2**80)):
        with pytest.raises(GlassbookError, match="this dashboard has 4, counted from 0"):
            dashboard.feature(index)


def test_search_is_given_the_features_that_were_ever_active(dashboard):
    assert list(dashboard.words()) == [
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
def test_a_damaged_or_foreign_file_is_one_line(tmp_path, dashboard, how):
    damage(dashboard.path, how)
    for read in (
        lambda: dashboard.header,
        dashboard.rows,
        lambda: dashboard.feature(1),
        lambda: list(dashboard.words()),
    ):
        with pytest.raises(GlassbookError, match="cannot be read as a feature dashboard") as error:
            read()
        assert "\n" not in str(error.value)


def test_a_book_that_went_away_is_one_line(dashboard):
    dashboard.path.unlink()
    with pytest.raises(GlassbookError, match="cannot be read as a feature dashboard"):
        dashboard.rows()


def test_a_book_of_an_older_kind_is_read_and_says_that_it_keeps_no_names(dashboard):
    before = dashboard.feature(1)
    db = sqlite3.connect(dashboard.path)
    db.executescript("DROP TABLE detail; DROP TABLE elsewhere; DROP TABLE name")
    db.close()
    assert dashboard.feature(1) == before
    assert dashboard.non_activating_examples() == []
    with pytest.raises(GlassbookError, match="of an older kind"):
        dashboard.set_names({1: [Name("hill", "tokens")]})
    assert [path.name for path in dashboard.path.parent.iterdir()] == [NAME]


def test_names_are_given_and_taken_away(tmp_path):
    write(tmp_path / "run", FEATURES)
    dashboard = FeatureDashboard(tmp_path / "run")
    name = Name("dead", "me", 0.5, {"detection": 0.5})
    dashboard.set_names({0: [name], 1: []}, "mine")
    assert (dashboard.feature(0).label, dashboard.feature(0).score, dashboard.feature(0).names) == ("dead", 0.5, [name])
    assert (dashboard.feature(1).label, dashboard.feature(1).score, dashboard.feature(1).names) == ("", None, [])
    assert dashboard.header["label_score"] == "mine"
    assert [row.index for row in dashboard.rows(text="ridge")[0]] == [1]  # its token still is
    assert [row.index for row in dashboard.rows(text="place")[0]] == []


def test_a_feature_has_all_its_names_with_precision_and_recall(tmp_path):
    write(tmp_path / "run", FEATURES)
    dashboard = FeatureDashboard(tmp_path / "run")
    ridge = Name("place: ridge", "truth", 0.8, precision=0.934, recall=0.71, top_precision=1.0)
    dusk = Name("time: dusk", "truth", 0.6, precision=0.5, recall=0.25, top_precision=0.4)
    dashboard.set_names({1: [ridge, dusk]})
    assert dashboard.feature(1).names == [ridge, dusk]
    assert dashboard.feature(1).label == "place: ridge; time: dusk"
    assert dashboard.feature(1).score == 0.8
    listed = next(row for row in dashboard.rows(text="dusk")[0])
    assert (listed.index, listed.names) == (1, [ridge, dusk])
    assert str(ridge) == "place: ridge (precision 0.93, recall 0.71)"
    assert str(Name("a fox", "tokens", 0.9)) == "a fox"
    dashboard.set_names({1: [dusk]})
    assert dashboard.feature(1).names == [dusk]


def test_names_that_cannot_be_written_leave_the_dashboard(tmp_path, monkeypatch):
    path = write(tmp_path / "run", FEATURES)
    before = path.read_bytes()
    monkeypatch.setattr("glassbook.notebook.files.os.replace", lambda a, b: (_ for _ in ()).throw(OSError(28, "full")))
    with pytest.raises(GlassbookError, match="cannot write"):
        FeatureDashboard(tmp_path / "run").set_names({0: [Name("x", "me")]})
    assert path.read_bytes() == before
    assert [p.name for p in path.parent.iterdir()] == [NAME]


def test_the_best_features_make_a_smaller_dashboard(tmp_path, dashboard):
    with sqlite3.connect(dashboard.path) as db:
        db.execute("UPDATE feature SET similar = '[[0, 0.9], [1, 0.8]]' WHERE idx = 3")
    db.close()
    dashboard.write_best(tmp_path / "best" / "artifacts" / NAME, 2)
    best = FeatureDashboard(tmp_path / "best")
    assert indices(best) == [1, 3]
    assert best.header == dashboard.header
    assert best.feature(3).label == "animal: owl"
    assert best.feature(3).similar == [(1, 0.8)]
    assert (best.neighbours(1), best.neighbours(3)) == ((None, 3), (1, None))
    assert (best.non_activating_examples(), best.path.stat().st_size <= dashboard.path.stat().st_size) == ([], True)
    assert dashboard.neighbours(1) == (0, 2)
