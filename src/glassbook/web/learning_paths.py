"""Learning paths of the notebook: found in its pages, shown with their links, and marked step by step.

A path is a live block (`notebook/pages/learning_path.py` reads it); it is known by its title, wherever it is shown. For
the paths on the cover: `current_paths(services)`, and the template `learning_paths.html` to include.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from markupsafe import Markup, escape

from glassbook.errors import Conflict, GlassbookError
from glassbook.notebook import LiveBlock, Notebook, Page
from glassbook.notebook.bounded import TooCostly
from glassbook.notebook.pages.learning_path import KIND, LearningPath, mark, read_path
from glassbook.notebook.pages.links import name_key, read_bounded
from glassbook.web.render.links import Links
from glassbook.web.render.markdown import page_url, render_markdown
from glassbook.web.saving import sha_of

WORDS = f'"glassbook" "{KIND}" "levels"'
"""Words that every page with a path has; in quotes, so that none of similar spelling is looked for."""
MAX_PAGES = 200
"""Pages that are looked through for paths."""


@dataclass(frozen=True)
class FoundPath:
    """A learning path, and where it stands."""

    path: LearningPath
    page: Page
    block: LiveBlock


def find_paths(notebook: Notebook) -> list[FoundPath]:
    """All learning paths of the notebook that can be read, in the order of their titles."""
    names = dict.fromkeys(hit.id for hit in notebook.index.search(WORDS, MAX_PAGES, ["page"]))
    files = dict.fromkeys(path for name in names if (path := notebook.index.path_of(name)))
    found = [path for file in files for path in _paths_in(notebook.page_in(file))]
    return sorted(found, key=lambda each: each.path.title.casefold())


def _paths_in(page: Page) -> list[FoundPath]:
    paths = []
    for block in _blocks_in(page.body):
        try:
            paths.append(FoundPath(read_path(block.data), page, block))
        except GlassbookError:  # the page itself says what is wrong with it
            continue
    return paths


_blocks: dict[str, list[LiveBlock]] = {}
"""The blocks of the bodies that were read last, by `sha_of` them: the cover asks for the same ones at every visit."""


def _blocks_in(body: str) -> list[LiveBlock]:
    """The paths of a page's body as blocks; none if it takes too much time to read, as the page's own view says."""
    version = sha_of(body)
    blocks = _blocks.get(version)
    if blocks is None:
        try:
            blocks = [block for block in read_bounded(body).blocks if block.kind == KIND]
        except TooCostly:
            blocks = []
        if len(_blocks) >= 2 * MAX_PAGES:
            _blocks.clear()
        _blocks[version] = blocks
    return blocks


def current_paths(notebook: Notebook) -> list[dict[str, Any]]:
    """The paths that are not finished, for the template `learning_paths.html`."""
    return [
        {
            **shown(notebook, each.path),
            "page_title": each.page.title,
            "url": page_url(notebook.index.address(each.page)),
        }
        for each in find_paths(notebook)
        if each.path.current
    ]


def shown(notebook: Notebook, path: LearningPath) -> dict[str, Any]:
    """A path for its templates: `path`, the `guide` as a link, and the `texts` of all steps as HTML."""
    links = Links(notebook)
    return {
        "path": path,
        "guide": _guide(links, path.guide),
        "texts": {step.text: _line(links, step.text) for step in path.steps},
        "names": {level.name: _line(links, level.name) for level in path.levels},
    }


def _guide(links: Links, guide: str) -> Markup:
    if not guide or guide.startswith(("http://", "https://", "[")):
        return _line(links, guide)
    return _line(links, f"[[{guide}]]")


def _line(links: Links, text: str) -> Markup:
    """A line of Markdown as HTML without a paragraph round it; with blocks in it, it stays text."""
    html = render_markdown(" ".join(text.split())).html(links.link, lambda piece: escape(str(piece)), links.place)
    inside = html.strip().removeprefix("<p>").removesuffix("</p>")
    return Markup(inside) if len(html.strip()) - len(inside) == len("<p></p>") else escape(text)


def set_step(notebook: Notebook, title: str, level: int, step: int, text: str, done: bool) -> LearningPath:
    """Mark a step of a path as done today, or as not done, in the text of its page.

    Args:
        notebook: the notebook.
        title: the path's title.
        level: number of the level, from 1.
        step: number of the step in it, from 1.
        text: the step's text; another text there means that the path has changed.
        done: whether it is done.

    Raises:
        Conflict: the path has changed, so that another step would be marked; nothing is written.
        GlassbookError: no path, or several, have that title, or the step cannot be changed.
    """

    def is_done(found: FoundPath) -> bool:
        levels = found.path.levels
        steps = levels[level - 1].steps if 1 <= level <= len(levels) else ()
        if not 1 <= step <= len(steps) or steps[step - 1].text != text:
            raise Conflict(f"the path {title!r} has changed; reload the page, then mark the step")
        return bool(steps[step - 1].done)

    def change(page: Page) -> None:
        found = _the_path(_paths_in(page), title)
        if is_done(found) != done:
            page.body = mark(page.body, found.block, level, step, date.today().isoformat() if done else "")

    found = _the_path(find_paths(notebook), title)
    if is_done(found) == done:
        return found.path
    return _the_path(_paths_in(notebook.change(found.page, change)), title).path


def _the_path(paths: list[FoundPath], title: str) -> FoundPath:
    found = [each for each in paths if name_key(each.path.title) == name_key(title)]
    if len(found) > 1:
        pages = " and ".join(each.page.title for each in found[:2])
        raise GlassbookError(f"the pages {pages} both have a path called {title!r}; give one another title")
    if not found:
        raise GlassbookError(f"no page has a path called {title!r} any more; save its page, or reload this one")
    return found[0]
