"""Own runs beside reference evidence: which of them give verdicts, figures and inline values."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from reference_evidence import GOOD, NAME, default_run, ship

from glassbook.assets import reference
from glassbook.errors import GlassbookError
from glassbook.experiments import base, evidence
from glassbook.experiments.verdicts import Standing, Verdict, board, claims_to_json, standing
from glassbook.notebook import InlineValue, Notebook

BAD = {"mmcs": 0.1}


@pytest.fixture
def nb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Notebook:
    ship(tmp_path, monkeypatch)
    return Notebook.create(tmp_path / "nb")


def entry(nb: Notebook) -> Standing:
    return standing(NAME, evidence.records(nb, NAME)).dated()


def verdict(nb: Notebook) -> Verdict:
    return next(v for v in entry(nb).verdicts if v.claim.id == "dictionary-recovers")


def edit(change) -> None:
    """Change the runs of what ships."""
    path = reference.FOLDER / NAME / "runs.json"
    data = json.loads(path.read_text())
    for run in data["runs"]:
        change(run)
    path.write_text(json.dumps(data))
    reference._read_runs.cache_clear()


def test_without_own_runs_the_reference_gives_the_verdict(nb):
    found = verdict(nb)
    assert (found.state, found.origin, found.replication, found.stale) == ("holds", "reference", "", ())
    assert found.runs == {seed: f"reference-{NAME}-{seed}" for seed in range(3)}
    assert entry(nb).origin.startswith("reference, measured on 20")
    assert "CPUs) with version" in entry(nb).origin
    assert entry(nb).missing == (0, 1, 2)  # here nothing has been run


def test_own_seeds_replicate_the_reference_so_far(nb):
    default_run(nb, 0)
    found = verdict(nb)
    assert (found.state, found.origin) == ("holds", "reference")
    assert (found.replicated, found.replication) == (True, "replicated here so far (1 of 3 seeds)")
    assert entry(nb).missing == (1, 2)
    default_run(nb, 1, **BAD)
    assert verdict(nb).replication == "not replicated here so far (2 of 3 seeds)"
    assert verdict(nb).state == "holds"


def test_all_own_seeds_give_the_verdict(nb):
    for seed in range(3):
        default_run(nb, seed)
    found = verdict(nb)
    assert (found.state, found.origin, found.replication) == ("holds", "here", "replicated here")
    assert entry(nb).origin == "3 runs in this notebook"
    for seed in range(3):
        default_run(nb, seed, **BAD)
    found = verdict(nb)
    assert (found.state, found.origin, found.replication) == ("fails", "here", "not replicated here")
    for seed in range(3):
        default_run(nb, seed, naive_mmcs=1.0)
    assert (verdict(nb).state, verdict(nb).replication) == ("not-shown", "not replicated here")


def test_a_failing_reference_is_replicated_by_failing(tmp_path, monkeypatch):
    ship(tmp_path, monkeypatch, **BAD)
    nb = Notebook.create(tmp_path / "nb")
    assert verdict(nb).state == "fails"
    default_run(nb, 4, **BAD)
    assert (verdict(nb).state, verdict(nb).replicated) == ("fails", True)


def test_stale_reference_says_so(nb):
    edit(lambda run: run["code"].update(digest="of other code"))
    assert verdict(nb).stale == ("the experiment's code has changed",)
    for seed in range(3):
        default_run(nb, seed)
    assert (verdict(nb).stale, verdict(nb).replication) == ((), "replicated here")


def test_a_stale_reference_is_nothing_to_run_here(nb):
    edit(lambda row: row["code"].update(digest="0" * 64))
    found = entry(nb).dated()
    assert found.verdicts[0].stale
    assert found.outdated == ()
    assert found.todo == (0, 1, 2)


def sabotaged(nb: Notebook, id: str, **results: float) -> None:
    """A finished run of one of the experiment's sabotages, without the work."""
    kind = base.find(NAME)
    settings = base.settings(base.sabotaged(kind, next(s for s in kind.sabotages if s.id == id)))
    with nb.start_run(NAME, settings, 0, list(kind.claims), base.code_root(kind), sabotage=id) as run:
        run.result(**GOOD | results)


def test_a_reference_without_sabotages_was_never_seen_to_fail(nb):
    found = verdict(nb)
    assert (found.origin, found.condition_broken, found.never_seen_to_fail) == ("reference", (), True)
    sabotaged(nb, "untrained", mmcs=0.4)
    found = verdict(nb)
    assert (found.origin, found.condition_broken, found.never_seen_to_fail) == ("reference", ("untrained",), False)


def test_sabotages_ship_with_the_reference_and_are_judged_alike(tmp_path, monkeypatch):
    ship(tmp_path, monkeypatch)
    authors = Notebook(tmp_path / "authors")
    sabotaged(authors, "untrained", mmcs=0.4)
    runs = authors.runs(NAME)
    reference.write_reference([r for r in runs if not r.sabotage], [r for r in runs if r.sabotage])
    nb = Notebook.create(tmp_path / "nb")
    assert verdict(nb).sabotaged == "broken by untrained"
    assert [r.id for r in reference.reference_runs(NAME) if r.sabotage] == [f"reference-{NAME}-untrained-0"]
    record = evidence.run(nb, f"reference-{NAME}-untrained-0")
    assert (record.charts, record.tables, record.metric_names(), record.images) == ([], [], [], [])
    assert evidence.settings_of(record) == "sabotage"
    assert record not in evidence.shown_runs(nb, NAME)
    sabotaged(nb, "untrained")  # what is run here replaces it
    assert verdict(nb).sabotaged == "never seen to fail (held under untrained)"


