"""Plots of stories, one in each file, and the telling of a whole story by one of them.

A plot is a function of a `Story` that changes its state and says so, step by step, and returns how it ended (`End`). To
write one, copy a short file such as `meal.py`, put the function first and its sentences below, and add it to `PLOTS`.

    s.thing(), s.ranger(), ...   draw who and what it is about
    s.t(sentence, x=thing)       say one of several sentences; {hero}, {other}, {x}, {place}, {spot}, ... are slots
    s.t(sentence, KNOWS)         say one and mark what it means: `common.py` lists the marks
    s.scene()                    say something that happens around the hero, as the theme has it
    s.t(s.of_theme("needs"))     say why {other} wants {x}
    s.w.flip(p), s.w.pick(...)   choose
    put_at, give_to              change where a thing is, after the sentence that says so

The slots {hero} and {place}, where the theme's occasion is, are filled already. In the sentences of themes and of
`common.py`, {other} is the stranger who wants {x}, and {spot} is where it lies. `s.place` is where the hero is, whose
spots and animals are drawn; a plot that takes the hero elsewhere sets it. The forms of slots are in `telling.py`.

Rules: the text shows every choice, and no two choices give the same text (tests look for choices that it hides);
whoever does something knows what it takes; the first sentence about a thing says {x}, not {x.the}, so that it is
introduced before it is "the lamp" or "it"; a plot that does not suit a theme stands in `_UNFIT`.
"""

from __future__ import annotations

from glassbook.data.world.plots.common import End, Plot
from glassbook.data.world.plots.errand import errand
from glassbook.data.world.plots.gift import gift
from glassbook.data.world.plots.hidden import hidden
from glassbook.data.world.plots.lost_and_found import lost_and_found
from glassbook.data.world.plots.meal import meal
from glassbook.data.world.plots.night_watch import night_watch
from glassbook.data.world.plots.repair import repair
from glassbook.data.world.plots.rescue import rescue
from glassbook.data.world.plots.thief import thief
from glassbook.data.world.plots.told_fact import told_fact
from glassbook.data.world.plots.trade import trade
from glassbook.data.world.reserve import Reserve
from glassbook.data.world.story import Story
from glassbook.data.world.tables import TABLES, variants
from glassbook.data.world.themes import THEMES
from glassbook.data.world.writer import Categorical, TextWriter

__all__ = ["PLOTS", "PLOTS_OF", "End", "Plot", "tell"]

PLOTS: dict[Plot, float] = {
    lost_and_found: 3,
    hidden: 4,
    thief: 4,
    errand: 3,
    rescue: 2.5,
    repair: 2.5,
    trade: 2.5,
    gift: 2.5,
    night_watch: 2,
    meal: 2,
    told_fact: 2.5,
}
"""Plot -> how often it is told, compared to the others."""
_UNFIT: dict[str, set[Plot]] = {
    "fire": {night_watch, meal, gift, told_fact},
    "winter": {night_watch},
    "storm": {meal},
}
"""Theme -> plots that do not suit it."""


def _fit(theme: str) -> Categorical[Plot]:
    kept = {plot: weight for plot, weight in PLOTS.items() if plot not in _UNFIT.get(theme, ())}
    return Categorical(kept, kept.values())


PLOTS_OF = {theme: _fit(theme) for theme in THEMES}
"""Theme -> the plots that suit it."""
_ALL_THEMES = Categorical(list(THEMES.values()))


def tell(w: TextWriter, reserve: Reserve, plot: Plot | None = None) -> None:
    """Tell a whole story: the theme's occasion, a plot, how the occasion ended, and how the hero feels.

    Args:
        w: where it goes.
        reserve: the world that it is set in.
        plot: which plot; one that fits the theme if not given.
    """
    theme, ranger = w.pick(_ALL_THEMES), w.pick(reserve.any_ranger)
    s = Story(w, reserve, theme, ranger)
    if w.flip(0.3):
        s.t(_ONCE)
    s.t(s.of_theme("openings"), ("theme", theme.name))
    s.t.forget()
    end = (plot or w.pick(PLOTS_OF[theme.name]))(s)
    if end.matters or (end.happy and w.flip(0.5)):
        s.t(s.of_theme("good" if end.happy else "bad"), ("theme", theme.name))
        s.t.forget()
    if w.flip(0.6):
        s.t(_FELT_GOOD if end.happy else _FELT_BAD, ("end", "good" if end.happy else "bad"), mood=s.mood(*end.moods))


_ONCE = TABLES.template("{=once} {hero.name} {=walked} to {place}")
"""A beginning that any theme may follow."""
_FELT_GOOD = variants(
    "{hero} was {mood}",
    "{hero.name} felt {mood}",
    "{hero} went home {mood}",
    "in the end {hero.name} was {mood}",
)
_FELT_BAD = variants(
    "{hero} was {mood}",
    "{hero.name} felt {mood}",
    "all that evening {hero} was {mood}",
    "{hero.name} was {mood} for the rest of the day",
)
