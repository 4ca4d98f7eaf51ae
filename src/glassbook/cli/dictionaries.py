"""Dictionaries by name: the built-in one, a file, or the one that a run left behind."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from glassbook.assets.builtin import BUILTIN_DICTIONARY
from glassbook.errors import GlassbookError

if TYPE_CHECKING:
    from glassbook.features import Coder


def open_dictionary(name: str) -> Coder:
    """ "builtin", or a file or folder of a layout that `features.formats` knows; `about` says where it was trained."""
    from glassbook.features.formats import load

    return load(BUILTIN_DICTIONARY if name == "builtin" else Path(name))


def trained_at(d: Coder, name: str) -> str:
    site = d.about.get("site")
    if not isinstance(site, str):
        raise GlassbookError(f"{name} does not say at which site it was trained; pass --site")
    return site


def read_model(d: Coder) -> str:
    """The name of the model that a dictionary was learnt from, or "" if its file does not say."""
    model = d.about.get("model")
    return str(model.get("name") or "") if isinstance(model, dict) else str(model or "")
