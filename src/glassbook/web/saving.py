"""Optimistic locking for the page editor: saving never overwrites a version that its author has not seen.

A save names the version that the edit began with by its hash. If the file has changed meanwhile, nothing is written to
it: both texts go to .glassbook/conflicts, and the author sees them side by side and chooses. `Notebook.write` compares
and writes in one step, so that two tabs, or two servers, cannot both save one version; what it replaces is in the
page's history. A deleted page goes to .glassbook/trash. The routes are in views/editing.py and views/history.py, the
browser side in static/js/edit.js, conflict.js and history.js.
"""

from __future__ import annotations

import bisect
import contextlib
import difflib
import hashlib
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from glassbook.errors import Conflict, GlassbookError
from glassbook.notebook import Notebook, Page, slug
from glassbook.notebook.files import cut, write_atomic
from glassbook.notebook.pages.links import name_key

CONTEXT = 3
"""Identical lines shown before and after a difference."""
PAIRS = 300_000
"""Pairs of equal lines up to which all of them are looked at to find what two versions share."""
DEPTH = 8
"""How many times the lines between matches are compared again where there are more pairs."""


@dataclass(frozen=True)
class Change:
    """A block of a diff: lines of both versions, identical if `same`."""

    same: bool
    mine: tuple[str, ...]
    theirs: tuple[str, ...]


class EditConflict(Conflict):
    """The page was changed elsewhere while it was being edited; holds both texts."""

    def __init__(self, message: str, mine: str, theirs: str | None, copies: list[Path]) -> None:
        super().__init__(message)
        self.mine, self.theirs, self.copies = mine, theirs, copies


def sha_of(text: str) -> str:
    """The hash that names a version of a page's file."""
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def source_of(page: Page) -> str:
    """The file's text; refused if it is not UTF-8, for a browser would damage it."""
    text = page.source or ""
    if not is_unicode(text):
        raise GlassbookError(f"{page.path} is not UTF-8 text; convert it with another program, then edit it here")
    return text


def is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def save(nb: Notebook, ident: str, text: str, base: str) -> Page:
    """Save a page that was edited, front matter and body; `base` is `sha_of` the text that the edit began with.

    Raises:
        EditConflict: the file is no longer the version `base`; it was left as it is.
        GlassbookError: the front matter cannot be read, the id cannot be changed so, or the disk refused.
    """
    _check_text(text)
    while True:
        try:
            page = nb.page_at(ident)
        except GlassbookError as gone:
            copies = store_copy(nb, ident, text)
            message = "this page was deleted while you edited it; your text is safe, save it as a new page"
            raise EditConflict(message, text, None, copies) from gone
        old = source_of(page)
        text = with_line_ends(old, text)
        if sha_of(old) != base and old != text:
            copies = [*store_copy(nb, ident, text), *store_copy(nb, ident, old)]
            message = "this page was changed elsewhere while you edited it; choose a version"
            raise EditConflict(message, text, old, copies)
        if old == text:
            return page
        with contextlib.suppress(Conflict):  # another process wrote it just now: look at its version
            return _write(nb, page, text)


def _check_text(text: str) -> None:
    if not is_unicode(text):
        raise GlassbookError("this text contains half a character (a lone surrogate); remove it")


def _write(nb: Notebook, old: Page, text: str) -> Page:
    new = Page.parse(text, old.path, old.id)
    if new.problem:
        raise GlassbookError(f"the front matter cannot be read: {new.problem}; fix it, your text is not lost")
    _check_id(nb, old, new)
    new.source = old.source  # what has to be in the file for it to be overwritten
    if new.render() != text:
        raise GlassbookError("this text cannot be saved as it is; begin it with front matter between two lines ---")
    return nb.write(new)


def _check_id(nb: Notebook, old: Page, new: Page) -> None:
    if new.id == old.id:
        return
    if not new.id or new.id != new.id.strip() or not new.id.isprintable():
        raise GlassbookError(f"the id {new.id!r} must be one line of text without surrounding spaces")
    names = {name_key(name) for name in (new.id, new.title, *new.aliases)}
    nb.index.settle()
    linked = nb.index.backlinks(old.id, limit=1)
    if linked and name_key(old.id) not in names:
        raise GlassbookError(
            f"other pages link to {old.id!r} ({linked[0].title!r} does); keep the id, or add it to the aliases"
        )


