"""Page outlines: links to other pages, live blocks and sections, read from Markdown.

The Markdown is read by the same parser that renders it, so a link inside code is code here as well as on screen.
A renderer gets the same reading of `[[target#section|label]]` and of `{{run: ...}}` from `wikilinks` and
`inline_values`, plugins for markdown-it.
"""

from __future__ import annotations

import functools
import re
import secrets
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from glassbook.errors import GlassbookError
from glassbook.notebook.bounded import Bounded, seconds_for
from glassbook.notebook.pages.logseq import UUID
from glassbook.notebook.pages.markup import block_anchor, markup
from glassbook.notebook.serialization import read_yaml

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.rules_inline import StateInline
    from markdown_it.token import Token

LIVE = "glassbook"
"""The info word of a live block's fence."""
PAGE_ENDINGS = (".md", ".markdown")
LINE = 400
"""Characters of a line that are kept with a link in it."""
SHORT = 20_000
"""Characters from which on a page is read by another process: starting that takes as long as reading so many."""
_FILE = re.compile(r"\.(?:[A-Za-z0-9]{1,5}|canvas|drawio)$", re.IGNORECASE)


@dataclass(frozen=True)
class Link:
    """One `[[target#section|label]]`."""

    target: str
    """Id, title, alias or path of the page, as it is written; "" for a section of the same page.

    It begins with "./" if it is the address of a Markdown link, which is relative to the page's file."""
    section: str
    """Heading in that page, "" for the page's top."""
    label: str
    """What is shown; the target (and section) if the link gives no label, "" for the text of a block in Logseq."""
    line: int
    """Line of the body that holds it, from 1."""
    text: str
    """That line, its first LINE characters."""


@dataclass(frozen=True)
class LiveBlock:
    """One fenced block ```` ```glassbook ````: data that names what to show, never code."""

    kind: str
    """What is shown ("chart", "claim" ...); "" if the block cannot be read."""
    data: dict[str, Any]
    """What the block says about it."""
    line: int
    """Line of the body where the fence opens, from 1."""
    problem: str | None = None
    """Why the block cannot be read, if it cannot."""
    text: str = field(default="", repr=False, compare=False)
    """What stands between its fences."""


@dataclass(frozen=True)
class InlineValue:
    """A number or verdict in a sentence: `{{run: EXPERIMENT RESULT}}` or `{{claim: EXPERIMENT/ID}}`."""

    kind: str
    """"run" or "claim"."""
    text: str
    """What follows the kind."""

    def __str__(self) -> str:
        return f"{{{{{self.kind}: {self.text}}}}}"


@dataclass(frozen=True)
class Section:
    """A heading and the text up to the next one. The first section has no heading: it is what stands before."""

    title: str
    slug: str
    """Anchor of the heading: its words in lower case, joined by '-'; unique in the page."""
    level: int
    """1 for `#` to 6 for `######`; 0 for the text before the first heading."""
    line: int
    """Line of the heading in the body, from 1."""
    text: str


@dataclass(frozen=True)
class Outline:
    """Everything that `read_markdown` finds."""

    links: tuple[Link, ...]
    blocks: tuple[LiveBlock, ...]
    sections: tuple[Section, ...]


def name_key(name: str) -> str:
    """The form in which names are compared: Unicode NFC, case folded, white space squeezed."""
    return " ".join((name if name.isascii() else unicodedata.normalize("NFC", name)).casefold().split())


_WORD = re.compile(r"\w+")


def slug(text: str) -> str:
    """The words of `text` in lower case, joined by '-': "The Reversal curse!" gives "the-reversal-curse"."""
    return "-".join(_WORD.findall(unicodedata.normalize("NFC", text).lower()))


def wikilinks(md: MarkdownIt) -> None:
    """Teach `md` the inline token `wikilink` (content: the label; meta: target, section, offset, whether `embed`)."""
    md.inline.ruler.before("link", "wikilink", _wikilink)
    md.inline.ruler.before("wikilink", "logseq_link", _logseq_link)
    md.inline.ruler.push("block_reference", _block_reference)


# It ends at the next two brackets of either kind, so that each part of a text is looked at once.
_WIKILINK = re.compile(r"(!?)\[\[((?:[^\[\]]|\[(?!\[)|\](?!\]))*)\]\]")


