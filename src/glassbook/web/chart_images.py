"""Vega for the browser, from the copy inside vl-convert: nothing is fetched from elsewhere."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from importlib.metadata import version
from pathlib import Path

from glassbook.errors import GlassbookError
from glassbook.notebook.files import write_atomic

_lock = threading.Lock()


def bundle() -> bytes:
    """The script; made once for a version of vl-convert, then kept in the user's cache.

    It is made by another process: bundling takes hundreds of megabytes that a server would keep.
    """
    path = _cache() / f"vega-{version('vl-convert-python')}.js"
    with _lock:
        if not path.is_file():
            made = subprocess.run(
                [sys.executable, "-c", "import sys, vl_convert; sys.stdout.write(vl_convert.javascript_bundle())"],
                capture_output=True,
                check=False,
            )
            if made.returncode:
                said = made.stderr.decode("utf-8", "replace").strip().splitlines()[-1:]
                raise GlassbookError(f"vl-convert cannot bundle Vega: {' '.join(said)}; install it again")
            write_atomic(path, made.stdout)
        return path.read_bytes()


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "glassbook"
