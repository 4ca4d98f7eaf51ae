"""Link resolution: wikilinks to pages, runs and experiments, and addresses relative to a page's file."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass, field
from urllib.parse import quote, unquote, urlencode

from markupsafe import Markup

from glassbook import experiments
from glassbook.notebook import Notebook, slug
from glassbook.web.render.markdown import Wikilink, page_url

RUN = re.compile(r"\d{8}-\d{6}-\d{6}-[0-9a-f]{4}")
"""The form of a run's id."""


@dataclass
class Links:
    """Resolves the links of one page while it is rendered; caches what each name resolves to."""

    notebook: Notebook
    path: str = ""
    """The page's file, relative to the notebook; "" if it has none yet."""
    runs: list[str] = field(default_factory=list)
    """Linked runs, in order."""
    _resolved: dict[str, str | None] = field(default_factory=dict)

    def link(self, wikilink: Wikilink) -> Markup:
        """A wikilink as HTML, to its page, run or experiment, or to the editor for a new page of that name."""
        section = slug(wikilink.section)
        if not wikilink.target:
            return Markup('<a href="#{}">{}</a>').format(section, wikilink.label)
        url = self.url(wikilink.target, section)
        if url is None:
            new = "/new?" + urlencode({"title": wikilink.target}, errors="replace")
            note = f"there is no page {wikilink.target!r} yet"
            return Markup('<a class="missing" href="{}" title="{}">{}</a>').format(new, note, wikilink.label)
        return Markup('<a href="{}">{}</a>').format(url, wikilink.label)

    def url(self, target: str, section: str = "") -> str | None:
        """URL of what a name resolves to; None if nothing has that name."""
        if target not in self._resolved:
            self._resolved[target] = self.notebook.index.resolve(target)
        ident = self._resolved[target]
        if ident is not None:
            return page_url(ident, section)
        if RUN.fullmatch(target) and (self.notebook.folder / "runs" / target / "run.json").is_file():
            if target not in self.runs:
                self.runs.append(target)
            return f"/runs/{quote(target, safe='')}"
        if target in experiments.names():
            return f"/x/{quote(target, safe='')}"
        return None

    def place(self, url: str) -> str:
        """The URL of an address relative to the page's file: a page, a file of a run, or a file under pages/."""
        address, _, section = url.partition("#")
        path = posixpath.normpath(posixpath.join(posixpath.dirname(self.path), unquote(address.partition("?")[0])))
        parts = path.split("/")
        after = f"#{section}" if section else ""
        if parts[0] == "pages" and path.endswith(".md"):
            ident = self.notebook.index.resolve(path[6:-3]) or self.notebook.index.resolve(parts[-1][:-3])
            return (page_url(ident) if ident is not None else "/new?" + urlencode({"title": parts[-1][:-3]})) + after
        if parts[0] == "runs" and len(parts) > 2:
            return f"/runs/{quote(parts[1], safe='')}/files/{quote('/'.join(parts[2:]))}"
        if parts[0] == "pages":
            return f"/beside/{quote('/'.join(parts[1:]))}"
        return url


def address_of(kind: str, ident: str, section: str = "") -> str:
    """Address of a page, run, claim (`experiment#id`), experiment, feature (`run/index`) or tag."""
    name, _, claim = ident.rpartition("#")
    match kind:
        case "page":
            return page_url(ident, section)
        case "run":
            return f"/runs/{quote(ident, safe='')}"
        case "claim":
            return f"/x/{quote(name, safe='')}#claim-{quote(claim)}"
        case "experiment":
            return f"/x/{quote(ident, safe='')}"
        case "feature":
            return f"/features/{quote(ident.replace('#', '/'), safe='/')}"
        case "tag":
            return "/pages?" + urlencode({"tag": ident})
    raise ValueError(f"no address for a {kind}")
