"""Plot of an animal that is stuck and set free."""

from __future__ import annotations

from typing import NamedTuple

from glassbook.data.world import words as W
from glassbook.data.world.grammar import article
from glassbook.data.world.plots.common import TIRED, End, a_tool, give_to
from glassbook.data.world.story import Story
from glassbook.data.world.tables import variants
from glassbook.data.world.telling import Template
from glassbook.data.world.writer import Categorical, zipf


class Plight(NamedTuple):
    """How an animal is stuck.

    Attributes:
        sizes: of the animals that it can happen to, in metres.
        met: {hero} sees {animal}.
        freed: how each tool helps.
        hands: how it may be freed without one.
        grounded: it does not happen to what can fly.
    """

    sizes: tuple[float, float]
    met: Categorical[Template]
    freed: dict[str, Categorical[Template]]
    hands: Categorical[Template]
    grounded: bool = False


_FLIERS = {"heron", "owl", "stork", "eagle", "raven", "crane", "falcon", "bat", "pheasant", "kingfisher", "quail"}
_PLIGHTS = [
    Plight(
        (0.1, 3),
        variants("{animal} was caught in an old net {spot}", "{spot} {animal} had got caught in a torn net"),
        {"knife": variants("{hero.name} cut the net with {tool.the}, one string after the other",
                           "{hero.name} took {tool.the} and cut the net in two"),
         "sickle": variants("{hero.name} slit the net open with {tool.the}",
                            "one stroke of {tool.the}, and the net fell apart")},
        variants("{hero.name} untied the knots of the net with bare hands",
                 "{hero.name} pulled the strings of the net apart"),
    ),
    Plight(
        (0.2, 1.2),
        variants("{animal} hung in a bramble bush {spot} and could not get out",
                 "{spot} {animal} was stuck fast among thorns"),
        {"sickle": variants("{hero.name} cut the thorns away with {tool.the}",
                            "with {tool.the}, {hero.name} cut one thorny branch after the other"),
         "glove": variants("{hero.name} put on {tool.the} and bent the thorns aside",
                           "{tool.the} kept the thorns from {hero.his} fingers while {hero.he} worked")},
        variants("{hero.name} pulled the thorns apart and scratched both arms",
                 "{hero.name} bent the thorny branches aside with a stick"),
    ),
    Plight(
        (0.1, 1.1),
        variants("{animal} had fallen into a pit {spot}", "{spot} {animal} sat at the bottom of a deep hole"),
        {"ladder": variants("{hero.name} climbed down {tool.the} and carried {animal.the} up",
                            "{hero.name} let down {tool.the} and went to get {animal.the}"),
         "basket": variants("{hero.name} let down {tool.the} on a string and drew {animal.the} up in it",
                            "{hero.name} lowered {tool.the}, and {animal.the} crept into it")},
        variants("{hero.name} slid down, took {animal.the} in {hero.his} arms and climbed out again",
                 "{hero.name} threw in stones and branches until {animal.the} could climb out"),
        True,
    ),
    Plight(
        (0.5, 3),
        variants("{animal} was stuck in deep mud {spot}", "{spot} {animal} had sunk into the mud"),
        {"rope": variants("{hero.name} put {tool.the} around {animal.the} and pulled hard",
                          "{hero.name} tied {tool.the} to a tree, put a loop around {animal.the} and pulled"),
         "plank": variants("{hero.name} pushed {tool.the} under {animal.the} and lifted",
                           "lying on {tool.the}, {hero.name} dug {animal.the} out with both hands")},
        variants("{hero.name} dug the mud away with both hands",
                 "{hero.name} threw branches into the mud until {animal.the} could stand on them"),
        True,
    ),
    Plight(
        (0.2, 2),
        variants("a heavy branch had fallen on {animal} {spot}", "{spot} {animal} lay under a fallen branch"),
        {"saw": variants("{hero.name} sawed through the branch with {tool.the}",
                         "it took {tool.the} and {=plot_hours} to cut the branch in two"),
         "crowbar": variants("{hero.name} lifted the branch with {tool.the}",
                             "{hero.name} pushed {tool.the} under the branch and raised it a little")},
        variants("{hero.name} lifted the branch with all {hero.his} strength",
                 "{hero.name} rolled the branch aside, little by little"),
    ),
    Plight(
        (0, 0.3),
        variants("{animal} had fallen into a bucket {spot} and could not climb out",
                 "{spot} {animal} sat in an old pot, too deep to climb out of"),
        {},
        variants("{hero.name} tipped it over gently", "{hero.name} laid it on its side and stepped back"),
        True,
    ),
]  # fmt: skip
_PLIGHTS_OF = {name: Categorical([p for p in _PLIGHTS if p.sizes[0] <= rest[3] <= p.sizes[1]
                                   and not (name in _FLIERS and p.grounded)])
               for name, rest in W.SPECIES.items()}  # fmt: skip
_RESCUE_TOOLS = {id(p): zipf(list(p.freed), 0.5) for p in _PLIGHTS if p.freed}
_SLOW = {"hedgehog", "toad", "viper", "dormouse", "swan"}
_HARMLESS = {"toad", "dormouse", "bat", "quail", "kingfisher", "pheasant", "viper", "moose", "bison", "deer", "ibex",
             "hare"}  # fmt: skip
