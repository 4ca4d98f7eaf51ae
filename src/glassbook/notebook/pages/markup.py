"""Markdown extensions of note programs: embeds, marks, comments, callouts, block ids and links inside tables.

`markup(md)` teaches a markdown-it parser what Obsidian, Foam and Logseq write beside CommonMark. Links and sections are
read with it as well as pages are shown, so that a link in a comment is none in both.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from glassbook.notebook.pages import logseq

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.rules_block import StateBlock
    from markdown_it.rules_core import StateCore
    from markdown_it.rules_inline import StateInline
    from markdown_it.token import Token

BLOCK = "block-"
"""What the anchor of a block begins with: `^abc` at its end makes it `block-abc`."""

_BAR = "\0"
"""Stands for the bar of a link until a table has been cut at its bars; the parser has no such sign in its text."""
_LINK_WITH_BAR = re.compile(r"\[\[[^\[\]\n|]*\|[^\[\]\n]*\]\]")
_COMMENT = re.compile(r"%%[^%]*(?:%(?!%)[^%]*)*%%")
_MARK = re.compile(r"==(?=[^\s=])[^=\n]*(?<=[^\s=])==(?!=)")
_BLOCK_ID = re.compile(r"(?:^|(?<=\s))\^([A-Za-z0-9-]{1,100})[ \t]*\Z")
_CALLOUT = re.compile(r"\[!([A-Za-z][\w-]{0,40})\][+-]?[ \t]*(.*)(?:\n|\Z)")
_ADDRESS = re.compile(r"://[^\s<>\"`]{1,2000}")
_SCHEME = re.compile(r"(?<![A-Za-z0-9])https?\Z", re.IGNORECASE)


def markup(md: MarkdownIt) -> None:
    """Teach `md` the extensions. Comments are dropped; the rest is tokens of types that renderers know."""
    from glassbook.notebook.pages.link_parts import LinkParts

    md.core.ruler.after("normalize", "bars_of_links", _hide_bars)
    md.core.ruler.after("block", "shown_bars", _show_bars)
    md.core.ruler.after("shown_bars", "block_ids", _block_ids)
    md.core.ruler.after("block_ids", "callouts", _callouts)
    md.block.ruler.before("fence", "comment", _block_comment, {"alt": ["paragraph", "reference", "blockquote", "list"]})
    md.inline.ruler.before("link", "comment", _inline_comment)
    md.inline.ruler.before("link", "mark", _mark)
    md.helpers = LinkParts  # type: ignore[assignment]


def bare_addresses(md: MarkdownIt) -> None:
    """Teach `md` that https://example.org is a link, as on GitHub."""
    md.inline.ruler.push("bare_address", _bare_address)


def block_anchor(name: str) -> str:
    """Anchor of the block that ends with `^name`, or in Logseq with `id:: name`."""
    return BLOCK + name.lower()


def without_block_id(text: str) -> tuple[str, str]:
    """A block's text without the `^id` at its end, and that id ("" if there is none).

    A number is an exponent as likely as an id: it is taken for the id but stays in the text.
    """
    found = _BLOCK_ID.search(text, max(0, len(text) - 200))
    if found is None:
        return text, ""
    return text if found[1].isdigit() else text[: found.start()].rstrip(), found[1]


def _hide_bars(state: StateCore) -> None:
    if "[[" in state.src:
        state.src = _LINK_WITH_BAR.sub(lambda found: found[0].replace("|", _BAR), state.src)


def _show_bars(state: StateCore) -> None:
    if _BAR in state.src:
        for token in state.tokens:
            token.content = token.content.replace(_BAR, "|")
            token.info = token.info.replace(_BAR, "|")
        for reference in state.env.get("references", {}).values():
            reference["title"] = reference["title"].replace(_BAR, "|")


def _block_ids(state: StateCore) -> None:
    """Give blocks their anchors: a paragraph, heading or item its own, any other block that of the line below it."""
    for i, token in enumerate(state.tokens):
        if token.type != "inline":
            continue
        token.content, name = logseq.without_block_id(token.content)
        if not name and "^" in token.content[-200:]:
            token.content, name = without_block_id(token.content)
        if name:
            opening = state.tokens[i - 1]
            if opening.hidden:  # the paragraph of a tight item has no tag of its own
                before = (state.tokens[n] for n in range(i - 2, -1, -1))
                opening = next(t for t in before if t.type == "list_item_open" and t.level < opening.level)
            opening.attrSet("id", block_anchor(name))


