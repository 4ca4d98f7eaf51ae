"""A page of the server made into a page on its own: no scripts, no forms, and links that lead to files."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from html.parser import HTMLParser

DROPPED = frozenset({"script", "form", "button", "dialog", "template", "noscript", "progress"})
"""Elements that need the server or a script; they go with all that is in them."""
EMPTY = frozenset("area base br col embed hr img input link meta source track wbr".split())
"""Elements that have no end tag."""

LinkTo = Callable[[str], str | None]
Picture = Callable[[str], str | None]


def rewrite(html: str, link: LinkTo, picture: Picture) -> str:
    """The page `html` with every address changed.

    Args:
        html: a whole page, as our templates made it.
        link: address on the server -> address in the export; None if it is not exported (the link's text stays).
        picture: address of a chart's specification -> address of its picture, None if there is none.
    """
    parser = _Rewriter(link, picture)
    parser.feed(html)
    parser.close()
    return "".join(parser.out)


class _Rewriter(HTMLParser):
    def __init__(self, link: LinkTo, picture: Picture) -> None:
        super().__init__(convert_charrefs=False)
        self.link, self.picture = link, picture
        self.out: list[str] = []
        self._dropping: list[str] = []
        self._open: list[tuple[str, bool]] = []
        """Elements that are open, and whether their tags are written."""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if self._dropping:
            if tag not in EMPTY:
                self._dropping.append(tag)
            return
        given = {name: value or "" for name, value in attrs}
        if tag in DROPPED or "data-server" in given:
            if tag not in EMPTY:
                self._dropping.append(tag)
            return
        written = self._address(tag, given)
        if written:
            self._write(tag, given)
        if tag not in EMPTY:
            self._open.append((tag, written))
        if "data-chart" in given and written:
            self._chart(given["data-chart"])

    def _address(self, tag: str, given: dict[str, str]) -> bool:
        """Change the addresses of an element; whether its tag is to be written."""
        for name in ("href", "src"):
            if name not in given or _elsewhere(given[name]):
                continue
            new = self.link(given[name])
            if new is None:
                return False
            given[name] = new
        return True

    def _chart(self, address: str) -> None:
        new = self.picture(address)
        if new is not None:
            self.out.append(f'<img src="{escape(new)}" alt="chart">')
            # The box that a script would draw into.
            self._dropping.append("")

    def _write(self, tag: str, given: dict[str, str]) -> None:
        kept = {n: v for n, v in given.items() if not n.startswith(("data-", "on"))}
        self.out.append(f"<{tag}" + "".join(f' {n}="{escape(v)}"' for n, v in kept.items()) + ">")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in EMPTY:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if self._dropping and self._dropping[-1] == "" and tag == "figure":
            self._dropping.pop()
        elif self._dropping:
            if tag in self._dropping:
                while self._dropping.pop() != tag:
                    pass
            return
        while self._open:
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


def _elsewhere(address: str) -> bool:
    """Whether an address leaves the notebook, or stays on the page."""
    return not address.startswith("/") or address.startswith("//")
