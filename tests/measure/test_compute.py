"""Amounts of computation: formulas that papers report, and amounts that do not mix with speeds."""

import pytest

from glassbook.errors import GlassbookError
from glassbook.measure.compute import Flop, FlopPerSecond, dictionary_step, rule_of_thumb


@pytest.mark.parametrize(
    ("parameters", "tokens", "published"),
    [(175e9, 300e9, 3.15e23), (70e9, 15e12, 6.3e24), (405e9, 15.6e12, 3.79e25)],
)
def test_what_papers_report_of_gpt3_and_llama3(parameters, tokens, published):
    assert rule_of_thumb(parameters, tokens).n == pytest.approx(published, rel=0.01)


def test_amounts_add_up_and_do_not_mix_with_speeds():
    assert Flop(1e9) + Flop(2e9) == Flop(3e9)
    assert 3 * Flop(2.0) == Flop(6.0)
    assert Flop(6e9) / Flop(2e9) == 3
    assert FlopPerSecond(1e12).during(10, utilisation=0.5) == Flop(5e12)
    with pytest.raises(TypeError, match="FLOP"):
        Flop(1.0) + FlopPerSecond(1.0)  # pyright: ignore[reportOperatorIssue]
    with pytest.raises(TypeError):
        FlopPerSecond(1.0) + Flop(1.0)  # pyright: ignore[reportOperatorIssue]
    with pytest.raises(TypeError, match="FLOP"):
        Flop(1.0) / FlopPerSecond(1.0)  # pyright: ignore[reportOperatorIssue]


@pytest.mark.parametrize("n", [float("nan"), float("inf"), -1.0])
def test_numbers_that_are_no_amount(n):
    with pytest.raises(GlassbookError, match="makes no sense"):
        Flop(n)
    with pytest.raises(GlassbookError, match="makes no sense"):
        FlopPerSecond(1.0).during(n)


@pytest.mark.parametrize("share", [0.0, 1.5, float("nan"), -0.1])
def test_a_utilisation_is_a_share(share):
    with pytest.raises(GlassbookError, match="no share"):
        FlopPerSecond(1e12).during(1.0, share)


def test_a_step_of_a_dictionary():
    """Encode all, then for the active: decode, three gradients, and what keeps rows at norm 1."""
    assert dictionary_step(10, 4, 8, 2).n == 2 * 10 * 4 * (8 + 5 * 2)
    assert dictionary_step(10, 4, 8, 2, outputs=6).n == 2 * 10 * (4 * 8 + 2 * (4 + 4 * 6))
