from __future__ import annotations

import json
import math
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassbook.errors import GlassbookError
from glassbook.notebook import Claim, Condition, Notebook, RunRecord, judge
from glassbook.notebook.runs.claims import find_claim

CLAIM = Claim(
    "missing-direction", "The missing direction is not recalled", "missing", "<=", 0.05, control="both >= 0.99"
)
GOOD = {"missing": 0.01, "both": 1.0}


def record(seed: int, results: dict[str, float], status: Any = "finished", age: int = 0, **config: Any) -> RunRecord:
    started = datetime(2026, 1, 1, tzinfo=UTC) - timedelta(days=age)
    return RunRecord(f"run-{seed}-{age}", "e", config, seed, status, started, None, results, {}, {}, Path("."))


def verdict(*records: RunRecord, seeds: int = 3) -> tuple[str, str]:
    found = judge(CLAIM, records, seeds)
    return found.state, found.reason


def test_a_claim_holds_if_all_seeds_hold() -> None:
    found = judge(CLAIM, [record(seed, GOOD) for seed in (2, 0, 1)])
    assert found.state == "holds"
    assert found.values == dict.fromkeys((0, 1, 2), 0.01)
    assert found.controls == dict.fromkeys((0, 1, 2), 1.0)
    assert found.runs == {0: "run-0-0", 1: "run-1-0", 2: "run-2-0"}
    assert found.reason == "missing <= 0.05 on all 3 seeds, control both >= 0.99 as well"


def test_one_seed_is_enough_to_fail() -> None:
    bad = record(3, {"missing": 0.2, "both": 1.0})
    state, reason = verdict(*(record(seed, GOOD) for seed in range(3)), bad)
    assert (state, reason) == ("fails", "missing <= 0.05 does not hold on 1 of 4 seeds: 0.2 (seed 3)")


def test_a_control_that_comes_out_wrong_fails_the_claim() -> None:
    state, reason = verdict(*(record(seed, GOOD | {"both": 0.5 + seed / 4}) for seed in range(3)))
    assert state == "fails"
    assert reason == "the control both >= 0.99 does not hold on 2 of 3 seeds: 0.5 (seed 0), 0.75 (seed 1)"


def test_nan_holds_nothing() -> None:
    assert verdict(*(record(seed, GOOD | {"missing": math.nan}) for seed in range(3)))[0] == "fails"


def test_too_little_is_untested_and_says_why() -> None:
    two = [record(0, GOOD), record(1, GOOD)]
    assert verdict() == ("untested", "no run has finished")
    assert verdict(*two) == ("untested", "2 of 3 seeds have finished")
    for status in ("running", "failed", "interrupted"):
        assert verdict(*two, record(2, GOOD, status=status))[1] == "2 of 3 seeds have finished"
    assert verdict(*two, record(1, GOOD, age=3))[1] == "2 of 3 seeds have finished"
    assert "no result 'missing'" in verdict(*two, record(2, {"both": 1}))[1]
    assert "no result for the control" in verdict(*two, record(2, {"missing": 0}))[1]
    assert "different settings" in verdict(*two, record(2, GOOD, width=3))[1]
    assert verdict(*two, seeds=2)[0] == "holds"


def test_the_newest_finished_run_of_a_seed_counts() -> None:
    old_bad = [record(seed, {"missing": 1, "both": 1}, age=5) for seed in range(3)]
    new_running = [record(seed, {"missing": 1, "both": 1}, status="running", age=-1) for seed in range(3)]
    assert verdict(*new_running, *(record(seed, GOOD) for seed in range(3)), *old_bad)[0] == "holds"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a",
        "a >=",
        ">= 1",
        "a == 1",
        "a >= b",
        "a >= 1 and b >= 1",
        "__import__('os') >= 1",
        "a() > 1",
        "a >= nan",
        "1 >= a",
    ],
)
def test_only_a_metric_a_comparison_and_a_number_is_a_condition(text: str) -> None:
    with pytest.raises(GlassbookError, match="is no condition"):
        Condition.parse(text)


