"""Link resolution: wikilinks to pages, runs and experiments, and addresses relative to a page's file."""

from __future__ import annotations

import os
import posixpath
import re
from dataclasses import dataclass, field, replace
from urllib.parse import quote, unquote, urlencode

from markupsafe import Markup

from glassbook import experiments
from glassbook.notebook import Notebook, read_markdown
from glassbook.notebook.pages import logseq
from glassbook.notebook.pages.links import anchor, is_file, name_key, page_address
from glassbook.notebook.pages.markup import BLOCK, block_anchor, without_block_id
from glassbook.notebook.pages.names import vault_of
from glassbook.notebook.pages.plain import plain_text
from glassbook.web.render.markdown import Show, Wikilink, page_url, render_markdown

RUN = re.compile(r"\d{8}-\d{6}-\d{6}-[0-9a-f]{4}")
"""The form of a run's id."""


MAX_EMBEDS = 50
"""Notes that are shown inside a page; further ones are links."""
MAX_LABEL = 300
"""Characters that a link to a block shows of it."""
PICTURES = (".png", ".jpg", ".jpeg", ".gif", ".webp", ".avif", ".bmp", ".svg")


@dataclass
class Links:
    """Resolves the links of one page while it is rendered; caches what each name resolves to."""

    notebook: Notebook
    path: str = ""
    """The page's file, relative to the notebook; "" if it has none yet."""
    runs: list[str] = field(default_factory=list)
    """Linked runs, in order."""
    show: Show | None = None
    """Shows the live blocks of notes inside the page; without it, such notes are links."""
    _resolved: dict[str, str | None] = field(default_factory=dict)
    _inside: tuple[str, ...] = ()
    """Files of the pages that this one is shown inside of, while it is."""
    _embeds: list[str] = field(default_factory=list)
    """Files of the notes that are shown inside the page, shared by all of them."""
    _blocks: dict[str, tuple[str, dict[str, str]]] = field(default_factory=dict)
    """File of a page with blocks that are linked to -> its title, and the first lines of its blocks by their ids."""
    _files: dict[str, list[str]] | None = None
    """Files of the vault by their names in lower case, once they are needed."""

    def link(self, wikilink: Wikilink) -> Markup:
        """A wikilink as HTML, to its page, run or experiment, or to the editor for a new page of that name.

        An embed is the picture or note itself, or a link to any other file.
        """
        if wikilink.embed and is_file(wikilink.target):
            return self._file(wikilink)
        section = anchor(wikilink.section)
        if not wikilink.target:
            return Markup('<a href="#{}">{}</a>').format(section, wikilink.label)
        url = self.url(wikilink.target, section)
        if is_block(wikilink):
            if url is None:
                note = "no page of the notebook has a block with this id"
                return Markup('<span class="missing" title="{}">(({}))</span>').format(note, wikilink.target)
            wikilink = replace(wikilink, label=wikilink.label or self._block_label(wikilink))
        if url is None:
            new = "/new?" + urlencode({"title": wikilink.target}, errors="replace")
            note = f"there is no page {wikilink.target!r} yet"
            link = Markup('<a class="missing" href="{}" title="{}">{}</a>').format(new, note, wikilink.label)
        else:
            link = Markup('<a href="{}">{}</a>').format(url, wikilink.label)
        if not wikilink.alone:
            return link
        return self._note(wikilink, link) or Markup("<p>{}</p>\n").format(link)

    def _block_label(self, wikilink: Wikilink) -> str:
        """What a link to a block shows: its first line, below the block itself the page's title."""
        path = self.notebook.index.path_of(wikilink.target, self.path)
        assert path is not None  # it has a URL
        if path not in self._blocks:
            page = self.notebook.page_in(path)
            self._blocks[path] = page.title, logseq.first_lines(page.body)
        title, lines = self._blocks[path]
        first = "" if wikilink.embed else plain_text(lines.get(wikilink.target.lower(), "")[: 2 * MAX_LABEL])
        return first[:MAX_LABEL] or title

    def url(self, target: str, section: str = "") -> str | None:
        """URL of what a name resolves to; None if nothing has that name."""
        if target not in self._resolved:
            self._resolved[target] = self.notebook.index.resolve(target, self.path)
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
        address = unquote(address.partition("?")[0])
        path = posixpath.normpath(posixpath.join(posixpath.dirname(self.path), address))
        parts = path.split("/")
        if parts[0] == "runs" and len(parts) > 2:
            return f"/runs/{quote(parts[1], safe='')}/files/{quote('/'.join(parts[2:]))}"
        if parts[0] != "pages":
            return url
        place = anchor(unquote(section))
        there = self.url(f"./{address}", place)
        if page_address(address):
            return there or "/new?" + urlencode({"title": posixpath.splitext(parts[-1])[0]})
        return there or self.file_url(address)

    def file_url(self, name: str) -> str:
        """URL of a file under pages/: relative to the page, else to its vault, else the nearest of that name in it."""
        folder = posixpath.dirname(self.path) or "pages"
        beside = posixpath.normpath(posixpath.join(folder, name))
        top = posixpath.join("pages", vault_of(self.path))
        for path in (beside, posixpath.normpath(posixpath.join(top, name.lstrip("/")))):
            if path.startswith("pages/") and (self.notebook.folder / path).is_file():
                return _beside(path)
        found = [path for path in self._named(top, posixpath.basename(name)) if _ends(path, name)]
        found.sort(key=lambda path: (not path.startswith(f"{folder}/"), path.count("/"), path))
        return _beside(found[0] if found else beside)

    def _named(self, top: str, name: str) -> list[str]:
        """Files of the vault (or of the notebook's own folders) with this name, paths relative to the notebook; hidden
        ones are left out."""
        if self._files is None:
            self._files = {}
            base = self.notebook.folder
            for where, folders, files in os.walk(base / top):
                inside = os.path.relpath(where, base).replace(os.sep, "/")
                folders[:] = [
                    folder
                    for folder in folders
                    # Not what vaults bring, for the next one may bring another file of the name.
                    if folder[0] != "." and vault_of(f"{inside}/{folder}/") == vault_of(self.path)
                ]
                for file in files:
                    if not file.startswith("."):
                        path = os.path.relpath(os.path.join(where, file), base).replace(os.sep, "/")
                        self._files.setdefault(name_key(file), []).append(path)
        return self._files.get(name_key(name), [])

    def _file(self, embed: Wikilink) -> Markup:
        """A picture in its place; a link to a file of any other kind."""
        url = self.file_url(embed.target)
        if not embed.target.lower().endswith(PICTURES):
            return Markup('<a href="{}">{}</a>').format(url, embed.label)
        size = re.fullmatch(r"(\d{1,4})(?:x(\d{1,4}))?", embed.label)
        alt = "" if size or embed.label == embed.target else embed.label
        sides = zip(("width", "height"), size.groups() if size else (), strict=False)
        given = Markup("").join(Markup(' {}="{}"').format(name, side) for name, side in sides if side)
        return Markup('<img src="{}" alt="{}"{}>').format(url, alt, given)

    def _note(self, embed: Wikilink, link: Markup) -> Markup | None:
        """The text of another page, or of a section or block of it, with the link to it below; None if it has to stay
        a link."""
        path = self.notebook.index.path_of(embed.target, self.path)
        if path is None or path in (self.path, *self._inside) or self.show is None or len(self._embeds) >= MAX_EMBEDS:
            return None
        self._embeds.append(path)
        body = self.notebook.page_in(path).body
        text = part_of(body, embed.section) or body
        there = Links(self.notebook, path, self.runs, self.show, _inside=(*self._inside, self.path))
        there._embeds = self._embeds
        html = render_markdown(text).html(there.link, self.show, there.place)
        return Markup('<div class="embed">{}<p class="embed-from">{}</p></div>').format(without_ids(html), link)


