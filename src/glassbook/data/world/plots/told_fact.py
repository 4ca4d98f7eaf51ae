"""Plot of a stranger who asks for a fact of the Reserve."""

from __future__ import annotations

from glassbook.data.world.plots.common import FOODS, KNOWS, KNOWS_NOT, SAD, SPECIES, End, Plot, one_way
from glassbook.data.world.reserve import Ranger, Species
from glassbook.data.world.story import Story
from glassbook.data.world.tables import variants
from glassbook.data.world.telling import Animal, Person, Place, Template
from glassbook.data.world.writer import Categorical, zipf


def told_fact(s: Story) -> End:
    """A stranger needs to know a fact of the Reserve; the ranger asked knows it or says that he does not."""
    other = s.stranger()
    s.t.slots["other"] = other
    return (_asks_keeper if s.theme.name in _NO_ANIMALS else s.w.pick(_RELATIONS))(s)


def _answer(s: Story, answer: Categorical[Template], fact: Categorical[Template], relation: str) -> bool:
    """Whether {other} gets the answer, from the hero or from another ranger whom the hero sends for."""
    mark = ("fact", relation)
    if s.w.flip(0.6):
        s.t(answer, KNOWS, mark, ("speaker", s.hero.name))
        return True
    s.t(_DO_NOT_KNOW, KNOWS_NOT, ("speaker", s.hero.name))
    if s.w.flip(0.35):
        s.t(_NOBODY_KNEW, KNOWS_NOT)
        return False
    witness = s.ranger()
    s.t(_ANOTHER_KNEW, KNOWS, mark, ("speaker", witness.name), witness=witness, told=s.reported(fact, 0.15))
    return True


def _asks_keeper(s: Story) -> End:
    keepers = Categorical(s.reserve.rangers)
    taken = [*s.taken, *(ranger for ranger in keepers.items if ranger.keeps == s.place.name)]
    keeper: Ranger = s.w.pick_other(keepers, list(dict.fromkeys(taken)))
    s.taken.append(keeper)
    s.t.slots.update(to=Place(keeper.keeps), keeper=Person(keeper.name, keeper.pronoun, known=True))
    s.t(_KEEPER_WANTED)
    if s.w.flip(0.5):
        s.scene()
    s.t(_ASKED_KEEPER)
    if _answer(s, _KEEPER_ANSWER, _KEEPER_FACT, "keeps"):
        s.t(_KEEPER_FOUND)
        if s.w.flip(0.4):
            s.scene()
        return End(True)
    s.t(_KEEPER_NOT_FOUND)
    return End(False, moods=SAD)


def _asks_food(s: Story) -> End:
    name = s.w.pick(_FED[s.reserve.ground[s.place.name]])
    s.t.slots.update(animal=Animal(name), food=FOODS[name])
    s.t(_HUNGRY)
    if s.w.flip(0.5):
        s.scene()
    s.t(_ASKED_FOOD)
    if _answer(s, _FOOD_ANSWER, _FOOD_FACT, "food"):
        s.t(_FED_IT)
        if s.w.flip(0.4):
            s.scene()
        return End(True, matters=False)
    s.t(_FED_WRONG)
    return End(False, matters=False, moods=SAD)


def _asks_active(s: Story) -> End:
    species: Species = s.w.pick(s.reserve.at_home[s.reserve.ground[s.place.name]])
    s.t.slots.update(species=SPECIES[species.name, 0], one=SPECIES[species.name, 1],
                     active=_ACTIVE[species.active])  # fmt: skip
    s.t(_WANTS_TO_SEE)
    if s.w.flip(0.5):
        s.scene()
    s.t(_ASKED_WHEN)
    if _answer(s, _ACTIVE_ANSWER, _ACTIVE_FACT, "active"):
        s.t(_CAME_THEN)
        if s.w.flip(0.4):
            s.scene()
        return End(True, matters=False)
    s.t(_CAME_WRONG)
    return End(False, matters=False, moods=SAD)


