"""The installed experiments: those that load, and why others do not."""

from __future__ import annotations

from glassbook.errors import GlassbookError
from glassbook.experiments import base

Kind = type[base.Experiment]


def find(name: str) -> Kind:
    """The experiment of that name.

    Raises:
        GlassbookError: there is none, or the package that offers it is broken.
    """
    try:
        return base.find(name)
    except (ImportError, AttributeError) as error:
        raise GlassbookError(f"the experiment {name} cannot be loaded ({error}); mend or remove its package") from None


def experiments() -> tuple[dict[str, Kind], dict[str, str]]:
    """Name -> experiment, and name -> what is wrong with those that do not load."""
    kinds, broken = {}, {}
    for name in base.names():
        try:
            kinds[name] = find(name)
        except GlassbookError as error:
            broken[name] = str(error)
    return kinds, broken
