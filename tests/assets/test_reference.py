"""Reference evidence: what is kept of a run, what is not, and what ships."""

from __future__ import annotations

import contextlib
import gzip
import json
import sqlite3

import pytest
from reference_evidence import NAME, default_run, ship

from glassbook.assets import reference
from glassbook.errors import GlassbookError
from glassbook.experiments import base
from glassbook.experiments.verdicts import standing
from glassbook.notebook import Notebook, same_data
from glassbook.notebook.runs.feature_dashboard import NAME as DASHBOARD
from glassbook.notebook.runs.feature_dashboard import SCHEMA, FeatureDashboard


def test_a_record_is_read_as_it_was_measured(tmp_path, monkeypatch):
    ship(tmp_path, monkeypatch)
    first, second, third = reference.reference_runs(NAME)
    [own] = [run for run in Notebook(tmp_path / "authors").runs(NAME) if run.seed == 1]
    assert (second.id, second.seed, second.status, second.reference) == (f"reference-{NAME}-1", 1, "finished", True)
    assert (second.results, second.config, second.claims) == (own.results, own.config, own.claims)
    assert (second.code, second.started) == (own.code, own.started.replace(microsecond=0))
    assert second.environment["packages"] == own.environment["packages"]
    assert reference.reference_run(third.id) == third
    assert reference.reference_runs() == [first, second, third]
    assert reference.reference_names() == [NAME]


def test_figures_are_thinned(tmp_path, monkeypatch):
    ship(tmp_path, monkeypatch)
    record = reference.reference_runs(NAME)[0]
    rows = record.chart(NAME)["datasets"]["rows"]
    for model in ("relu", "linear"):
        kept = [row["x"] for row in rows if row["model"] == model]
        assert (len(kept), kept[0], kept[-1]) == (500, 0, 1199)
    assert record.table("rows")[1] == {"n": 1, "value": 0.333333}
    assert len(record.table("rows")) == 500
    steps, values = record.metrics("loss")
    assert (len(steps), steps[0], steps[-1], values[0]) == (500, 0, 1299, 1.0)
    assert (record.charts, record.tables, record.metric_names()) == ([NAME], ["rows"], ["loss"])
    assert [run.images for run in reference.reference_runs(NAME)] == [["picture"], [], []]
    with pytest.raises(GlassbookError, match="has no chart 'nothing'; it has superposition"):
        record.chart("nothing")


@pytest.mark.parametrize(
    ("shipped", "learnt", "left"),
    [("builtin", None, "of builtin"), ("builtin", "builtin", "new"), ("other", None, "new"), (None, None, "new")],
)
def test_the_features_of_the_built_in_dictionary_stay_until_it_is_learnt_again(
    tmp_path, monkeypatch, shipped, learnt, left
):
    """The panels steer with the dictionary that ships; the features of another one would not be its own."""

    def store(folder, label, dictionary):
        (folder / "artifacts").mkdir(parents=True, exist_ok=True)
        with contextlib.closing(sqlite3.connect(folder / "artifacts" / DASHBOARD)) as db, db:
            db.executescript(SCHEMA)
            db.execute("INSERT INTO header VALUES ('dictionary', ?)", [json.dumps(dictionary)])
            db.execute(
                "INSERT INTO feature VALUES (0, ?, NULL, 0.1, 1.0, '', '[]', '[]', '[]', '[]', '{}', '[]')", [label]
            )

    place = ship(tmp_path, monkeypatch)
    if shipped:
        store(place / "0", "of builtin", shipped)
    notebook = Notebook(tmp_path / "authors")
    store(min(notebook.runs(NAME), key=lambda run: run.seed).folder, "new", "dictionary.safetensors")
    reference.write_reference(notebook.runs(NAME), dictionary=learnt)
    dashboard = FeatureDashboard(place / "0")
    assert dashboard.feature(0).label == left
    assert dashboard.header["dictionary"] == ("builtin" if shipped == "builtin" else "dictionary.safetensors")
    assert [run.seed for run in reference.reference_runs(NAME)] == [0, 1, 2]


