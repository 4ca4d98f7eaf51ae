"""One judge for the command line, pages and exports: which runs judge a claim, and what they say."""

from __future__ import annotations

import dataclasses
import json
import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from glassbook import extensions
from glassbook.experiments import base
from glassbook.experiments.verdicts import (
    Verdict,
    board,
    broken,
    claims_to_json,
    judge,
    judging,
    noise_floor,
    standing,
    tally,
    verdict_to_json,
)
from glassbook.notebook import Claim, Notebook, RunRecord

CLAIM = Claim("missing", "The missing direction is not recalled", "missing", "<=", 0.05, control="both >= 0.99")
GOOD = {"missing": 0.01, "both": 1.0}


def record(seed: int, results: dict[str, float], status: Any = "finished", age: int = 0, **config: Any) -> RunRecord:
    started = datetime(2026, 1, 1, tzinfo=UTC) - timedelta(days=age)
    return RunRecord(f"run-{seed}-{age}", "e", config, seed, status, started, None, results, {}, {}, Path("."))


def verdict(*records: RunRecord, seeds: int = 3) -> Verdict:
    return judge(CLAIM, records, seeds)


def test_a_claim_holds_if_all_seeds_hold() -> None:
    found = verdict(*[record(seed, GOOD) for seed in (2, 0, 1)])
    assert (found.state, found.label, found.met) == ("holds", "holds", True)
    assert found.values == dict.fromkeys((0, 1, 2), 0.01)
    assert found.controls == dict.fromkeys((0, 1, 2), 1.0)
    assert found.runs == {0: "run-0-0", 1: "run-1-0", 2: "run-2-0"}
    assert found.reason == "missing <= 0.05 on all 3 seeds, control both >= 0.99 as well"


def test_one_seed_is_enough_to_fail() -> None:
    bad = record(3, {"missing": 0.2, "both": 1.0})
    found = verdict(*(record(seed, GOOD) for seed in range(3)), bad)
    assert (found.state, found.label, found.met) == ("fails", "fails", False)
    assert found.reason == "missing <= 0.05 does not hold on 1 of 4 seeds: 0.2 (seed 3)"


def test_an_explanation_is_told_only_where_the_claim_does_not_hold() -> None:
    claim = dataclasses.replace(CLAIM, explanation="the data leak")
    results = {"holds": GOOD, "fails": {"missing": 0.2, "both": 1.0}, "not-shown": {"missing": 0.2, "both": 0.5}}
    for state, numbers in results.items():
        found = judge(claim, [record(seed, numbers) for seed in range(3)])
        assert (found.state, found.explanation) == (state, "" if state == "holds" else "the data leak")
        assert verdict_to_json(found)["explanation"] == found.explanation
    assert judge(claim, [record(0, results["fails"])]).explanation == "the data leak"  # one of three seeds, so far
    assert judge(claim, [record(0, GOOD)]).explanation == judge(claim, []).explanation == ""
    assert judge(CLAIM, [record(0, results["fails"])]).explanation == ""


@pytest.mark.parametrize("missing", [0.01, 0.2])
def test_where_the_control_does_not_hold_nothing_is_shown(missing: float) -> None:
    found = verdict(*(record(seed, {"missing": missing, "both": 0.5 + seed / 4}) for seed in range(3)))
    assert (found.state, found.label, found.met) == ("not-shown", "not shown", None)
    assert found.reason == "the control both >= 0.99 does not hold on 2 of 3 seeds: 0.5 (seed 0), 0.75 (seed 1)"


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("metric", ["missing", "both"])
def test_a_number_that_is_not_finite_shows_nothing(metric: str, value: float) -> None:
    found = verdict(record(0, GOOD), record(1, GOOD | {metric: value}), record(2, GOOD))
    assert (found.state, found.reason) == ("not-shown", f"{metric} is {value} in run run-1-0 (seed 1)")


def test_a_number_that_is_missing_shows_nothing() -> None:
    two = [record(0, GOOD), record(1, GOOD)]
    for results, metric in (({"both": 1.0}, "missing"), ({"missing": 0.0}, "both")):
        found = verdict(*two, record(2, results))
        assert (found.state, found.reason) == ("not-shown", f"run run-2-0 (seed 2) has no result {metric!r}")


def test_runs_with_different_settings_show_nothing_together() -> None:
    found = verdict(record(0, GOOD), record(1, GOOD), record(2, GOOD, width=3))
    assert (found.state, found.reason) == ("not-shown", "runs run-0-0 and run-2-0 have different settings")


