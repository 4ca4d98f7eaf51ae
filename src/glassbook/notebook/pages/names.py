"""Names of pages: everything a link may call a page, and which of several pages of one name a link means.

Folders below pages/ other than those of the kinds (terms/, papers/ ...) are vaults: notes of another program, whose
links mean what they mean there. A link in a vault leads to a page of that vault if one has the name. As in Obsidian,
`[[Note]]`, `[[Folder/Note]]` and `[[Note.md]]` find a note by its file, first below the linking note's own folder, then
nearest to the top; a Markdown link finds it first relative to the linking note's file. The id of a block in Logseq is
a name of the page that holds it.

A link never changes what it means because another page arrives: the front matter of the later page lists, under
`yields`, those of its names (paths, and ends of paths, among them) that other pages had before it came. By such a name
it is found only where no other page has it, or in its own vault. A name that all others yield as well stands there once
more than in the page that it means. A vault's page whose front matter cannot be read, so that nothing can be listed
there, comes after those that claim a name and before those that yield it.
"""

from __future__ import annotations

import posixpath
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from glassbook.notebook.pages.links import PAGE_ENDINGS, name_key
from glassbook.notebook.pages.logseq import block_ids, journal_names, page_title
from glassbook.notebook.pages.page import KINDS, Page
from glassbook.notebook.serialization import whole

ID, FIRST, SECOND, THIRD, PLACE = range(5)
"""Ranks of names: a page's id goes before any title, and so on; PLACE: a path, or the end of one."""
BEHIND = 5
"""What is added to a rank for each step that the page stands behind others by the name: two for each time that it
yields the name, one where its front matter cannot be read."""
YIELDS = "yields"
"""Key of the front matter: names of the page that mean another page, which had them before."""
FOLDERS = frozenset(f"{kind}s" for kind in KINDS)
"""Folders of the kinds; no vault lies in one of them."""


def vault_of(path: str) -> str:
    """The vault that a page's file (relative to the notebook) lies in; "" for the notebook's own pages."""
    parts = path.split("/")
    return parts[1] if len(parts) > 2 and parts[1] not in FOLDERS else ""


def names_of(page: Page, path: str) -> dict[str, int]:
    """Names of a page in the file `path` (relative to the notebook), in the form of `name_key` -> the best rank.

    A note of another program is known by its file, a page of the notebook by its title. See BEHIND for the ranks of
    names that the page yields.
    """
    times = Counter(map(name_key, yielded(page)))
    unsaid = int(bool(vault_of(path)) and not page.takes_keys)
    return {key: rank + BEHIND * (2 * times[key] or unsaid) for key, (rank, _) in _written(page, path).items()}


def to_yield(page: Page, path: str, before: Page | None, others: Mapping[str, Sequence[tuple[str, int]]]) -> list[str]:
    """What a page has to yield so that links mean what they meant before it was written.

    Args:
        page: the page as it will be.
        path: its file, relative to the notebook.
        before: the page that is in the file now, None if there is none. Names that it has stay as they are.
        others: name in the form of `name_key` -> (file, rank) of the pages that have it.
    """
    had = names_of(before, path) if before else {}
    names = yielded(page)
    times = Counter(map(name_key, names))
    for key, (rank, name) in _written(page, path).items():
        held_by = [(other, held) for other, held in others.get(key, ()) if other != path]
        there = [
            _behind(held)
            for other, held in held_by
            # A page of the notebook goes before one of a vault in any case, but the first of one id is found by it.
            if rank == ID or vault_of(other) or not vault_of(path) or _behind(held)
        ]
        # The first page of an id keeps it as its address, whatever else the id is the name of.
        same_id = [_behind(held) for _, held in held_by if rank == ID == held % BEHIND]
        if there and whole(name) == name:
            first = max(min(there), min(same_id, default=0))
            needed = (_behind(had[key]) if key in had else first + 2) // 2
            names += [name] * (needed - times[key])
    return names


def _behind(rank: int) -> int:
    return rank // BEHIND


def _written(page: Page, path: str) -> dict[str, tuple[int, str]]:
    """Names of a page, in the form of `name_key` -> (the best rank, the name as it is written)."""
    names: dict[str, tuple[int, str]] = {}
    for name, rank in _names(page, path):
        for said in dict.fromkeys((name, _without_ending(name))):
            key = name_key(said)
            if key and (key not in names or rank < names[key][0]):
                names[key] = rank, said
    return names


def yielded(page: Page) -> list[str]:
    """The names that a page's front matter yields to the pages that had them before."""
    names = page.extra.get(YIELDS, [])
    return [str(name) for name in (names if isinstance(names, list) else [names])]


def _names(page: Page, path: str) -> Iterator[tuple[str, int]]:
    below = path.removeprefix("pages/").removesuffix(".md")
    stem = posixpath.basename(path).removesuffix(".md")
    by_file = bool(vault_of(path)) or page.id == below
    yield page.id, ID
    yield page.title, SECOND if by_file else FIRST
    for name in (stem, page_title(stem), *journal_names(path)):
        yield name, FIRST if by_file else THIRD
    for alias in page.aliases:
        yield alias, SECOND
    parts = below.split("/")
    for n in range(len(parts) - 1):
        yield "/".join(parts[n:]), PLACE
    yield f"/{below}", PLACE
    for name in block_ids(page.body):
        yield name, PLACE


def lookup_key(target: str, source: str = "") -> str:
    """The name, in the form of `name_key`, by which the page is found that `target` means in the file `source`."""
    target = _without_ending(target.strip())
    if target.startswith("/"):
        return name_key(posixpath.join("/", vault_of(source), target[1:]))
    target = target.removeprefix("./")
    if ".." in target.split("/"):
        folder = posixpath.dirname(source).removeprefix("pages").strip("/")
        return name_key(posixpath.normpath(posixpath.join("/", folder, target)))
    return name_key(target)


def preference(target: str, source: str, rank: int, path: str, ident: str) -> tuple[object, ...]:
    """How well a page that has the name fits a link: the least is meant.

    Args:
        target: what the link says.
        source: file of the page that links, "" if it is typed elsewhere.
        rank: of the name that the page has.
        path: the page's file.
        ident: its id.
    """
    vault, there = vault_of(source), vault_of(path)
    folder = posixpath.dirname(source) if source else "pages"
    relative = target.startswith("./")
    said = _without_ending(target.removeprefix("./"))
    start = folder if relative else posixpath.join("pages", vault)
    inside = bool(vault) and there == vault
    at_once = ("/" in said or relative) and name_key(path) == name_key(f"{start}/{said}.md")
    return (
        0 if inside else _behind(rank),  # there its own notes are meant all the same
        0 if there == vault else 1 if not there else 2,
        not at_once,
        rank % BEHIND,
        said.lstrip("/")
        not in (ident, path.removeprefix("pages/").removesuffix(".md")),  # of A and a, the one that is written
        bool(vault) and not path.startswith(f"{folder}/"),
        path.count("/"),
        len(path) if vault or there else 0,
        path,
    )


def _without_ending(name: str) -> str:
    if not name.lower().endswith(PAGE_ENDINGS):
        return name
    return name[: name.rindex(".")]
