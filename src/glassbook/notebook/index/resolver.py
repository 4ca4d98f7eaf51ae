"""Link resolution in the index: which page a name means, seen from the page that says it."""

from __future__ import annotations

import posixpath
import sqlite3
from collections.abc import Iterator

from glassbook.notebook.pages.names import BEHIND, ID, lookup_key, preference
from glassbook.notebook.serialization import whole

_PATH = "substr(page.path, 7, length(page.path) - 9)"
BY_PATH = f"""{_PATH} || CASE WHEN EXISTS (
    SELECT 1 FROM page AS other JOIN name AS theirs ON theirs.path = other.path AND theirs.rank % {BEHIND} = {ID}
                                JOIN name AS ours ON ours.path = page.path AND ours.key = theirs.key
    WHERE other.id = {_PATH} AND other.path <> page.path AND other.behind <= ours.rank / {BEHIND})
THEN '.md' ELSE '' END"""
"""A page's path, with its ending where that without it is the id of a page that had it before."""
ADDRESS = f"""CASE WHEN EXISTS (SELECT 1 FROM page AS other WHERE other.id = page.id
                               AND (other.behind, other.path) < (page.behind, page.path))
                     OR (page.behind > 0 AND EXISTS (
                         SELECT 1 FROM name AS ours JOIN name AS theirs ON theirs.key = ours.key
                         WHERE ours.path = page.path AND ours.rank % {BEHIND} = {ID} AND theirs.path <> page.path
                           AND theirs.path = 'pages/' || page.id || '.md' AND theirs.rank / {BEHIND} < page.behind))
              THEN {BY_PATH} ELSE page.id END"""
"""Name that leads to exactly this page, whatever comes later: its id; its path for all but the first of pages that
share an id, and where the id was the path of another page before."""


class Resolver:
    """Resolves links for one query of the index; keeps what was found."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self.db = db
        self._found: dict[tuple[str, str], str | None] = {}

    def path(self, target: str, source: str = "") -> str | None:
        """File of the page that `target` means in the page in the file `source`, or where there is none."""
        target = whole(target)
        asked = target, posixpath.dirname(source)  # pages of a folder mean the same
        if asked not in self._found:
            rows = self.db.execute(
                "SELECT rank, path, id FROM name JOIN page USING (path) WHERE key = ?", [lookup_key(target, source)]
            ).fetchall()
            best = min(rows, key=lambda row: preference(target, source, *row), default=None)
            self._found[asked] = best[1] if best else None
        return self._found[asked]

    def path_at(self, address: str) -> str | None:
        """File of the page that has exactly this address; else of the one that a link to this name leads to."""
        row = self.db.execute(
            f"SELECT path FROM page WHERE (id = ?1 OR path IN (?2, ?3)) AND {ADDRESS} = ?1 ORDER BY id <> ?1 LIMIT 1",
            [whole(address), f"pages/{whole(address)}.md", f"pages/{whole(address)}"],
        ).fetchone()
        return row[0] if row else self.path(address)

    def address(self, path: str | None) -> str | None:
        """Name that leads to the page in a file."""
        row = self.db.execute(f"SELECT {ADDRESS} FROM page WHERE path = ?", [path]).fetchone()
        return row[0] if row else None

    def targets(self, path: str) -> list[str]:
        """Files of the pages that a page links to."""
        rows = self.db.execute("SELECT DISTINCT said FROM link WHERE path = ?", [path]).fetchall()
        return list(dict.fromkeys(other for (said,) in rows if (other := self.path(said, path))))

    def sources(self, path: str, limit: int) -> Iterator[str]:
        """Files of pages that link to a page; at most `limit` by each of its names, for all may link to one."""
        for name in self._names(path):
            rows = self.db.execute("SELECT path, said FROM link WHERE target = ?", [name])
            found = dict.fromkeys(other for other, said in rows if self.path(said, other) == path)
            yield from list(found)[:limit]

    def links_to(self, path: str) -> Iterator[int]:
        """Numbers of the rows of links from other pages that lead to a page, in the order of their pages and lines."""
        names = self._names(path)
        marks = ", ".join("?" * len(names))
        rows = self.db.execute(
            f"SELECT rowid, path, said FROM link WHERE target IN ({marks}) AND path <> ? ORDER BY path, line, rowid",
            [*names, path],
        )
        yield from (number for number, other, said in rows if self.path(said, other) == path)

    def _names(self, path: str) -> list[str]:
        return [name for (name,) in self.db.execute("SELECT DISTINCT key FROM name WHERE path = ?", [path])]