def is_block(wikilink: Wikilink) -> bool:
    """Whether a link names a block by its id alone, as in Logseq."""
    return wikilink.section == f"^{wikilink.target}"


def _beside(path: str) -> str:
    return f"/beside/{quote(path.removeprefix('pages/'))}"


def _ends(path: str, name: str) -> bool:
    """Whether a path is `name`, below some folder."""
    return name_key(f"/{path}").endswith("/" + name_key(name).lstrip("./"))


def part_of(body: str, section: str) -> str:
    """What a link's section names in a page: a section with those below it, or a block; all for "".

    It is "" if there is no such section.
    """
    if not section:
        return body
    name = anchor(section)
    if not name.startswith(BLOCK):
        return _section(body, name)
    return _block(body, name) or logseq.block(body, name.removeprefix(BLOCK))


def _section(body: str, name: str) -> str:
    sections = read_markdown(body).sections
    at = next((i for i, s in enumerate(sections) if s.slug == name and s.level), len(sections))
    after = next((i for i in range(at + 1, len(sections)) if sections[i].level <= sections[at].level), len(sections))
    return "\n".join(s.text for s in sections[at:after])


def _block(body: str, name: str) -> str:
    """The item of a list, or the block between empty lines, whose line ends with the id."""
    for block in re.split(r"\n[ \t]*\n", body.replace("\r\n", "\n")):
        for line in block.split("\n"):
            if block_anchor(without_block_id(line)[1]) == name:
                return line.strip() if re.match(r"[ \t]*(?:[-*+]|\d+[.)])[ \t]", line) else block
    return ""


def without_ids(html: Markup) -> Markup:
    """HTML inside a page without anchors, of which the page may have the same."""
    return Markup(re.sub(r' id="[^"<>]*"(?=[^<>]*>)', "", str(html)))


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
