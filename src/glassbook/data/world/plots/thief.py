"""Plot of a thing that is carried off, and of a witness who tells the truth or lies."""

from __future__ import annotations

from glassbook.data.world.plots.common import (
    AGREES,
    ANGRY,
    CONTRADICTS,
    FALSE,
    HANDED_OVER,
    KNOWS,
    KNOWS_NOT,
    TOLD_OTHER,
    TRUE,
    End,
    give_to,
    put_at,
)
from glassbook.data.world.story import Story
from glassbook.data.world.tables import variants
from glassbook.data.world.telling import Animal, Person, Place
from glassbook.data.world.writer import Categorical, zipf

_THIEVES: dict[tuple[str, str], Categorical[str]] = {}
for _ground, _kinds in {
    "wood": {"food": "fox, badger, boar, marten", "clothing": "fox, marten", "jewel": "marten",
             "plant": "deer, boar"},
    "water": {"food": "otter, beaver", "clothing": "otter, beaver", "jewel": "otter", "plant": "beaver, moose, swan"},
    "rock": {"food": "raven, bear, wolf, lynx, wolverine", "clothing": "wolf, bear, lynx", "jewel": "raven",
             "plant": "ibex, marmot"},
    "grass": {"food": "polecat", "plant": "hare, bison"},
}.items():  # fmt: skip
    for _kind, _names in _kinds.items():
        _THIEVES[_ground, _kind] = zipf(_names.split(", "), 0.5)
"""Ground and kind of thing -> animals that would carry it off."""


def thief(s: Story) -> End:
    """Something is carried off; a witness tells where to, by his honesty truly or not, and it turns out which."""
    x, other = s.thing(), s.stranger()
    witness = s.ranger()
    honest = s.taken[-1].honesty
    s.t.slots.update(x=x, other=other, witness=witness)
    s.t(_LENT)
    give_to(x, s.hero)
    if s.w.flip(0.6):
        s.t(s.of_theme("needs"))
    if s.w.flip(0.5):
        s.scene()
    spot = s.spot()
    s.t(_LAID_DOWN, spot=spot)
    put_at(x, spot)
    x.past = ("had laid down", s.hero)
    animals = _THIEVES.get((s.reserve.ground[s.place.name], x.kind))
    to = s.other_place()
    s.t.slots["to"] = to
    if animals and s.w.flip(0.6):
        robber: Person | Animal = Animal(s.w.pick(animals))
        s.t(_ANIMAL_TOOK, thief=robber)
    else:
        robber = s.ranger() if s.w.flip(0.5) else _robber(s.w.pick(_ROBBERS))
        s.t(_PERSON_TOOK, thief=robber)
    give_to(x, robber)
    x.past = None
    s.t(_ONLY_WITNESS, KNOWS)
    s.t(_MISSED, KNOWS_NOT)
    truth = s.w.flip(honest)
    claimed = to if truth else Place(s.w.pick_other(s.reserve.any_place, (s.place.name, to.name)))
    s.t(_ACCOUNT, TRUE if truth else FALSE, ("speaker", witness.name), claimed=claimed)
    if truth:
        found = s.w.flip(0.8)
        if found:
            s.t(_OUTCOME_AGREES, AGREES)
        else:
            s.t(_OUTCOME_TOO_LATE, AGREES)
    else:
        s.t(_OUTCOME_CONTRADICTS, CONTRADICTS)
        found = s.w.flip(0.5)
        if found:
            s.t(_ASKED_AGAIN)
            s.t(_WHY_LIED)
            s.t(_TRACED)
        else:
            s.t(_LIAR_GONE)
    if not found:
        s.t(TOLD_OTHER)
        return End(False, moods=("sad", "angry") if truth else ANGRY)
    s.t(_TOOK_BACK_ANIMAL if isinstance(robber, Animal) else _TOOK_BACK)
    give_to(x, s.hero)
    if s.w.flip(0.3):
        s.scene()
    s.t(HANDED_OVER)
    give_to(x, other)
    return End(True)


def _robber(role: str) -> Person:
    return Person("", "she" if role in ("girl", "beggar", "traveller", "rascal") else "he", role)


