"""What rules say of an amount of training compute."""

from dataclasses import replace

import pytest

from glassbook.assets.policy import thresholds
from glassbook.errors import GlassbookError
from glassbook.measure.compute import Flop, FlopPerSecond, read_count, read_flop, read_speed
from glassbook.measure.thresholds import (
    Estimate,
    judge,
    judge_all,
    judge_further,
    judge_modifier,
    of_hardware,
    of_model,
)

RULES = {rule.id: rule for rule in thresholds()}


def exactly(n):
    return Estimate(Flop(n), Flop(n), "said")


def states(estimate, **more):
    return {r.threshold.id: r.state for r in judge_all(estimate, thresholds(), more.get("base"), more.get("cost"))}


@pytest.mark.parametrize(
    ("parameters", "tokens", "above"),
    [
        (175e9, 300e9, {"eu-gpai-guidelines"}),  # GPT-3
        (70e9, 15e12, {"eu-gpai-guidelines"}),  # Llama 3 70B
        (405e9, 15.6e12, {"eu-gpai-guidelines", "eu-ai-act"}),  # Llama 3.1 405B
        (7e5, 1e8, set()),
    ],
)
def test_published_models(parameters, tokens, above):
    found = states(of_model(parameters, tokens))
    assert {id for id, state in found.items() if state == "above"} == above


def test_a_threshold_itself_is_not_above_it():
    assert judge(exactly(1e25), RULES["eu-ai-act"]).state == "below"
    assert judge(exactly(1.0001e25), RULES["eu-ai-act"]).state == "above"


def test_an_interval_that_holds_the_threshold_decides_nothing():
    estimate = of_hardware(16_000, FlopPerSecond(989e12), 300, 0.3, 0.6)
    assert estimate.low.n == pytest.approx(5.13e24, rel=0.01)
    assert judge(estimate, RULES["eu-ai-act"]).state == "open"
    assert judge(estimate, RULES["california-sb53"]).state == "below"


@pytest.mark.parametrize(("cost", "state"), [(None, "open"), (9e7, "below"), (2e8, "above")])
def test_a_rule_may_ask_for_the_cost_as_well(cost, state):
    rule = replace(RULES["new-york-raise"], depends="")
    assert judge(exactly(2e26), rule, cost).state == state
    assert judge(exactly(1e20), rule, cost).state == "below"


@pytest.mark.parametrize(
    ("id", "depends", "cost"),
    [
        ("california-sb53", "revenue", None),
        ("new-york-raise", "a large one", 2e8),
        ("korea-ai-basic-act", "criteria of risk", None),
    ],
)
def test_what_no_amount_tells_is_open_and_never_above(id, depends, cost):
    def said(n, high=None):
        estimate = Estimate(Flop(n), Flop(high or n), "said")
        return [(r.state, r.text) for r in judge_all(estimate, [RULES[id]], None, cost) if depends in r.text]

    for n, high in ((1.01e26, None), (5e27, None), (9e25, 2e26)):
        ((state, text),) = said(n, high)
        assert state == "open"
        assert "is open: it depends on" in text
    assert said(9e25) == []
    assert all(r.state == "below" for r in judge_all(exactly(9e25), [RULES[id]], None, cost))


def test_what_every_developer_has_to_do_is_above_and_what_some_have_to_do_is_open():
    ruling = judge(exactly(2e26), RULES["california-sb53"])
    assert (ruling.state, "transparency report" in ruling.text) == ("above", True)
    assert "framework" not in ruling.text
    further = judge_further(ruling)
    assert (further.state, further.text) == (
        "open",
        "Whether its developer has to publish a safety framework as well is open: it depends on the developer's "
        "revenue, which must be above $500 million a year.",
    )
    assert judge_further(judge(exactly(1e25), RULES["california-sb53"])) is None
    assert judge_further(judge(exactly(2e26), RULES["eu-ai-act"])) is None


@pytest.mark.parametrize(
    ("low", "high", "state", "said"),
    [
        (9.9e25, 9.9e25, "below", "Below the threshold, by 1 %"),
        (1e26, 1e26, "above", "At the threshold, which counts:"),
        (1e26, 2e26, "above", "At the threshold, which counts, or above it"),
        (9e25, 1e26, "open", "The interval contains the threshold"),
        (3e26, 3e26, "above", "Above the threshold, by a factor of 3"),
    ],
)
def test_a_rule_may_count_the_amount_itself(low, high, state, said):
    ruling = judge(Estimate(Flop(low), Flop(high), "said"), replace(RULES["korea-ai-basic-act"], depends=""))
    assert ruling.state == state
    assert ruling.text.startswith(said)