_BEAKS = _FLIERS | {"swan"}
_WENT_HOME = {
    "water": variants("{animal.the} went back to the water", "{animal.the} looked round once and hurried to the water"),
    "wood": variants("{animal.the} vanished among the trees", "{animal.the} ran back into the wood"),
    "rock": variants("{animal.the} climbed back into the rocks", "{animal.the} was soon out of sight among the rocks"),
    "grass": variants("{animal.the} disappeared into the grass", "{animal.the} ran away across the grass"),
}
_FLEW_HOME = {
    "water": variants(
        "{animal.the} spread its wings and flew away over the water",
        "{animal.the} flew one circle above {hero.him} and then off across the water",
    ),
    "wood": variants(
        "{animal.the} spread its wings and flew up into the trees", "{animal.the} flew away between the trees"
    ),
    "rock": variants("{animal.the} spread its wings and rose above the rocks", "{animal.the} flew up to the rocks"),
    "grass": variants(
        "{animal.the} spread its wings and flew away over the grass", "{animal.the} rose from the grass and was gone"
    ),
}
_CREPT_HOME = {
    "water": variants("{animal.the} slid into the water", "{animal.the} made for the water and was gone"),
    "wood": variants("{animal.the} crept away under the trees", "{animal.the} hid among the roots"),
    "rock": variants("{animal.the} slipped into a gap between the rocks", "{animal.the} crept away between the stones"),
    "grass": variants("{animal.the} crept away through the grass", "{animal.the} was gone in the grass"),
}


def rescue(s: Story) -> End:
    """An animal is stuck; the hero frees it with something, or cannot."""
    ground = s.reserve.ground[s.place.name]
    animal = s.animal() if s.theme.name != "winter" else s.waking_animal()
    plight = s.w.pick(_PLIGHTS_OF[animal.species])
    noun = s.w.pick(_RESCUE_TOOLS[id(plight)]) if plight.freed and s.w.flip(0.7) else ""
    early, tool = noun and s.w.flip(0.5), None
    if early:
        tool = a_tool(s, noun)
        s.t(_CARRIED_TOOL, tool=tool)
        give_to(tool, s.hero)
    else:
        s.t(_CAME_BY)
    if s.w.flip(0.5):
        s.scene()
    s.t(_HEARD_CALL)
    s.t(plight.met, animal=animal, spot=s.spot(outside=True))
    if s.w.flip(0.6):
        s.t(_ANIMAL_SCARED)
    if noun and not early:
        friend = s.ranger()
        has = s.w.flip(0.75)
        tool = a_tool(s, noun) if has else None
        s.t(_RESCUE_ASKED if has else _RESCUE_REFUSED, helper=friend, tool=tool, need=f"{article(noun)} {noun}")
        if not has:
            if s.w.flip(0.5):
                s.t(_RESCUE_FAILED)
                return End(False, matters=False, moods=TIRED)
        elif tool:
            give_to(tool, s.hero)
    if tool:
        s.t(plight.freed[tool.noun])
    else:
        s.t(plight.hands)
    if animal.species not in _HARMLESS and s.w.flip(0.25):
        s.t(_PECKED if animal.species in _BEAKS else _BIT)
        s.t(_STILL_FREE)
        sore = True
    else:
        s.t(_SET_FREE)
        sore = False
    home = _FLEW_HOME if animal.species in _FLIERS else _CREPT_HOME if animal.species in _SLOW else _WENT_HOME
    s.t(home[ground])
    if s.w.flip(0.5):
        s.scene()
    return End(True, matters=False, moods=("tired",) if sore else ("glad", "proud"))


_CARRIED_TOOL = variants(
    "{hero} had {tool} with {hero.him!} that day",
    "{hero} was on {hero.his} round, {tool} under {hero.his} arm",
    "{hero} was just bringing {tool} back to the hut",
)
_CAME_BY = variants(
    "{hero} had come to {=chore}",
    "{hero} was on {hero.his} round",
    "{hero} was taking a walk there",
)
_HEARD_CALL = variants(
    "{hero} heard a strange noise and went to see what it was",
    "suddenly {hero} heard {=plot_sound}",
    "{=sound}, and {hero} looked round",
    "something moved a little way off, and {hero.name} came nearer",
    "not far away, {hero} noticed something",
)
_ANIMAL_SCARED = variants(
    "{animal.the} was too tired to move",
    "{animal.the} struggled, but it only got worse",
    "{animal.the} was trembling all over",
    "{animal.the} made no sound and hardly moved when {hero.name} came near",
    "{animal.the} looked at {hero.name} and did not make a sound",
)
_RESCUE_ASKED = variants(
    "{hero.name} ran to {helper.him} and borrowed {tool}",
    '"Quick, I need {need}!" {hero.name} called, and {helper} brought {tool}',
)
_RESCUE_REFUSED = variants(
    "{hero.name} ran to {helper.him} for {need}, but {helper.name} had none",
    '"Have you got {need}?" {hero.name} asked {helper.him}, but {helper.name} shook {helper.his} head',
)
_RESCUE_FAILED = variants(
    "{=evening}, and {hero.name} had to leave {animal.the} there until the others came",
    "so {hero.name} could not help {animal.the} before dark and had to wait for the others to come",
    "without it nothing could be done, and {hero.name} had to leave {animal.the} there until the morning",
)
_BIT = variants(
    "{animal.the} was so frightened that it bit {hero.name} in the hand",
    "instead of thanks, {animal.the} bit {hero.name} in the thumb",
)
_PECKED = variants(
    "{animal.the} was so frightened that it pecked {hero.name} in the hand",
    "instead of thanks, {animal.the} pecked at {hero.his} fingers",
)
_STILL_FREE = variants("it hurt, but {animal.the} was free", "{hero.name} cried out, but did not give up")
_SET_FREE = variants(
    "at last {animal.the} was free",
    "{animal.the} shook itself and was free",
    "soon {animal.the} could move again",
)
