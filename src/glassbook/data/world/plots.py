"""Plots: what happens in a story. Each is a function that changes the story's state and says so, step by step.

    story.t(sentence, **slots)   says one of several sentences; {hero}, {other}, {x}, {place}, {spot}, {animal} are slots
    story.scene()                something of the theme happens around the hero
    story.w.flip(p)              a choice that the text shows

Rules: every choice shows in the text; whoever does something knows what it takes; {x} is introduced before it is "it".
"""

from __future__ import annotations

from glassbook.data.world.reserve import Reserve
from glassbook.data.world.story import Story, variants
from glassbook.data.world.themes import THEMES
from glassbook.data.world.writer import Categorical, TextWriter


def lost_and_found(s: Story) -> bool:
    """Something gets lost where the hero was; somebody saw it, or nobody did."""
    x, other = s.thing(), s.stranger()
    s.t.slots.update(x=x, other=other)
    s.t(_ASKED_TO_BRING)
    x.holder = s.hero
    s.t(s.of_theme("needs"))
    spot = s.spot()
    s.t(s.of_theme("losses"), spot=spot)
    x.holder, x.spot = None, spot
    s.place = s.other_place()
    s.t(_NOTICED, place=s.place)
    if s.w.flip(0.5):
        witness = s.ranger()
        s.t(_WITNESS_TELLS, ("knows", "yes"), witness=witness)
        found = True
    else:
        s.t(_LOOKED)
        found = s.w.flip(0.5)
    if found:
        s.t(_FOUND)
        x.holder = other
        s.t(_GAVE)
    else:
        s.t(_GAVE_UP)
    return found


_ASKED_TO_BRING = variants(
    "{other} asked {hero} to bring {x}",
    "{hero} was carrying {x} for {other}",
)
_NOTICED = variants(
    "only at {place} did {hero} notice that {x.the} was gone",
    "{hero} {=walked} on to {place} before {hero.he} missed {x.the}",
)
_WITNESS_TELLS = variants(
    '"I saw {x.the} {spot}," said {witness}',
    "{witness} had seen {x.the} {spot} and told {hero.him} so",
)
_LOOKED = variants(
    "{hero} looked for {x} everywhere",
    "{hero} {=walked} all the way back and looked for {x}",
)
_FOUND = variants(
    "and there it was, {spot}",
    "{hero} found {x} {spot}",
)
_GAVE = variants("{hero} gave {x} to {other}")
_GAVE_UP = variants("but it was getting dark, and {hero} had to go home without {x}")

PLOTS = Categorical([lost_and_found])


def tell(w: TextWriter, reserve: Reserve) -> None:
    """A whole story."""
    theme, ranger = w.pick(ALL_THEMES), w.pick(reserve.any_ranger)
    s = Story(w, reserve, theme, ranger)
    start = w.length
    s.t(s.of_theme("openings"))
    w.span(start, "theme", theme.name)
    plot = w.pick(PLOTS)
    happy = plot(s)
    start = w.length
    s.t(s.of_theme("good" if happy else "bad"))
    w.span(start, "theme", theme.name)
    if w.flip(0.6):
        s.t(_FELT, mood=s.mood(*(("glad", "proud") if happy else ("sad", "angry"))))


_FELT = variants("{hero} was {mood}", "{hero.name} felt {mood}")
ALL_THEMES = Categorical(list(THEMES.values()))