def _callouts(state: StateCore) -> None:
    """Turn quotes that begin with `[!kind] title` into boxes with a title."""
    if "[!" not in state.src:
        return
    out: list[Token] = []
    quotes: list[bool] = []
    """For each open quote, whether it is a callout."""
    tokens = iter(state.tokens)
    for token in tokens:
        if token.type == "blockquote_open":
            quotes.append(False)
        elif token.type == "blockquote_close" and quotes.pop():
            token.tag = "div"
        elif token.type == "inline" and [t.type for t in out[-2:]] == ["blockquote_open", "paragraph_open"]:
            found = _CALLOUT.match(token.content)
            if found:
                quotes[-1] = True
                paragraph = _open_callout(out, found)
                token.content = token.content[found.end() :]
                if not token.content:
                    next(tokens)  # the end of a paragraph of which the title was all
                    continue
                out.append(paragraph)
        out.append(token)
    state.tokens = out


def _open_callout(out: list[Token], found: re.Match[str]) -> Token:
    """Write the title of a callout whose quote and first paragraph were just opened; gives that paragraph."""
    from markdown_it.token import Token

    paragraph, quote = out.pop(), out[-1]
    quote.tag = "div"
    quote.attrSet("class", f"callout callout-{found[1].lower()}")
    place: dict[str, Any] = {"level": paragraph.level, "map": paragraph.map, "block": True}
    opening = Token("paragraph_open", "p", 1, attrs={"class": "callout-title"}, **place)
    title = Token("inline", "", 0, **{**place, "level": paragraph.level + 1}, children=[])
    title.content = found[2].strip() or found[1].capitalize()
    out += [opening, title, Token("paragraph_close", "p", -1, **place)]
    return paragraph


def _block_comment(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """A comment of several lines: `%%` at the beginning of one and at the end of another."""
    if state.is_code_block(start):
        return False
    first = state.src[state.bMarks[start] + state.tShift[start] : state.eMarks[start]]
    if not first.startswith("%%") or "%%" in first[2:]:
        return False
    # No line from `known` to `seen` ends a comment; each line is looked at once.
    known, seen = state.env.get("no_comment_ends", (end, 0))
    line = max(start + 1, seen if known <= start else 0)
    while line < end:
        text = state.src[state.bMarks[line] + state.tShift[line] : state.eMarks[line]]
        if text and state.sCount[line] < state.blkIndent:
            break  # it would end outside of the item that it is in
        if text.rstrip().endswith("%%"):
            if not silent:
                state.line = line + 1
            return True
        line += 1
    state.env["no_comment_ends"] = (start, line)
    return False


def _inline_comment(state: StateInline, silent: bool) -> bool:
    found = _COMMENT.match(state.src, state.pos, state.posMax) if state.src.startswith("%%", state.pos) else None
    if found is None:
        return False
    state.pos = found.end()
    return True


def _mark(state: StateInline, silent: bool) -> bool:
    found = _MARK.match(state.src, state.pos, state.posMax) if state.src.startswith("==", state.pos) else None
    if found is None:
        return False
    if not silent:
        end = state.posMax
        state.push("mark_open", "mark", 1)
        state.pos, state.posMax = state.pos + 2, found.end() - 2
        state.md.inline.tokenize(state)
        state.push("mark_close", "mark", -1)
        state.posMax = end
    state.pos = found.end()
    return True


def _bare_address(state: StateInline, silent: bool) -> bool:
    if state.linkLevel > 0 or not state.src.startswith("://", state.pos):
        return False
    scheme = _SCHEME.search(state.src, max(0, state.pos - 6), state.pos)
    found = _ADDRESS.match(state.src, state.pos, state.posMax) if scheme else None
    if found is None or scheme is None or not state.pending.endswith(scheme[0]):
        return False
    rest = _without_punctuation(found[0])
    url = state.md.normalizeLink(scheme[0] + rest)
    if len(rest) < 4 or not state.md.validateLink(url):
        return False
    if not silent:
        state.pending = state.pending[: -len(scheme[0])]
        state.push("link_open", "a", 1).attrs = {"href": url}
        state.push("text", "", 0).content = scheme[0] + rest
        state.push("link_close", "a", -1)
    state.pos += len(rest)
    return True


def _without_punctuation(address: str) -> str:
    """The address without what ends the sentence round it, or a bracket that was opened before it."""
    while address:
        if (address[-1] == ")" and address.count(")") > address.count("(")) or address[-1] in "?!.,:;*_~'|]}":
            address = address[:-1]
        else:
            break
    return address