def create(nb: Notebook, text: str, title: str = "", kind: str = "") -> Page:
    """Create a page; `title` and `kind` default to those of the front matter or the first heading."""
    _check_text(text + title)
    page = Page.parse(text, name="")
    if page.problem:
        raise GlassbookError(f"the front matter cannot be read: {page.problem}; fix it, your text is not lost")
    page.title, page.kind = title.strip() or page.title, kind or page.kind
    page.id = page.id or nb.free_id(page.title)
    if not page.id:
        raise GlassbookError("a page needs a title with a letter or a digit; its id is made from it")
    page.source = None  # a file that does not exist yet
    return nb.write(page)


def delete(nb: Notebook, ident: str, base: str) -> Path:
    """Move a page's file to .glassbook/trash, unless it is no longer the version `base`; returns where it is now."""
    page = nb.page_at(ident)
    if sha_of(page.source or "") != base:
        raise Conflict("this page has changed since you opened it; reload it before you delete it")
    return nb.remove(page)


_COPY_TIME = "%Y%m%d-%H%M%S"
LONGEST_COPY_NAME = 220
"""Bytes of the beginning of a copy's name; a time, a hash and the ending follow, and a file system takes 255."""


def _copy_name(ident: str) -> str:
    """What the names of copies of a page begin with."""
    return cut(slug(ident.replace("/", " "))[:80], LONGEST_COPY_NAME) or "page"


def store_copy(nb: Notebook, ident: str, text: str) -> list[Path]:
    """Put a version of a page into .glassbook/conflicts, once; an empty list if the disk refuses.

    The author's browser has the text as well, so a full disk must not hide the conflict.
    """
    data = text.encode("utf-8", "surrogateescape")
    folder, mark = nb.folder / ".glassbook" / "conflicts", hashlib.sha256(data).hexdigest()[:12]
    existing = sorted(folder.glob(f"*-{mark}.md"))
    if existing:
        return existing[:1]
    place = folder / f"{_copy_name(ident)}-{datetime.now(UTC).strftime(_COPY_TIME)}-{mark}.md"
    with contextlib.suppress(GlassbookError):
        write_atomic(place, data)
        return [place]
    return []


@dataclass(frozen=True)
class Copy:
    """A copy of one version of an edit conflict."""

    name: str
    """Of its file in .glassbook/conflicts."""
    when: datetime
    size: int


def conflict_copies(nb: Notebook, ident: str) -> list[Copy]:
    """The copies that `store_copy` made of a page's versions, by the id that it had."""
    own = re.compile(re.escape(_copy_name(ident)) + r"-(\d{8}-\d{6})-[0-9a-f]{12}\.md", re.ASCII)
    folder = nb.folder / ".glassbook" / "conflicts"
    found = [(file, match[1]) for file in folder.glob("*.md") if (match := own.fullmatch(file.name))]
    return [
        Copy(file.name, datetime.strptime(time, _COPY_TIME).replace(tzinfo=UTC), file.stat().st_size)
        for file, time in found
    ]


def conflict_text(nb: Notebook, ident: str, name: str) -> str | None:
    """The text of one of a page's `conflict_copies`; None if it has none of that name."""
    if name not in {copy.name for copy in conflict_copies(nb, ident)}:
        return None
    return (nb.folder / ".glassbook" / "conflicts" / name).read_bytes().decode("utf-8", "surrogateescape")


def with_line_ends(old: str, new: str) -> str:
    r"""`new` with the line ends of `old`: a browser's text field makes \n of every \r\n.

    Unchanged lines keep their exact line end; others get the one that most of its lines have.
    """
    if "\r" not in old and "\0" not in old:
        return new
    lines, edited = _lines(old), _lines(new)
    end = "\r\n" if sum(line.endswith("\r\n") for line in lines) * 2 > len(lines) else "\n"
    out: list[str] = []
    for same, a, b in _matched([_as_typed(line) for line in lines], [_as_typed(line) for line in edited]):
        out += lines[a] if same else [re.sub(r"\r\n|\r|\n", end, line) for line in edited[b]]
    return "".join(out)


