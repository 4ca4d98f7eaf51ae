"""Pages: Markdown with front matter, edited without touching any other line.

The text of the file is the truth. A page remembers where each key of its front matter stands, and `render` rewrites
only the lines of keys whose value differs from what was read; comments, order, unknown keys, line ends and the byte
order mark stay as they are.
"""

from __future__ import annotations

import copy
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

import yaml

from glassbook.errors import GlassbookError
from glassbook.notebook.pages import logseq
from glassbook.notebook.pages.links import Outline, read_markdown, slug
from glassbook.notebook.serialization import compose_yaml, yaml_value

KINDS = ("term", "paper", "talk", "session", "project", "note")
"""What a page can be about."""
TEXTS = ("id", "title", "kind")
LISTS = ("aliases", "tags", "refs")
KEYS = {
    "id": "the end of the page's address; never changes once others link to it",
    "title": "its name",
    "kind": f"one of {', '.join(KINDS)}",
    "aliases": "list of other names that links may use",
    "tags": "list of tags",
    "level": "of a term: a whole number, higher for what is more general",
    "refs": "list of keys of works in references.json, the page's sources",
    "date": "the day that the page belongs to, YYYY-MM-DD",
    "yields": "list of its names that mean another page, written when one was taken",
}
"""The keys of the front matter that mean something here, with what they say; all others are kept."""
KNOWN = tuple(key for key in KEYS if key not in ("date", "yields"))
"""Those that are fields of a page; the others stay as they were written."""

LONGEST_ID = 1000
"""Characters of an id that front matter may give."""
LONGEST_NAME = 4096
"""Characters of a name that may be asked for: without an id of its own a page has the path of its file."""

_HEAD = re.compile(r"(?P<open>---[ \t]*\r?\n)(?P<yaml>(?:.*\n)*?)(?P<close>(?:---|\.\.\.)[ \t]*(?:\r?\n|\Z))")
_DATE = re.compile(r"\d{4}(-\d{2}(-\d{2})?)?(?!\d)")
_FIRST_HEADING = re.compile(r"(?:[ \t]*\r?\n)* {0,3}#[ \t]+([^\r\n]*)")
_OTHER_NAMES = {"alias": "aliases", "tag": "tags"}
"""Keys that other programs write for ours, the one with the values of the other."""


