"""Markdown to safe HTML, from any author.

A body is rendered once into pieces: HTML that depends on nothing but the text, and placeholders for what depends on the
notebook (where a wikilink leads, what a live block or an inline value shows). The pieces are cached; the placeholders
are filled at every view. HTML in Markdown is shown as text; the output of markdown-it is sanitized by nh3 all the same,
and only then are the placeholders replaced by what our own templates render.
"""

from __future__ import annotations

import functools
import re
import secrets
import xml.etree.ElementTree as ET
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import nh3
from latex2mathml.converter import convert
from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from markdown_it.token import Token
from markupsafe import Markup, escape
from mdit_py_plugins.dollarmath import dollarmath_plugin
from mdit_py_plugins.footnote import footnote_plugin
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name
from pygments.util import ClassNotFound

from glassbook.notebook.bounded import Bounded, TooCostly, seconds_for
from glassbook.notebook.pages.links import (
    LIVE,
    InlineValue,
    LiveBlock,
    Section,
    inline_values,
    is_file,
    live_block,
    read_markdown,
    wikilinks,
)
from glassbook.notebook.pages.markup import bare_addresses, markup

CACHE_SIZE = 500
"""Rendered bodies in memory."""
MATHML = frozenset(
    "math mrow mi mn mo ms mtext mspace mfrac msqrt mroot msub msup msubsup munder mover munderover mtable mtr mtd "
    "mstyle mpadded mphantom menclose mmultiscripts mprescripts none".split()
)
"""MathML elements that are allowed; none of them can contain HTML or a link."""


@dataclass(frozen=True)
class Wikilink:
    """Placeholder of a link to a page."""

    target: str
    section: str
    label: str
    embed: bool = False
    """Whether what it names is to be shown in its place."""
    alone: bool = False
    """Whether it is a paragraph of its own, where a note has room."""


@dataclass(frozen=True)
class Local:
    """Placeholder of an address relative to the page's file (an image beside it, a chart of a run)."""

    url: str


Piece = str | Wikilink | LiveBlock | InlineValue | Local
LinkTo = Callable[[Wikilink], Markup]
Show = Callable[[LiveBlock | InlineValue], Markup]
Place = Callable[[str], str]


@dataclass(frozen=True)
class Rendered:
    """A rendered body, with placeholders."""

    pieces: tuple[Piece, ...]
    sections: tuple[Section, ...]

    def html(self, link: LinkTo, show: Show, place: Place = lambda url: url) -> Markup:
        """The HTML, with links, live blocks, inline values and relative addresses filled in by the functions."""
        out = []
        for piece in self.pieces:
            match piece:
                case Wikilink():
                    out.append(link(piece))
                case LiveBlock() | InlineValue():
                    out.append(show(piece))
                case Local():
                    out.append(escape(place(piece.url)))
                case _:
                    out.append(Markup(piece))
        return Markup("").join(out)


@functools.lru_cache(CACHE_SIZE)
def render_markdown(body: str) -> Rendered:
    """Markdown as pieces: HTML, and placeholders for wikilinks and live blocks.

    It is made in a worker process with limits. What exceeds them is shown without colours of code, or else as plain
    text, and says so.
    """
    body = body.encode("utf-8", "replace").decode()
    problem = TooCostly()
    for plain_code in (False, True):
        try:
            rendered: Rendered = _render_bounded(body, plain_code, seconds=seconds_for(body))
        except TooCostly as stopped:
            problem = stopped
            continue
        if not plain_code:
            return rendered
        note = _note(f"The code of this page is shown without colours: with them, {problem}.")
        return Rendered((note, *rendered.pieces), rendered.sections)
    html = f"{_note(f'This page is shown as plain text: to lay it out, {problem}.')}<pre>{escape(body)}</pre>\n"
    return Rendered((html,), ())


def render(body: str, plain_code: bool = False) -> Rendered:
    """What `render_markdown` gives, made in this process without limits; with `plain_code`, code has no colours."""
    placeholders: list[Piece] = []
    # A random mark, so that no page can contain one.
    mark = f"hole{secrets.token_hex(12)}n"

    def hole(piece: Piece) -> str:
        placeholders.append(piece)
        return f"{mark}{len(placeholders) - 1}e"

    sections = read_markdown(body).sections
    anchors = iter([s.slug for s in sections if s.level])
    html = _clean(_parser().render(body, {"hole": hole, "anchors": anchors, "plain_code": plain_code}))
    pieces: list[Piece] = []
    for i, part in enumerate(re.split(f"{mark}([0-9]+)e", html)):
        pieces.append(placeholders[int(part)] if i % 2 else part)
    return Rendered(tuple(_merge_text(pieces)), sections)


_render_bounded = Bounded(f"{__name__}:render")


def _note(text: str) -> str:
    return f'<p class="error-line" role="note">{escape(text)}</p>\n'


