"""Learning paths: the levels and steps of a guide, in a live block, with what is done marked in the page's own text.

    path:
      title: Interpretability from scratch
      guide: https://example.org/guide
      levels:
        - level: Directions
          steps:
            - Read [[Superposition]]: 2026-11-29
            - Run the experiment
        - level: Circuits

A step that is done has the day after it (or `done`). A level without steps is itself one step.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from glassbook.errors import GlassbookError
from glassbook.notebook.pages.links import LiveBlock
from glassbook.notebook.pages.page import flow_text
from glassbook.notebook.serialization import compose_yaml, read_yaml, yaml_value

KIND = "path"
"""The live block's kind."""
KEYS = ("title", "guide", "levels")
LEVEL_KEYS = ("level", "steps")
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")


@dataclass(frozen=True)
class Step:
    """One thing to do."""

    text: str
    """A line of Markdown."""
    done: str
    """The day (YYYY-MM-DD) or "done"; "" if it is not done."""


@dataclass(frozen=True)
class Level:
    """Some steps that belong together."""

    number: int
    """From 1."""
    name: str
    steps: tuple[Step, ...]

    @property
    def done(self) -> bool:
        """Whether all of its steps are."""
        return all(step.done for step in self.steps)


@dataclass(frozen=True)
class LearningPath:
    """A guide as levels of steps."""

    title: str
    guide: str
    """Name of the guide's page, or its address; "" if none is given."""
    levels: tuple[Level, ...]

    @property
    def current(self) -> Level | None:
        """The first level that is not done; None if all are."""
        return next((level for level in self.levels if not level.done), None)

    @property
    def steps(self) -> list[Step]:
        """The steps of all levels."""
        return [step for level in self.levels for step in level.steps]

    @property
    def done(self) -> int:
        """How many steps are done."""
        return sum(bool(step.done) for step in self.steps)


def read_path(data: dict[str, Any]) -> LearningPath:
    """The learning path that a live block says.

    Raises:
        GlassbookError: a part is missing or not what it has to be.
    """
    _only(data, KEYS, "a path")
    title, levels = data.get("title"), data.get("levels")
    if not isinstance(title, str) or not title.strip():
        raise GlassbookError("this block needs 'title: ...', the name of the path")
    if not isinstance(levels, list) or not levels:
        raise GlassbookError("this block needs 'levels:' and a list, each '- level: ...' with 'steps:' below it")
    return LearningPath(
        title.strip(), str(data.get("guide") or ""), tuple(_level(n, item) for n, item in enumerate(levels, 1))
    )


def _level(number: int, item: Any) -> Level:
    if not isinstance(item, dict) or "level" not in item:
        step = _step(item)  # a level that is one step
        return Level(number, step.text, (step,))
    _only(item, LEVEL_KEYS, "a level")
    steps = item.get("steps")
    if not isinstance(steps, list) or not steps:
        raise GlassbookError(f"level {number} needs 'steps:' and a list; a level without steps is written '- NAME'")
    return Level(number, str(item["level"]), tuple(map(_step, steps)))


def _step(item: Any) -> Step:
    done: Any = ""
    if isinstance(item, dict) and len(item) == 1:
        ((item, done),) = item.items()
    if isinstance(item, list) and len(item) == 1 and isinstance(item[0], list) and len(item[0]) == 1:
        item = f"[[{item[0][0]}]]"  # YAML takes a link without quotes for a list in a list
    if not isinstance(item, str | int | float) or isinstance(done, dict | list):
        raise GlassbookError(f"a step is one line of text, with ': done' or a day after it; not {str(item)[:80]!r}")
    return Step(str(item), "done" if done is True else str(done or ""))


def _only(data: dict[str, Any], keys: tuple[str, ...], what: str) -> None:
    for key in data:
        if key not in keys:
            raise GlassbookError(f"{what} has no {key!r}; it has {', '.join(keys)}")


def mark(body: str, block: LiveBlock, level: int, step: int, done: str) -> str:
    """A page's body with one step of a path marked as done, or as not done.

    Args:
        body: the body.
        block: the path in it.
        level: number of the level, from 1.
        step: number of the step in it, from 1.
        done: the day or "done"; "" if it is not done.

    Raises:
        GlassbookError: there is no such step, or it is written in a way that cannot be changed safely.
    """
    path = read_path(block.data)
    wanted = _with(path, level, step, done)
    node = list(_nodes(block.text))[level - 1][step - 1]
    text = wanted.levels[level - 1].steps[step - 1].text
    said = f"{flow_text(text)}: {done}" if done else flow_text(text)
    lines, own = _LINE.findall(body), block.text.split("\n")
    row, start, stop = node.start_mark.line, node.start_mark.column, _end(node)
    at = block.line + row
    if stop.line == row and at < len(lines) and lines[at].rstrip("\r\n").endswith(own[row]):
        shift = len(lines[at].rstrip("\r\n")) - len(own[row])  # what stands before the block in a list or quote
        changed = own[row][:start] + said + own[row][stop.column :]
        lines[at] = lines[at][: shift + start] + said + lines[at][shift + stop.column :]
        after = "\n".join([*own[:row], changed, *own[row + 1 :]])
        if _says(after, wanted):
            return "".join(lines)
    raise GlassbookError(f"the step {text!r} cannot be changed from here; write ': done' after it in the page")


def _says(text: str, wanted: LearningPath) -> bool:
    """Whether a block with this text is that path."""
    try:
        return read_path(read_yaml(text)[KIND]) == wanted
    except (GlassbookError, TypeError, KeyError):
        return False


def _with(path: LearningPath, level: int, step: int, done: str) -> LearningPath:
    """The path with one step marked."""
    if not (1 <= level <= len(path.levels) and 1 <= step <= len(path.levels[level - 1].steps)):
        raise GlassbookError(f"the path {path.title!r} has no such step any more; reload the page")
    old = path.levels[level - 1]
    steps = list(old.steps)
    steps[step - 1] = Step(steps[step - 1].text, done)
    levels = list(path.levels)
    levels[level - 1] = Level(old.number, old.name, tuple(steps))
    return LearningPath(path.title, path.guide, tuple(levels))


def _nodes(text: str) -> Iterator[list[yaml.Node]]:
    """For each level the nodes of its steps."""
    root = compose_yaml(text)
    assert isinstance(root, yaml.MappingNode)  # `read_path` has read it
    for level in _value(_value(root, KIND), "levels").value:
        if isinstance(level, yaml.MappingNode) and "level" in yaml_value(level):
            yield list(_value(level, "steps").value)
        else:
            yield [level]


def _value(node: yaml.Node, key: str) -> yaml.Node:
    return next(value for name, value in node.value if name.value == key)


def _end(node: yaml.Node) -> yaml.Mark:
    """Where a step's own text ends: the mark of a mapping lies behind the line."""
    return _end(node.value[-1][1]) if isinstance(node, yaml.MappingNode) and not node.flow_style else node.end_mark
