"""Names that people give to features: beside the automatic ones, one at a time, never in reference evidence."""

from __future__ import annotations

import contextlib
import sqlite3

import pytest

from glassbook.errors import GlassbookError
from glassbook.notebook import Notebook
from glassbook.notebook.runs.feature_dashboard import NAME, SCHEMA, FeatureDashboard, Name
from glassbook.notebook.runs.feature_names import PERSON, given_by_person, name_feature


@pytest.fixture
def nb(tmp_path):
    notebook = Notebook.create(tmp_path / "nb")
    yield notebook
    notebook.close()


@pytest.fixture
def record(nb):
    with nb.start_run("toy") as run:
        (run.folder / "artifacts").mkdir(exist_ok=True)
        with contextlib.closing(sqlite3.connect(run.folder / "artifacts" / NAME)) as db, db:
            db.executescript(SCHEMA)
            db.executemany("INSERT INTO feature VALUES (?, '', NULL, 0.1, 1.0, '', '[]', '[]', '[]', '[]', '{}', '[]')",
                           [(0,), (1,)])  # fmt: skip
    FeatureDashboard(run.folder).set_names({0: [Name("theme: storm", "truth", 0.9)]})
    return nb.run(run.id)


def names(record, index):
    return [(name.label, name.source) for name in FeatureDashboard(record.folder).feature(index).names]


@pytest.mark.parametrize(("index", "before"), [(0, [("theme: storm", "truth")]), (1, [])])
def test_a_persons_name_stands_beside_the_automatic_one(nb, record, index, before):
    for label in ("bad weather", "  thunder "):
        name_feature(nb.folder, record, index, label)
        assert names(record, index) == [*before, (label.strip(), PERSON)]
    feature = FeatureDashboard(record.folder).feature(index)
    assert given_by_person(feature.names) == "thunder"
    assert feature.score == (0.9 if before else None)
    assert [hit.id for hit in nb.index.search("thunder", kinds=["feature"])] == [f"{record.id}/{index}"]
    name_feature(nb.folder, record, index, "")
    assert names(record, index) == before


@pytest.mark.parametrize("label", ["x" * 201, "two\nlines", "\0"])
def test_a_name_that_cannot_be_kept_changes_nothing(nb, record, label):
    with pytest.raises(GlassbookError, match="one line"):
        name_feature(nb.folder, record, 0, label)
    assert names(record, 0) == [("theme: storm", "truth")]


def test_a_feature_that_is_not_there_has_no_name(nb, record):
    with pytest.raises(GlassbookError, match="no feature 7"):
        name_feature(nb.folder, record, 7, "x")
