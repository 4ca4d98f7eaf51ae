"""Dictionaries by name: the built-in one, a file, or the one that a run left behind."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from glassbook.errors import GlassbookError

if TYPE_CHECKING:
    from glassbook.features import Dictionary


def open_dictionary(name: str) -> Dictionary:
    """ "builtin", or a safetensors file that `Dictionary.save` wrote; `about` says where it was trained.

    Raises:
        GlassbookError: there is none of that name, or it cannot be read.
    """
    path = Path(str(files("glassbook") / "builtin" / "dictionary.safetensors")) if name == "builtin" else Path(name)
    if path.is_dir():
        raise GlassbookError(f"{name} is a folder; name the dictionary's .safetensors file in it")
    if not path.is_file():
        if name == "builtin":
            raise GlassbookError("this copy of Glassbook has no built-in dictionary; name a file instead")
        raise GlassbookError(f"there is no file {name}; give a dictionary's .safetensors file, or builtin")
    from glassbook.features import Dictionary

    return Dictionary.load(path)


def trained_at(d: Dictionary, name: str) -> str:
    """The site that a dictionary was trained at.

    Raises:
        GlassbookError: its file does not say.
    """
    site = d.about.get("site")
    if not isinstance(site, str):
        raise GlassbookError(f"{name} does not say at which site it was trained; pass --site")
    return site