def test_too_few_seeds_say_how_they_came_out_so_far() -> None:
    assert (verdict().state, verdict().label, verdict().reason) == ("not-run", "not run", "no run has finished")
    one, two = [record(0, GOOD)], [record(0, GOOD), record(1, GOOD)]
    assert (verdict(*one).state, verdict(*one).label) == ("so-far", "1 of 3 seeds, holds so far")
    for status in ("running", "failed", "interrupted"):
        assert verdict(*two, record(2, GOOD, status=status)).label == "2 of 3 seeds, holds so far"
    assert verdict(*two, record(1, GOOD, age=3)).label == "2 of 3 seeds, holds so far"
    assert verdict(*one, record(1, GOOD | {"missing": 1})).label == "2 of 3 seeds, fails so far"
    assert verdict(*two, seeds=2).state == "holds"


def test_the_newest_finished_run_of_a_seed_counts() -> None:
    old_bad = [record(seed, {"missing": 1, "both": 1}, age=5) for seed in range(3)]
    new_running = [record(seed, {"missing": 1, "both": 1}, status="running", age=-1) for seed in range(3)]
    assert verdict(*new_running, *(record(seed, GOOD) for seed in range(3)), *old_bad).state == "holds"


def test_the_noise_floor_is_half_of_the_95_percent_t_interval_of_the_mean() -> None:
    # s = 1, t(0.975, 2) = 4.302653 and t(0.975, 1) = 12.706205, from a table
    assert noise_floor([1.0, 2.0, 3.0]) == pytest.approx(4.302653 / math.sqrt(3), rel=1e-6)
    assert noise_floor([0.0, math.sqrt(2)]) == pytest.approx(12.706205 / math.sqrt(2), rel=1e-6)
    assert noise_floor([0.5] * 4) == 0.0
    assert noise_floor([0.5]) is None
    assert noise_floor([0.5, math.nan]) is None


def test_a_margin_below_the_noise_floor_is_said() -> None:
    near = verdict(*(record(seed, {"missing": x, "both": 1.0}) for seed, x in enumerate((0.03, 0.04, 0.05))))
    assert near.margin == pytest.approx(0.01)
    assert near.noise_floors == {"missing": pytest.approx(0.01 * 4.302653 / math.sqrt(3)), "both": 0.0}
    assert (near.state, near.within_noise) == ("holds", True)
    far = verdict(*(record(seed, GOOD) for seed in range(3)))
    assert (far.noise_floors["missing"], far.within_noise) == (0.0, False)
    assert (verdict().margin, verdict().noise_floors, verdict().within_noise) == (None, {}, False)


BAD, BAD_CONTROL = {"missing": 0.9, "both": 1.0}, {"missing": 0.01, "both": 0.2}


def test_a_sabotage_breaks_a_claim_if_its_condition_fails_on_every_seed() -> None:
    assert broken(CLAIM, []) is None
    assert broken(CLAIM, [record(0, BAD, status="running")]) is None
    assert broken(CLAIM, [record(0, BAD)]) == "condition"
    assert broken(CLAIM, [record(0, {"missing": 0.9, "both": 0.2})]) == "condition"
    assert broken(CLAIM, [record(0, GOOD)]) == "nothing"
    assert broken(CLAIM, [record(0, BAD), record(1, GOOD)]) == "nothing"


def test_where_only_the_control_fails_a_sabotage_breaks_that_alone() -> None:
    assert broken(CLAIM, [record(0, BAD_CONTROL)]) == "control"
    assert broken(CLAIM, [record(0, BAD_CONTROL), record(1, BAD)]) == "control"
    assert broken(CLAIM, [record(0, BAD_CONTROL), record(1, GOOD)]) == "nothing"


@pytest.mark.parametrize("results", [{"missing": math.nan, "both": 1.0}, {"both": 0.1}, {"missing": 0.9}])
def test_a_number_that_is_missing_or_not_finite_breaks_nothing(results: dict[str, float]) -> None:
    assert broken(CLAIM, [record(0, results)]) == "nothing"