_NO_ANIMALS = {"fire", "winter", "storm"}
"""Themes in which nobody looks for animals to watch or feed."""
_RELATIONS: Categorical[Plot] = Categorical([_asks_keeper, _asks_food, _asks_active], [1.5, 1, 1])
_FED = {
    "water": zipf(["otter", "swan", "kingfisher", "beaver", "toad"], 0.4),
    "wood": zipf(["squirrel", "owl", "badger", "dormouse", "bat", "marten"], 0.4),
    "rock": zipf(["marmot", "ibex"], 0.4),
    "grass": zipf(["hedgehog", "hare", "pheasant", "quail"], 0.4),
}
_ACTIVE = {
    "day": one_way("fact", "active", "by day"),
    "night": one_way("fact", "active", "by night"),
    "dusk": one_way("fact", "active", "at dusk and dawn"),
}
_DO_NOT_KNOW = variants(
    '"I do not know," said {hero.name} honestly',
    "{hero.name} did not know and said so",
    '"I am sorry, I cannot tell you that," said {hero.name}',
    "{hero.name} had to admit that {hero.he} did not know",
)
_NOBODY_KNEW = variants(
    "there was nobody else to ask",
    "all the others had gone out, and {other} could not wait",
    "they asked two others, but nobody knew it",
)
_ANOTHER_KNEW = variants(
    "but {witness} knew it and said that {told}",
    "{hero.name} asked {witness.him}, who told them that {told}",
    "{witness} had been listening and said that {told}",
)
_KEEPER_WANTED = variants(
    "{other} wanted to spend the night at {to} and needed the keeper's leave",
    "{other} had found a key and wanted to give it to the keeper of {to}",
    "{other} had to bring a message to whoever kept {to}",
    "{other} needed the keeper of {to} to open a gate",
)
_ASKED_KEEPER = variants(
    '{other} asked {hero.him}, "Who keeps {to}?"',
    "{other} asked {hero.him} who kept it",
    '{other} asked {hero.him}, "Can you tell me who the keeper is?"',
)
_KEEPER_ANSWER = variants(
    '"{keeper} keeps {to}," said {hero.name}',
    '"You must ask {keeper}, who keeps {to}," said {hero.name}',
    "{hero.name} knew that {keeper} kept {to} and said so",
)
_KEEPER_FACT = variants("{keeper} kept {to}", "{keeper} was the keeper of {to}")
_KEEPER_FOUND = variants(
    "so {other} {=walked} to {keeper.name}, and everything was settled",
    "{other} found {keeper.name} at home, and soon it was done",
    "{keeper.name} listened to {other.him} and was glad to help",
)
_KEEPER_NOT_FOUND = variants(
    "so {other} wandered about in vain and found no keeper",
    "{other} did not find the keeper in time",
)
_HUNGRY = variants(
    "{other} had found {animal} that was weak with hunger",
    "{animal} had followed {other.him}, and it looked hungry",
    "{other} came with a box in {other.his} arms, and in it sat {animal}, thin and hungry",
)
_ASKED_FOOD = variants(
    '{other} asked {hero.him}, "What does it eat?"',
    "{other} did not know what to give it and asked {hero.him}",
    '{other} asked {hero.him}, "What may I give it?"',
)
_FOOD_ANSWER = variants(
    '"It eats {food}," said {hero.name}',
    '"Give it some {food}," said {hero.name}',
    "{hero.name} said that it wanted {food}",
)
_FOOD_FACT = variants("{animal.the} ate {food}", "{animal.the} needed {food}", "{animal.the} liked {food} best")
_FED_IT = variants(
    "they got some {food}, and {animal.the} ate until it was full",
    "{other} brought some {food}, and soon {animal.the} was on its legs again",
    "{animal.the} smelled the {food} and began to eat at once",
)
_FED_WRONG = variants(
    "{other} tried it with a biscuit, but {animal.the} would not touch it",
    "{other} gave it a crust of bread, and {animal.the} turned away",
    "{animal.the} got nothing and crept away hungry",
)
_WANTS_TO_SEE = variants(
    "{other} wanted to see {species} and had brought a telescope",
    "{other} had come a long way to see {one}",
    "{other} wanted to draw {one}, but had not seen any yet",
    "{other} had waited for {species} for {=plot_hours}",
)
_ASKED_WHEN = variants(
    '{other} asked {hero.him}, "When do they come out?"',
    "{other} asked {hero.him} what time was best for that",
    '{other} asked {hero.him}, "When must I come?"',
)
_ACTIVE_ANSWER = variants(
    '"They come out {active}," said {hero.name}',
    '"You see them {active}," said {hero.name}',
    "{hero.name} said that they were about {active}",
)
_ACTIVE_FACT = variants("{species} came out {active}", "{species} could be seen {active}")
_CAME_THEN = variants(
    "{other} came back at the right time, and there was {one}",
    "{other} did as {other.he} was told and saw {one} before long",
    "{other} waited until then, and {one} came quite close",
)
_CAME_WRONG = variants(
    "so {other} came at the wrong time and saw no {species}",
    "{other} waited a while longer and then went home without a picture",
)
