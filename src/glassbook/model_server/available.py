"""Models that a notebook can open by name: the built-in one, its runs' own, those opened before. Listing opens none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal, NamedTuple

from glassbook.assets.builtin import BUILTIN_DICTIONARY, BUILTIN_MODELS
from glassbook.data.packages import PACKAGES
from glassbook.data.registry import MODELS
from glassbook.errors import GlassbookError
from glassbook.model_server.remembered import remembered
from glassbook.notebook import Notebook, RunRecord

LensKind = Literal["logit", "tuned", "jacobian", "permuted"]
"""Lenses of a model; "permuted" is the Jacobian lens's control."""
PREFIX = "run:"
"""Prefix of the name of a model that a run has saved: run:<id>/<artifact>."""
RECENT = 200
"""How many of the newest runs are searched."""
WRITES = "write"
"""Task of a model of text."""
_DECODE = ("autoencode", "generate")
"""Tasks of models of pictures that decode them from a code."""
_TASKS = ("classify", "autoencode", "generate")
"""Tasks of models of pictures, as their config.json says them."""


class Kind(NamedTuple):
    """What a model is of, and what it does: "write" of text; "classify", "autoencode" or "generate" of pictures."""

    kind: Literal["text", "pictures"]
    task: str


def kind_of(notebook: Notebook, name: str) -> Kind:
    """What a model is of, by its name and the config.json beside its weights; a model elsewhere is taken for text."""
    if name in BUILTIN_MODELS:
        return _kind_of_folder(BUILTIN_MODELS[name])
    if name in MODELS:
        return Kind("pictures", MODELS[name].task)
    if name in PACKAGES:
        return _kind_of_folder(PACKAGES[name].folder)
    try:
        return _kind_of_folder(Path(resolve(notebook, name)).expanduser())
    except GlassbookError:
        return Kind("text", WRITES)


def _kind_of_folder(folder: Path) -> Kind:
    try:
        config = json.loads((folder / "config.json").read_bytes())
        if str(config["model_type"]).startswith("glassbook-") and config["task"] in _TASKS:
            return Kind("pictures", config["task"])
    except (OSError, ValueError, KeyError, TypeError):
        pass  # opening it says what is wrong
    return Kind("text", WRITES)


def available_models(notebook: Notebook) -> list[dict[str, Any]]:
    """The built-in models, those that were opened before, models of pictures that are here, and those that runs saved.

    Each is {name, short, kind, task, origin, where}, `kind` and `task` as `kind_of` has them; of opened models
    also when, `parameters` and a usual `site`, as `remembered` has them.
    """
    models = [
        {"name": name, "short": name, "origin": "built-in", "where": "comes with Glassbook"} for name in BUILTIN_MODELS
    ]
    saved = []
    for record in notebook.runs()[:RECENT]:
        for name in record.artifacts:
            if _is_model(record.folder / "artifacts" / name):
                full = f"{PREFIX}{record.id}/{name}"
                saved.append({"name": full, "short": short_name(full), "origin": "run", "where": record.experiment})
    opened = {entry["name"]: entry for entry in remembered(notebook)}
    listed = {model["name"] for model in (*models, *saved)}
    for name in opened:
        if name not in listed:
            where = "this machine" if _exists(name) else "Hugging Face"
            models.append({"name": name, "short": short_name(name), "origin": "opened", "where": where})
    listed |= set(opened)
    models += [
        {"name": name, "short": name, "origin": "published", "where": where}
        for name, where in _published().items()
        if name not in listed
    ]
    return [
        {**opened.get(model["name"], {}), **model, **kind_of(notebook, model["name"])._asdict()}
        for model in (*models, *saved)
    ]


def _published() -> dict[str, str]:
    """Models of pictures that others have trained and that are on this machine: name -> where they are from."""
    got = {name: package.source for name, package in PACKAGES.items() if package.kind == "model" and package.here}
    return {
        **{name: f"the dataset {model.dataset}" for name, model in MODELS.items() if model.here},
        **{name: source for name, source in got.items() if _kind_of_folder(PACKAGES[name].folder).kind == "pictures"},
    }


def models_with_latents(notebook: Notebook) -> list[str]:
    """Names of the models that decode pictures: the built-in VAE, those that were opened, and those that runs saved."""
    return [model["name"] for model in available_models(notebook) if model["task"] in _DECODE]


def decodes(notebook: Notebook, name: str) -> bool:
    """Whether a model decodes pictures and so has latents, by its name and what lies beside its weights."""
    return kind_of(notebook, name).task in _DECODE


def short_name(name: str) -> str:
    """A model's name as a heading has it: of a path the last part, of a hub's id what stands after the owner."""
    if name.startswith(PREFIX):
        run, _, artifact = name.removeprefix(PREFIX).partition("/")
        return f"{artifact} of {run}"
    last = name.rstrip("/").rpartition("/")[2]
    return last or name


def is_local(notebook: Notebook, name: str) -> bool:
    """Whether opening a model downloads nothing: it is listed already, or its files are on this machine."""
    return _exists(name) or any(model["name"] == name for model in available_models(notebook))


def same_model(notebook: Notebook, one: str, other: str) -> bool:
    """Whether two names mean the same model, as far as names tell."""
    if one == other:
        return True
    try:
        places = [Path(resolve(notebook, name)).expanduser() for name in (one, other)]
    except GlassbookError:
        return False
    return all(place.exists() for place in places) and places[0].samefile(places[1])


def resolve(notebook: Notebook, name: str) -> str:
    """A model's name as `open_model` takes it: `run:<id>/<artifact>` becomes the artifact's folder."""
    if not name.startswith(PREFIX):
        return name
    run, _, artifact = name.removeprefix(PREFIX).partition("/")
    return str(notebook.run(run).artifact(artifact))


def file_stamps(where: str) -> tuple[tuple[str, int, int], ...]:
    """Names, sizes and times of a model's files, to reopen it when the weights under its path were replaced."""
    path = Path(where)
    files = sorted(path.iterdir()) if path.is_dir() else [path] if path.is_file() else []
    return tuple((file.name, (s := file.stat()).st_size, s.st_mtime_ns) for file in files)


def file_of(run: RunRecord, artifact: str) -> Path:
    """The file of a run's artifact; a folder is refused."""
    path = run.artifact(artifact)
    if not path.is_file():
        raise GlassbookError(f"{artifact} of run {run.id} is a folder; name a file")
    return path


def dictionary_of(run: RunRecord, name: object) -> Path | None:
    """The file of the dictionary that a run's feature dashboard names; None if the run has none.

    Reference runs keep none of their own; "builtin" is the one that ships with the built-in model.
    """
    if run.reference and name == "builtin":
        return BUILTIN_DICTIONARY
    return file_of(run, name) if isinstance(name, str) and name in run.artifacts else None


def _exists(name: str) -> bool:
    return Path(name).expanduser().exists()


def _is_model(folder: Path) -> bool:
    return (folder / "config.json").is_file() and any(folder.glob("*.safetensors"))