@base.experiment(terms=["Toy"], source="Nobody 2026")
@dataclass(frozen=True, kw_only=True)
class Judged:
    """Is it judged by the right runs?"""

    pairs: int = 200
    """How many."""
    sabotage: str = "none"
    """What is broken on purpose."""
    claims = (dataclasses.replace(CLAIM, sabotages=("told", "few", "unread")),)
    sabotages = (
        base.Sabotage("told", "The missing direction is told", {"sabotage": "told"}),
        base.Sabotage("few", "There are few pairs", {"pairs": 2}),
        base.Sabotage("unread", "No direction is read", {"sabotage": "unread"}),
    )

    @classmethod
    def quick(cls) -> Judged:
        return cls(pairs=5)

    def run(self, run) -> None:
        broken = {"told": {"missing": 0.9}, "unread": {"both": 0.2}}
        run.result(**GOOD | broken.get(self.sabotage, {}))


@pytest.fixture
def nb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Notebook:
    class Point:
        dist = None
        load = staticmethod(lambda: Judged)

    whole = extensions._installed
    monkeypatch.setattr(extensions, "_installed", lambda *group: {**whole(*group), "judged": [Point()]})
    return Notebook.create(tmp_path / "nb")


def state(nb: Notebook, **how: Any) -> tuple[str, str, tuple[int, ...]]:
    found = standing("judged", nb.runs("judged"), **how)
    return found.verdicts[0].label, found.verdicts[0].reason, found.missing


def test_only_runs_at_the_default_settings_judge(nb: Notebook) -> None:
    assert state(nb) == ("not run", "no run has finished", (0, 1, 2))
    base.launch(Judged.quick(), nb, seed=0)
    assert state(nb) == ("not run", "only runs with other settings have finished", (0, 1, 2))
    assert judging("judged", nb.runs()) == []
    for seed in (0, 1, 4):
        base.launch(Judged(), nb, seed=seed)
    assert state(nb)[0] == "holds"
    assert state(nb, seeds=[0, 1, 2])[::2] == ("2 of 3 seeds, holds so far", (2,))
    assert state(nb, seeds=[2]) == ("not run", "none of these seeds has finished", (2,))
    assert [run.seed for run in standing("judged", nb.runs("judged")).records] == [0, 1, 4]


def test_a_verdict_is_stale_if_a_run_behind_it_is(nb: Notebook) -> None:
    with nb.start_run("judged", base.settings(Judged()), 0, [CLAIM]) as run:
        data = nb.folder / "data.txt"
        data.write_text("one")
        run.uses("data", "text", path=data)
        run.result(**GOOD)
    entry = standing("judged", nb.runs("judged"))
    assert entry.dated().verdicts[0].stale == ()
    data.write_text("another")
    [found] = entry.dated().verdicts
    assert (found.state, found.stale) == ("so-far", ("the data text has changed",))


def test_the_board_knows_experiments_that_are_not_installed_from_their_runs(nb: Notebook) -> None:
    for seed in range(3):
        with nb.start_run("gone", {"a": 1}, seed, [CLAIM]) as run:
            run.result(**GOOD)
    entries = board(nb.runs())
    assert [entry.experiment for entry in entries if entry.installed] == base.names()
    gone = entries[-1]
    assert (gone.experiment, gone.installed, gone.missing) == ("gone", False, ())
    assert tally(gone.verdicts) == {"holds": 1}
    with nb.start_run("gone", {"a": 2}, 0, [CLAIM]) as run:
        run.result(**GOOD)
    assert "different settings" in board(nb.runs())[-1].verdicts[0].reason


def test_verdicts_are_plain_data(nb: Notebook) -> None:
    base.launch(Judged(), nb, seed=7)
    data = json.loads(json.dumps(claims_to_json([standing("judged", nb.runs("judged"))])))
    [entry] = data["experiments"]
    [found] = entry["verdicts"]
    assert (entry["name"], entry["installed"], entry["source"], entry["missing"]) == (
        "judged", True, "Nobody 2026", [0, 1],
    )  # fmt: skip
    assert (found["state"], found["label"], found["met"]) == ("so-far", "1 of 3 seeds, holds so far", True)
    assert (found["values"], found["controls"]) == ({"7": 0.01}, {"7": 1.0})
    assert Claim.from_data(found["claim"]) == Judged.claims[0]
    assert (found["noise_floors"], found["margin"], found["within_noise"]) == ({}, pytest.approx(0.04), False)
    assert (found["condition_broken"], found["control_broken"], found["held_under"]) == ([], [], [])
    assert (found["never_seen_to_fail"], found["sabotaged"]) == (
        True, "never seen to fail (no sabotage has been run)",
    )  # fmt: skip