@dataclass
class Page:
    """One page of the notebook. Change its fields, then `Notebook.write` it."""

    id: str
    """Never changes once others link to it; `slug(title)` is a good one."""
    title: str
    kind: str = "note"
    """One of KINDS; another kind found in a file is kept."""
    aliases: list[str] = field(default_factory=list)
    """Other names that links may use."""
    tags: list[str] = field(default_factory=list)
    level: int | None = None
    """For a term: how high-level it is."""
    refs: list[str] = field(default_factory=list)
    """Keys of works in references.json."""
    body: str = ""
    """The Markdown below the front matter."""
    path: Path | None = None
    """The file; None until the page is written."""
    extra: dict[str, Any] = field(default_factory=dict)
    """All other keys of the front matter."""
    problem: str | None = None
    """Why the front matter cannot be read (in whole or in part), if it cannot; the text is kept all the same."""
    source: str | None = field(default=None, repr=False)
    """The text that the page was read from; None for a new page."""

    _head: _Head | None = field(default=None, repr=False, compare=False)

    @classmethod
    def new(cls, title: str, body: str = "", **fields: Any) -> Page:
        """A page that is not in the notebook yet; its id is made from the title unless `fields` give one."""
        return cls(**{"id": slug(title), "title": title, "body": body, **fields})

    @classmethod
    def parse(cls, text: str, path: Path | None = None, name: str = "page") -> Page:
        """Read a page; any text is one.

        Args:
            text: the file's text, line ends as they are.
            path: the file it comes from.
            name: the id, and (its last part) the title, of a page that does not give them.
        """
        head, body = _split(text)
        page = cls(id=name, title="", body=body, path=path, problem=head.problem, source=text)
        for key, node in head.nodes.items():
            try:
                _set(page, key, node)
            except GlassbookError as error:
                head.bad[key] = f"{key}: {error}"
                page.problem = page.problem or head.bad[key]
        said = logseq.properties(body)
        page.aliases = _together(page.aliases, logseq.listed(said.get("alias", "")))
        page.tags = _together(page.tags, logseq.listed(said.get("tags", "")))
        page.title = page.title or said.get("title", "") or _heading(body) or _file_title(name)
        head.read = {
            key: copy.deepcopy(value) if isinstance(value, list | dict) else value
            for key, value in page._values().items()
        }
        page._head = head
        return page

    def render(self) -> str:
        """The page as text: what was read, with only the changed keys and the body rewritten.

        Raises:
            GlassbookError: a changed value cannot stand in front matter, or the front matter that was read cannot be
                changed safely (`problem` says why).
        """
        head = self._head or _Head()
        values = self._values()
        changed = {key: value for key, value in values.items() if key not in head.read or head.read[key] != value}
        removed = [key for key in head.read if key not in values]
        text = head.text
        if changed or removed:
            if not self.takes_keys or head.bad.keys() & {*changed, *removed}:
                raise GlassbookError(f"fix the front matter of {str(self.path or self.id)!r} first: {self.problem}")
            for key, value in changed.items():
                _check(key, value)
            text = head.edited(changed, removed)
            _prove(text, values, changed, head.bad)
        if self.body and text.endswith(("---", "...")):
            text += "\n"
        if text + self.body != self.source and _split(text + self.body)[1] != self.body:
            # The new body begins like front matter; empty front matter before it keeps it a body.
            text = f"{head.mark}---\n---\n"
        return text + self.body

    @property
    def takes_keys(self) -> bool:
        """Whether its front matter can be changed but for keys whose values cannot be read."""
        bad = self._head.bad if self._head else {}
        return not self.problem or self.problem in bad.values()

    @property
    def day(self) -> str:
        """The day that the page belongs to (YYYY-MM-DD, YYYY-MM), "" if none.

        It is the `date` of its front matter, else one that its title or the name of its file begins with.
        """
        journal = logseq.journal_day(self.path.as_posix()) if self.path else None
        return _day_of(self.title, self.path.stem if self.path else "", self.extra.get("date") or journal)

    def says(self, key: str) -> bool:
        """Whether the front matter that was read gives this key."""
        return self._head is not None and key in self._head.nodes

    def outline(self) -> Outline:
        """Links, live blocks and sections of the body."""
        return read_markdown(self.body)

    def _values(self) -> dict[str, Any]:
        """What front matter would say; empty values are left out."""
        known = {key: getattr(self, key) for key in KNOWN}
        return {k: v for k, v in known.items() if v not in (None, [])} | self.extra


def _heading(body: str) -> str:
    """The heading of level 1 that a body begins with, "" if it begins with something else."""
    found = _FIRST_HEADING.match(body)
    return re.sub(r"(?:^|[ \t])#+$", "", found[1].rstrip()).rstrip() if found else ""


def _file_title(name: str) -> str:
    """The title of a page that does not give one, by its file: `name` without an ending."""
    return next(iter(logseq.journal_names(name)), "") or logseq.page_title(name.rpartition("/")[2])


def _day_of(title: str, stem: str, given: Any) -> str:
    """The day that a page belongs to: its `date`, else one that its title or its file's name begins with; or ""."""
    if isinstance(given, datetime | date):
        return given.isoformat()[:10]
    for text in (given, title, stem):
        found = _DATE.match(text) if isinstance(text, str) else None
        if found and _is_day(found[0]):
            return found[0]
    return ""


def _is_day(text: str) -> bool:
    year, month, day = (int(part) for part in [*text.split("-"), "1", "1"][:3])
    try:
        date(year, month, day)
    except ValueError:
        return False
    return "-" in text  # a title that begins with four digits need not mean a year