_ROBBERS = zipf("boy,pedlar,beggar,traveller,tinker,girl,wanderer,rascal".split(","), 0.5)
_LENT = variants(
    "{other} had asked {hero.him} to look after {x}",
    "{hero} was carrying {x} for {other.him}",
    "{other} trusted {hero.him} with {x}",
    '"Please look after {x} for me," {other} said to {hero.him}',
)
_LAID_DOWN = variants(
    "{hero} laid {x} down {spot} and went off {=plot_why_left}",
    "{hero} left {x} {spot} and went away {=plot_why_left}",
    "{hero} put {x} {spot}, for {hero.he} wanted {=plot_why_left}",
)
_ANIMAL_TOOK = variants(
    "{thief} came out of hiding, seized {x.the} and carried it off to {to}",
    "{thief} sniffed at {x.the}, took it and made off with it to {to}",
    "quick as lightning, {thief} snatched {x.the} and was off to {to}",
)
_PERSON_TOOK = variants(
    "{thief} came along, picked {x.the} up and {=walked} to {to} with it",
    "{thief} found {x.the} there and took it to {to}",
    "when nobody seemed to be looking, {thief} took {x.the} and carried it off to {to}",
)
_ONLY_WITNESS = variants(
    "only {witness} saw it",
    "{witness} was the only one who had seen that",
    "{witness} watched it from a distance",
    "nobody saw that but {witness}",
)
_MISSED = variants(
    "when {hero.name} came back, {x.the} was gone",
    "soon {hero.name} came back and could not find {x.the}",
    "{hero.name} returned and found {=plot_empty} there",
)
_ACCOUNT = variants(
    '"It went to {claimed}," {witness} told {hero.him}',
    '{hero} asked {witness.him} about it. "You must look at {claimed}," said {witness.name}',
    "{witness} said that {x.the} had been carried off to {claimed}",
    "{hero} asked {witness.him} where {x.the} was, and {witness.name} pointed towards {claimed}",
)
_OUTCOME_AGREES = variants(
    "{hero.name} {=walked} to {claimed}, and what {witness.name} had said was true: there was {x.the}",
    "it was true: at {claimed}, {hero.name} saw {x.the} again",
    "{hero.name} {=hurried} {=along} to {claimed}, and as {witness.name} had said, {x.the} was there",
    "{witness.name} had told the truth, for at {claimed} {hero.name} found {x.the}",
)
_OUTCOME_TOO_LATE = variants(
    "at {claimed} there were {=plot_signs}, so it was true, but {x.the} was no longer there",
    "{witness.name} had told the truth, but when {hero.name} came to {claimed}, it was too late to find {x.the}",
)
_OUTCOME_CONTRADICTS = variants(
    "{hero.name} {=walked} to {claimed}, but {x.the} had never been there",
    "but it was a lie, and at {claimed} {hero.name} found {=plot_empty}",
    "at {claimed} there was {=plot_empty}, and so {hero.name} knew that {witness.name} had lied",
)
_ASKED_AGAIN = variants(
    "when {hero.name} asked once more, {witness.name} {=plot_sorry}",
    '"That was not true," said {hero.name}, and {witness.name} {=plot_sorry}',
)
_WHY_LIED = variants(
    '"I am sorry," said {witness.name}. "I wanted {x.the} for myself."',
    "{witness.name} had lied for fun and was ashamed now",
    "{witness.name} had been afraid of being blamed",
    "it had been a trick, {witness.name} said",
)
_TRACED = variants(
    "{hero.name} followed {=plot_signs} to {to}, and there was {x.the}",
    "then {witness.name} told the truth, and at {to} {hero.name} saw {x.the}",
)
_LIAR_GONE = variants(
    "{hero.name} wanted to ask again, but {witness.name} had gone",
    "{witness.name} would not say any more, and {x.the} stayed at {to}",
    "nobody else could say that {x.the} was at {to}",
)
_TOOK_BACK_ANIMAL = variants(
    "{thief.the} dropped {x.the} and ran away",
    "{hero.name} clapped {hero.his} hands, and {thief.the} left {x.the} behind",
    "{thief.the} had lost interest in {x.the}, and {hero.name} picked it up",
)
_TOOK_BACK = variants(
    "{thief} gave {x.the} back and said sorry",
    '"I thought that it belonged to nobody," said {thief} and gave {x.the} back',
    "{thief} did not want to give {x.the} back, but {hero.name} insisted",
    "{hero.name} asked {thief.him} politely, and got {x.the} back",
)
