"""Numbers, times and escapes as people read them."""

import math
from datetime import UTC, datetime, timedelta

import pytest

from glassbook.formatting import ago, escape_markdown, flop, number


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (3, "3"),
        (1234567, "1,234,567"),
        (2.0, "2"),
        (0.123456, "0.1235"),
        (1e-9, "1e-09"),
        (math.nan, "NaN"),
        (-math.inf, "-∞"),
        (True, "True"),
        ("NaN", "NaN"),
    ],
)
def test_numbers(value, text):
    assert number(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0 FLOP"),
        (999, "999 FLOP"),
        (6.94e12, "6.94 TFLOP"),
        (999.9e12, "1 PFLOP"),
        (6.97e14, "697 TFLOP"),
        (3.15e23, "3.15e23 FLOP"),
        (1e25, "1e25 FLOP"),
        (math.inf, "∞ FLOP"),
    ],
)
def test_amounts_of_computation(value, text):
    assert flop(value) == text


@pytest.mark.parametrize(
    ("passed", "text"),
    [(5, "just now"), (60, "1 minute ago"), (3 * 3600 + 5, "3 hours ago"), (2 * 86400 + 5, "2 days ago")],
)
def test_ages(passed, text):
    assert ago(datetime.now(UTC) - timedelta(seconds=passed)) == text


def test_markdown_cannot_break_out():
    assert escape_markdown("a|b\n# *c* [[d]] \x00<e>") == r"a\|b ↵ \# \*c\* \[\[d\]\]  \<e\>"
