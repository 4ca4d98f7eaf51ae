"""Models that a notebook can open by name: the built-in one and those saved by its runs. Listing them opens none."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from glassbook.errors import GlassbookError
from glassbook.notebook import Notebook

LensKind = Literal["logit", "tuned", "jacobian", "permuted"]
"""Lenses of a model; "permuted" is the Jacobian lens's control."""
PREFIX = "run:"
"""Prefix of the name of a model that a run has saved: run:<id>/<artifact>."""
RECENT = 200
"""How many of the newest runs are searched."""


def available_models(notebook: Notebook) -> list[dict[str, Any]]:
    """The built-in model and those that runs have saved, as {name, kind, where}."""
    models: list[dict[str, Any]] = [{"name": "builtin", "kind": "built-in", "where": "comes with Glassbook"}]
    for record in notebook.runs()[:RECENT]:
        for name in record.artifacts:
            if _is_model(record.folder / "artifacts" / name):
                models.append({"name": f"{PREFIX}{record.id}/{name}", "kind": "run", "where": record.experiment})
    return models


def resolve(notebook: Notebook, name: str) -> str:
    """A model's name as `open_model` takes it: `run:<id>/<artifact>` becomes the artifact's folder."""
    if not name.startswith(PREFIX):
        return name
    run, _, artifact = name.removeprefix(PREFIX).partition("/")
    return str(notebook.run(run).artifact(artifact))


def artifact_of(notebook: Notebook, run: str, artifact: str) -> Path:
    """The file of a run's artifact; a folder is refused."""
    path = notebook.run(run).artifact(artifact)
    if not path.is_file():
        raise GlassbookError(f"{artifact} of run {run} is a folder; name a file")
    return path


def _is_model(folder: Path) -> bool:
    return (folder / "config.json").is_file() and any(folder.glob("*.safetensors"))
