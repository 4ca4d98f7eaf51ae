"""Loader of dictionaries: finds out which program's layout a path holds."""

from __future__ import annotations

from pathlib import Path

from glassbook.errors import GlassbookError
from glassbook.features.coder import Coder
from glassbook.features.dictionary import Dictionary
from glassbook.features.formats import dictionary_learning, sae_lens, sparsify
from glassbook.features.formats.dictionary_learning import load_dictionary_learning
from glassbook.features.formats.gemma_scope import load_gemma_scope
from glassbook.features.formats.openai import load_openai
from glassbook.features.formats.sae_lens import load_sae_lens
from glassbook.features.formats.sparsify import load_sparsify

FOLDERS = {
    sae_lens.WEIGHTS: load_sae_lens,
    sparsify.WEIGHTS: load_sparsify,
    dictionary_learning.WEIGHTS: load_dictionary_learning,
    "params.npz": lambda folder: load_gemma_scope(folder / "params.npz"),
}


def load(path: str | Path) -> Coder:
    """Open a dictionary of our own, of SAELens, sparsify, dictionary_learning, Gemma Scope or OpenAI's release.

    Args:
        path: a file that `Dictionary.save` wrote; a folder with sae_weights.safetensors (SAELens), sae.safetensors
            (sparsify) or ae.pt (dictionary_learning); a params.npz (Gemma Scope); a .pt file (OpenAI).

    Returns:
        a Dictionary; a `TokenNormed` where each activation is normed by itself (OpenAI's TopK, some of SAELens).

    Raises:
        GlassbookError: nothing there, no such layout, damaged, would run code, or cannot be expressed.
    """
    path = Path(path)
    if path.is_dir():
        for name, read in FOLDERS.items():
            if (path / name).is_file():
                return read(path)
        raise GlassbookError(f"{path} holds no dictionary; expected one of {', '.join(FOLDERS)} in it")
    if not path.is_file():
        raise GlassbookError(f"there is no file or folder {path}")
    if path.suffix == ".npz":
        return load_gemma_scope(path)
    if path.name in FOLDERS:
        return FOLDERS[path.name](path.parent)
    if path.suffix in (".pt", ".pth", ".bin", ".pkl"):
        return load_openai(path)
    return Dictionary.load(path)
