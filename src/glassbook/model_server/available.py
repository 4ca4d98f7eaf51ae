"""The models that a notebook knows, and where they are; finding them opens none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from glassbook.errors import GlassbookError
from glassbook.notebook import Notebook

PREFIX = "run:"
"""How the name of a model that a run has kept begins: run:<id>/<artifact>."""
RECENT = 200
"""Newest runs that are looked through."""


def known_models(notebook: Notebook) -> list[dict[str, Any]]:
    """The built-in model and those that runs have kept, as {name, kind, where}."""
    found: list[dict[str, Any]] = [{"name": "builtin", "kind": "built-in", "where": "comes with Glassbook"}]
    for record in notebook.runs()[:RECENT]:
        for name in record.artifacts:
            if _is_model(record.folder / "artifacts" / name):
                found.append({"name": f"{PREFIX}{record.id}/{name}", "kind": "run", "where": record.experiment})
    return found


def resolve(notebook: Notebook, name: str) -> str:
    """A model's name as `open_model` takes it: `run:<id>/<artifact>` becomes the artifact's folder.

    Raises:
        GlassbookError: there is no such run, or it has no such artifact.
    """
    if not name.startswith(PREFIX):
        return name
    run, _, artifact = name.removeprefix(PREFIX).partition("/")
    return str(notebook.run(run).artifact(artifact))


def artifact_of(notebook: Notebook, run: str, artifact: str) -> Path:
    """The file of a run's artifact.

    Raises:
        GlassbookError: there is none of that name.
    """
    path = notebook.run(run).artifact(artifact)
    if not path.is_file():
        raise GlassbookError(f"{artifact} of run {run} is no file")
    return path


def _is_model(folder: Path) -> bool:
    return (folder / "config.json").is_file() and any(folder.glob("*.safetensors"))
