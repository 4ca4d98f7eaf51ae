"""Provenance of a run: versions of the code and the machine, read without importing anything heavy."""

from __future__ import annotations

import functools
import hashlib
import os
import platform
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import glassbook

PACKAGES = (
    "torch",
    "transformers",
    "tokenizers",
    "safetensors",
    "accelerate",
    "numpy",
    "scikit-learn",
    "altair",
    "vl-convert-python",
)
"""Distributions whose versions can change a result or how it looks."""


@functools.cache
def code_version() -> dict[str, Any]:
    """Version of the package; commit and whether tracked files differ from it (None outside git); hash of its source.

    Read once for a process: the code that runs is the code that was loaded, not what the files became since.
    """
    folder = Path(glassbook.__file__).parent
    commit, dirty = _commit(folder)
    return {"version": glassbook.__version__, "commit": commit, "dirty": dirty, "source": source_hash(folder)}


def source_hash(folder: Path) -> str:
    """SHA-256 over the names and contents of all Python files under `folder`."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(folder).as_posix()}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def _commit(folder: Path) -> tuple[str | None, bool | None]:
    # A virtual environment may lie in somebody else's repository, so ask whether this file belongs to it.
    if _git(folder, "ls-files", "--error-unmatch", "__init__.py") is None:
        return None, None
    described = _git(folder, "describe", "--always", "--abbrev=40", "--dirty", "--exclude", "*")
    if not described:
        return None, None
    return described.removesuffix("-dirty"), described.endswith("-dirty")


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "--no-optional-locks", "-C", str(folder), *arguments],
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


@functools.cache
def environment() -> dict[str, Any]:
    """Python, platform, number of CPUs and versions of the packages that matter (None where one is missing)."""
    return {
        "python": platform.python_version(),
        "implementation": sys.implementation.name,
        "platform": platform.platform(),
        "machine": platform.machine(),
        "host": platform.node(),
        "cpus": os.cpu_count(),
        "packages": {name: _version(name) for name in PACKAGES},
    }


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
