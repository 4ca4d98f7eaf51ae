"""Themes of stories, one in each file."""

from __future__ import annotations

from glassbook.data.world.themes.theme import Theme
from glassbook.data.world.themes.wedding import WEDDING

__all__ = ["THEMES", "Theme"]

THEMES: dict[str, Theme] = {theme.name: theme for theme in (WEDDING,)}