def test_what_the_reference_has_not_shown_is_not_replicated(tmp_path, monkeypatch):
    ship(tmp_path, monkeypatch, naive_mmcs=1.0)
    nb = Notebook.create(tmp_path / "nb")
    default_run(nb, 0, naive_mmcs=1.0)
    assert (verdict(nb).state, verdict(nb).replicated, verdict(nb).replication) == ("not-shown", None, "")


def test_a_reference_at_other_settings_judges_nothing(nb):
    edit(lambda run: run["config"].update(steps=1))
    found = verdict(nb)
    assert (found.state, found.origin) == ("not-run", "")
    assert found.reason == "the reference evidence was measured at other default settings"
    assert evidence.shown_runs(nb, NAME) == []


def test_f4_quick_runs_are_no_evidence(nb):
    quick = default_run(nb, 0, quick=True, **BAD)
    assert (verdict(nb).state, verdict(nb).origin, verdict(nb).replicated) == ("holds", "reference", None)
    assert quick not in [run.id for run in evidence.shown_runs(nb, NAME)]
    assert evidence.settings_of(nb.run(quick)) == "quick"
    with nb.start_run(NAME, {**nb.run(quick).config, "steps": 7}) as other:
        other.result(mmcs=0.0)
    assert evidence.settings_of(nb.run(other.id)) == "other"
    own = default_run(nb, 5)
    assert evidence.settings_of(nb.run(own)) == "default"
    assert [run.id for run in evidence.shown_runs(nb, NAME)][:2] == [own, f"reference-{NAME}-0"]


def test_unfinished_runs_are_shown_last(nb):
    own = nb.start_run(NAME, evidence.run(nb, f"reference-{NAME}-0").config)
    assert [run.id for run in evidence.shown_runs(nb, NAME)][-1] == own.id
    own.finish()


def test_own_runs_alone_know_no_reference(nb):
    assert {v.state for v in standing(NAME, nb.runs(NAME)).verdicts} == {"not-run"}


def test_the_board_has_the_origin_of_every_experiment(nb):
    data = json.loads(json.dumps(claims_to_json(board(evidence.records(nb)))))
    rows = {row["name"]: row for row in data["experiments"]}
    assert rows[NAME]["origin"].startswith("reference, ")
    assert {v["origin"] for v in rows[NAME]["verdicts"]} == {"reference"}
    assert {row["origin"] for name, row in rows.items() if name != NAME} == {""}


def said(nb: Notebook, kind: str, text: str) -> evidence.Shown:
    return evidence.show_value(InlineValue(kind, text), lambda name: standing(name, evidence.records(nb, name)).dated())


def test_a_result_is_the_median_over_seeds(nb):
    shown = said(nb, "run", f"{NAME} mmcs")
    assert (shown.text, shown.kind, shown.ident) == ("0.96", "run", f"reference-{NAME}-0")
    assert shown.note.startswith("mmcs, median of 0.95 (seed 0), 0.96 (seed 1), 0.97 (seed 2); reference, measured on")
    assert said(nb, "run", f"{NAME} mmcs %").text == "96 %"
    default_run(nb, 0, quick=True, **BAD)
    assert said(nb, "run", f"{NAME} mmcs").text == "0.96"
    for seed in range(3):
        default_run(nb, seed, mmcs=0.5)
    assert said(nb, "run", f"{NAME} mmcs").text == "0.5"


def test_a_verdict_is_said_in_words(nb):
    shown = said(nb, "claim", f"{NAME}/dictionary-recovers")
    assert (shown.text, shown.kind, shown.ident) == ("holds", "claim", f"{NAME}#dictionary-recovers")
    assert "reference, measured on" in shown.note
    edit(lambda run: run["code"].update(digest="of other code"))
    assert said(nb, "claim", f"{NAME}/dictionary-recovers").stale == ("the experiment's code has changed",)
    assert said(nb, "run", f"{NAME} mmcs").stale == ("the experiment's code has changed",)


def test_without_any_run_it_says_so(nb):
    assert said(nb, "run", "pretrain anything").text == "not run yet"
    assert said(nb, "claim", "pretrain/beats-ngrams").text == "not run yet"


@pytest.mark.parametrize(
    ("kind", "text", "problem"),
    [
        ("run", "superpositions mmcs", "did you mean superposition"),
        ("run", f"{NAME} mmc", "has no result 'mmc'; did you mean mmcs"),
        ("run", NAME, "write it as"),
        ("run", f"{NAME} mmcs percent", "write it as"),
        ("claim", f"{NAME}/dictionary-recover", "did you mean dictionary-recovers"),
        ("claim", NAME, "write it as"),
        ("claim", "nobody/anything", "no experiment is called 'nobody'"),
        ("run", "", "write it as"),
    ],
)
def test_unknown_names_are_errors(nb, kind, text, problem):
    with pytest.raises(GlassbookError, match=problem):
        said(nb, kind, text)