def _merge_text(pieces: Sequence[Piece]) -> list[Piece]:
    out: list[Piece | list[str]] = []
    for piece in pieces:
        if isinstance(piece, str) and out and isinstance(out[-1], list):
            out[-1].append(piece)
        elif isinstance(piece, str) and piece:
            out.append([piece])
        elif piece != "":
            out.append(piece)
    return ["".join(piece) if isinstance(piece, list) else piece for piece in out]


@functools.cache
def _parser() -> MarkdownIt:
    md = MarkdownIt("commonmark", {"html": False, "typographer": False}).enable(["table", "strikethrough"])
    md.use(footnote_plugin).use(dollarmath_plugin, double_inline=True, allow_digits=False, allow_blank_lines=False)
    markup(md)
    bare_addresses(md)
    wikilinks(md)
    inline_values(md)
    md.core.ruler.after("inline", "tasks", _tasks)
    md.core.ruler.after("inline", "lone_embeds", _lone_embeds)
    for name, rule in RULES.items():
        md.add_render_rule(name, rule)
    return md


def _tasks(state: StateCore) -> None:
    """Turn items that begin with `[ ]` or `[x]` into check boxes."""
    lists: list[Token] = []
    for i, token in enumerate(state.tokens):
        if token.type in ("bullet_list_open", "ordered_list_open"):
            lists.append(token)
        elif token.type in ("bullet_list_close", "ordered_list_close"):
            lists.pop()
        elif token.type == "inline" and token.children and state.tokens[i - 2].type == "list_item_open":
            first = token.children[0]
            found = _TASK.match(first.content) if first.type == "text" else None
            if found:
                checked = ' checked="checked"' if found[1] != " " else ""
                box = Token("html_inline", "", 0)
                box.content = f'<input class="task-list-item-checkbox"{checked} disabled="disabled" type="checkbox">'
                first.content = first.content[3:]
                token.children.insert(0, box)
                state.tokens[i - 2].attrSet("class", "task-list-item")
                lists[-1].attrSet("class", "contains-task-list")


def _lone_embeds(state: StateCore) -> None:
    """Take the paragraph away round an embedded note that is all of it: the note has paragraphs of its own."""
    tokens = state.tokens
    for i, token in enumerate(tokens):
        children = token.children or []
        if token.type == "inline" and len(children) == 1 and children[0].type == "wikilink":
            meta, opening = children[0].meta, tokens[i - 1]
            if meta["embed"] and not is_file(meta["target"]) and opening.type == "paragraph_open":
                meta["alone"] = True
                opening.hidden = tokens[i + 1].hidden = True


_TASK = re.compile(r"\[([ xX])\] ")


# --- render rules of tokens; markdown-it passes (itself, tokens, index, options, env) -----------------------


def _fence(self: Any, tokens: Sequence[Token], i: int, options: Any, env: dict[str, Any]) -> str:
    token = tokens[i]
    word = (token.info.split() or [""])[0]
    if word == LIVE:
        return env["hole"](live_block(token)) + "\n"
    return f'<pre class="code">{env["hole"](highlighted(token.content, "" if env["plain_code"] else word))}</pre>\n'


def _code_block(self: Any, tokens: Sequence[Token], i: int, options: Any, env: dict[str, Any]) -> str:
    return f'<pre class="code"><code>{escape(tokens[i].content)}</code></pre>\n'


def _wikilink(self: Any, tokens: Sequence[Token], i: int, options: Any, env: dict[str, Any]) -> str:
    token = tokens[i]
    meta = token.meta
    return env["hole"](
        Wikilink(meta["target"], meta["section"], token.content, meta["embed"], meta.get("alone", False))
    )


def _inline_value(self: Any, tokens: Sequence[Token], i: int, options: Any, env: dict[str, Any]) -> str:
    return env["hole"](tokens[i].meta["value"])


def _inline_math(self: Any, tokens: Sequence[Token], i: int, options: Any, env: dict[str, Any]) -> str:
    return env["hole"](mathml(tokens[i].content, display=False))


def _display_math(self: Any, tokens: Sequence[Token], i: int, options: Any, env: dict[str, Any]) -> str:
    return env["hole"](mathml(tokens[i].content, display=True)) + "\n"


def _heading_open(self: Any, tokens: Sequence[Token], i: int, options: Any, env: dict[str, Any]) -> str:
    token = tokens[i]
    # Only top-level headings are sections; read_markdown gave them their anchors in the same order.
    anchor = next(env["anchors"], "") if token.level == 0 else ""
    return f'<{token.tag} id="{escape(anchor)}">' if anchor else f"<{token.tag}>"


def _image(self: Any, tokens: Sequence[Token], i: int, options: Any, env: dict[str, Any]) -> str:
    token = tokens[i]
    title, alt = token.attrGet("title"), self.renderInlineAsText(token.children, options, env)
    named = f' title="{escape(title)}"' if title else ""
    return f'<img src="{_address(token.attrGet("src"), env)}" alt="{escape(alt)}"{named}>'


