"""Output folder of an export: replaced atomically, and never if something else is in it."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from glassbook.errors import GlassbookError
from glassbook.notebook.files import cut, disk_errors

MARKER = ".glassbook-export"
"""Marks a folder as an export, which the next one may replace."""


def check_folder(folder: Path, notebook: Path) -> None:
    """Refuse a (resolved) folder that an export must not replace."""
    notebook = notebook.resolve()
    inside = any(folder.is_relative_to(notebook / name) for name in ("pages", "runs", ".glassbook"))
    if inside or notebook.is_relative_to(folder):
        raise GlassbookError(f"{folder} holds the notebook itself; export to another folder")
    with disk_errors(folder):
        if folder.exists() and (not folder.is_dir() or (any(folder.iterdir()) and not (folder / MARKER).exists())):
            raise GlassbookError(f"{folder} is not empty and no earlier export; choose a new folder")


@contextlib.contextmanager
def replaced(folder: Path) -> Iterator[Path]:
    """An empty folder that replaces `folder` when the block succeeds; until then, nothing has changed."""
    with disk_errors(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f".{cut(folder.name, 200)}-", dir=folder.parent))
        try:
            yield draft
            (draft / MARKER).touch()
            draft.chmod(0o755)
            _swap(draft, folder)
        except BaseException:
            shutil.rmtree(draft, ignore_errors=True)
            raise


def _swap(draft: Path, folder: Path) -> None:
    if not folder.exists():
        os.rename(draft, folder)
        return
    old = folder.with_name(f".{cut(folder.name, 200)}-{secrets.token_hex(4)}-old")
    os.rename(folder, old)
    try:
        os.rename(draft, folder)
    except BaseException:
        os.rename(old, folder)
        raise
    shutil.rmtree(old, ignore_errors=True)