def _wikilink(state: StateInline, silent: bool) -> bool:
    match = _WIKILINK.match(state.src, state.pos, state.posMax)
    if match is None:
        return False
    # In a table a bar may be written \\| so that it does not end the cell.
    place, _, label = match[2].replace("\\|", "|").partition("|")
    # A long label may be broken across lines, as other text may; a name may not.
    if "\n" in place:
        return False
    label = " ".join(label.split())
    target, _, section = (part.strip() for part in place.partition("#"))
    if not target and not section:
        return False
    if not silent:
        token = state.push("wikilink", "", 0)
        token.meta = {"target": target, "section": section, "at": state.pos, "embed": bool(match[1])}
        token.content = label or _plain_label(target, section)
    state.pos = match.end()
    return True


def _plain_label(target: str, section: str) -> str:
    return f"{target} § {section}" if target and section else target or section


_LOGSEQ_LINK = re.compile(
    rf"\[([^\[\]\n]*)\]\(\(\(({UUID})\)\)\)|\{{\{{embed[ ]+(?:\(\(({UUID})\)\)|\[\[([^\[\]|#\n]+)\]\])[ ]*\}}\}}"
)
_REFERENCE_END = re.compile(r"(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\)\)")


def _logseq_link(state: StateInline, silent: bool) -> bool:
    """Logseq's `[label](((id of a block)))`, `{{embed ((id))}}` and `{{embed [[Page]]}}`."""
    match = _LOGSEQ_LINK.match(state.src, state.pos, state.posMax)
    if match is None:
        return False
    if not silent:
        label, labelled, embedded, page = match.groups()
        _push_block_link(state, labelled or embedded or page.strip(), label or page or "", label is None, page is None)
    state.pos = match.end()
    return True


def _block_reference(state: StateInline, silent: bool) -> bool:
    """Logseq's `((id of a block))`. The parser stops at the id's first hyphen; what stands before it is text so far."""
    begin = f"(({state.src[max(0, state.pos - 8) : state.pos]}"
    match = _REFERENCE_END.match(state.src, state.pos, state.posMax)
    if match is None or not state.pending.endswith(begin) or state.linkLevel > 0:
        return False
    name = begin[2:] + match[0][:-2]
    if re.fullmatch(UUID, name) is None:
        return False
    if not silent:
        state.pending = state.pending[: -len(begin)]
        _push_block_link(state, name, "", False, True)
    state.pos = match.end()
    return True


def _push_block_link(state: StateInline, target: str, label: str, embed: bool, is_block: bool) -> None:
    token = state.push("wikilink", "", 0)
    token.meta = {"target": target, "section": f"^{target}" if is_block else "", "at": state.pos, "embed": embed}
    token.content = label


def anchor(section: str) -> str:
    """Anchor of what a link's section names: a heading, the last of several (`A#B`), or a block (`^id`)."""
    last = section.rpartition("#")[2].strip()
    return block_anchor(last[1:]) if last.startswith("^") else slug(last)


def retarget(body: str, new: Callable[[str, str], tuple[str, str] | None]) -> str:
    """A body with other targets in some of its wikilinks; whatever else it says stays, sign by sign.

    Text that only looks like a link (in code, in a comment, after a backslash) is none and stays. A heading keeps the
    words that it shows, since links may lead to it.

    Args:
        body: the Markdown.
        new: a link's target and label ("" if it has none) -> those that it gets, None to leave it.

    Raises:
        GlassbookError: the new targets would change what else is a link or a heading.
    """
    before = read_bounded(body)
    found = [match for match in _WIKILINK.finditer(body) if new(*_said_by(match)) is not None]
    if not found:
        return body
    # Which of them are links the parser says, if each has a target of its own for a moment.
    mark = f"x{secrets.token_hex(8)}n"
    probed = read_bounded(_spliced(body, [(match, f"{mark}{n}", _said_by(match)[1]) for n, match in enumerate(found)]))
    real = {link.target for link in probed.links}
    heads = {section.line for section in before.sections if section.level}
    changes = []
    for n, match in enumerate(found):
        if f"{mark}{n}" in real:
            target, old = _said_by(match)
            in_heading = body.count("\n", 0, match.start()) + 1 in heads
            to, label = new(target, old) or (target, old)
            changes.append((match, to, (old or (target if to != target else "")) if in_heading else label))
    out = _spliced(body, changes)
    after = read_bounded(out)
    wanted = [(_target_after(link, new), link.section, link.line) for link in before.links]
    same = [(link.target, link.section, link.line) for link in after.links] == wanted
    if not same or [s.slug for s in before.sections] != [s.slug for s in after.sections]:
        raise GlassbookError("links in it cannot be told from the text round them; change them by hand")
    return out


