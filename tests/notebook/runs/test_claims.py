from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassbook.errors import GlassbookError
from glassbook.notebook import Claim, Condition
from glassbook.notebook.runs.claims import find_claim

CLAIM = Claim(
    "missing-direction", "The missing direction is not recalled", "missing", "<=", 0.05, control="both >= 0.99"
)


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
    with pytest.raises(GlassbookError, match="has sabotages and a reason for none"):
        Claim("seen", "So it is", "m", ">=", 1, sabotages=("shuffled",), no_sabotage="none is needed")


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
