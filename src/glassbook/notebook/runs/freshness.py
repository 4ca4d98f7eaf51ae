"""Freshness of results: what a run depended on, and what has changed since.

A run depends on the experiment's code (its class and all that it reaches, see code_digest.py), its settings and seed,
and the models and data that it recorded with `run.uses`. Code and settings stand in run.json; the rest in "uses"
events.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import glassbook
from glassbook.errors import GlassbookError
from glassbook.notebook.runs.code_digest import code_digest
from glassbook.notebook.serialization import to_json

if TYPE_CHECKING:
    from glassbook.notebook.runs.record import RunRecord

_HOME = Path(glassbook.__file__).resolve().parent
_IN_PACKAGE, _IN_NOTEBOOK = "package:", "notebook:"
"""How a place begins that moves with the package or with the notebook."""


def digest(path: str | Path) -> str:
    """SHA-256 of a file; of a folder, over the names and contents of its files (hidden ones apart).

    Raises:
        GlassbookError: there is nothing there, or it cannot be read.
    """
    path = Path(path)
    try:
        return _digest(path, *_stamp(path))
    except OSError as error:
        raise GlassbookError(f"{path} cannot be read: {error.strerror or error}; check the path") from error


@lru_cache(maxsize=1024)
def _digest(path: Path, size: int, modified: int) -> str:
    if path.is_file():
        return _hash(path)
    lines = (f"{_hash(file)} {file.relative_to(path).as_posix()}\n" for file in _files(path))
    return hashlib.sha256("".join(lines).encode("utf-8", "surrogateescape")).hexdigest()


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _stamp(path: Path) -> tuple[int, int]:
    """(bytes, newest change in ns) of a file or of a folder's files: cheap to read, and moves when they change."""
    stats = [file.stat() for file in ([path] if path.is_file() else _files(path))]
    if not stats:
        raise FileNotFoundError(2, "there are no files", str(path))
    return sum(s.st_size for s in stats), max(s.st_mtime_ns for s in stats)


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(folder).parts):
            yield path


@dataclass(frozen=True)
class Dependency:
    """Something that a run's results depend on."""

    kind: str
    """What it is: "model", "data" ..."""
    name: str
    digest: str
    """Hash of its content when it was used."""
    path: str = ""
    """Where it was, "" if nobody said."""
    size: int = 0
    modified: int = 0
    """Bytes and newest change (ns) of the files then; as long as both are the same, nothing is read."""

    @classmethod
    def of(cls, kind: str, name: str, digest_: str, path: str | Path | None, notebook: Path) -> Dependency:
        """The thing as it is now; raises as `digest` does, and if neither digest nor path is given."""
        if path is None:
            if not digest_:
                raise GlassbookError(f"the {kind} {name} needs a digest or a path")
            return cls(kind, name, digest_)
        full = Path(path).expanduser().resolve()
        content = digest_ or digest(full)
        size, modified = _stamp(full) if full.exists() else (0, 0)
        return cls(kind, name, content, _place(full, notebook.resolve()), size, modified)

    @classmethod
    def read(cls, events: Iterable[Mapping[str, Any]]) -> tuple[Dependency, ...]:
        """What "uses" events say, the newest of each kind and name; those that make no sense are passed over."""
        found: dict[tuple[str, str], Dependency] = {}
        for event in events:
            kind, name, content, path = (event.get(key, "") for key in ("kind", "name", "digest", "path"))
            size, modified = (event.get(key, 0) for key in ("size", "modified"))
            texts = all(isinstance(text, str) for text in (kind, name, content, path))
            if texts and isinstance(size, int) and isinstance(modified, int) and content:
                found[kind, name] = cls(kind, name, content, path, size, modified)
        return tuple(found.values())

    def changed(self, notebook: Path) -> bool:
        """Whether it is another one today; what is not here any more is not called changed."""
        if not self.path:
            return False
        path = _found(self.path, notebook)
        try:
            size, modified = _stamp(path)
            if (size, modified) == (self.size, self.modified):
                return False
            return size != self.size or _digest(path, size, modified) != self.digest
        except (OSError, ValueError):  # it is not here, or the path is none
            return False


def _place(path: Path, notebook: Path) -> str:
    for mark, home in ((_IN_PACKAGE, _HOME), (_IN_NOTEBOOK, notebook)):
        if path.is_relative_to(home):
            return mark + path.relative_to(home).as_posix()
    return str(path)


def _found(place: str, notebook: Path) -> Path:
    for mark, home in ((_IN_PACKAGE, _HOME), (_IN_NOTEBOOK, notebook)):
        if place.startswith(mark):
            return home / place.removeprefix(mark)
    return Path(place)


def code_entry(root: str) -> dict[str, str]:
    """What run.json says of an experiment's code: its root and digest; nothing if its source cannot be found."""
    digest = code_digest(root) if root else None
    return {} if digest is None else {"root": root, "digest": digest}


class Snapshot:
    """What code and files are like at one time. Each is read once: make a snapshot for each page that is shown."""

    def __init__(self) -> None:
        self.code = cache(code_digest)
        self.changed = cache(Dependency.changed)


def stale(record: RunRecord, snapshot: Snapshot | None = None) -> list[str]:
    """What has changed since the run, one line for each thing; empty if nothing has, as far as is known."""
    snapshot = snapshot or Snapshot()
    root, then = _code(record)
    reasons = []
    if then and snapshot.code(root) not in (None, then, *record.confirmed):
        reasons.append("the experiment's code has changed")
    if "module" in record.code:  # by older versions: a digest of whole modules
        reasons.append("the experiment's code was recorded in a way that cannot be compared any more")
    for used in record.uses:
        if snapshot.changed(used, record.folder.parent.parent):
            reasons.append(f"the {used.kind} {used.name} has changed")
    return reasons


def _code(record: RunRecord) -> tuple[str, str]:
    root, then = record.code.get("root"), record.code.get("digest")
    return (root, then) if isinstance(root, str) and isinstance(then, str) else ("", "")


def request_key(experiment: str, root: str, config: Mapping[str, Any], seed: int) -> str:
    """One hash of a run before it has started: the experiment, its code as it is now, settings and seed."""
    return _key(experiment, code_entry(root).get("digest", ""), config, seed)


def reusable_run(key: str, records: Iterable[RunRecord]) -> RunRecord | None:
    """The first finished run that answers a request and is not stale; None if the work has to be done.

    Args:
        key: what `request_key` gave for the request.
        records: the runs to choose from, say `notebook.runs(experiment)`, newest first.
    """
    snapshot = Snapshot()
    for record in records:
        its_key = _key(record.experiment, _code(record)[1], record.config, record.seed)
        if record.status == "finished" and its_key == key and not stale(record, snapshot):
            return record
    return None


def _key(experiment: str, code: str, config: Mapping[str, Any], seed: int) -> str:
    ordered = {name: config[name] for name in sorted(config)}
    return hashlib.sha256(to_json([experiment, code, ordered, seed], what="the settings").encode()).hexdigest()