def _lines(text: str) -> list[str]:
    return re.findall(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+", text)


def _as_typed(line: str) -> str:
    return re.sub(r"\r\n|\r", "\n", line).replace("\0", "\ufffd")


def _matched(a: list[str], b: list[str]) -> Iterator[tuple[bool, slice, slice]]:
    """Equal and differing pieces of two lists of lines, in turn."""
    at, bt = 0, 0
    for i, j, length in [*_joined(_equal_blocks(a, b, 0, 0, DEPTH)), (len(a), len(b), 0)]:
        if (at, bt) != (i, j):
            yield False, slice(at, i), slice(bt, j)
        if length:
            yield True, slice(i, i + length), slice(j, j + length)
        at, bt = i + length, j + length


Block = tuple[int, int, int]
"""Where equal lines begin in both texts, and how many they are."""


def _joined(blocks: Iterator[Block]) -> list[Block]:
    joined: list[Block] = []
    for i, j, length in blocks:
        if joined and joined[-1][0] + joined[-1][2] == i and joined[-1][1] + joined[-1][2] == j:
            joined[-1] = (joined[-1][0], joined[-1][1], joined[-1][2] + length)
        elif length:
            joined.append((i, j, length))
    return joined


def _equal_blocks(a: list[str], b: list[str], i: int, j: int, depth: int) -> Iterator[Block]:
    """Blocks of equal lines of two lists that begin at the lines `i` and `j`, in time that goes with their lengths.

    What `difflib` does takes the square of the lines that are often there. Where there are many of them, only the lines
    that both have once are found again, and what lies between two such is compared in the same way; where there are
    none, the lines differ as a whole.
    """
    head = _common(a, b)
    yield i, j, head
    a, b = a[head:], b[head:]
    tail = _common(a[::-1], b[::-1])
    a_end, b_end = i + head + len(a) - tail, j + head + len(b) - tail
    a, b = a[: len(a) - tail], b[: len(b) - tail]
    i, j = i + head, j + head
    in_a, in_b = Counter(a), Counter(b)
    if sum(number * in_b[line] for line, number in in_a.items()) <= PAIRS:
        for block in difflib.SequenceMatcher(None, a, b).get_matching_blocks():
            yield i + block.a, j + block.b, block.size
    elif depth:
        place = {line: n for n, line in enumerate(b) if in_b[line] == 1}
        once = [(n, place[line]) for n, line in enumerate(a) if in_a[line] == 1 and line in place]
        at, bt = 0, 0
        for n, m in [*_rising(once), (len(a), len(b))] if once else []:
            yield from _equal_blocks(a[at:n], b[bt:m], i + at, j + bt, depth - 1)
            at, bt = n, m
    yield a_end, b_end, tail


def _common(a: list[str], b: list[str]) -> int:
    """How many lines two lists begin with alike."""
    return next((n for n, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))


def _rising(pairs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The longest part of some pairs, whose first numbers rise, in which the second ones rise as well."""
    ends: list[int] = []  # the last pair of a rising part of each length: the one with the least second number
    before: list[int] = []
    for n, (_, m) in enumerate(pairs):
        at = bisect.bisect_left(ends, m, key=lambda k: pairs[k][1])
        before.append(ends[at - 1] if at else -1)
        ends[at : at + 1] = [n]
    found, n = [], ends[-1] if ends else -1
    while n >= 0:
        found.append(pairs[n])
        n = before[n]
    return found[::-1]


def compare(mine: str, theirs: str) -> list[Change]:
    a, b = [_as_typed(line) for line in _lines(mine)], [_as_typed(line) for line in _lines(theirs)]
    return [Change(same, tuple(a[i]), tuple(b[j])) for same, i, j in _matched(a, b)]


def merge_with_markers(changes: list[Change]) -> str:
    """Both versions in one text, with conflict markers round each difference."""
    out: list[str] = []
    for change in changes:
        if change.same:
            out += change.mine
            continue
        mine, theirs = ("".join(_ended(part)) for part in (change.mine, change.theirs))
        out += ["<<<<<<< mine\n", mine, "=======\n", theirs, ">>>>>>> theirs\n"]
    return "".join(out)


def _ended(lines: tuple[str, ...]) -> tuple[str, ...]:
    return lines if not lines or lines[-1].endswith("\n") else (*lines[:-1], lines[-1] + "\n")


def side_by_side(changes: list[Change]) -> list[dict[str, Any]]:
    """The diff as rows {"same", "mine", "theirs"} with `CONTEXT` lines round each; "left_out" counts the rest."""
    rows: list[dict[str, Any]] = []
    for n, change in enumerate(changes):
        if not change.same:
            rows.append({"same": False, "mine": "".join(change.mine), "theirs": "".join(change.theirs)})
            continue
        before = CONTEXT if n else 0
        after = CONTEXT if n < len(changes) - 1 else 0
        lines = list(change.mine)
        short = len(lines) <= before + after
        parts = [lines] if short else [lines[:before], lines[len(lines) - after :]]
        for part in parts:
            if part:
                rows.append({"same": True, "mine": "".join(part), "theirs": "".join(part)})
            if part is parts[0] and len(parts) == 2:
                rows.append({"left_out": len(lines) - before - after})
    return rows