@given(st.text())
def test_any_text_is_a_condition_or_refused(text: str) -> None:
    try:
        condition = Condition.parse(text)
    except GlassbookError:
        return
    assert Condition.parse(f"{condition.metric} {condition.comparison} {condition.bound!r}") == condition


@given(st.floats(allow_nan=False, allow_infinity=False), st.sampled_from([">=", "<=", ">", "<"]))
def test_conditions_come_back_as_they_were(bound: float, comparison: str) -> None:
    assert Condition.parse(f" a_b/c.d-1{comparison}{bound!r} ") == Condition("a_b/c.d-1", comparison, bound)


@pytest.mark.parametrize(
    "changes", [{"comparison": "=="}, {"metric": "a b"}, {"bound": math.nan}, {"bound": "1"}, {"control": "x"}]
)
def test_a_claim_that_cannot_be_decided_cannot_be_made(changes: dict[str, Any]) -> None:
    with pytest.raises(GlassbookError):
        Claim.from_data(CLAIM.to_data() | changes)


@pytest.mark.parametrize("id", ["", "Seen", "seen_direction", "-seen", "seen-", "seen--direction", "a b"])
def test_an_id_is_kebab_case(id: str) -> None:
    with pytest.raises(GlassbookError, match="kebab-case"):
        Claim(id, "So it is", "m", ">=", 1)


def test_a_control_and_a_reason_for_none_exclude_each_other() -> None:
    with pytest.raises(GlassbookError, match="leave one of them out"):
        Claim("seen", "So it is", "m", ">=", 1, control="n >= 1", no_control="none is needed")


def test_claims_are_found_by_id_and_an_unknown_id_names_the_nearest() -> None:
    first = Claim("seen-direction", "It is recalled", "seen", ">=", 0.99)
    assert find_claim([first, CLAIM], "missing-direction", "e") is CLAIM
    assert find_claim([CLAIM, first], "missing-direction", "e") is CLAIM
    with pytest.raises(GlassbookError, match=r"^e has no claim 'mising-direction'; did you mean missing-direction"):
        find_claim([first, CLAIM], "mising-direction", "e")
    with pytest.raises(GlassbookError, match=r"there are: seen-direction, missing-direction$"):
        find_claim([first, CLAIM], "xyz", "e")


def test_claims_of_old_runs_have_an_id_made_from_the_metric() -> None:
    old = {"sentence": "s", "metric": "gap/nats_at.0", "comparison": ">=", "bound": 1, "control": None, "source": None}
    assert Claim.from_data(old) == Claim("gap-nats-at-0", "s", "gap/nats_at.0", ">=", 1)


def test_claims_come_back_from_data() -> None:
    assert Claim.from_data({**CLAIM.to_data(), "of a later version": 1}) == CLAIM
    full = Claim("a-b", "s", "m", "<", 1, no_control="why", sabotages=("shuffled",), source="x")
    assert Claim.from_data(json.loads(json.dumps(full.to_data()))) == full
    with pytest.raises(GlassbookError, match="this is no claim"):
        Claim.from_data({"sentence": "only"})


def test_runs_of_one_setting_decide(nb: Notebook) -> None:
    for seed in range(3):
        with nb.start_run("reversal-curse", config={"pairs": 200}, seed=seed, claims=[CLAIM]) as run:
            run.result(**GOOD)
    with nb.start_run("reversal-curse", config={"pairs": 5}, seed=0) as quick:
        quick.result(missing=1, both=0)
    assert judge(CLAIM, nb.runs("reversal-curse", {"pairs": 200})).state == "holds"
    found = judge(CLAIM, nb.runs("reversal-curse"))
    assert (found.state, "different settings" in found.reason) == ("untested", True)
    assert judge(CLAIM, nb.runs("other")).state == "untested"