def _target_after(link: Link, new: Callable[[str, str], tuple[str, str] | None]) -> str:
    label = "" if link.label == _plain_label(link.target, link.section) else link.label
    changed = new(link.target, label)
    return link.target if changed is None else changed[0]


@dataclass(frozen=True)
class Mention:
    """A place in running text that could be a link."""

    start: int
    """Where it begins in the body, in characters."""
    end: int
    line: int
    """Line of the body, from 1."""
    text: str
    """That line."""


def mentions(body: str, names: Iterable[str], limit: int = 20) -> list[Mention]:
    """Where a body's text says one of `names` without being a link: no heading, code, address, formula or comment.

    Upper and lower case are alike; a name is found as whole words.
    """
    ordered = sorted({name.strip() for name in names if name.strip()}, key=len, reverse=True)
    if not ordered:
        return []
    words = "|".join(r"\s+".join(map(re.escape, name.split())) for name in ordered)
    found = [
        match
        for match in re.finditer(rf"(?<![\w/@#.=-])(?:{words})(?![\w/@=-])", body, re.IGNORECASE)
        if "\n" not in match[0] and _could_be_link(body, match)
    ][: 10 * limit]
    if not found:
        return []
    mark = f"x{secrets.token_hex(8)}n"
    out, end = [], 0
    for n, match in enumerate(found):
        out += [body[end : match.start()], f"[[{mark}{n}|{match[0]}]]"]
        end = match.end()
    outline = read_bounded("".join([*out, body[end:]]))
    real = {link.target for link in outline.links}
    heads = {section.line for section in outline.sections if section.level}
    places = []
    for n, match in enumerate(found):
        line = body.count("\n", 0, match.start()) + 1
        if f"{mark}{n}" in real and line not in heads:
            places.append(Mention(match.start(), match.end(), line, _line_of(body, match.start())))
    return places[:limit]


def _line_of(body: str, at: int) -> str:
    start = body.rfind("\n", 0, at) + 1
    end = body.find("\n", at)
    return body[start : end if end >= 0 else len(body)].rstrip("\r")


def _could_be_link(body: str, match: re.Match[str]) -> bool:
    """Whether a link may stand there: not inside another link, an inline value, a formula or an address."""
    before = body[body.rfind("\n", 0, match.start()) + 1 : match.start()]
    word = re.split(r"\s", before)[-1]
    inside = before.count("[") > before.count("]") or before.rfind("](") > before.rfind(")")
    formula = before.count("$") % 2 == 1 or before.rfind("{{") > before.rfind("}}")
    return not (inside or formula or "://" in word or "<" in word)


_PARTS = re.compile(
    r"(?P<before>\s*)(?P<target>[^|#]*?)(?P<after>\s*)(?P<section>#[^|]*?)?(?P<label>\\?\|.*)?", re.DOTALL
)


def _parts_of(match: re.Match[str]) -> re.Match[str]:
    parts = _PARTS.fullmatch(match[2])
    assert parts is not None  # every part may be empty
    return parts


def _said_by(match: re.Match[str]) -> tuple[str, str]:
    """Target and label of a link."""
    parts = _parts_of(match)
    return parts["target"], (parts["label"] or "").lstrip("\\|").strip()


def _spliced(body: str, changes: Iterable[tuple[re.Match[str], str, str]]) -> str:
    """The body with other links: (where it is, its target, its label)."""
    out, end = [], 0
    for match, target, label in changes:
        parts = _parts_of(match)
        bar = "\\|" if _in_table(body, match.start()) else "|"
        shown = (parts["label"] or "") if label == _said_by(match)[1] else f"{bar}{label}" if label else ""
        inside = f"{parts['before']}{target}{parts['after']}{parts['section'] or ''}{shown}"
        out += [body[end : match.start()], f"{match[1]}[[{inside}]]"]
        end = match.end()
    return "".join([*out, body[end:]])


