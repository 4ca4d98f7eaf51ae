"""Lenses of a model: the logit lens, and those that a run has fitted or that come with the built-in model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from glassbook.circuits import JACOBIAN_LENS, TUNED_LENS, LogitLens, load_jacobian_lens, load_tuned_lens
from glassbook.errors import GlassbookError
from glassbook.model_server.available import LensKind, resolve
from glassbook.nets import LanguageModel, model_path
from glassbook.notebook import Notebook

if TYPE_CHECKING:
    from torch import Tensor

EXPERIMENT = "lenses"
"""Whose runs fit lenses."""


def open_lens(notebook: Notebook, model: str, lm: LanguageModel, kind: LensKind) -> Callable[[str, Tensor], Tensor]:
    """A lens of a model: (block, stream after it [..., d]) -> logits [..., vocab].

    Args:
        notebook: whose newest finished run of `lenses` with this model is taken.
        model: its name there.
        lm: the model.
        kind: which lens.

    Raises:
        GlassbookError: nobody has fitted it.
    """
    import torch

    if kind == "logit":
        return LogitLens(lm)
    if kind == "tuned":
        return load_tuned_lens(lm, fitted(notebook, model, TUNED_LENS))
    lens = load_jacobian_lens(lm, fitted(notebook, model, JACOBIAN_LENS))
    return lens.permuted(torch.Generator().manual_seed(0)) if kind == "permuted" else lens


def fitted(notebook: Notebook, model: str, file: str) -> Path:
    """The file of a lens of a model: of the newest run that fitted one, else what comes with the built-in model."""
    names = {model, resolve(notebook, model)}
    for record in notebook.runs(EXPERIMENT):
        if record.status == "finished" and record.config.get("model") in names and file in record.artifacts:
            return record.artifact(file)
    if model == "builtin":
        return model_path(model).parent / file
    raise GlassbookError(
        f"no lens has been fitted to {model} in this notebook; `glassbook run {EXPERIMENT} --model {model} "
        "--text FILE` fits them"
    )
