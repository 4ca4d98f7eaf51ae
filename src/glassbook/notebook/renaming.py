"""Renaming a page: a new title (and id), with the links in all other pages updated.

`plan` says what would change and writes nothing; `Notebook.write_all` then writes all of it or nothing. The page's
file stays where it is, so that links by its path and pictures beside it stay right. Its old names stay as aliases
unless that is not wanted: other notebooks, exports and bookmarks may use them, and so may live blocks, which are code
and are not changed.

A note of a vault goes on working in the program that it comes from. That finds notes by their files alone, so links
name the file and show the new title: `[[Heron]]` becomes `[[Heron|Grey heron]]`.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, replace

from glassbook.errors import GlassbookError
from glassbook.notebook.files import finish_pending
from glassbook.notebook.notebook import Notebook
from glassbook.notebook.pages.links import name_key, retarget
from glassbook.notebook.pages.names import lookup_key, names_of, vault_of
from glassbook.notebook.pages.page import Page


@dataclass(frozen=True)
class Rewritten:
    """A page in which something changes."""

    page: Page
    """With the new text; its `source` is what the file says now."""
    path: str
    """Relative to the notebook."""
    lines: tuple[tuple[int, str, str], ...]
    """Changed lines of the body: (number from 1, before, after)."""


@dataclass(frozen=True)
class Renaming:
    """What a renaming changes."""

    old_title: str
    renamed: Rewritten
    others: tuple[Rewritten, ...]
    """The other pages whose links change, in the order of their paths."""

    @property
    def pages(self) -> list[Page]:
        """All changed pages, the renamed one first: with it, the links of the others are right at every moment."""
        return [self.renamed.page, *(other.page for other in self.others)]

    @property
    def digest(self) -> str:
        """Names exactly this change: of these texts into these."""
        texts = [(change.path, change.page.source, change.page.render()) for change in (self.renamed, *self.others)]
        return hashlib.sha256(json.dumps(texts).encode()).hexdigest()


def plan(notebook: Notebook, page: Page, title: str, ident: str = "", keep_names: bool = True) -> Renaming:
    """What changes when a page gets another title.

    Args:
        notebook: the page's notebook.
        page: the page as it stands in its file.
        title: its new title.
        ident: its new id; "" to keep the one that it has.
        keep_names: whether its old names stay as aliases.

    Raises:
        GlassbookError: the names are not free or cannot be names, or a page cannot be changed safely.
    """
    title, ident = title.strip(), ident.strip() or page.id
    path = _path(notebook, page)
    finish_pending(notebook.folder)  # such as a renaming that was killed
    notebook.index.settle()  # a link that is not known yet would keep the old name
    for name in (title, ident):
        _check_free(notebook, name, path)
    if (title, ident) == (page.title, page.id):
        raise GlassbookError("this is what the page is called already; give it another title or id")
    # A link by the old title shall show the new one, even where the id is the same word and would still lead here.
    going = {name_key(page.title), *([name_key(page.id)] if ident != page.id else [])} - {name_key(title)}

    def rewritten(source: str, text: str) -> str:
        def new(target: str, label: str) -> tuple[str, str] | None:
            bare = name_key(label) in ("", name_key(target))
            shown = bool(vault_of(path)) and not bare and name_key(label) == name_key(page.title)  # by a renaming
            if target.startswith("./") or not (shown or lookup_key(target, source) in going):
                return None  # the file stays where it is
            if notebook.index.path_of(target, source) != path:
                return None
            if vault_of(path) and (file := _file_name(notebook, path, target, source)):
                fits = not re.search(r"[\[\]|]", title)
                return file, _like(label or target, page.title, title) if fits and (shown or bare) else label
            if lookup_key(title, source) == name_key(title) and not re.search(r"[\[\]|#]", title):
                return _like(target, page.title, title), label
            return (ident, label) if name_key(target) != name_key(ident) else None

        try:
            return retarget(text, new)
        except GlassbookError as problem:
            raise GlassbookError(f"{source} would have to change: {problem}") from problem

    own = replace(page, title=title, id=ident, body=_headed(rewritten(path, page.body), page.title, title))
    own.aliases = [alias for alias in page.aliases if name_key(alias) not in (name_key(title), name_key(ident))]
    if keep_names:
        old, names = {name_key(page.id): page.id, name_key(page.title): page.title}, names_of(own, path)
        own.aliases += [name for key, name in old.items() if key not in names]
    others = []
    for source in sorted(notebook.index.linking(page)):
        other = notebook.page_in(source)
        changed = replace(other, body=rewritten(source, other.body))
        if changed.body != other.body:
            others.append(_rewritten(source, other, changed))
    return Renaming(page.title, _rewritten(path, page, own), tuple(others))


def _file_name(notebook: Notebook, path: str, said: str, source: str) -> str:
    """What a link in the file `source` says to mean the file `path`: what it said if that names the file; "" if
    nothing does."""
    below = path.removesuffix(".md").split("/")[2:]
    names = ["/".join(below[n:]) for n in reversed(range(len(below)))]
    file = next((said for name in names if lookup_key(said, source) == name_key(name)), "")
    asked = [file, *names] if file else names
    fits = (name for name in asked if not re.search(r"[\[\]|#]", name) and notebook.index.path_of(name, source) == path)
    return next(fits, "")


def _path(notebook: Notebook, page: Page) -> str:
    if page.path is None:
        raise GlassbookError("this page is in no file yet; save it, then rename it")
    return page.path.relative_to(notebook.folder).as_posix()


def _check_free(notebook: Notebook, name: str, path: str) -> None:
    if not name or not name.isprintable():
        raise GlassbookError(f"{name!r} has to be one line of text; give the page another name")
    for source in ("", path):
        taken = notebook.index.path_of(name, source)
        if taken not in (None, path):
            raise GlassbookError(f"{name!r} is a name of {taken}, and links to that would change; take another name")


def _like(said: str, old: str, new: str) -> str:
    """The new title as the link wrote the old one: with a small letter inside a sentence, where that was all."""
    small = said[:1] != old[:1] and said[:1] == old[:1].lower()
    word = new.split()[0]
    return new[:1].lower() + new[1:] if small and (len(word) == 1 or word[1:].islower()) else new


def _headed(body: str, old: str, new: str) -> str:
    """The body with the new title in the heading that it begins with, if that is the old one."""
    heading = re.compile(r"(\s*#[ \t]+)" + re.escape(old) + r"(?=[ \t]*#*[ \t]*(?:\r?\n|\Z))")
    return heading.sub(lambda found: found[1] + new, body, count=1) if heading.match(body) else body


def _rewritten(path: str, old: Page, new: Page) -> Rewritten:
    new.render()  # raises what is wrong with it before anything is written
    lines = enumerate(zip(old.body.split("\n"), new.body.split("\n"), strict=True), 1)
    return Rewritten(new, path, tuple((n, a.rstrip("\r"), b.rstrip("\r")) for n, (a, b) in lines if a != b))
