"""Import source detection: what kind of source a path is, whether it can be read, and the plan it gives."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from glassbook import extensions
from glassbook.errors import GlassbookError
from glassbook.notebook.files import open_regular, read_regular
from glassbook.notebook.importing.archive import ENDINGS as ARCHIVES
from glassbook.notebook.importing.archive import LARGEST, read_archive
from glassbook.notebook.importing.html import read_html
from glassbook.notebook.importing.plan import BIBTEX, Plan
from glassbook.notebook.importing.text import read_text
from glassbook.notebook.importing.vault import decoded, read_folder, read_markdown_file, read_vault


def _html(data: bytes, path: Path, name: str) -> Plan:
    page, left_out = read_html(decoded(data, path, html=True), name, path.name)
    return Plan(str(path), name, (page,), (), tuple(left_out))


def _text(data: bytes, path: Path, name: str) -> Plan:
    return Plan(str(path), name, tuple(read_text(decoded(data, path), name, path.name)))


READERS: dict[str, Callable[[bytes, Path, str], Plan]] = {
    ".md": read_markdown_file,
    ".markdown": read_markdown_file,
    ".html": _html,
    ".htm": _html,
    ".txt": _text,
    ".text": _text,
}
"""Ending of a file -> (its bytes, its path, its name without ending) -> plan. Other packages add theirs to GROUP."""
GROUP: extensions.Group = "glassbook.importers"


def plan(path: str | Path) -> Plan:
    """What importing `path` would make; nothing is written.

    Args:
        path: a folder of Markdown (such as an Obsidian, Foam or Logseq vault), an archive of one (.zip, .tar.gz), a
            Markdown file, an HTML page, plain text, or a file whose ending another package reads.

    Raises:
        GlassbookError: it is missing, empty, binary, in an unknown encoding, or of a kind that cannot be imported.
    """
    path = Path(path).expanduser()
    if not path.exists():
        raise GlassbookError(f"{path}: there is no such file or folder; check the path")
    path = path.resolve()
    try:
        if path.is_dir():
            return read_vault(read_folder(path), path, path.name)
        archive = next((ending for ending in ARCHIVES if path.name.lower().endswith(ending)), None)
        if archive:
            with open_regular(path):  # a pipe or a device is refused before it is waited for
                source, name = read_archive(path, path.name[: -len(archive)])
            return read_vault(source, path, name)
        data = read_regular(path, LARGEST)
    except OSError as error:
        raise GlassbookError(f"cannot read {path}: {error.strerror or error}; fix that and try again") from error
    ending = path.suffix.lower()
    foreign = extensions.entries(GROUP)
    if ending == BIBTEX:
        raise GlassbookError(f"{path.name} holds works, not notes; `glassbook references {path.name}` takes them in")
    if ending not in READERS and ending not in foreign:
        known = ", ".join([*READERS, *ARCHIVES, *foreign])
        raise GlassbookError(f"{path.name} is none of the files that can be imported ({known}); save it as one of them")
    if not data.strip():
        raise GlassbookError(f"{path} is empty; there is nothing to import")
    name = path.name[: -len(path.suffix)]
    if ending in READERS:
        return READERS[ending](data, path, name)
    return extensions.call(GROUP, ending, data, path, name)