_TABLE_RULE = re.compile(r"[ \t>|:-]*-[ \t>|:-]*")


def _in_table(body: str, at: int) -> bool:
    """Whether a bar at this place would end a cell of a table."""
    above = body[body.rfind("\n\n", 0, at) + 1 : at].split("\n")[:-1]
    return "|" in _line_of(body, at) and any("|" in line and _TABLE_RULE.fullmatch(line.rstrip()) for line in above)


_VALUE = re.compile(r"\{\{\s*+(run|claim):([^{}\n]*+)\s*+\}\}")


def inline_values(md: MarkdownIt) -> None:
    """Teach `md` the inline token `inline_value` (meta: the `InlineValue`). Other text in double braces stays text."""
    md.inline.ruler.before("link", "inline_value", _inline_value)


def _inline_value(state: StateInline, silent: bool) -> bool:
    match = _VALUE.match(state.src, state.pos, state.posMax)
    if match is None:
        return False
    if not silent:
        state.push("inline_value", "", 0).meta = {"value": InlineValue(match[1], " ".join(match[2].split()))}
    state.pos = match.end()
    return True


@functools.cache
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt

    # HTML is text here as it is on screen, so links between tags are links.
    md = MarkdownIt("commonmark", {"html": False})
    # Blocks only: of the inline texts just those that can hold a link are read further, which is most of the time.
    md.core.ruler.disable("inline")
    markup(md)
    wikilinks(md)
    return md


def read_bounded(body: str) -> Outline:
    """What `read_markdown` gives; a long body is read in a worker process with limits.

    Raises:
        TooCostly: it exceeds them.
    """
    return read_markdown(body) if len(body) < SHORT else _read_bounded(body, seconds=seconds_for(body))


_read_bounded = Bounded(f"{__name__}:read_markdown")


def read_markdown(body: str) -> Outline:
    """Links, live blocks and sections of a page's body, in one pass."""
    lines = body.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    text = "\n".join(lines)
    plain = not _ODD.search(text) and not _BLOCK.search(f"\n{text}")
    return _outline_of_plain(lines) if plain else _outline(text, lines)


# What makes the structure of a page more than headings, paragraphs and one level of dashes: code and fences, what is
# indented, quotes, numbered or nested lists, rules and underlined headings, reference definitions, comments, ids of
# blocks, odd white space.
_ODD = re.compile(r"%%|[`~\\^\t\x00-\x08\x0b-\x1f\x7f-\xa0\u1680\u2000-\u200f\u2028-\u202f\u205f\u3000]")
_BLOCK = re.compile(r"\n(?: +|[>\d\[]|[-*+](?: +(?:[-*+>#=_\d\[ ]|$)|$)|[-=_*][-=_* ]*$)", re.MULTILINE)
_HEADING = re.compile(r"(#{1,6})(?: (.*))?")


def _outline_of_plain(lines: list[str]) -> Outline:
    """What `_outline` gives, several times as fast, for the many pages in which there is nothing else."""
    heads: list[tuple[int, int, str]] = []
    links: list[Link] = []
    first = 0
    for row, line in enumerate([*lines, ""]):
        heading = _HEADING.fullmatch(line) if line.startswith("#") else None
        if not line or heading or line.startswith(("- ", "* ", "+ ")):  # a paragraph ends
            text = "\n".join(lines[first:row])
            if _may_link(text):
                links += _links_of(text, first, lines)
            first = row
        if heading:
            title = re.sub(r"(?:^| )#+ *$", "", (heading[2] or "").strip(" ")).strip(" ")
            heads.append((row, len(heading[1]), _heading_text(title)))
    return Outline(tuple(links), (), tuple(_sections(heads, lines)))