def test_nothing_private_is_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(reference, "FOLDER", tmp_path / "evidence")
    notebook = Notebook.create(tmp_path / "authors")
    kind = base.find(NAME)
    (tmp_path / "data.txt").write_text("data")
    with notebook.start_run(NAME, base.settings(kind()), 0, [], base.code_root(kind)) as run:
        run.uses("data", "text", path=tmp_path / "data.txt")
        run.result(mmcs=1.0)
    place = reference.write_reference(notebook.runs(NAME))
    text = (place / "runs.json").read_text()
    assert str(tmp_path) not in text
    [row] = json.loads(text)["runs"]
    assert "host" not in row["environment"]
    assert (row["uses"][0]["name"], row["uses"][0]["path"]) == ("text", "")


def test_the_same_runs_give_the_same_bytes(tmp_path, monkeypatch):
    place = ship(tmp_path, monkeypatch)
    before = {path.name: path.read_bytes() for path in place.rglob("*") if path.is_file()}
    reference.write_reference(Notebook(tmp_path / "authors").runs(NAME))
    assert before == {path.name: path.read_bytes() for path in place.rglob("*") if path.is_file()}


def test_measuring_again_replaces_what_was_there(tmp_path, monkeypatch):
    ship(tmp_path, monkeypatch)
    assert reference.reference_runs(NAME)[0].results["mmcs"] == 0.95
    more = Notebook.create(tmp_path / "more")
    default_run(more, 0, mmcs=0.5)
    reference.write_reference(more.runs(NAME))
    assert [run.results["mmcs"] for run in reference.reference_runs(NAME)] == [0.5]


@pytest.mark.parametrize("name", ["nobody", "", "..", "../evidence", "a/b"])
def test_there_is_none_for_other_names(tmp_path, monkeypatch, name):
    ship(tmp_path, monkeypatch)
    assert reference.reference_runs(name) == []
    assert reference.reference_run(f"reference-{name}-0") is None


def test_damaged_evidence_is_said_to_be_damaged(tmp_path, monkeypatch):
    place = ship(tmp_path, monkeypatch)
    (place / "figures.json.gz").write_bytes(b"no gzip")
    with pytest.raises(GlassbookError, match="cannot be read"):
        reference.reference_runs(NAME)[0].chart(NAME)
    (place / "runs.json").write_text("{")
    reference._read_runs.cache_clear()
    with pytest.raises(GlassbookError, match="cannot be read"):
        reference.reference_runs(NAME)


@pytest.mark.shipped_evidence
def test_what_ships_is_small_and_of_default_settings():
    assert reference.evidence_size() <= 6_000_000
    for name in reference.reference_names():
        records = reference.reference_runs(name)
        evidence = [record for record in records if not record.sabotage]
        assert [record.seed for record in evidence] == [0, 1, 2], name
        for record in evidence:
            assert same_data(record.config, base.default_settings(name)), name
            assert record.charts or record.tables or base.find(name).outputs.images  # which are not shipped
    for path in reference.FOLDER.rglob("*.gz"):
        assert b"/home/" not in gzip.decompress(path.read_bytes())


@pytest.mark.shipped_evidence
@pytest.mark.parametrize("name", base.names())
def test_a_claim_that_does_not_hold_says_why(name):
    verdicts = standing(name, reference.reference_runs(name)).verdicts
    silent = [v.claim.id for v in verdicts if v.state in ("fails", "not-shown") and not v.explanation]
    assert silent == [], "write the likely reason into the claim's `explanation`"


@pytest.mark.shipped_evidence
@pytest.mark.parametrize("name", base.names())
def test_a_claim_that_holds_was_seen_to_fail(name):
    """Under one of its sabotages; claims that no run has judged yet are not held to it."""
    verdicts = standing(name, reference.reference_runs(name)).verdicts
    assert [v.claim.id for v in verdicts if v.never_seen_to_fail] == []
