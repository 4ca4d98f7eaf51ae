"""Which addresses of the server are exported, and which file each becomes."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from urllib.parse import parse_qsl, unquote, urlencode

EXPORTED = re.compile(
    r"/(|glossary|pages|timeline|graph|experiments|runs|claims|features|p/.+|x/[^/]+|runs/[^/]+|features/[^/]+(/\d+)?"
    r"|beside/.+|static/.+|runs/[^/]+/files/(images/.+|charts/[^/]+\.svg))",
    re.DOTALL,
)
"""Addresses that become files. Of a run's files only pictures do: weights and tables may be of any size."""
NOT_EXPORTED = re.compile(r"/p/.*(/edit|\.md)|.*\.(js|map)", re.DOTALL)
QUERIES: dict[str, frozenset[str]] = {
    "/pages": frozenset({"kind", "tag", "page"}),
    "/glossary": frozenset({"page"}),
    "/timeline": frozenset({"before"}),
    "/runs": frozenset({"experiment", "page"}),
    "/claims": frozenset({"state"}),
}
"""Parts of a query that make a page of their own; a page with any other part is not exported (orders, filters)."""
USUAL = {"order": {"title", "started", "index"}, "descending": {"true"}, "page": {"1"}}
"""What a page shows anyway when it is not asked for."""
LONGEST = 100
"""Bytes of a part of a file's name."""
RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.I)


def normal(path: str, query: str) -> str | None:
    """An address as it is known here: only what changes the page, always in the same order; None if not exported."""
    plain = unquote(path)
    if EXPORTED.fullmatch(plain) is None or NOT_EXPORTED.fullmatch(plain):
        return None
    if plain.startswith("/static/"):
        return path
    given = {key: value for key, value in parse_qsl(query) if value not in USUAL.get(key, ())}
    allowed = frozenset({"page"}) if re.fullmatch(r"/features/[^/]+", plain) else QUERIES.get(plain, frozenset())
    if not given.keys() <= allowed:
        return None
    return path + ("?" + urlencode(sorted(given.items())) if given else "")


class Names:
    """A file for each address; no two differ only in case, for many disks do not tell these apart."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def file(self, address: str) -> str:
        """A relative path that is new, made of what every file system takes."""
        path, _, query = address.partition("?")
        parts = [part for part in unquote(path).split("/") if part] or ["index"]
        page = parts[0] not in ("static", "beside") and "files" not in parts[2:3]
        if query:
            parts[-1] += "-" + re.sub(r"\W+", "-", unquote(query))
        folders, last = [_part(part) for part in parts[:-1]], _part(parts[-1])
        stem, dot, suffix = (last, ".", "html") if page else last.rpartition(".")
        name = "/".join([*(f"{f}_" if f.endswith(".html") else f for f in folders), stem + dot + suffix])
        if self._key(name) in self._taken:
            mark = hashlib.sha256(address.encode()).hexdigest()[:8]
            name = "/".join([*name.split("/")[:-1], f"{stem}-{mark}{dot}{suffix}"])
        self._taken.add(self._key(name))
        return name

    @staticmethod
    def _key(name: str) -> str:
        return unicodedata.normalize("NFC", name).casefold()


def _part(text: str) -> str:
    """A part of a path that is no way up, no device and not too long."""
    clean = re.sub(r'[<>:"|?*\\\x00-\x1f\x7f]', "_", text)
    clean = re.sub(r"[. ]+$", lambda end: "_" * len(end[0]), clean)
    clean = "_" + clean if RESERVED.fullmatch(clean) or clean.startswith(".") else clean
    if len(clean.encode()) > LONGEST:
        mark = hashlib.sha256(text.encode()).hexdigest()[:8]
        stem, dot, suffix = clean.rpartition(".")
        stem, end = (stem, dot + suffix) if dot and len(suffix.encode()) < 8 else (clean, "")
        clean = stem.encode()[: LONGEST - 20].decode("utf-8", "ignore") + f"-{mark}{end}"
    return clean
