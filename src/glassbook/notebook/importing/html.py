"""HTML to Markdown: headings, paragraphs, lists, quotes, code, tables, links and images, in their order.

The page is not trusted: scripts, styles, frames and links that would run something are dropped. Every text of the
source is in the page or in the report.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from html.parser import HTMLParser
from urllib.parse import quote, unquote, urljoin

from glassbook.errors import GlassbookError
from glassbook.notebook.importing.inline import (
    BREAK,
    CODE,
    MARKS,
    RAISED,
    SPACE,
    Frame,
    closed,
    escaped,
    formula,
    harmless,
    markdown,
    safe_lines,
    text_with_formulas,
    url,
    with_breaks,
)
from glassbook.notebook.importing.plan import LeftOut, PlannedPage, one_line, place

DROPPED = ("script", "style", "template", "iframe", "object", "svg", "noembed", "noframes")
BLOCKS = set(
    "address article aside blockquote body button caption center dd details dialog div dl dt fieldset figcaption "
    "figure footer form h1 h2 h3 h4 h5 h6 header hgroup hr html head label legend li main menu nav ol option p pre "
    "section select summary table tbody td textarea tfoot th thead tr ul".split()
)
DEEPEST = 8
"""Quotes and items inside each other that are kept as such; what is deeper stands there as paragraphs."""
DEEPEST_INLINE = 16
NESTED = "nested"
"""Stands for the item that a list is below although it is not in it."""
DRAWN = {"katex-html", "MathJax", "MathJax_Display", "MathJax_Preview", "MathJax_SVG", "MathJax_CHTML"}
"""Classes of elements that draw a formula whose TeX stands beside them."""
LAZY = ("data-src", "data-original", "data-lazy-src", "srcset", "data-srcset")
"""Attributes that hold a picture's address until a script shows it."""


def read_html(
    text: str, name: str, source: str, local: Mapping[str, str] | None = None
) -> tuple[PlannedPage, list[LeftOut]]:
    """The page and what is left out of it.

    Args:
        text: the HTML.
        name: the title, if the HTML has none.
        source: the file, as a path below what is imported.
        local: HTML files that are imported with it -> the Markdown they become; links between them are kept so.

    Raises:
        GlassbookError: it cannot be read as HTML.
    """
    reader = _Reader(source, local or {}, "math/tex" in text or "application/x-tex" in text)
    try:
        reader.feed(text.replace("\0", "\ufffd"))
        reader.close()
    except AssertionError as error:  # the parser's way to refuse a malformed declaration
        raise GlassbookError(f"{source} cannot be read as HTML ({error}); save it again from a browser") from error
    reader.flush()
    reader.end_table()
    title = one_line(reader.title)
    guesses = [] if title else ["its title is taken from its first heading or its name: the HTML gives none"]
    heading = re.search(r"^# (.+)$", reader.markdown(), re.MULTILINE)
    title = title or (one_line(re.sub(r"[\\*`]", "", heading[1])) if heading else "") or one_line(name) or "Untitled"
    page = PlannedPage(
        path=place("note", title, set()),
        title=title,
        kind="note",
        source=source,
        body=reader.markdown(),
        front={"source": one_line(source)},
        guesses=tuple(guesses),
        kind_said=False,
    )
    return page, reader.left_out