def _outline(text: str, lines: list[str]) -> Outline:
    tokens = _parser().parse(text)
    links = [
        link
        for token in tokens
        if token.type == "inline" and _may_link(token.content)
        for link in _links_of(token.content, token.map[0] if token.map else 0, lines)
    ]
    blocks = [live_block(token) for token in tokens if _is_live(token)]
    heads = [
        (token.map[0], int(token.tag[1]), _heading_text(tokens[i + 1].content))
        for i, token in enumerate(tokens)
        if token.type == "heading_open" and token.level == 0 and token.map
    ]
    return Outline(tuple(links), tuple(blocks), tuple(_sections(heads, lines)))


def _may_link(text: str) -> bool:
    return ("[[" in text and "]]" in text) or "](" in text or "((" in text


def _links_of(text: str, first: int, lines: list[str]) -> Iterable[Link]:
    """Links to pages in running text that begins in line `first`, counted from 0; pictures are none."""
    found: list[Token] = []
    _parser().inline.parse(text, _parser(), {}, found)
    row, begins = first, 0
    for i, child in enumerate(found):
        if child.type == "wikilink":
            at = child.meta["at"]
            row += text.count("\n", begins, at)
            begins = at
            if not (child.meta["embed"] and is_file(child.meta["target"])):
                yield Link(child.meta["target"], child.meta["section"], child.content, row + 1, _excerpt(lines[row]))
        elif child.type == "link_open":
            target, _, section = unquote(str(child.attrGet("href") or "")).partition("#")
            if page_address(target):
                label = "".join(part.content for part in found[i + 1 : i + 20] if part.type == "text")
                yield Link(f"./{target}", section, label, row + 1, _excerpt(lines[row]))


def _excerpt(line: str) -> str:
    """A line as it is kept with each link in it: no more than its beginning, for it may hold thousands."""
    return line[: 2 * LINE].strip()[:LINE]


def is_file(target: str) -> bool:
    """Whether the target of an embed is a file beside the pages, such as a picture, and not a page."""
    return not target.lower().endswith(PAGE_ENDINGS) and bool(_FILE.search(target))


def page_address(address: str) -> bool:
    """Whether an address (of a Markdown link) is that of a page in a file below pages/, relative to the linking one."""
    return address.lower().endswith(PAGE_ENDINGS) and not re.match(r"[a-z][a-z0-9+.-]*:|/", address, re.I)


def _is_live(token: Token) -> bool:
    return token.type == "fence" and token.info.split()[:1] == [LIVE]


def live_block(token: Token) -> LiveBlock:
    """What the fence ```` ```glassbook ```` says, or why it cannot be read."""
    line = token.map[0] + 1 if token.map else 1
    try:
        value = read_yaml(token.content)
    except GlassbookError as error:
        return LiveBlock("", {}, line, str(error), token.content)
    if not isinstance(value, dict) or len(value) != 1:
        problem = "a live block says one thing, such as 'chart: {experiment: ..., name: ...}'"
        return LiveBlock("", {}, line, problem, token.content)
    ((kind, data),) = value.items()
    if not isinstance(kind, str) or not isinstance(data, dict):
        problem = f"what stands after '{kind}:' has to be settings, such as {{experiment: ...}}"
        return LiveBlock("", {}, line, problem, token.content)
    return LiveBlock(kind, data, line, text=token.content)


def _sections(heads: list[tuple[int, int, str]], lines: list[str]) -> Iterable[Section]:
    """The sections that begin with these headings: (line from 0, level, title)."""
    starts = [(0, 0, ""), *heads]
    used: set[str] = set()
    again: dict[str, int] = {}
    for (row, level, title), after in zip(starts, [*heads, (len(lines), 0, "")], strict=True):
        anchor = own = slug(title)
        while anchor in used:
            again[own] = again.get(own, 0) + 1
            anchor = f"{own}-{again[own]}"
        used.add(anchor)
        yield Section(title, anchor, level, row + 1, "\n".join(lines[row : after[0]]))


_MARKED = re.compile(r"[*`_\[]")


def _heading_text(markdown: str) -> str:
    """A heading as it is read: labels in place of links, no marks of emphasis or code."""
    if not _MARKED.search(markdown):
        return markdown.strip()
    markdown = re.sub(r"!?\[\[(?:[^\[\]|]*\|)?([^\[\]]*)\]\]", r"\1", markdown)
    return re.sub(r"[*`]|(?<!\w)_+|(?<!_)_+(?!\w)", "", markdown).strip()
