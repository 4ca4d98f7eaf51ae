"""URLs in an export: which of the server's addresses are exported, and the file name of each."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from urllib.parse import parse_qsl, unquote, urlencode

EXPORTED = re.compile(
    r"/(|glossary|pages|timeline|graph|experiments|runs|claims|compute|features|p/.+|x/[^/]+|runs/[^/]+|features/[^/]+(/\d+)?"
    r"|beside/.+|static/.+|runs/[^/]+/files/(images/.+|charts/[^/]+\.svg))",
    re.DOTALL,
)
"""Addresses that become files. Of a run's files only images do: weights and tables may be of any size."""
NOT_EXPORTED = re.compile(r"/(static|beside)/.*\.(js|map)", re.DOTALL)
QUERIES: dict[str, frozenset[str]] = {
    "/pages": frozenset({"kind", "tag", "page"}),
    "/glossary": frozenset({"page"}),
    "/timeline": frozenset({"before"}),
    "/runs": frozenset({"experiment", "page"}),
    "/claims": frozenset({"state"}),
}
"""Query parameters that select a page to export; addresses with any other parameter (order, filter) are left out."""
DEFAULTS = {"order": {"title", "started"}, "descending": {"true"}, "page": {"1"}}
"""Parameter values that change nothing."""
MAX_NAME = 100
"""Bytes of one component of a file's path."""
RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.I)


def normalize(path: str, query: str) -> str | None:
    """The canonical form of an address, with only the parameters that change the page; None if it is not exported."""
    plain = unquote(path)
    if EXPORTED.fullmatch(plain) is None or NOT_EXPORTED.fullmatch(plain):
        return None
    if plain.startswith("/static/"):
        return path
    given = {key: value for key, value in parse_qsl(query) if value not in DEFAULTS.get(key, ())}
    allowed = frozenset({"page"}) if re.fullmatch(r"/features/[^/]+", plain) else QUERIES.get(plain, frozenset())
    if not given.keys() <= allowed:
        return None
    return path + ("?" + urlencode(sorted(given.items())) if given else "")


class FileNames:
    """Assigns each address a file; no two differ only in case, which many disks ignore."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def file(self, address: str) -> str:
        """An unused relative path that is valid on every file system."""
        path, _, query = address.partition("?")
        parts = [part for part in unquote(path).split("/") if part] or ["index"]
        page = parts[0] not in ("static", "beside") and (parts[0], *parts[2:3]) != ("runs", "files")
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
    """A path component that is no parent directory, no device name and not too long."""
    clean = re.sub(r'[<>:"|?*\\\x00-\x1f\x7f]', "_", text)
    clean = re.sub(r"[. ]+$", lambda end: "_" * len(end[0]), clean)
    clean = "_" + clean if RESERVED.fullmatch(clean) or clean.startswith(".") else clean
    if len(clean.encode()) > MAX_NAME:
        mark = hashlib.sha256(text.encode()).hexdigest()[:8]
        stem, dot, suffix = clean.rpartition(".")
        stem, end = (stem, dot + suffix) if dot and len(suffix.encode()) < 8 else (clean, "")
        clean = stem.encode()[: MAX_NAME - 20].decode("utf-8", "ignore") + f"-{mark}{end}"
    return clean