def test_a_revoked_rule_says_so():
    ruling = judge(exactly(2e26), RULES["us-eo-14110"])
    assert ruling.text.startswith("Revoked.")


@pytest.mark.parametrize(("own", "state"), [(3.4e24, "above"), (3.3e24, "below"), (1e20, "below")])
def test_a_third_of_the_original_compute_makes_a_provider(own, state):
    ruling = judge_modifier(exactly(own), Flop(1e25), RULES["eu-gpai-guidelines"])
    assert ruling.state == state
    assert judge_modifier(exactly(own), Flop(1e25), RULES["eu-ai-act"]) is None


def test_the_original_compute_counts_as_well():
    assert states(exactly(1e24))["eu-ai-act"] == "below"
    assert states(exactly(1e24), base=Flop(9.5e24))["eu-ai-act"] == "above"


@pytest.mark.parametrize("share", [0, 1.2, -0.3, float("nan")])
def test_shares_that_are_none(share):
    with pytest.raises(GlassbookError, match="no share"):
        of_model(1e9, 1e9, share)
    with pytest.raises(GlassbookError, match="no share"):
        of_hardware(1, FlopPerSecond(1e12), 1, 0.1, share)


def test_what_makes_no_sense_is_refused():
    with pytest.raises(GlassbookError, match="swap"):
        of_hardware(1, FlopPerSecond(1e12), 1, 0.5, 0.3)
    with pytest.raises(GlassbookError, match="0 FLOP"):
        judge_modifier(exactly(1e20), Flop(0.0), RULES["eu-gpai-guidelines"])


def test_small_amounts_are_told_without_rounding_to_nothing():
    assert "by a factor of 1.4e10" in judge(exactly(7e14), RULES["eu-ai-act"]).text
    assert judge(exactly(0.0), RULES["eu-ai-act"]).text == "Below the threshold."


@pytest.mark.parametrize(
    ("text", "n"),
    [("70e9", 70e9), ("70B", 70e9), ("15 T", 15e12), ("300,000", 3e5), ("1.5k", 1500), (" 7 ", 7), ("405b", 405e9)],
)
def test_counts_as_people_write_them(text, n):
    assert read_count(text, "parameters") == pytest.approx(n)


@pytest.mark.parametrize(
    "text", ["", "many", "nan", "-3", "inf", "1e400", "3 apples", "1.2.3", "7m", "0x10", "1e25 FLOP"]
)
def test_counts_that_are_none(text):
    with pytest.raises(GlassbookError) as error:
        read_count(text, "parameters")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(("text", "n"), [("1e25", 1e25), ("1e25 FLOP", 1e25), ("6.9 TFLOP", 6.9e12), ("2 eflop", None)])
def test_amounts_as_people_write_them(text, n):
    if n is None:
        with pytest.raises(GlassbookError, match="no number"):
            read_flop(text)
    else:
        assert read_flop(text).n == pytest.approx(n)


@pytest.mark.parametrize(
    "text",
    [
        "1,5e25",
        "7,5B",
        "1,50",
        "12,3456",
        "1,234,56",
        ",5",
        "5,",
        "1e2,5",
        "0,500",
        "00,500",
        "0,500,000",
        "012,345",
        "0,123.5",
        "0,500 T",
        "1,500e3",
    ],
)
def test_a_comma_stands_between_thousands_only(text):
    for read in (read_count, read_flop):
        with pytest.raises(GlassbookError) as error:
            read(text, "parameters")
        assert "comma" in str(error.value) or "no number" in str(error.value)
        assert "\n" not in str(error.value)
    assert read_count("1,234,567", "tokens") == 1_234_567
    assert read_count("12,345.5", "tokens") == 12_345.5
    assert read_speed("1,979 TFLOP/s").n == 1.979e15


@pytest.mark.parametrize("text", ["989", "1e15", "989 T"])
def test_a_speed_has_a_unit(text):
    with pytest.raises(GlassbookError, match="no unit"):
        read_speed(text)


@pytest.mark.parametrize("text", ["1e25 FLOP/s", "1e25flop/s", "3 TFLOP / s"])
def test_a_speed_is_no_amount_and_the_unit_is_named_as_the_mistake(text):
    with pytest.raises(GlassbookError, match="is a speed"):
        read_flop(text)
    assert read_speed(text).n > 0


def test_an_amount_is_no_speed_and_flops_may_be_either():
    with pytest.raises(GlassbookError, match="write FLOP/s"):
        read_speed("989 TFLOP")
    for read in (read_flop, read_speed):
        with pytest.raises(GlassbookError, match="may mean"):
            read("1e25 FLOPS")
