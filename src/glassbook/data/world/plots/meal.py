"""Plot of two rangers who eat together and quarrel."""

from __future__ import annotations

from glassbook.data.world.plots.common import End, give_to
from glassbook.data.world.story import Story
from glassbook.data.world.tables import LEXICON, variants
from glassbook.data.world.telling import Thing


def meal(s: Story) -> End:
    """Two rangers eat together and quarrel; they make up or do not."""
    friend = s.ranger()
    x, y = s.thing("food"), None
    s.t.slots.update(x=x, helper=friend)
    s.t(_BROUGHT)
    give_to(x, s.hero)
    if s.w.flip(0.6):
        table = LEXICON.things["food"]
        noun, form, kind = s.w.pick_other(table, [thing for thing in table.items if thing[0] == x.noun])
        y = Thing(noun, s.w.pick(LEXICON.adjectives[kind]) if s.w.flip(0.5) else "", kind, form)
        s.t(_BROUGHT_TOO, y=y)
        give_to(y, friend)
    else:
        s.t(_BROUGHT_NONE)
    if s.w.flip(0.6):
        s.scene()
    quarrel = s.w.pick(_QUARRELS_BOTH if y else _QUARRELS_ONE)
    s.t(quarrel)
    s.t(_WORDS)
    s.t(_PARTED)
    if s.w.flip(0.6):
        s.scene()
    if s.w.flip(0.7):
        s.t(_SAID_SORRY)
        if y:
            s.t(_SHARED_BOTH)
        else:
            s.t(_SHARED_ONE)
        return End(True, matters=False, moods=("glad",))
    s.t(_STILL_CROSS)
    return End(False, matters=False, moods=("sad", "angry"))


_BROUGHT = variants(
    "{hero} had brought {x} and wanted to eat with {helper.him}",
    "at midday {hero} sat down with {helper.him} and took out {x}",
    "{hero} and {helper} were hungry, and {hero.name} unpacked {x}",
    "{hero} had {x} in the bag, enough for {helper.him} as well",
)
_BROUGHT_TOO = variants(
    "{helper.name} had {y} with {helper.him!}",
    "{helper.name} put {y} beside it",
    "{helper.name} had {y} to go with it",
)
_BROUGHT_NONE = variants(
    "{helper.name} had brought nothing",
    "{helper.name} had forgotten to bring anything",
    "{helper.name} had only a cup and a spoon",
)
_QUARRELS_BOTH = variants(
    "but then they quarrelled about who should begin",
    '"Mine is better than yours," said {helper.name}',
    "{helper.name} wanted to have {x.the} and gave nothing away for it",
    "{hero.name} knocked {y.the} over by accident, and {helper.name} thought that it was on purpose",
)
_QUARRELS_ONE = variants(
    "while {hero.name} looked away, {helper.name} ate more than half of {x.the}",
    "{helper.name} took the bigger part of {x.the}",
    '"You never bring anything," said {hero.name}',
    "{helper.name} said that {x.the} did not taste good",
)
_WORDS = variants(
    "one angry word led to another",
    "they shouted at each other until both were hoarse",
    '"You always do that!" said one, and the other said the same',
    "soon neither of them would look at the other",
)
_PARTED = variants(
    "{helper.name} sat down on the other side and turned away",
    "{helper.name} marched off without a word",
    "{hero.name} wrapped {x.the} up again",
    "for {=plot_hours} nobody spoke",
)
_SAID_SORRY = variants(
    '"I am sorry," {helper.name} said at last',
    "then {hero.name} had to laugh, and so had {helper.name}",
    "at last {hero.name} held out a hand, and {helper.name} took it",
    "after a while {helper.name} turned round and asked {hero.name} to forget it",
)
_SHARED_BOTH = variants(
    "they ate {x.the} first and then {y.the}, and each got the same",
    "{hero.name} gave {helper.name} half of {x.the} and got half of {y.the}",
    "together they finished {x.the} and {y.the}",
)
_SHARED_ONE = variants(
    "they shared what was left of {x.the}",
    "{hero.name} gave {helper.name} half of the rest",
    "{helper.name} promised to bring something the next time, and {hero.name} laughed",
)
_STILL_CROSS = variants(
    "they did not make up that day",
    "{helper.name} went home alone, and nobody said good night",
    "each ate alone, and it did not taste good to either of them",
)
