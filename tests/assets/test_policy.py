"""Policy data: every rule and moment has its source, and says how old its check is."""

import json
from dataclasses import replace
from datetime import date, timedelta

import pytest

from glassbook.assets import starter
from glassbook.assets.policy import moments, thresholds

WORKS = {work["id"] for work in json.loads((starter.SOURCE / "references.json").read_text())}


@pytest.mark.parametrize("rule", thresholds(), ids=lambda rule: rule.id)
def test_a_rule_has_its_source_scope_and_status(rule):
    assert rule.source.startswith("https://")
    assert rule.scope.endswith(".")
    assert not rule.consequence.endswith(".")
    assert rule.flop >= 1e23
    assert rule.status in ("in force", "guideline", "enacted", "revoked")
    assert rule.checked is None or rule.checked_against
    assert rule.checked or not rule.read_in_law
    assert not (rule.depends + rule.further).endswith(".")
    assert rule.depends or not rule.further


def test_the_amounts():
    assert {rule.id: rule.flop for rule in thresholds()} == {
        "eu-gpai-guidelines": 1e23,
        "eu-ai-act": 1e25,
        "california-sb53": 1e26,
        "korea-ai-basic-act": 1e26,
        "new-york-raise": 1e26,
        "us-eo-14110": 1e26,
    }


def test_an_entry_that_was_checked_against_reports_alone_is_not_read_in_the_law():
    for rule in thresholds():
        assert not (rule.read_in_law and "report" in rule.checked_against)


@pytest.mark.parametrize(
    ("days", "said"), [(0, ""), (365, ""), (366, "checked 1 year ago"), (800, "checked 2 years ago")]
)
def test_an_old_check_is_told(days, said):
    rule = replace(thresholds()[0], checked=date(2026, 1, 1))
    assert rule.age(date(2026, 1, 1) + timedelta(days)) == said
    assert replace(rule, checked=None).age(date(2026, 1, 1)) == "not checked"


@pytest.mark.parametrize("moment", moments(), ids=lambda moment: moment.title)
def test_a_moment_has_its_source_in_the_bibliography(moment):
    assert moment.work in WORKS
    date.fromisoformat((moment.day + "-01-01")[:10])