def _prove(text: str, values: dict[str, Any], changed: dict[str, Any], bad: Mapping[str, str]) -> None:
    """Read the new front matter again: every key has to say what the page says, or the edit went wrong."""
    again = Page.parse(text)
    written = again._head.spans if again._head else {}
    says = again._values()
    same = all(says.get(key) == values.get(key) for key in written if key not in bad)
    right = same and written.keys() >= changed.keys() and (again._head or _Head()).bad == bad
    if not again.takes_keys or not right:
        raise GlassbookError("this front matter cannot be changed safely from here; edit the file by hand")


def _set(page: Page, key: str, node: yaml.Node) -> None:
    if key in TEXTS:
        text = _text(node)
        if key == "id" and text:
            _check_id(text)
        setattr(page, key, text or getattr(page, key))
    elif key in LISTS or key in _OTHER_NAMES:
        key = _OTHER_NAMES.get(key, key)
        texts = _texts(node)
        if key == "tags":
            texts = [text.removeprefix("#") for text in texts]
        setattr(page, key, _together(getattr(page, key), [text for text in texts if text]))
    elif key == "level":
        page.level = _level(node)
    else:
        page.extra[key] = yaml_value(node)


def _text(node: yaml.Node) -> str | None:
    # The words as they stand: a page called "1984" or "Yes" is not a number or a truth value.
    if not isinstance(node, yaml.ScalarNode):
        raise GlassbookError("has to be one line of text")
    return None if node.tag == "tag:yaml.org,2002:null" else node.value


def _check_id(ident: str) -> None:
    """Refuse an id that cannot end an address: browsers take "." and ".." in one for folders."""
    if {".", ".."} & set(ident.split("/")):
        raise GlassbookError(f"the id {ident!r} cannot end an address; leave out the parts that are '.' and '..'")
    if len(ident) > LONGEST_ID:
        raise GlassbookError(f"the id has {len(ident)} characters; {LONGEST_ID} is the limit")


def _texts(node: yaml.Node) -> list[str]:
    items = node.value if isinstance(node, yaml.SequenceNode) else [node]
    texts = [text for item in items if (text := _text(item)) is not None]
    # Plain words are a list with commas, as Obsidian wrote it before 1.9; in quotes, a comma is part of a name.
    if isinstance(node, yaml.ScalarNode) and not node.style:
        texts = [part.strip() for text in texts for part in text.split(",") if part.strip()]
    return texts


def _together(first: list[str], others: list[str]) -> list[str]:
    return [*first, *(text for text in others if text not in first)]


def _level(node: yaml.Node) -> int | None:
    text = _text(node)
    if text is None:
        return None
    if re.fullmatch(r"[-+]?\d{1,9}", text, re.ASCII) is None:
        raise GlassbookError(f"has to be a whole number, not {text!r}")
    return int(text)


@dataclass
class _Head:
    """The front matter as text (fences and byte order mark included), and where its keys stand."""

    mark: str = ""
    opening: str = ""
    yaml: str = ""
    closing: str = ""
    nodes: dict[str, yaml.Node] = field(default_factory=dict)
    spans: dict[str, tuple[int, int]] = field(default_factory=dict)
    indent: str = ""
    brace: int | None = None
    """Where the last brace of front matter stands that is written as {...}."""
    problem: str | None = None
    bad: dict[str, str] = field(default_factory=dict)
    """Keys whose values cannot be read -> why."""
    read: dict[str, Any] = field(default_factory=dict)

    @property
    def text(self) -> str:
        return self.mark + self.opening + self.yaml + self.closing

    def edited(self, changed: dict[str, Any], removed: list[str]) -> str:
        """The text with some keys' lines rewritten, added (at the end) or taken out."""
        end = "\r\n" if self.opening.endswith("\r\n") else "\n"
        cuts = [
            (*self.spans[key], f"{flow_text(key)}: {flow_text(changed[key])}") for key in changed if key in self.spans
        ]
        cuts += [(*self._lines(key), "") for key in removed if key in self.spans]
        added = [f"{flow_text(key)}: {flow_text(value)}" for key, value in changed.items() if key not in self.spans]
        if self.brace is not None:
            if any(key in self.spans for key in removed):
                raise GlassbookError("this front matter is written as {...}; write one key on each line first")
            between = {"{": "", ",": " "}.get(self.yaml[: self.brace].rstrip()[-1], ", ")
            cuts += [(self.brace, self.brace, between + ", ".join(added))] if added else []
            added = []
        body = self.yaml
        for start, stop, replacement in sorted(cuts, reverse=True):
            body = body[:start] + replacement + body[stop:]
        body += "".join(self.indent + line + end for line in added)
        return self.mark + (self.opening or f"---{end}") + body + (self.closing or f"---{end}")

    def _lines(self, key: str) -> tuple[int, int]:
        start, stop = self.spans[key]
        newline = self.yaml.find("\n", stop)
        return self.yaml.rfind("\n", 0, start) + 1, newline + 1 if newline >= 0 else len(self.yaml)