def _link_open(self: Any, tokens: Sequence[Token], i: int, options: Any, env: dict[str, Any]) -> str:
    token = tokens[i]
    href, title = token.attrGet("href") or "", token.attrGet("title")
    outside = ' class="outside"' if re.match(r"[a-z]+:|//", str(href), re.I) else ""
    return f'<a href="{_address(href, env)}"{outside}' + (f' title="{escape(title)}">' if title else ">")


def _address(url: Any, env: dict[str, Any]) -> str:
    """An address as it is, or a placeholder if it is relative to the page."""
    text = str(url or "")
    return env["hole"](Local(text)) if text and not re.match(r"[a-z][a-z0-9+.-]*:|[/#?]", text, re.I) else escape(text)


def _table_open(self: Any, tokens: Sequence[Token], i: int, options: Any, env: dict[str, Any]) -> str:
    return '<div class="scroll" tabindex="0" role="region" aria-label="table"><table>'


def _table_close(self: Any, tokens: Sequence[Token], i: int, options: Any, env: dict[str, Any]) -> str:
    return "</table></div>\n"


RULES: dict[str, Callable[..., str]] = {
    "fence": _fence,
    "code_block": _code_block,
    "wikilink": _wikilink,
    "inline_value": _inline_value,
    "math_inline": _inline_math,
    "math_inline_double": _display_math,
    "math_block": _display_math,
    "math_block_label": _display_math,
    "heading_open": _heading_open,
    "image": _image,
    "link_open": _link_open,
    "table_open": _table_open,
    "table_close": _table_close,
}


TAGS = set(
    "a abbr b blockquote br code dd del div dl dt em h1 h2 h3 h4 h5 h6 hr i img input li mark ol p pre s section span "
    "strong sub sup table tbody td th thead tr ul".split()
)
ATTRIBUTES: dict[str, set[str]] = {
    "a": {"href", "title", "class", "id"},
    "img": {"src", "alt", "title"},
    "input": {"type", "checked", "disabled", "class"},
    "ol": {"start", "class"},
    "div": {"class", "id", "tabindex", "role", "aria-label"},
    "p": {"class", "id"},
    "td": {"id"},
    "th": {"id"},
    "li": {"class", "id"},
    "sup": {"class", "id"},
    **{tag: {"id"} for tag in ("h1", "h2", "h3", "h4", "h5", "h6")},
    **{tag: {"class"} for tag in ("ul", "pre", "code", "span", "section", "hr")},
}
"""No style: the content security policy forbids inline styles."""


def _clean(html: str) -> str:
    return nh3.clean(
        html,
        tags=TAGS,
        attributes=ATTRIBUTES,
        url_schemes={"http", "https", "mailto", "doi"},
        link_rel="noopener noreferrer",
        attribute_filter=_only_checkboxes,
    )


def _only_checkboxes(tag: str, attribute: str, value: str) -> str | None:
    return None if (tag, attribute) == ("input", "type") and value != "checkbox" else value


# --- code and mathematics -------------------------------------------------------------------------------------------


def highlighted(code: str, language: str) -> str:
    """Code with syntax highlighting, or plain if the language is unknown."""
    if len(code) > 50_000 or not language:
        return f"<code>{escape(code)}</code>"
    try:
        lexer = get_lexer_by_name(language)
    except ClassNotFound:
        return f"<code>{escape(code)}</code>"
    return f"<code>{highlight(code, lexer, HtmlFormatter(nowrap=True))}</code>"


@functools.lru_cache(maxsize=2000)
def mathml(latex: str, display: bool) -> str:
    """LaTeX as MathML; as code if it cannot be converted."""
    try:
        if len(latex) > 5000:
            raise ValueError("too long")
        root = ET.fromstring(convert(latex.strip(), display="block" if display else "inline"))
        _check_math(root)
    except Exception as problem:  # the converter raises errors of many types
        return f'<code class="math-error" title="{escape(str(problem)[:200])}">{escape(latex)}</code>'
    root.set("xmlns", "http://www.w3.org/1998/Math/MathML")
    text = ET.tostring(root, encoding="unicode")
    return f'<span class="display-math">{text}</span>' if display else text


def _check_math(root: ET.Element) -> None:
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
        if element.tag not in MATHML:
            raise ValueError(f"<{element.tag}> is not allowed")
        for name in list(element.attrib):
            if name.startswith("on") or name in ("href", "src", "style", "class", "id") or ":" in name or "}" in name:
                del element.attrib[name]


def page_url(ident: str, section: str = "") -> str:
    return f"/p/{quote(ident, safe='/')}" + (f"#{quote(section, safe='')}" if section else "")
