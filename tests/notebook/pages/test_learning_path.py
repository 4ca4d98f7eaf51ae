"""Learning paths: what a block says, and that a mark changes one step of its page and nothing else."""

from __future__ import annotations

import pytest

from glassbook.errors import GlassbookError
from glassbook.notebook import read_markdown
from glassbook.notebook.pages.learning_path import mark, read_path

BODY = """Before.

```glassbook
path:  # of the course
  title: From neurons to circuits
  guide: The guide
  levels:
    - level: Directions
      steps:
        - Read [[Superposition]]: 2026-11-29
        - [[Attention]]
        - "Explain: aloud"   # to a friend
        - 3
    - Circuits
    - level: Flow
      steps: [a, b: done, "c"]
```

After.
"""
QUOTED = "".join(f"> {line}" for line in BODY.splitlines(keepends=True))
IN_A_LIST = "- One\n" + "".join(f"  {line}" if line.strip() else line for line in BODY.splitlines(keepends=True))


def path_of(body):
    (block,) = read_markdown(body).blocks
    return read_path(block.data)


def marked(body, level, step, done):
    (block,) = read_markdown(body).blocks
    return mark(body, block, level, step, done)


def test_levels_and_steps():
    path = path_of(BODY)
    assert (path.title, path.guide) == ("From neurons to circuits", "The guide")
    assert [level.name for level in path.levels] == ["Directions", "Circuits", "Flow"]
    assert [step.text for step in path.levels[0].steps] == [
        "Read [[Superposition]]",
        "[[Attention]]",
        "Explain: aloud",
        "3",
    ]
    assert [step.done for step in path.levels[0].steps] == ["2026-11-29", "", "", ""]
    assert (path.done, len(path.steps)) == (2, 8)
    assert path.current is path.levels[0]


def test_the_current_level_is_the_first_that_is_not_done():
    body = BODY
    for step in (2, 3, 4):
        body = marked(body, 1, step, "2026-11-30")
    assert path_of(body).current.number == 2
    body = marked(body, 2, 1, "done")
    assert path_of(body).current.number == 3
    for step in (1, 3):
        body = marked(body, 3, step, "done")
    assert path_of(body).current is None
    assert path_of(marked(body, 1, 1, "")).current.number == 1


@pytest.mark.parametrize("body", [BODY, BODY.replace("\n", "\r\n"), QUOTED, IN_A_LIST])
@pytest.mark.parametrize(("level", "step"), [(1, 1), (1, 2), (1, 3), (1, 4), (2, 1), (3, 1), (3, 2), (3, 3)])
@pytest.mark.parametrize("done", ["2026-12-01", "done", ""])
def test_a_mark_changes_its_step_and_no_other_line(body, level, step, done):
    before, after = path_of(body), marked(body, level, step, done)
    changed = [(a, b) for a, b in zip(body.split("\n"), after.split("\n"), strict=True) if a != b]
    assert len(changed) <= 1
    assert path_of(after).levels[level - 1].steps[step - 1].done == done
    others = [s for n, s in enumerate(path_of(after).steps) if s != before.steps[n]]
    assert len(others) == (before.levels[level - 1].steps[step - 1].done != done)
    assert "# to a friend" in after
    assert marked(marked(after, level, step, ""), level, step, done) == after


@pytest.mark.parametrize(("level", "step"), [(0, 1), (1, 0), (4, 1), (2, 2), (-1, 1)])
def test_a_step_that_is_not_there(level, step):
    with pytest.raises(GlassbookError, match="no such step"):
        marked(BODY, level, step, "done")


@pytest.mark.parametrize("steps", ["- >\n      a\n      b", "- a\n      b", "- |\n      a"])
def test_a_step_that_cannot_be_changed_safely_is_refused(steps):
    with pytest.raises(GlassbookError, match="in the page"):
        marked(f"```glassbook\npath:\n  title: T\n  levels:\n    {steps}\n```\n", 1, 1, "done")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({}, "title"),
        ({"title": "T"}, "levels"),
        ({"title": "T", "levels": []}, "levels"),
        ({"title": "T", "levels": "one"}, "levels"),
        ({"title": "T", "levels": [{"level": "A"}]}, "steps"),
        ({"title": "T", "levels": [{"level": "A", "steps": ["x"], "stpes": []}]}, "stpes"),
        ({"title": "T", "levels": [{"a": 1, "b": 2}]}, "one line"),
        ({"title": "T", "levels": [{"a": ["x"]}]}, "one line"),
        ({"title": "T", "levels": [None]}, "one line"),
        ({"titel": "T", "levels": ["a"]}, "titel"),
    ],
)
def test_what_is_wrong_is_one_line(data, said):
    with pytest.raises(GlassbookError, match=said) as refused:
        read_path(data)
    assert "\n" not in str(refused.value)
