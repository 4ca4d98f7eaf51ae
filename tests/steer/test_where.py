"""Position rules: one name for each in Python, on the command line and in JSON, without torch."""

import subprocess
import sys

import pytest

from glassbook.errors import GlassbookError
from glassbook.steer import (
    Where,
    after_prompt,
    before_position,
    during_prompt,
    everywhere,
    first,
    from_position,
    last,
    read_where,
)
from glassbook.steer.where import WHERE_LABELS

RULES = [first(), last(), during_prompt(), after_prompt(), everywhere(), from_position(3), before_position(2)]


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_a_rule_is_read_from_its_own_name(rule):
    assert read_where(str(rule)) == rule


@pytest.mark.parametrize(
    ("old", "rule"), [("prompt", during_prompt()), ("after", after_prompt()), ("7", from_position(7))]
)
def test_names_of_earlier_versions_are_read(old, rule):
    assert read_where(old) == rule


@pytest.mark.parametrize("text", ["", "there", "from-position", "from-position-x", "first-1", "before-position-0"])
def test_other_names_are_refused_in_one_line(text):
    with pytest.raises(GlassbookError) as error:
        read_where(text)
    assert "\n" not in str(error.value)


def test_a_form_names_every_rule_that_has_no_number():
    assert {read_where(name).rule for name in WHERE_LABELS} == {rule.rule for rule in RULES[:5]}
    assert list(WHERE_LABELS) == [str(read_where(name)) for name in WHERE_LABELS]


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_the_positions_of_a_prompt_known_beforehand_are_the_same(rule):
    import torch

    pos, real, end = torch.arange(9)[None], torch.ones(1, 9, dtype=torch.bool), torch.tensor([5])
    known: Where = rule.at_prompt_end(5)
    assert not known.needs_prompt
    assert torch.equal(known.mask(pos, real, None), rule.mask(pos, real, end))


def test_rules_and_settings_need_no_torch():
    code = (
        "import sys; from glassbook.steer import read_where; from glassbook.steer.spec import read_settings\n"
        "read_settings({'plus': 'a', 'site': 's', 'prompt': 'x', 'where': 'after-prompt'})\n"
        "assert not {'torch', 'numpy'} & set(sys.modules)\n"
        "from glassbook.steer import score, steer; assert callable(score) and callable(steer)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