def sabotage(nb: Notebook, id: str, seed: int = 0, quick: bool = False) -> RunRecord:
    """A run of one of the sabotages of `Judged`."""
    found = next(s for s in Judged.sabotages if s.id == id)
    return base.launch(base.sabotaged(Judged, found, quick), nb, seed=seed, sabotage=id)


def test_a_claim_that_holds_was_never_seen_to_fail_until_a_sabotage_breaks_it(nb: Notebook) -> None:
    def found() -> Verdict:
        return standing("judged", nb.runs("judged")).dated().verdicts[0]

    assert not found().never_seen_to_fail  # nothing was seen of it at all
    for seed in range(3):
        base.launch(Judged(), nb, seed=seed)
    assert found().never_seen_to_fail
    sabotage(nb, "few")
    assert (found().condition_broken, found().held_under, found().never_seen_to_fail) == ((), ("few",), True)
    assert found().sabotaged == "never seen to fail (held under few)"
    sabotage(nb, "told", quick=True)
    assert found().never_seen_to_fail
    sabotage(nb, "unread")  # a control that fails is not the claim's failing
    assert (found().condition_broken, found().control_broken) == ((), ("unread",))
    assert found().sabotaged == "never seen to fail (only the control broken by unread; held under few)"
    sabotage(nb, "told")
    assert (found().condition_broken, found().held_under, found().never_seen_to_fail) == (("told",), ("few",), False)
    assert found().sabotaged == "broken by told; only the control broken by unread; held under few"
    assert (found().state, found().values) == ("holds", dict.fromkeys(range(3), 0.01))


def test_a_claim_with_a_reason_for_no_sabotage_or_that_fails_needs_none() -> None:
    reason = dataclasses.replace(CLAIM, no_sabotage="it is about the data alone")
    assert judge(CLAIM, [record(0, GOOD)]).never_seen_to_fail
    assert not judge(reason, [record(0, GOOD)]).never_seen_to_fail
    assert not judge(CLAIM, [record(0, GOOD | {"missing": 1.0})]).never_seen_to_fail


def test_neither_quick_runs_nor_sabotage_runs_are_evidence(nb: Notebook) -> None:
    for seed in range(3):
        base.launch(Judged.quick(), nb, seed=seed)
        sabotage(nb, "told", seed)
        sabotage(nb, "few", seed)
        # Its settings are the default ones, so that its mark alone tells it.
        base.launch(Judged(), nb, seed=seed, sabotage="told")
    assert {(run.sabotage, run.config["pairs"]) for run in nb.runs()} == {
        ("", 5), ("told", 200), ("few", 2),
    }  # fmt: skip
    assert judging("judged", nb.runs()) == []
    assert state(nb) == ("not run", "only runs with other settings have finished", (0, 1, 2))
    for seed in range(3):  # nor where the experiment is not installed
        with nb.start_run("gone", {"a": 1}, seed, [CLAIM], sabotage="told") as run:
            run.result(**GOOD)
    assert standing("gone", nb.runs("gone")).verdicts[0].state == "not-run"


def test_audit_b6_a_stale_seed_has_to_be_run_again(nb: Notebook) -> None:
    data = nb.folder / "data.txt"
    data.write_text("one")
    for seed in range(3):
        with nb.start_run("judged", base.settings(Judged()), seed, [CLAIM]) as run:
            if seed == 2:
                run.uses("data", "text", path=data)
            run.result(**GOOD)
    entry = standing("judged", nb.runs("judged"))
    assert (entry.dated().todo, entry.verdicts[0].state) == ((), "holds")
    data.write_text("another")
    dated = entry.dated()
    assert (dated.missing, dated.outdated, dated.todo) == ((), (2,), (2,))
    assert claims_to_json([dated])["experiments"][0]["outdated"] == [2]


def test_a_sabotage_run_that_is_stale_has_broken_nothing(nb: Notebook) -> None:
    data = nb.folder / "data.txt"
    data.write_text("one")
    config = base.settings(base.sabotaged(Judged, Judged.sabotages[0]))
    with nb.start_run("judged", config, 0, [CLAIM], sabotage="told") as run:
        run.uses("data", "text", path=data)
        run.result(missing=0.9, both=1.0)
    entry = standing("judged", nb.runs("judged"))
    assert entry.dated().verdicts[0].condition_broken == ("told",)
    data.write_text("another")
    assert entry.dated().verdicts[0].condition_broken == ()
