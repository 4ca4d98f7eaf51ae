"""HTML rewriting for exports: scripts and forms removed, links pointed at files, scripted charts replaced by images."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from html import escape, unescape
from html.parser import HTMLParser
from urllib.parse import quote, urlencode

from glassbook.web.export.pictures import panel_address

DROPPED = frozenset(
    "script form button dialog template noscript progress label select textarea fieldset iframe object".split()
)
"""Elements that need the server or a script; removed with their content."""
WRAPPER = "data-compare"
"""Attribute of the one form whose content stays: it contains the table of runs."""
EMPTY = frozenset("area base br col embed hr img input link meta source track wbr".split())
"""Elements that have no end tag."""
HEADINGS = frozenset({"h1", "h2", "h3"})

LinkTo = Callable[[str], str | None]
Picture = Callable[[str], str | None]


@dataclass(frozen=True)
class Rewritten:
    """A page that needs no server."""

    html: str
    ids: set[str]
    """Its anchors."""
    title: str
    headings: list[tuple[str, str]]
    """(text, anchor) of each heading that has one."""


def rewrite(html: str, link: LinkTo, picture: Picture, body: str = "exported", head: str = "") -> Rewritten:
    """The page `html` with every address replaced.

    Elements with the attribute `data-server` are removed: they need the server. `data-open` opens a <details>.

    Args:
        html: a whole page, as rendered by our templates.
        link: address in the page -> address in the export; None if it is not exported (the link's text stays).
        picture: address of what a script draws -> address of its image, None if there is none.
        body: class of the body element.
        head: HTML added to the head element.
    """
    parser = _Rewriter(link, picture, body, head)
    parser.feed(html)
    parser.close()
    return Rewritten("".join(parser.out), parser.ids, parser.title, parser.headings)


def _panel(kind: str, settings: str) -> tuple[str, str] | None:
    """Address and description of a panel's picture; None for a panel that has none."""
    said = json.loads(settings)
    if kind == "latents":
        what = "noise removed by" if said["mode"] == "denoise" else "latents of"
        return panel_address(kind, settings), f"{what} {said['model']}"
    if kind not in ("attention", "lens"):
        return None
    return panel_address(kind, settings), f"{kind} of {said.get('model', 'builtin')} on “{said.get('prompt', '')}”"


class _Rewriter(HTMLParser):
    def __init__(self, link: LinkTo, picture: Picture, body: str, head: str) -> None:
        super().__init__(convert_charrefs=False)
        self.link, self.picture, self.body, self.head = link, picture, body, head
        self.out: list[str] = []
        self.ids: set[str] = set()
        self.title = ""
        self.headings: list[tuple[str, str]] = []
        self._named: tuple[str, str, int] | None = None
        """The open title or heading: its element, its anchor, and where its text begins in `out`."""
        self._dropping: list[str] = []
        """Open elements that are being removed, the outermost first."""
        self._open: list[tuple[str, bool]] = []
        """Open elements, and whether their tags are written."""
        self._chart = ""
        self._panel: tuple[str, str] | None = None
        """Address and description of the picture of the panel that is open."""
        self._curves: tuple[list[dict[str, str]], list[str]] = ([], [])

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        control = tag == "input" and "disabled" not in given  # the checkbox of a task list is no control
        if self._dropping or control or "data-server" in given or (tag in DROPPED and WRAPPER not in given):
            if tag not in EMPTY:
                self._dropping.append(tag)
            return
        if self._chart and "chart-box" in given.get("class", "").split():
            self._picture(self._chart, given.get("aria-label", "chart"))
            self._chart = ""
            self._dropping.append(tag)
            return
        if self._panel and ("data-panel-answer" in given or "data-graph-box" in given):
            self._picture(*self._panel)
            self._panel = None
            self._dropping.append(tag)
            return
        written = self._address(given) and tag != "form"
        if written:
            self._write(tag, given)
        if tag not in EMPTY:
            self._open.append((tag, written))
        if tag == "title" or (tag in HEADINGS and "id" in given):
            self._named = tag, given.get("id", ""), len(self.out)
        self._note_drawings(given)

    def _note_drawings(self, given: dict[str, str]) -> None:
        """Note charts and curves that a script would draw in this element or a later one."""
        self._chart = given.get("data-chart", self._chart)
        if "data-panel" in given:
            self._panel = _panel(given["data-panel"], given.get("data-settings", "{}"))
        if "data-graph" in given:
            self._panel = panel_address("graph", given["data-graph"]), "pages and the links between them"
        if "data-curves" in given:
            self._curves = json.loads(given["data-curves"]), json.loads(given["data-metrics"])
        if "data-panels" in given:
            runs, metrics = self._curves
            for metric in metrics:
                self.out.append(f'<figure class="panel"><figcaption>{escape(metric)}</figcaption>')
                for run in runs:
                    query = urlencode({"names": metric})
                    self._picture(f"/api/v1/runs/{quote(run['id'], safe='')}/metrics?{query}", f"{metric} by step")
                self.out.append("</figure>")

    def _address(self, given: dict[str, str]) -> bool:
        """Replace the addresses of an element; whether its tag is to be written."""
        for name in ("href", "src"):
            if name not in given:
                continue
            new = self.link(given[name])
            if new is None:
                return False
            given[name] = new
        return True

    def _picture(self, address: str, alt: str) -> None:
        new = self.picture(address)
        if new is None:
            self.out.append(f'<p class="dim">{escape(alt)}: cannot be drawn</p>')
        else:
            self.out.append(f'<img class="picture" src="{escape(new)}" alt="{escape(alt)}">')

    def _write(self, tag: str, given: dict[str, str]) -> None:
        if "id" in given:
            self.ids.add(given["id"])
        if tag == "body":
            given["class"] = self.body
        if "data-open" in given:
            given["open"] = ""
        kept = {n: v for n, v in given.items() if not n.startswith(("data-", "on"))}
        self.out.append(f"<{tag}" + "".join(f' {n}="{escape(v)}"' for n, v in kept.items()) + ">")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in EMPTY:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if self._dropping:
            if tag in self._dropping:
                while self._dropping.pop() != tag:
                    pass
            return
        if self._named and self._named[0] == tag:
            _, anchor, begin = self._named
            self._named = None
            text = unescape(re.sub(r"<[^>]*>", "", "".join(self.out[begin:]))).strip()
            if tag == "title":
                self.title = text
            else:
                self.headings.append((text, anchor))
        if tag == "head":
            self.out.append(self.head)
        if not any(name == tag for name, _ in self._open):
            return
        while True:
            name, written = self._open.pop()
            if written:
                self.out.append(f"</{name}>")
            if name == tag:
                return

    def handle_data(self, data: str) -> None:
        self._text(data)

    def handle_entityref(self, name: str) -> None:
        self._text(f"&{name};")

    def handle_charref(self, name: str) -> None:
        self._text(f"&#{name};")

    def handle_decl(self, decl: str) -> None:
        self._text(f"<!{decl}>")

    def _text(self, text: str) -> None:
        if not self._dropping:
            self.out.append(text)
