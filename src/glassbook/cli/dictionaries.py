"""Dictionaries by name: the built-in one, a file, or the one that a run left behind."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from glassbook.assets.builtin import BUILTIN_DICTIONARY
from glassbook.cli.command import say
from glassbook.errors import GlassbookError

if TYPE_CHECKING:
    from glassbook.features import Coder
    from glassbook.nets import LanguageModel


def open_dictionary(name: str) -> Coder:
    """ "builtin", or a file or folder of a layout that `features.formats` knows; `about` says where it was trained."""
    from glassbook.features.formats import load

    return load(BUILTIN_DICTIONARY if name == "builtin" else Path(name))


def fit_to(d: Coder, lm: LanguageModel, site: str | None, context: int | None = None, writes: bool = False) -> str:
    """The site where a dictionary is used: the named one, or that of its training. Says what differs from that.

    Args:
        d: the dictionary.
        lm: the model.
        site: as --site names it; None takes the site that the dictionary's file names.
        context: the longest text, in tokens.
        writes: its directions are added there.
    """
    from glassbook.features import check_use, site_of

    if site is None:
        try:
            site = site_of(d, lm.model, writes)
        except GlassbookError as error:
            raise GlassbookError(f"{error} (--site SITE)") from error
    for line in check_use(d, lm, site, context, writes):
        say(f"note on the dictionary: {line}")
    return site


def read_model(d: Coder) -> str:
    """The name of the model that a dictionary was learnt from, or "" if its file does not say."""
    model = d.about.get("model")
    return str(model.get("name") or "") if isinstance(model, dict) else str(model or "")