class _Reader(HTMLParser):
    def __init__(self, source: str, local: Mapping[str, str], has_tex: bool) -> None:
        super().__init__(convert_charrefs=True)
        self.source, self.local, self.has_tex = source, local, has_tex
        self.base_address = ""
        """What the addresses of the page are relative to."""
        self.math: _Math | None = None
        self.last_tex = ""
        """The formula that was read last: a picture of it may follow."""
        self.box = ""
        """A check box that the next text belongs to."""
        self.term = False
        """Whether the text is that of a <dt>, as bookmarks have it."""
        self.captions: list[str] = []
        """Captions of the table that is being read."""
        self.in_caption = False
        self.title = ""
        self.left_out: list[LeftOut] = []
        self.out: list[str] = []
        self.base = Frame("")
        self.frames: list[Frame] = []
        self.holders: list[list] = []
        """Open quotes and items: [tag, what their first line begins with, the others, first is out, may be close]."""
        self.lists: list[list] = []
        """Open lists: [tag, number of the next item, how many holders are around it, has an item, one is written]."""
        self.heading = 0
        self.pre: list[str] | None = None
        self.language = ""
        self.drop = ""
        """The element that is being dropped, and how many of its kind are open."""
        self.drop_depth = 0
        self.dropped: list[str] = []
        self.in_title = False
        self.tables = 0
        self.rows: list[list[str]] = []
        self.in_row = False

    def markdown(self) -> str:
        return "\n".join(self.out).strip("\n") + "\n"

    # --- what the parser finds ----------------------------------------------------------------------------------

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {key: value or "" for key, value in attrs}
        if self.drop:
            self.drop_depth += tag == self.drop
        elif self.math is not None:
            self.math.annotation = values.get("encoding", "") == "application/x-tex" if tag == "annotation" else False
        elif tag == "math":
            self.math = _Math(values.get("alttext", ""), values.get("display", "") == "block")
        elif tag == "script" and values.get("type", "").startswith("math/tex") and self.pre is None:
            self.math = _Math("", "display" in values["type"], annotation=True)
        elif tag in DROPPED or (self.has_tex and DRAWN & set(values.get("class", "").split())):
            self.drop, self.drop_depth = tag, 1
        elif tag == "base" and re.match(r"https?://", values.get("href", "")):
            self.base_address = values["href"]
        elif tag == "title" and not self.title:
            self.in_title = True
        elif self.pre is not None:
            self.inside_pre(tag, values)
        elif tag in BLOCKS:
            self.block(tag, values)
        elif tag == "br":
            self.add(BREAK if not self.heading and not self.tables else " ")
        elif tag == "img":
            self.image(values)
        elif tag in ("video", "audio") and values.get("src"):
            self.media(tag, values["src"])
        elif tag == "source" and values.get("src"):
            self.media("media", values["src"])
        elif tag == "input" and values.get("type", "").lower() == "checkbox":
            self.box = "[x] " if "checked" in values else "[ ] "
        elif tag in MARKS or tag in RAISED or tag in CODE or tag == "a":
            if tag == "a":
                self.close_frame("a")
            if len(self.frames) < DEEPEST_INLINE:
                self.frames.append(Frame(tag, self.target(values.get("href", "")) if tag == "a" else ""))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        # In HTML, <script/> opens an element as <script> does; in drawings it does not, and those are dropped.
        if not self.drop:
            self.handle_starttag(tag, attrs)
            if tag in CODE or tag in MARKS or tag in RAISED or tag in ("svg", "math"):
                self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if self.drop:
            self.drop_depth -= tag == self.drop
            if not self.drop_depth:
                self.end_drop()
        elif self.math is not None:
            self.end_math(tag)
        elif tag == "title" and self.in_title:
            self.in_title = False
        elif tag == "pre" and self.pre is not None:
            self.end_pre()
        elif self.pre is not None:
            return
        elif tag in BLOCKS:
            self.end_block(tag)
        elif tag in MARKS or tag in RAISED or tag in CODE or tag == "a":
            self.close_frame(tag)

    def handle_data(self, data: str) -> None:
        if self.drop:
            self.dropped.append(data)
        elif self.math is not None:
            (self.math.tex if self.math.annotation else self.math.text).append(data)
        elif self.in_title:
            self.title += data
        elif self.pre is not None:
            self.pre.append(data)
        elif any(frame.tag in CODE for frame in self.frames):
            self.frames[-1].pieces.append((True, data))
        else:
            if self.box and data.strip(SPACE):
                box = self.box if any(holder[0] == "li" for holder in self.holders) else escaped(self.box)
                self.base.pieces.append((False, box))  # in front of marks that have begun
                self.box = ""
            self.add(text_with_formulas(re.sub(f"[{SPACE}]+", " ", data)))

    def handle_comment(self, data: str) -> None:
        self.report(data, "a comment")

    def unknown_decl(self, data: str) -> None:
        self.report(data, "a declaration that HTML does not know")

    def close(self) -> None:
        super().close()
        if self.cdata_elem and self.drop:
            # What follows a script that is never closed is left in the parser's buffer.
            self.dropped.append(self.rawdata)
        if self.drop:
            self.end_drop()
        if self.math is not None:
            self.end_math("math")
        if self.pre is not None:
            self.end_pre()

    def end_math(self, tag: str) -> None:
        """An element inside a formula ends, or the formula: its TeX is kept, or else its text."""
        math = self.math
        if math is None or tag not in ("math", "script"):
            if math is not None and tag == "annotation":
                math.annotation = False
            return
        self.math = None
        tex = "".join(math.tex).strip() or math.alt.strip()
        if tex:
            self.last_tex = tex
            self.add(formula(tex, math.display, bool(self.tables)))
        else:
            self.add(escaped(re.sub(f"[{SPACE}]+", " ", "".join(math.text))))

    def media(self, kind: str, src: str) -> None:
        """A film or sound as a link."""
        target = self.target(src)
        if target:
            self.add(f"[{kind}]({url(target)})")

    def end_drop(self) -> None:
        self.report("".join(self.dropped), f"<{self.drop}> is not kept")
        self.drop, self.drop_depth, self.dropped = "", 0, []

    # --- blocks -------------------------------------------------------------------------------------------------

    def block(self, tag: str, values: dict[str, str]) -> None:
        if self.tables and tag != "table":
            if tag in ("tr", "td", "th"):
                self.cell(tag)
            elif tag == "caption":
                self.flush()
                self.in_caption = True
            else:
                self.add(" ")
            return
        self.flush()
        self.term = tag == "dt" or (self.term and tag == "h3")
        if tag == "table":
            self.tables += 1
        elif tag in ("ul", "ol", "menu"):
            self.nest(values)
            start = values.get("start", "")
            first = int(start) if re.fullmatch(r"\d{1,9}", start, re.ASCII) else 1
            if len(self.lists) < DEEPEST:
                self.lists.append([tag, first, len(self.holders), False, False])
        elif tag == "li":
            self.item()
        elif tag == "div" and (found := re.search(r"\bcheckbox-(on|off)\b", values.get("class", ""))):
            self.box = "[x] " if found[1] == "on" else "[ ] "
        elif tag == "blockquote":
            self.hold([tag, "> ", "> ", False, False])
        elif tag == "hr":
            self.emit(["***"])
        elif tag == "pre":
            self.pre, self.language = [], _language(values)
        elif re.fullmatch(r"h[1-6]", tag):
            self.heading = int(tag[1])

    def nest(self, values: dict[str, str]) -> None:
        """Set a list below the item before it, where the page says so by a class or has closed that item too early."""
        docs = re.search(r"\blst-kix_\w+-(\d)\b", values.get("class", ""))
        levels = int(docs[1]) if docs and not self.lists else 0
        inside = bool(self.lists) and self.lists[-1][3] and len(self.holders) <= self.lists[-1][2]
        if (levels or inside) and self.last_was_item and len(self.lists) + 1 < DEEPEST:
            indent = " " * 4 * levels or "   "
            self.lists.append([NESTED, 1, len(self.holders), True, True])
            self.hold(["li", indent, indent, True, True])

    def item(self) -> None:
        """A list's item begins, and the one before it ends if its end was not told."""
        if not self.lists:
            self.lists.append(["ul", 1, len(self.holders), False, False])
        tag, number, depth, *_ = self.lists[-1]
        del self.holders[depth:]
        mark = f"{number}. " if tag == "ol" else "- "
        self.lists[-1][1] = min(number + 1, 999_999_999)
        self.lists[-1][3] = True
        # Right below a paragraph, only a list that begins with 1 is a list.
        self.hold(["li", mark, " " * len(mark), False, mark in ("- ", "1. ")])

    def hold(self, holder: list) -> None:
        """Open a quote or an item, unless there are more around it than a reader of Markdown takes."""
        if len(self.holders) < DEEPEST:
            self.holders.append(holder)

    def end_block(self, tag: str) -> None:
        if self.tables:
            if tag == "table":
                self.tables -= 1
                if not self.tables:
                    self.end_table()
            elif tag == "caption":
                self.flush()
                self.in_caption = False
            elif tag not in ("tr", "td", "th"):
                self.add(" ")
            return
        self.flush()
        if re.fullmatch(r"h[1-6]", tag):
            self.heading = 0
        elif tag in ("ul", "ol", "menu") and any(entry[0] == tag for entry in self.lists):
            while self.lists:
                entry = self.lists.pop()
                del self.holders[entry[2] :]
                if entry[0] == tag:
                    break
            while self.lists and self.lists[-1][0] == NESTED:
                del self.holders[self.lists.pop()[2] :]
        elif tag in ("li", "blockquote") and any(holder[0] == tag for holder in self.holders):
            last = max(i for i, holder in enumerate(self.holders) if holder[0] == tag)
            if tag == "blockquote" or not self.lists or last >= self.lists[-1][2]:
                del self.holders[last:]
                self.lists = [entry for entry in self.lists if entry[2] <= last]

    def flush(self) -> None:
        """End the paragraph or heading that is being read; open links and emphasis go on in the next."""
        before = list(self.frames)
        if not (self.base.pieces or any(frame.pieces for frame in before)):
            return
        while self.frames:
            self.pop_frame()
        open_frames = [Frame(frame.tag, frame.target, frame.used) for frame in before]
        text = markdown(self.base.pieces)
        self.base.pieces = []
        self.frames = open_frames
        text = with_breaks(text)
        if not text.strip():
            return
        if self.tables and self.in_caption:
            self.captions.append(text)
        elif self.tables:
            self.put_cell(text)
        elif self.heading:
            self.emit([f"{'#' * self.heading} " + text.replace("\\\n", " ")])
        else:
            self.emit(safe_lines(text).split("\n"))

    def emit(self, lines: list[str]) -> None:
        """Write a block, behind the marks of the quotes and items that hold it."""
        quotes = "".join(holder[2] for holder in self.holders if holder[3])
        new = [n for n, holder in enumerate(self.holders) if not holder[3]]
        begun = {entry[2] for entry in self.lists if entry[4]}
        tight = self.last_was_item and bool(new) and all(self.holders[n][4] or n in begun for n in new)
        if self.out and not tight:
            self.out.append(quotes.rstrip())
        for i, line in enumerate(lines):
            prefix = "".join(holder[2] if holder[3] or i else holder[1] for holder in self.holders)
            self.out.append((prefix + line).rstrip(" ") if not line else prefix + line)
        for holder in self.holders:
            holder[3] = True
        for entry in self.lists:  # an item that shows nothing is not written
            entry[4] = entry[4] or entry[2] in new
        self.last_was_item = any(holder[0] == "li" for holder in self.holders)

    last_was_item = False

    # --- code ---------------------------------------------------------------------------------------------------

    def inside_pre(self, tag: str, values: dict[str, str]) -> None:
        """Marks inside code lose their form; where its links lead is reported."""
        if tag == "br" and self.pre is not None:
            self.pre.append("\n")
        if tag in CODE and not self.language:
            self.language = _language(values)
        for key in ("href", "src"):
            if values.get(key):
                self.report(values[key], "a link inside a block of code")

    def end_pre(self) -> None:
        text = "".join(self.pre or []).replace("\r\n", "\n").replace("\r", "\n").removeprefix("\n").rstrip("\n")
        self.pre = None
        if text.strip():
            fence = "`" * max(3, max((len(run) for run in re.findall("`+", text)), default=0) + 1)
            self.emit([fence + self.language, *text.split("\n"), fence])

    # --- tables -------------------------------------------------------------------------------------------------

    def cell(self, tag: str) -> None:
        if tag == "tr":
            self.flush()
            self.in_row = False
        elif self.in_row:
            self.flush_cell()
        if tag != "tr":
            if not self.in_row:
                self.rows.append([])
            self.in_row = True

    def flush_cell(self) -> None:
        before = len(self.rows[-1])
        self.flush()
        if self.rows and len(self.rows[-1]) == before:
            self.rows[-1].append("")

    def put_cell(self, text: str) -> None:
        if not self.rows:
            self.rows.append([])
        self.rows[-1].append(text.replace("\\\n", " ").replace("\n", " "))

    def end_table(self) -> None:
        """Write the table; a table of one column or row that only lays out a page becomes paragraphs."""
        self.tables = 1  # what is still open is the last cell's
        self.flush()
        rows = [row for row in self.rows if any(row)]
        captions, self.captions = self.captions, []
        self.rows, self.in_row, self.in_caption, self.tables = [], False, False, 0
        for text in captions:
            self.emit(safe_lines(text).split("\n"))
        if not rows:
            return
        width = max(map(len, rows))
        if width == 1 or len(rows) == 1:
            for row in rows:
                for text in filter(None, row):
                    self.emit([safe_lines(text)])
            return
        cells = [[re.sub(r"(?<!\\)\|", r"\\|", text) for text in row] for row in rows]
        lines = ["| " + " | ".join(row + [""] * (width - len(row))) + " |" for row in cells]
        self.emit([lines[0], "|" + " --- |" * width, *lines[1:]])

    # --- running text -------------------------------------------------------------------------------------------

    def add(self, markdown: str) -> None:
        (self.frames[-1] if self.frames else self.base).pieces.append((False, markdown))

    def close_frame(self, tag: str) -> None:
        """End the innermost element of this kind, and those left open in it."""
        if any(frame.tag == tag for frame in self.frames):
            frame = self.pop_frame()
            while frame.tag != tag:
                frame = self.pop_frame()
            if frame.target and not frame.used and self.term:
                self.add(f"[{escaped(frame.target)}]({url(frame.target)})")  # a bookmark without a name
            elif frame.target and not frame.used:
                self.report(frame.target, "a link without a text")

    def pop_frame(self) -> Frame:
        frame = self.frames.pop()
        holder = self.frames[-1] if self.frames else self.base
        near = next((other for other in [*self.frames[::-1], self.base] if other.pieces), self.base)
        before = near.pieces[-1][1][-1:] if near.pieces else ""
        holder.pieces += closed(frame, any(other.tag in CODE for other in self.frames), before)
        frame.used = frame.used or any(text.strip() for _, text in frame.pieces)
        return frame

    def image(self, values: dict[str, str]) -> None:
        src = values.get("src", "")
        if not src or src.startswith("data:"):
            # Of several sizes the first.
            src = next((values[name].split()[0] for name in LAZY if values.get(name, "").strip()), src).rstrip(",")
        target = self.target(src)
        if values.get("alt", "").strip() and values["alt"].strip() == self.last_tex:
            self.report(src, "a picture of a formula that is kept")
            return
        alt = escaped(re.sub(r"\s+", " ", values.get("alt", "")))
        if target:
            self.add(f"![{alt}]({url(target)})")
        elif alt.strip():
            self.add(alt)

    def target(self, href: str) -> str:
        """Where a link leads, if it may; links to pages imported with this one lead to what they become."""
        href = href.strip(SPACE)
        if href and not harmless(href):
            self.report(href, "a link that is not to the web, mail or a file")
            return ""
        if self.base_address and href and not href.startswith("#"):
            href = urljoin(self.base_address, href)
        path, mark, rest = href.partition("#")
        where = posixpath.normpath(posixpath.join(posixpath.dirname(self.source), unquote(path))) if path else ""
        if where in self.local:
            return quote(posixpath.relpath(self.local[where], posixpath.dirname(self.source) or ".")) + mark + rest
        return href

    def report(self, text: str, why: str) -> None:
        if text.strip():
            self.left_out.append(LeftOut(self.source, self.getpos()[0], text, why))


class _Math:
    """A formula that is being read."""

    def __init__(self, alt: str, display: bool, annotation: bool = False) -> None:
        self.alt, self.display, self.annotation = alt, display, annotation
        self.tex: list[str] = []
        self.text: list[str] = []


def _language(values: dict[str, str]) -> str:
    match = re.search(r"(?:^|\s)(?:language|lang)-([\w+#.-]{1,30})", values.get("class", ""))
    return match[1] if match and match[1] != "glassbook" else ""
