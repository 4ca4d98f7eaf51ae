"""Themes of stories, one in each file."""

from __future__ import annotations

from glassbook.data.world.themes.fire import FIRE
from glassbook.data.world.themes.harvest import HARVEST
from glassbook.data.world.themes.illness import ILLNESS
from glassbook.data.world.themes.market import MARKET
from glassbook.data.world.themes.music import MUSIC
from glassbook.data.world.themes.poaching import POACHING
from glassbook.data.world.themes.storm import STORM
from glassbook.data.world.themes.theme import Theme
from glassbook.data.world.themes.voyage import VOYAGE
from glassbook.data.world.themes.wedding import WEDDING
from glassbook.data.world.themes.winter import WINTER

__all__ = ["THEMES", "Theme"]

THEMES: dict[str, Theme] = {
    theme.name: theme for theme in (WEDDING, STORM, FIRE, MARKET, MUSIC, ILLNESS, HARVEST, POACHING, WINTER, VOYAGE)
}
