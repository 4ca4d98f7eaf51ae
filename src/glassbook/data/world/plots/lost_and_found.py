"""Plot of a thing that gets lost and is looked for."""

from __future__ import annotations

from glassbook.data.world.plots.common import (
    DEEDS,
    HANDED_OVER,
    KNOWS,
    KNOWS_NOT,
    SAD,
    TOLD_OTHER,
    WHERE_IT_WAS,
    End,
    give_to,
    put_at,
)
from glassbook.data.world.story import Story
from glassbook.data.world.tables import variants
from glassbook.data.world.writer import Categorical


def lost_and_found(s: Story) -> End:
    """Something gets lost where the hero was; somebody saw it, or nobody did."""
    x, other = s.thing(), s.stranger()
    s.t.slots.update(x=x, other=other)
    s.t(_ASKED_TO_BRING)
    give_to(x, s.hero)
    s.t(s.of_theme("needs"))
    if s.w.flip(0.4):
        s.scene()
    if s.w.flip(0.4):
        s.t(DEEDS[x.kind])
    spot = s.spot()
    s.t(s.of_theme("losses"), KNOWS_NOT, spot=spot)
    put_at(x, spot)
    away = s.w.flip(0.5)
    if away:
        s.t(_NOTICED_AWAY, to=s.other_place())
    else:
        s.t(_NOTICED_HERE)
    how = s.w.pick(_WAYS_TO_FIND)
    if how == "witness":
        witness = s.ranger()
        if s.w.flip(0.6):
            s.t(_WITNESS_TELLS, KNOWS, witness=witness)
        else:
            s.t(_WITNESS_REPORTS, KNOWS, ("speaker", witness.name), witness=witness, told=s.reported(WHERE_IT_WAS, 0.5))
        s.t(_FOUND_BACK if away else _FOUND)
    elif how == "animal":
        animal = s.animal()
        s.t(_LOOKED)
        s.t(_SAW_ANIMAL, animal=animal)
        s.t(_FOUND_ANIMAL)
    elif how == "finder":
        finder = s.ranger()
        s.t(_LOOKED)
        s.t(_FINDER_CAME, witness=finder)
    else:
        s.t(_LOOKED)
        s.t(_LOOKED_WRONG, wrong=s.spot())
        if how == "search":
            s.t(_AT_LAST)
        else:
            s.t(_GAVE_UP)
            s.t(TOLD_OTHER)
            return End(False, moods=SAD)
    give_to(x, s.hero)
    if s.w.flip(0.3):
        s.scene()
    s.t(HANDED_OVER)
    give_to(x, other)
    return End(True)


_WAYS_TO_FIND = Categorical(["witness", "search", "not", "animal", "finder"], [3, 2, 3, 1, 1])
_ASKED_TO_BRING = variants(
    "{other} asked {hero.him} to bring {x}",
    "{hero} was carrying {x} for {other.him}",
    "{hero} had promised to bring {x} to {other.him}",
    '{other} asked {hero.him}, "Can you bring me {x}?"',
    "{other} had sent {hero.him} to get {x}",
)
_NOTICED_HERE = variants(
    "only when {other} asked for it did {hero} notice that {x.the} was gone",
    "a little later {hero} missed {x.the}",
    "{hero} reached for {x.the}, but it was gone",
    "it took {hero.him} {=plot_hours} to notice that {x.the} was gone",
)
_NOTICED_AWAY = variants(
    "{hero} {=walked} to {to} to {=chore}, and only there did {hero.he} notice that {x.the} was gone",
    "{hero} had to go to {to} to {=chore}, and there {hero.he} missed {x.the}",
)
_WITNESS_TELLS = variants(
    '"I saw {x.the} {spot}," {witness} {=said}',
    "{witness} had seen {x.the} {spot} and told {hero.him} so",
    '"{x.the} is {spot}," said {witness.name}. "I saw it fall."',
)
_WITNESS_REPORTS = variants(
    "{hero} asked {witness.him}, who said that {told}",
    "{witness} told {hero.him} that {told}",
)
_LOOKED = variants(
    "{hero} {=looked} for {x}",
    "{hero} {=walked} all the way back and {=looked} for {x}",
    "{hero} {=hurried} from one end of {place} to the other, but did not see {x}",
    "{hero} asked everybody nearby about {x}, but in vain",
    "{hero} looked left and right of the path for {x}",
)
_LOOKED_WRONG = variants(
    "{wrong} there was {=plot_empty}",
    "{hero} looked {wrong} and found {=plot_empty}",
    "{hero} searched {wrong}, but it was not there",
)
_FOUND = variants(
    "and there it was, {spot}",
    "{hero} found {x} {spot}",
    "{hero} looked {spot} and picked {x.the} up",
)
_FOUND_BACK = variants(
    "{hero} {=walked} back to {place}, and there it was, {spot}",
    "back at {place}, {hero} found {x} {spot}",
)
_AT_LAST = variants(
    "at last {hero} saw {x.the} {spot}",
    "then {hero} looked {spot}, and there it was",
    "{hero.name} did not give up, and at last {hero.he} found {x.the} {spot}",
)
_GAVE_UP = variants(
    "{=evening}, and {hero} had to give up",
    "in the end {hero} had no time left and gave up the search",
    "{hero} searched for {=plot_hours} and then gave up",
    "{=sadly}, {hero} did not know where else to look",
)
_SAW_ANIMAL = variants(
    "{animal} was sitting {spot} and sniffing at something",
    "{spot} {animal} was looking at something curiously",
)
_FOUND_ANIMAL = variants(
    "when {hero} came nearer, {animal.the} ran off, and there lay {x.the}",
    "it was {x.the}, and {animal.the} let {hero.him} take it",
    "{animal.the} {=animal_did}, and in front of it lay {x.the}",
)
_FINDER_CAME = variants(
    'then {witness} came {=along}. "I found {x.the} {spot}," {witness.name} {=said}',
    "{=luck}, {witness} had found {x.the} {spot} and brought it back",
    "but {witness} had already found {x.the} {spot} and gave it back to {hero.him}",
)
