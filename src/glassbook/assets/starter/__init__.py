"""The starter notebook: pages for the terms and systems of the field, the manual, and the works they cite.

write(folder)          # into a new notebook; `glassbook new` does it

A page that has the name of an experiment stands beside its recipe, in experiments/; here is a link to it.
"""

from __future__ import annotations

from pathlib import Path

from glassbook.notebook.files import write_atomic

SOURCE = Path(__file__).parent
"""Where the starter lies: pages/**/*.md and references.json."""


def files() -> list[Path]:
    """The starter's files, as paths from the notebook's folder."""
    found = [path.relative_to(SOURCE) for path in (SOURCE / "pages").rglob("*.md")]
    return [*sorted(found), Path("references.json")]


def write(folder: str | Path) -> int:
    """Copy the starter into a notebook; a file that is there already is left as it is.

    Args:
        folder: the notebook's folder.

    Returns:
        how many pages were written.

    Raises:
        GlassbookError: the disk refused; what had been written is taken away again.
    """
    written: list[Path] = []
    try:
        for name in files():
            target = Path(folder) / name
            if not target.exists() and not target.is_symlink():
                write_atomic(target, (SOURCE / name).read_bytes())
                written.append(target)
    except BaseException:
        for path in written:
            path.unlink(missing_ok=True)
        raise
    return sum(path.suffix == ".md" for path in written)
