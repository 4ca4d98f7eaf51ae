"""Models that were opened once: a list in .glassbook/models.json, with what a list and a form want to know of each."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from glassbook.notebook import Notebook
from glassbook.notebook.files import write_atomic

MOST = 50
"""Models that are remembered; the one that was opened longest ago is forgotten first."""
_writing = threading.Lock()


def remembered(notebook: Notebook) -> list[dict[str, Any]]:
    """{name, opened, parameters, site} of the models that were opened, the last one first; [] if the file is damaged.

    `opened` is when (ISO 8601), `site` the input of the block at a third of the depth, where prompt pairs usually go.
    """
    try:
        kept = json.loads(_file(notebook).read_bytes())
        return [dict(entry) for entry in kept if entry["name"] and datetime.fromisoformat(entry["opened"])]
    except (OSError, ValueError, KeyError, TypeError):
        return []  # a list of conveniences: without it everything still works


def remember(notebook: Notebook, name: str, facts: dict[str, Any]) -> None:
    """Put a model at the top of the list.

    Args:
        notebook: whose list.
        name: what it was opened as.
        facts: what the model server's `open` said of it.

    Raises:
        GlassbookError: the disk refused.
    """
    blocks = facts.get("blocks") or []
    entry = {
        "name": name,
        "opened": datetime.now(UTC).isoformat(timespec="seconds"),
        "parameters": facts.get("parameters"),
        "site": f"{blocks[len(blocks) // 3]}.in" if blocks else "",
    }
    with _writing:
        _write(notebook, [entry, *(one for one in remembered(notebook) if one["name"] != name)][:MOST])


def forget(notebook: Notebook, name: str) -> None:
    """Take a model off the list; its files stay where they are.

    Raises:
        GlassbookError: the disk refused.
    """
    with _writing:
        _write(notebook, [one for one in remembered(notebook) if one["name"] != name])


def _write(notebook: Notebook, entries: list[dict[str, Any]]) -> None:
    write_atomic(_file(notebook), json.dumps(entries, indent=1).encode())


def _file(notebook: Notebook) -> Path:
    return notebook.folder / ".glassbook" / "models.json"
