"""Logseq's names: pages and journals named by their files, blocks by their ids, and properties at the top of a page."""

from __future__ import annotations

import re
from datetime import date
from urllib.parse import unquote

_JOURNAL = re.compile(r"(?:^|/)journals/(\d{4})_(\d{2})_(\d{2})(?:\.md)?$")
_SLASH = re.compile(r"(?<=[^_])___(?=[^_])")
UUID = "[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
"""The form of a block's id."""
_ITEM = r"[ \t]*[-*+][ \t]+"
_BLOCK_ID = re.compile(rf"^(?:{_ITEM}|[ \t]*)id::[ \t]+({UUID})[ \t]*\r?$", re.MULTILINE)
_PROPERTY = re.compile(r"(?:- )?([A-Za-z][\w-]{0,60})::(?:[ \t]+(.*))?")


def page_title(stem: str) -> str:
    """The name of the page in a file: `Parent___Child` is Parent/Child, and `a%3Ab` is a:b."""
    name = _SLASH.sub("/", stem)
    if re.search("%[0-9A-Fa-f]{2}", name):
        said = unquote(name, errors="replace")
        name = said if said.isprintable() and "\ufffd" not in said else name
    return name


def journal_day(path: str) -> date | None:
    """The day of a journal's file (`journals/2024_01_05.md`)."""
    found = _JOURNAL.search(path)
    try:
        return date(*map(int, found.groups())) if found else None
    except ValueError:
        return None


def journal_names(path: str) -> list[str]:
    """What links may call a journal, the default first, in the formats of dates that cannot be mistaken."""
    day = journal_day(path)
    if day is None:
        return []
    ends = {1: "st", 2: "nd", 3: "rd"}
    nth = f"{day.day}{ends.get(day.day % 10 if day.day not in (11, 12, 13) else 0, 'th')}"
    month, year = day.strftime("%B"), day.year
    return [
        f"{month[:3]} {nth}, {year}",
        f"{month} {nth}, {year}",
        f"{nth} {month[:3]} {year}",
        f"{nth} {month} {year}",
        *(day.strftime(form) for form in ("%Y-%m-%d", "%Y/%m/%d", "%Y%m%d", "%Y-%m-%d %A", "%d.%m.%Y", "%m/%d/%Y")),
    ]


def properties(body: str) -> dict[str, str]:
    """The `key:: value` lines at the top of a page."""
    found: dict[str, str] = {}
    for line in body.lstrip("\r\n")[:20_000].splitlines():
        match = _PROPERTY.fullmatch(line.rstrip())
        if match is None:
            break
        found[match[1].lower()] = (match[2] or "").strip()
    return found


def block_ids(body: str) -> list[str]:
    """The ids of a page's blocks: `id:: UUID` in a line of its own below the block's text."""
    return _BLOCK_ID.findall(body) if "id::" in body else []


def without_block_id(text: str) -> tuple[str, str]:
    """A block's text with an empty line where its id stood, and that id ("" if there is none)."""
    found = _BLOCK_ID.search(text) if "id::" in text else None
    return (text[: found.start()] + text[found.end() :], found[1]) if found else (text, "")


def first_lines(body: str) -> dict[str, str]:
    """The first line of each block that has an id, by the id in lower case."""
    found: dict[str, str] = {}
    first = ""
    for line in body.replace("\r\n", "\n").split("\n") if "id::" in body else ():
        match = _BLOCK_ID.match(line) if "id::" in line else None
        if match:
            found.setdefault(match[1].lower(), first)
        elif not line.strip():
            first = ""
        elif not first or re.match(_ITEM, line):
            first = line
    return found


def block(body: str, name: str) -> str:
    """The block with this id and those below it, "" if there is none."""
    lines = body.replace("\r\n", "\n").split("\n")
    ids = ((n, found[1]) for n, line in enumerate(lines) if "id::" in line and (found := _BLOCK_ID.match(line)))
    last = next((n for n, said in ids if said.lower() == name.lower()), None)
    if last is None:
        return ""
    first = last
    while first and lines[first - 1].strip() and re.match(_ITEM, lines[first]) is None:
        first -= 1
    indent, end = _indent(lines[first]), last + 1
    if re.match(_ITEM, lines[first]):
        while end < len(lines) and (not lines[end].strip() or _indent(lines[end]) > indent):
            end += 1
    rest = [line for n, line in enumerate(lines[first:end], first) if n != last or n == first]
    cut = len(lines[first]) - len(lines[first].lstrip())
    return "\n".join(line[min(cut, len(line) - len(line.lstrip())) :] for line in rest).rstrip()


def _indent(line: str) -> int:
    return len(wide := line.expandtabs(4)) - len(wide.lstrip())


def listed(value: str) -> list[str]:
    """The values of a property: parted by commas, as `[[links]]`, `#tags` or plain."""
    pieces = re.findall(r"\[\[([^\[\]]+)\]\]|([^,\[\]]+)", value)
    return [name for link, plain in pieces if (name := (link or plain).strip().removeprefix("#").strip())]