def _split(text: str) -> tuple[_Head, str]:
    """The front matter and the rest. Without a closing fence, or if it is prose between two rules, there is none."""
    mark = "\ufeff" if text.startswith("\ufeff") else ""
    match = _HEAD.match(text, len(mark))
    if match is None:
        return _Head(mark), text[len(mark) :]
    head = _Head(mark, match["open"], match["yaml"], match["close"])
    try:
        root = compose_yaml(head.yaml)
    except GlassbookError as error:
        head.problem = str(error)
        return head, text[match.end() :]
    if root is not None and not isinstance(root, yaml.MappingNode):
        return _Head(mark), text[len(mark) :]
    if root is not None:
        _locate(head, root)
    return head, text[match.end() :]


def _locate(head: _Head, root: yaml.MappingNode) -> None:
    head.brace = root.end_mark.index - 1 if root.flow_style else None
    for key, value in root.value:
        if not isinstance(key, yaml.ScalarNode):
            head.problem = "a key has to be plain text"
            return
        if key.value in head.nodes:
            head.problem = f"the key {key.value!r} stands there twice"
        head.nodes[key.value] = value
        head.spans[key.value] = (key.start_mark.index, max(_end(head.yaml, value), key.end_mark.index))
        head.indent = " " * key.start_mark.column


def _end(text: str, node: yaml.Node) -> int:
    """Where the value's own text ends: the parser's mark lies behind the blank lines and comments that follow."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _end(text, last[1] if isinstance(last, tuple) else last)
    end = node.end_mark.index
    if isinstance(node, yaml.ScalarNode) and node.style in ("|", ">"):
        return len(text[:end].rstrip())
    return end


def _check(key: str, value: Any) -> None:
    texts = [value] if key in TEXTS else value if key in LISTS else []
    for text in texts:
        if not isinstance(text, str) or not text.strip() or text != text.strip() or not text.isprintable():
            raise GlassbookError(f"{key}: {text!r} has to be one line of text without spaces round it")
        if key == "id":
            _check_id(text)
        if key == "tags" and text.startswith("#"):
            raise GlassbookError(f"tags: {text!r} is written without '#'")
    if key == "kind" and value not in KINDS:
        raise GlassbookError(f"kind: {value!r} is none; take one of {', '.join(KINDS)}")
    if key == "level" and (isinstance(value, bool) or not isinstance(value, int)):
        raise GlassbookError(f"level: {value!r} has to be a whole number")


class _Dumper(yaml.SafeDumper):
    """The safe dumper, with every string on one line and no aliases."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def represent_text(self, text: str) -> yaml.Node:
        return self.represent_scalar("tag:yaml.org,2002:str", text, style=None if text.isprintable() else '"')


_Dumper.add_representer(str, _Dumper.represent_text)


def flow_text(value: Any) -> str:
    """A plain value as YAML on one line.

    Raises:
        GlassbookError: something in it is not plain data.
    """
    try:
        text = yaml.dump(
            value, Dumper=_Dumper, default_flow_style=True, allow_unicode=True, width=math.inf, sort_keys=False
        )
        text.encode()
    except (yaml.YAMLError, UnicodeError) as error:
        raise GlassbookError(f"{value!r} cannot stand in front matter; give numbers, text and lists") from error
    return text.removesuffix("\n").removesuffix("\n...")
