"""Plots: what happens in a story. Each is a function that changes the story's state and says so, step by step.

    story.t(sentence, **slots)   says one of several sentences; {hero}, {other}, {x}, {place}, {spot}, ... are slots
    story.scene()                something of the theme happens around the hero
    story.w.flip(p)              a choice that the text shows

Rules: every choice shows in the text; whoever does something knows what it takes; {x} is introduced before it is "it".
{place} is where the theme's occasion is, {to} another place.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from glassbook.data.world import lexicon as L
from glassbook.data.world import words as W
from glassbook.data.world.grammar import article, past, plural
from glassbook.data.world.reserve import Ranger, Reserve, Species
from glassbook.data.world.story import Story
from glassbook.data.world.tables import LEXICON, TABLES, variants
from glassbook.data.world.telling import Animal, Person, Place, Said, Spot, Template, Thing
from glassbook.data.world.themes import THEMES
from glassbook.data.world.writer import Categorical, TextWriter, zipf


class End(NamedTuple):
    """How a plot ended.

    Attributes:
        happy: whether the hero succeeded.
        matters: whether the theme's occasion went well or badly because of it.
        moods: how the hero may feel about it.
    """

    happy: bool
    matters: bool = True
    moods: tuple[str, ...] = ("glad", "proud")


SAD, ANGRY, TIRED = ("sad",), ("angry",), ("sad", "tired")
KNOWS, KNOWS_NOT = ("knows", "yes"), ("knows", "no")
TRUE, FALSE = ("account", "true"), ("account", "false")
AGREES, CONTRADICTS = ("record", "agrees"), ("record", "contradicts")

TABLES.add("plot_empty", "nothing but dust, nothing but leaves, only a beetle, only a snail, nothing at all, "
           "only a feather, only an old boot, nothing but cobwebs")  # fmt: skip
TABLES.add("plot_why_left", "to get something to eat, to help a child, to speak to a friend, to get some water, "
           "to shut a gate, to see what the noise was")  # fmt: skip
TABLES.add(
    "plot_signs", "footprints, broken twigs, tracks, fresh marks in the mud, trampled leaves, crumbs, bent stalks"
)
TABLES.add("plot_hours", "an hour, two hours, half an hour, a long time, the whole afternoon")
TABLES.add("plot_wait", "an hour, two hours, half an hour, a long time, a good while, twenty minutes")
TABLES.add("plot_sorry", "blushed, looked at the ground, went pale, turned red, began to stammer")
TABLES.add("plot_sound", "a rustle, a splash of mud, a snort, a twig snapping, soft footsteps, a scratching noise, "
           "a faint squeak, something breathing")  # fmt: skip
TABLES.add("plot_kept_warm", "drank hot tea, pulled the blanket tighter, blew on cold fingers, sat very still, "
           "hardly dared to breathe, hummed a tune very softly")  # fmt: skip
TABLES.add("plot_slowly", "slowly, carefully, step by step, without a stop, bravely, as fast as possible")


def _is_at(x: Thing, spot: Spot) -> None:
    x.holder, x.spot = None, spot


def _has(x: Thing, who: Person | Animal) -> None:
    x.holder, x.spot = who, None


# Finding again. Several plots end in {other} getting {x}, or in the hero's search.

_HANDED_OVER = variants(
    "{hero.name} gave {x} to {other.him}",
    "{hero.name} brought {x} to {other.him}, who was very grateful",
    "{other} got {x} and {=thanked} {hero.name}",
    '"Here it is," said {hero.name} and handed {x} to {other.him}',
    "{hero.name} put {x} into {other.his} hands",
)
_DARK = variants(
    "{=evening}, and {hero} had to give up",
    "in the end {hero} had no time left and gave up the search",
    "{hero} searched for {=plot_hours} and then gave up",
    "{=sadly}, {hero} did not know where else to look",
)
_TOLD_OTHER = variants(
    "{hero} had to tell {other.him} that {x.the} was gone",
    '"I am sorry," said {hero.name} to {other.him}. "I could not find {x.the}."',
    "{other} waited for {x.the} in vain",
    "{hero} came back to {other.him} with empty hands",
)


# --- lost and found -----------------------------------------------------------------------------------------------


def lost_and_found(s: Story) -> End:
    """Something gets lost where the hero was; somebody saw it, or nobody did."""
    x, other = s.thing(), s.stranger()
    s.t.slots.update(x=x, other=other)
    s.t(_ASKED_TO_BRING)
    _has(x, s.hero)
    s.t(s.of_theme("needs"))
    if s.w.flip(0.4):
        s.scene()
    if s.w.flip(0.4):
        s.t(_DEEDS[x.kind])
    spot = s.spot()
    s.t(s.of_theme("losses"), KNOWS_NOT, spot=spot)
    _is_at(x, spot)
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
            s.t(_WITNESS_REPORTS, KNOWS, ("speaker", witness.name), witness=witness, told=s.reported(_FACT, 0.5))
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
            s.t(_DARK)
            s.t(_TOLD_OTHER)
            return End(False, moods=SAD)
    _has(x, s.hero)
    if s.w.flip(0.3):
        s.scene()
    s.t(_HANDED_OVER)
    _has(x, other)
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
    "it took {hero} {=plot_hours} to notice that {x.the} was gone",
)
_NOTICED_AWAY = variants(
    "{hero} {=walked} to {to} to {=chore}, and only there did {hero.he} notice that {x.the} was gone",
    "{hero} had to go to {to} to {=chore}, and there {hero.he} missed {x.the}",
)
_FACT = variants(
    "{x.the} was {spot}",
    "{x.the} lay {spot}",
    "{x.the} could be found {spot}",
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

# Deeds that leave the thing as it is and where it is.
_SPOILING = ("eat", "taste", "share", "wear", "sell", "bake", "cook", "plant", "burn", "give", "hide", "carry", "put",
             "borrow", "lend", "throw", "drop", "bite", "drink", "peel", "slice", "chop", "cut", "tear", "post",
             "send", "lose", "bury", "steal", "deliver", "swallow", "nibble", "pick", "repair", "mend", "write",
             "sew", "knit", "stitch", "report", "nibble", "sip", "pour", "take",
             "offer", "empty", "fill", "pack", "plan", "sample", "talk", "frown", "invent", "pretend", "sprinkle",
             "long", "label", "translate")  # fmt: skip


def _harmless_deeds(kind: str) -> list[str]:
    deeds = [deed for deed in L.DEEDS[kind]
             if "{other" not in deed and deed.split()[0] not in _SPOILING]  # fmt: skip
    return deeds or ["look after {x}"]


def _told(deed: str, sentence: str) -> str:
    verb, _, rest = deed.partition(" ")
    return sentence.replace("DEED", f"{past(verb)} {rest}".replace("{x}", "{x.the}"))


def _deed_table(sentence: str) -> dict[str, Categorical[Template]]:
    return {kind: zipf([TABLES.template(_told(deed, sentence)) for deed in _harmless_deeds(kind)], 0.5)
            for kind in L.DEEDS}  # fmt: skip


_DEEDS = _deed_table("first {hero} DEED")
_GIFT_DEEDS = _deed_table("{hero} DEED and smiled")


# --- hidden -------------------------------------------------------------------------------------------------------


def hidden(s: Story) -> End:
    """One ranger hides something and another moves it; who did not see that looks at the wrong spot first."""
    x, other, friend = s.thing(), s.stranger(), s.ranger()
    hides, moves = (s.hero, friend) if s.w.flip(0.6) else (friend, s.hero)
    s.t.slots.update(x=x, other=other, friend=friend, a=hides, b=moves)
    s.t(_KEPT)
    _has(x, s.hero)
    if s.w.flip(0.5):
        s.t(s.of_theme("needs"))
    first = s.spot()
    s.t(_HID, KNOWS, spot=first)
    _is_at(x, first)
    x.past = ("had hidden", hides)
    if s.w.flip(0.4):
        s.scene()
    moved = s.w.flip(0.75)
    if moved:
        watched = s.w.flip(0.4)
        s.t(_WATCHED if watched else _WENT_AWAY, to=s.other_place())
        second = s.spot()
        s.t(_MOVED, KNOWS, second=second)
        _is_at(x, second)
        x.past = ("had moved", moves)
        s.t(_SAW_IT if watched else _SAW_NOTHING, KNOWS if watched else KNOWS_NOT)
    else:
        watched, second = True, first
        s.t(_NOBODY_TOUCHED, second=second)
    if s.w.flip(0.5):
        s.scene()
    s.t(_WANTED)
    if watched:
        s.t(_STRAIGHT, KNOWS)
        _has(x, hides)
    else:
        if s.w.flip(0.5):
            if s.w.flip(0.6):
                s.t(_BELIEVED, KNOWS_NOT, told=s.reported(_FACT, 0.15))
            else:
                s.t(_ASKED_WHERE, KNOWS_NOT)
        s.t(_LOOKED_FIRST, KNOWS_NOT)
        how = s.w.pick(_LEARNT)
        if how == "told":
            s.t(_MOVER_TOLD, KNOWS)
        elif how == "witness":
            s.t(_OTHERS_TOLD, KNOWS, witness=s.ranger(), told=s.reported(_FACT_SECOND))
        elif how == "search":
            s.t(_SEARCHED_ON, third=s.spot())
            s.t(_FOUND_AT_LAST, KNOWS)
        else:
            s.t(_MOVER_GONE, KNOWS_NOT)
            s.t(_TOLD_IN_VAIN)
            return End(False, moods=SAD if hides is s.hero else ("sad",))
        if how != "search":
            s.t(_FOUND_SECOND, KNOWS)
        _has(x, hides)
    s.t(_HANDED_OVER_A)
    _has(x, other)
    return End(True)


_LEARNT = Categorical(["told", "witness", "search", "not"], [2, 1.5, 1.5, 1.2])
_KEPT = variants(
    "{other} had asked {hero.him} and {friend} to look after {x}",
    "{hero} and {friend} were guarding {x} for {other.him}",
    "{hero} was looking after {x} for {other.him}, and {friend} kept {hero.him} company",
    "{other} gave {hero.him} {x} to look after, and {friend} stood beside {hero.him}",
)
_HID = variants(
    "{a.name} hid {x.the} {spot}, so that nobody could steal it",
    "so that nothing could happen to it, {a.name} put {x.the} {spot}",
    '"It will be safe here," said {a.name} and hid {x.the} {spot}',
    "{a.name} did not want to carry {x.the} about all day and put it {spot}",
)
_WENT_AWAY = variants(
    "then {a.name} {=walked} to {to} to {=chore}",
    "{a.name} left for {to} to {=chore}",
    "after that, {a.name} had to go to {to} to {=chore}",
)
_WATCHED = variants(
    "{a.name} wanted to go to {to}, but turned round once more",
    "on the way to {to}, {a.name} stopped and looked back",
    "{a.name} meant to leave for {to}, but sat down nearby first",
)
_MOVED = variants(
    "{b.name} took {x.the} out and put it {second} instead",
    "{b.name} thought of a better place and moved {x.the}: now it was {second}",
    "because anyone could see it there, {b.name} took {x.the} and hid it {second}",
    "to play a trick, {b.name} hid {x.the} {second}",
)
_SAW_IT = variants(
    "{a.name} saw that and said nothing",
    "{a.name} had seen it all",
    "{a.name} watched {b.him} do it",
    '"I saw that," {a.name} called to {b.him}',
)
_SAW_NOTHING = variants(
    "{a.name} was far away and saw nothing of that",
    "{a.name} knew nothing about that",
    "nobody told {a.name}",
    "{a.name} was not there to see it",
)
_NOBODY_TOUCHED = variants(
    "nobody else touched it, and it stayed {second}",
    "all day it lay {second}, and nobody came near it",
    "{b.name} kept away from it, so it was still {second}",
)
_WANTED = variants(
    "then {other} came and asked {a.him} for {x.the}",
    'in the end {other} needed it. "Where is {x.the}?" asked {other.name}',
    "soon it was time to give {other} {x.the}, and {a.name} set out to get it",
    "when {other} wanted {x.the} back, {a.name} went to get it",
)
_STRAIGHT = variants(
    "{a.name} went straight to it and took {x.the} out: it was {second}, of course",
    "{a.name} knew that {x.the} was {second} and found it at once",
    "{a.name} did not have to search and got {x.the}, which was {second}",
)
_BELIEVED = variants(
    "{a.name} still thought that {told}",
    "{a.name} was sure that {told}",
)
_ASKED_WHERE = variants(
    'somebody asked, "Where will you look?" {a.name} answered, "{spot}, where I put it."',
    '"I know where {x.the} is: {spot}," said {a.name}',
)
_LOOKED_FIRST = variants(
    "{a.name} looked {spot}, but there was {=plot_empty}",
    "so {a.name} searched {spot}, where it was no longer, and was surprised",
    "{a.name} went to look {spot} and found {=plot_empty}",
)
_MOVER_TOLD = variants(
    '"I moved it," said {b.name}. "It is {second}."',
    "{b.name} laughed and said that {x.the} was {second}",
    "now {b.name} told {a.him} that {x.the} was {second}",
)
_FACT_SECOND = variants("{x.the} was {second}", "{x.the} lay {second}", "{b.name} had put {x.the} {second}")
_OTHERS_TOLD = variants(
    "{witness} told {a.him} that {told}",
    "{a.name} asked {witness.him}, who said that {told}",
)
_SEARCHED_ON = variants(
    "{a.name} searched {third} as well, but it was not there either",
    "next {a.name} looked {third}, again in vain",
)
_FOUND_SECOND = variants(
    "{a.name} looked {second} and found {x.the}",
    "and there it was, {second}",
    "so {a.name} looked {second} and was glad to see {x.the}",
)
_FOUND_AT_LAST = variants(
    "{a.name} went on searching and at last found {x.the} {second}",
    "{second}, {a.name} found {x.the} at last",
    "only then did {a.name} think of looking {second}, and there it was",
)
_MOVER_GONE = variants(
    "{b.name}, who knew where it was, had gone home",
    "{a.name} called for {b.him}, but {b.name} was no longer there",
)
_TOLD_IN_VAIN = variants(
    "so {other} did not get {x.the} in time",
    "{a.name} had to tell {other} that {x.the} was gone",
    "{other} could not wait any longer and left without {x.the}",
)
_HANDED_OVER_A = variants(
    "{a.name} gave {x.the} to {other.him}",
    "{other} got {x.the} from {a.him} in time",
    '"Here it is," said {a.name} and handed {other.him} {x.the}',
    "{other} got {x.the} and {=thanked} {a.name}",
)


# --- thief --------------------------------------------------------------------------------------------------------

# Who would carry off what: animals by ground and kind of thing.
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


def thief(s: Story) -> End:
    """Something is carried off; a witness tells where to, by his honesty truly or not, and it turns out which."""
    x, other = s.thing(), s.stranger()
    witness = s.ranger()
    honest = s.taken[-1].honesty
    s.t.slots.update(x=x, other=other, witness=witness)
    s.t(_LENT)
    _has(x, s.hero)
    if s.w.flip(0.6):
        s.t(s.of_theme("needs"))
    if s.w.flip(0.5):
        s.scene()
    spot = s.spot()
    s.t(_LAID_DOWN, spot=spot)
    _is_at(x, spot)
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
    _has(x, robber)
    x.past = None
    s.t(_ONLY_WITNESS, ("knows", "yes"))
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
        s.t(_TOLD_OTHER)
        return End(False, moods=("sad", "angry") if truth else ANGRY)
    s.t(_TOOK_BACK_ANIMAL if isinstance(robber, Animal) else _TOOK_BACK)
    _has(x, s.hero)
    if s.w.flip(0.3):
        s.scene()
    s.t(_HANDED_OVER)
    _has(x, other)
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


# --- errand -------------------------------------------------------------------------------------------------------


class Obstacle(NamedTuple):
    """Something in the way.

    Attributes:
        met: it stops {hero} on the way.
        solved: how each tool helps past it; {tool} is that tool.
    """

    met: Categorical[Template]
    solved: dict[str, Categorical[Template]]


_OBSTACLES = Categorical(
    [
        Obstacle(
            variants("on the way back a fallen tree lay across the path",
                     "halfway back, the storm-felled trunk of a tree blocked the way",
                     "on the way back {hero} came to a great oak that had fallen across the path"),
            {"saw": variants("with {tool.the} {hero.he} cut a way through the branches",
                             "{hero} took {tool.the} and sawed off one branch after the other"),
             "axe": variants("{hero} swung {tool.the} until the way was clear",
                             "with {tool.the} {hero.he} chopped a gap that was wide enough")},
        ),
        Obstacle(
            variants("on the way back the stream was swollen, and the stepping stones were under water",
                     "after much rain in the hills, the stream on the way back ran high and fast",
                     "on the way back {hero} came to a stream whose bridge had been washed away"),
            {"rope": variants("{hero} tied {tool.the} to a tree and held on to it in the water",
                              "holding on to {tool.the}, {hero.he} waded across {=plot_slowly}"),
             "plank": variants("{hero} laid {tool.the} across and walked over {=plot_slowly}",
                               "{tool.the} made a good bridge")},
        ),
        Obstacle(
            variants("on the way back it grew so dark that {hero} could not see the path",
                     "night fell on the way back, and {hero} could hardly see a hand before {hero.his} eyes"),
            {"lamp": variants("{hero} lit {tool.the} and went on {=plot_slowly}",
                              "by the light of {tool.the}, {hero.he} found the path again"),
             "torch": variants("{hero} switched {tool.the} on and went on {=plot_slowly}",
                               "{tool.the} showed {hero.him} every root and stone")},
        ),
        Obstacle(
            variants("on the way back the gate was locked, and the wall beside it was high",
                     "on the way back {hero} stood before a high wall whose gate had been locked"),
            {"ladder": variants("{hero} leaned {tool.the} against the wall and climbed over",
                                "with {tool.the} it was easy to climb over"),
             "rope": variants("{hero} threw {tool.the} over a post and climbed over the wall",
                              "{hero.he} made a loop in {tool.the}, threw it over a post and got across")},
        ),
        Obstacle(
            variants("a landslide of mud and stones had buried the path back",
                     "on the way back the path was deep under mud and stones"),
            {"spade": variants("{hero} took {tool.the} and dug for {=plot_hours} until the path was free",
                               "with {tool.the} {hero.he} shovelled the mud aside"),
             "shovel": variants("{hero} used {tool.the} for {=plot_hours} until there was a path again",
                                "with {tool.the} {hero.he} cleared a narrow path")},
        ),
        Obstacle(
            variants("the way back led up a steep bank, wet and slippery with mud",
                     "on the way back {hero} had to get up a slope that was too steep to walk"),
            {"rope": variants("{hero} threw {tool.the} around a trunk at the top and climbed up {=plot_slowly}",
                              "with the help of {tool.the}, {hero.he} pulled {hero.himself} up"),
             "pickaxe": variants("{hero} took {tool.the} and cut steps into the slope",
                                 "with {tool.the} {hero.he} hacked out one step after the other")},
        ),
    ],
    [3, 3, 2.5, 2, 2, 2],
)  # fmt: skip
_TOOLS = zipf("rope,lamp,spade,saw,axe,ladder,plank,shovel,torch,pickaxe".split(","), 0.4)
_TOOL_ADJECTIVES = zipf("good,old,long,heavy,useful,rusty,sturdy,new".split(","), 0.5)


def _tool(s: Story, noun: str) -> Thing:
    return Thing(noun, s.w.pick(_TOOL_ADJECTIVES) if s.w.flip(0.4) else "", "tool")


def errand(s: Story) -> End:
    """Something must be fetched, and the way back is hard; the tool that helps was met before, or is missing."""
    x, other = s.thing(), s.stranger()
    to = s.other_place()
    s.t.slots.update(x=x, other=other, to=to)
    s.t(_SENT)
    if s.w.flip(0.6):
        s.t(s.of_theme("needs"))
    if s.w.flip(0.5):
        s.scene()
    same = x.noun.split()[-1]
    same = _ALIKE.get(same, same)
    hard = s.w.pick_other(_OBSTACLES, _SAME_TOOL[same]) if same in _SAME_TOOL else s.w.pick(_OBSTACLES)
    tool = None
    if s.w.flip(0.65):
        right = s.w.flip(0.7)
        noun = s.w.pick_other(_TOOLS, _WRONG[id(hard)] if right else (*hard.solved, same))
        tool = _tool(s, noun)
        lent = s.w.flip(0.5)
        if lent:
            s.t.slots["helper"] = s.ranger()
        s.t(_TOOL_LENT if lent else _TOOL_TAKEN, tool=tool)
        _has(tool, s.hero)
    else:
        lent = False
        s.t(_LEFT_AT_ONCE)
    s.place = to
    s.t(_GOT_THERE)
    _has(x, s.hero)
    if s.w.flip(0.3):
        s.t(_DEEDS[x.kind])
    s.t(hard.met)
    if tool and tool.noun in hard.solved:
        s.t(hard.solved[tool.noun])
    else:
        if tool:
            s.t(_TOOL_NO_USE)
        noun = s.w.pick_other(_TOOLS, _WRONG[id(hard)])
        s.t(_TOOL_MISSING, need=f"{article(noun)} {noun}")
        if s.w.flip(0.55):
            s.t(_GAVE_UP_WAY)
            s.t(_TOO_LATE)
            return End(False, moods=SAD)
        lent, tool = True, _tool(s, noun)
        s.t(_CAME_WITH, helper=s.ranger(), tool=tool)
        s.t(hard.solved[noun])
    s.place = s.t.slots["place"]
    if s.w.flip(0.4):
        s.scene()
    s.t(_HANDED_OVER)
    _has(x, other)
    if lent and tool and s.w.flip(0.4):
        s.t(_TOOL_BACK)
        _has(tool, s.t.slots["helper"])
    return End(True)


_SAME_TOOL = {noun: [o for o in _OBSTACLES.items if noun in o.solved] for noun in _TOOLS.items}
_WRONG = {id(o): tuple(tool for tool in _TOOLS.items if tool not in o.solved) for o in _OBSTACLES.items}
_ALIKE = {"lantern": "lamp", "candle": "lamp", "lighter": "lamp", "hatchet": "axe", "stepladder": "ladder",
          "cord": "rope", "board": "plank"}  # fmt: skip
_SENT = variants(
    "{other} asked {hero.him} to fetch {x} from {to}",
    "{other} had left {x} at {to}, and {hero} was to fetch it",
    '"Please fetch me {x} from {to}," said {other.name} to {hero.him}',
    "{hero} offered to fetch {x} from {to} for {other.him}",
)
_TOOL_LENT = variants(
    "{helper} lent {hero.him} {tool} for the way",
    '"You may need this," said {helper.name} and gave {hero.him} {tool}',
    "{hero} borrowed {tool} from {helper.him} before {hero.he} left",
)
_TOOL_TAKEN = variants(
    "{hero} took {tool} along, for one never knows",
    "{hero} set out with {tool}",
    "{hero} packed {tool} before {hero.he} left",
)
_LEFT_AT_ONCE = variants(
    "{hero} set out at once and took nothing along",
    "{hero} left without any tools",
    "{hero} was in such a hurry that {hero.he} set out with empty hands",
)
_GOT_THERE = variants(
    "at {to} {hero} found {x.the} and turned back",
    "{hero} {=hurried} {=along}, came to {to} and picked up {x.the} there",
    "{hero} passed {=passed}, came to {to} and found {x.the} there",
    "{hero} came to {to} without any trouble and got {x.the}",
)
_TOOL_NO_USE = variants(
    "{tool.the} was of no use here",
    "{hero} looked at {tool.the}, but it could not help",
    "what could one do here with {tool.the}?",
)
_TOOL_MISSING = variants(
    "{hero} would have needed {need}, but had none",
    "if only {hero.name} had brought {need}!",
    '"I need {need}," thought {hero.name}',
)
_GAVE_UP_WAY = variants(
    "without one, {hero.name} had to take the long way round",
    "{hero.name} waited for help, but nobody came for {=plot_hours}",
    "{hero.name} tried it without one and failed three times",
)
_TOO_LATE = variants(
    "when {hero.name} came to {other.him} at last, it was too late",
    "so {other} did not get {x.the} in time",
    "{other} waited for {x.the} in vain",
)
_CAME_WITH = variants(
    "{=luck}, {helper} came along with {tool} and lent it to {hero.him}",
    '{helper} heard {hero.him} calling and came running. "Take this," {helper.he} said and gave {hero.him} {tool}',
    "{helper} was working nearby and had {tool}, which {hero.name} was allowed to use",
)
_TOOL_BACK = variants(
    "{helper.name} got {tool.the} back the same day",
    "afterwards {hero.name} brought {tool.the} back to {helper.him}",
)


# --- rescue -------------------------------------------------------------------------------------------------------


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
                 "{hero.name} bit through the strings of the net"),
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
        tool = _tool(s, noun)
        s.t(_CARRIED_TOOL, tool=tool)
        _has(tool, s.hero)
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
        tool = _tool(s, noun) if has else None
        s.t(_RESCUE_ASKED if has else _RESCUE_REFUSED, helper=friend, tool=tool, need=f"{article(noun)} {noun}")
        if not has:
            if s.w.flip(0.5):
                s.t(_RESCUE_FAILED)
                return End(False, matters=False, moods=TIRED)
        elif tool:
            _has(tool, s.hero)
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


# --- repair -------------------------------------------------------------------------------------------------------


class Damage(NamedTuple):
    """Something that breaks.

    Attributes:
        broke: how.
        mended: how each tool helps.
    """

    broke: Categorical[Template]
    mended: dict[str, Categorical[Template]]


_DAMAGES = Categorical(
    [
        Damage(
            variants("suddenly a plank of the footbridge broke under {other.name}",
                     "a board of the footbridge had come loose, and {other.name} nearly fell through"),
            {"hammer": variants("{hero.name} nailed a new board to the bridge with {tool.the}",
                                "{hero.name} swung {tool.the} until the board held"),
             "saw": variants("{hero.name} sawed a new plank with {tool.the} and fitted it in",
                             "with {tool.the}, {hero.name} cut a board of the right length")},
        ),
        Damage(
            variants("a wheel came off {other.name}'s cart", "suddenly the cart of {other.name} lost a wheel"),
            {"hammer": variants("{hero.name} drove the wheel back on with {tool.the}",
                                "three blows of {tool.the}, and the wheel sat firmly"),
             "spanner": variants("{hero.name} screwed the wheel on again with {tool.the}",
                                 "{hero.name} tightened every nut with {tool.the}")},
        ),
        Damage(
            variants("a post of the fence fell over, and nobody could pass",
                     "the wind had blown the fence down, and it lay across the path"),
            {"spade": variants("{hero.name} dug a deep hole with {tool.the} and put the post in",
                               "with {tool.the}, {hero.name} set the fence up again"),
             "rope": variants("{hero.name} tied the fence to a tree with {tool.the}",
                              "{hero.name} pulled the fence up with {tool.the} and made it fast")},
        ),
        Damage(
            variants("the door of the hut was stuck, with {other.name} inside",
                     "the hut had sunk a little, and {other.name} could not open the door"),
            {"crowbar": variants("{hero.name} pushed {tool.the} into the gap, and the door sprang open",
                                 "{hero.name} lifted the door with {tool.the}"),
             "plane": variants("{hero.name} planed the edge with {tool.the} until the door moved",
                               "with {tool.the}, {hero.name} took a little wood off the door")},
        ),
        Damage(
            variants("a leg of the long table broke, just as {other.name} sat down",
                     "the bench broke as soon as {other.name} had sat down on it"),
            {"hammer": variants("{hero.name} nailed a new leg on with {tool.the}",
                                "{hero.name} put in four nails with {tool.the}"),
             "saw": variants("{hero.name} cut a new leg out of a branch with {tool.the}",
                             "with {tool.the}, {hero.name} made all legs equally short")},
        ),
        Damage(
            variants("the roof of the shelter began to leak, and {other.name} got wet",
                     "a gust had torn a shingle from the shelter where {other.name} sat"),
            {"ladder": variants("{hero.name} climbed up {tool.the} and closed the hole",
                                "{hero.name} leaned {tool.the} against the wall and laid a new shingle"),
             "hammer": variants("{hero.name} nailed a shingle over the hole with {tool.the}",
                                "{hero.name} went up with {tool.the} and a mouth full of nails")},
        ),
    ]
)  # fmt: skip
_MENDERS = {id(d): zipf(list(d.mended), 0.5) for d in _DAMAGES.items}
TABLES.add("plot_broken_with", "bare hands, a stone, a piece of string, a bent nail, a stick")


def repair(s: Story) -> End:
    """A thing breaks; the hero borrows a tool from somebody who has it, mends the thing and brings the tool back."""
    other = s.stranger()
    s.t(_CAME_ALONG, other=other)
    if s.w.flip(0.6):
        s.scene()
    damage = s.w.pick(_DAMAGES)
    s.t(damage.broke)
    noun = s.w.pick(_MENDERS[id(damage)])
    s.t(_TRIED, need=f"{article(noun)} {noun}")
    lender, again = s.ranger(), 0.5
    s.t(_ASKED_FOR_TOOL, helper=lender)
    while s.w.flip(again):
        if s.w.flip(0.3):
            s.t(_HAS_NONE_AT_ALL)
            s.t(_NOT_REPAIRED)
            return End(False, moods=SAD)
        following = s.ranger()
        s.t(_SENT_ON, ("speaker", lender.name), following=following, told=s.reported(_FOLLOWING_HAS, 0.2))
        lender, again = following, again * 0.7
        s.t.slots["helper"] = lender
    tool = _tool(s, noun)
    s.t(_LENT_TOOL, tool=tool)
    _has(tool, s.hero)
    tool.past = ("had lent", lender)
    s.t(damage.mended[tool.noun])
    if s.w.flip(0.6):
        s.t(_THANKED_FOR_REPAIR)
    if s.w.flip(0.3):
        s.scene()
    s.t(_GAVE_TOOL_BACK)
    _has(tool, lender)
    return End(True)


_CAME_ALONG = variants(
    "{hero} was talking to {other.him}",
    "{hero} showed {other.him} around",
    "{hero} and {other} had just met",
    "{other} had asked {hero.him} for help",
)
_TRIED = variants(
    "{hero.name} tried to repair it with {=plot_broken_with}, but without {need} it was no use",
    '"For this I need {need}," said {hero.name}',
    "{hero.name} wanted to repair it at once, but had left {need} at home",
    "anybody with {need} could have mended it, but {hero.name} had none",
)
_ASKED_FOR_TOOL = variants(
    "{hero.name} {=walked} to {helper.him} to borrow one",
    '"Can you lend me yours?" {hero.name} asked {helper.him}',
    "{hero.name} asked {helper.him} for one",
)
_FOLLOWING_HAS = variants("{following} had one", "{following} could lend one to {hero.name}")
_SENT_ON = variants(
    "{helper.name} had none, but said that {told}",
    "{helper.name} shook {helper.his} head, but thought that {told}",
)
_HAS_NONE_AT_ALL = variants(
    "{helper.name} had none either, and nobody else was near",
    '"I lost mine last week," said {helper.name}',
    "{helper.name} had one, but it was broken",
    "{helper.name} needed it {helper.himself} and would not lend it",
)
_NOT_REPAIRED = variants(
    "so it stayed broken, and {other} had to manage without",
    "nothing could be done, and {other} was sorry about it",
)
_LENT_TOOL = variants(
    "{helper.name} lent {hero.him} {tool} gladly",
    '"Here, take mine," said {helper.name} and gave {hero.him} {tool}',
    "{helper.name} had {tool} in the shed, and {hero.name} was allowed to take it",
    "{helper.name} went to get {tool} and gave it to {hero.him}",
)
_THANKED_FOR_REPAIR = variants(
    "{other} clapped {other.his} hands",
    '"Thank you!" said {other.name}',
    "{other} {=thanked} {hero.name}",
    "{other} was astonished how fast it was done",
    "{other} tried it at once, and it held",
)
_GAVE_TOOL_BACK = variants(
    "{hero.name} cleaned {tool.the} and brought it back to {helper.name}",
    "in the evening {helper.name} got {tool.the} back",
    "{hero.name} did not forget to return {tool.the} to {helper.name}",
    '"Thank you for {tool.the}," said {hero.name} when {hero.he} gave it back to {helper.name}',
)


# --- trade --------------------------------------------------------------------------------------------------------


def trade(s: Story) -> End:
    """The hero offers one thing for another, which {other} needs; at most two exchanges."""
    x, other, owner = s.thing(), s.stranger(), s.ranger()
    s.t.slots.update(x=x, other=other, helper=owner)
    s.t(_NEEDS_THING)
    s.t(s.of_theme("needs"))
    if s.w.flip(0.5):
        s.scene()
    s.t(_OWNER_HAS)
    _has(x, owner)
    y = _other_thing(s, x)
    s.t(_HERO_OFFERED, y=y)
    _has(y, s.hero)
    if s.w.flip(0.3):
        s.t(_PRAISED[y.kind])
    if s.w.flip(0.5):
        s.t(_AGREED)
    else:
        z = _other_thing(s, x, y)
        has_one = s.w.flip(0.4)
        s.t(_HAS_ONE if has_one else _WANTS_ELSE, z=z)
        holder = s.ranger()
        s.t(_SAW_Z, witness=holder)
        _has(z, holder)
        if s.w.flip(0.3):
            s.t(_NO_TRADE)
            s.t(_LEFT_WITHOUT)
            return End(False, moods=SAD)
        s.t(_TRADED_Z)
        _has(z, s.hero)
        _has(y, holder)
        if s.w.flip(0.4):
            s.scene()
        s.t(_AGREED_Z)
        _has(z, owner)
        _has(x, s.hero)
        s.t(_HANDED_OVER)
        _has(x, other)
        return End(True)
    _has(y, owner)
    _has(x, s.hero)
    s.t(_HANDED_OVER)
    _has(x, other)
    if s.w.flip(0.4):
        s.t(_EVERYBODY_HAS)
    return End(True)


def _kinds_but(*excluded: str) -> Categorical[str]:
    kinds = {kind: len(nouns.split(",")) for kind, (nouns, _) in L.THINGS.items() if kind not in excluded}
    return Categorical(kinds, kinds.values())


def _other_thing(s: Story, *taken: Thing) -> Thing:
    """A thing of the lexicon whose noun is none of those taken."""
    kind = s.w.pick(_TRADE_KINDS)
    table = LEXICON.things[kind]
    nouns = {thing.noun for thing in taken}
    noun, form, kind = s.w.pick_other(table, [thing for thing in table.items if thing[0] in nouns])
    adjective = s.w.pick(LEXICON.adjectives[kind]) if s.w.flip(0.5) else ""
    return Thing(noun, adjective, kind, form)


_TRADE_KINDS = _kinds_but("weapon", "medicine")
_NEEDS_THING = variants(
    "{other} was looking for {x}, and {hero} promised to help",
    "{other} asked {hero.him} where one could get {x}",
    '{other} asked {hero.him}, "Where can I get {x}?"',
)
_OWNER_HAS = variants(
    "{helper} had what was wanted, as {hero.name} knew",
    "{hero.name} knew that {helper} had just that",
    "{x.the} that {other} needed belonged to {helper.him}",
)
_HERO_OFFERED = variants(
    "{hero.name} offered {helper.him} {y} for {x.the}",
    '"I will give you {y} for {x.the}," {hero.name} said to {helper.him}',
    "{hero.name} asked {helper.him} to swap {x.the} for {y}",
)
_AGREED = variants(
    "{helper.name} agreed at once, for {helper.his} {=kin} would love {y.the}",
    '"Agreed," said {helper.name}, and they shook hands',
    "{helper.name} thought for a moment, then took {y.the} and gave {hero.him} {x.the}",
    "{helper.name} liked {y.the}, and so they exchanged",
)
_HAS_ONE = variants(
    '"I have something like that already," said {helper.name}. "But I would take {z}."',
    "{helper.name} already had more than enough of that, but was looking for {z}",
)
_WANTS_ELSE = variants(
    "{helper.name} did not want {y.the}, but {z}",
    '"No," said {helper.name}. "Bring me {z}, and {x.the} is yours."',
    "{helper.name} had no use for {y.the} and asked for {z} instead",
)
_SAW_Z = variants(
    "{witness} had just that",
    "{hero.name} asked around and found that {witness} had what was wanted",
    "the only one who had such a thing was {witness}",
)
_NO_TRADE = variants(
    "but {witness.name} would not part with {z.the}",
    "but {witness.name} had promised it to {witness.his} {=kin}",
    "{=sadly}, {witness.name} needed it {witness.himself}",
    "but {witness.name} did not like {y.the} either",
)
_LEFT_WITHOUT = variants(
    "so {hero.name} kept {y.the}, and {other} got no {x.noun}",
    "{other} had to leave without {x.the}",
)
_TRADED_Z = variants(
    "{witness.name} gave {hero.name} {z.the} for {y.the}",
    "{hero.name} got {z.the} from {witness.him} and left {y.the} with {witness.him}",
    "{witness.name} was glad to have {y.the} and handed over {z.the}",
)
_AGREED_Z = variants(
    "then {hero.name} brought {z.the} to {helper.name}, who gave {hero.him} {x.the} for it",
    "{helper.name} was pleased with {z.the} and let {hero.him} have {x.the}",
    "{hero.name} {=walked} back to {helper.name} and exchanged {z.the} for {x.the}",
)
_EVERYBODY_HAS = variants(
    "so {helper.name} had {y.the}, {other} had {x.the}, and {hero.name} had two friends",
    "{y.the} stayed with {helper.name}",
)
_PRAISED = {
    "tool": variants('"It is as good as new," said {hero.name}', '"It has never failed me," said {hero.name}'),
    "food": variants('"It tastes wonderful," said {hero.name}', '"There is none better," said {hero.name}'),
    "clothing": variants('"It will keep you warm," said {hero.name}', '"It would suit you," said {hero.name}'),
    "jewel": variants('"See how it shines," said {hero.name}', '"It is very old," said {hero.name}'),
    "plant": variants('"See how green it is," said {hero.name}', '"I grew it myself," said {hero.name}'),
}
_PRAISE = variants('"It is all I have," said {hero.name}', '"I have had it for years," said {hero.name}')
for _kind in L.THINGS:
    _PRAISED.setdefault(_kind, _PRAISE)


# --- gift ---------------------------------------------------------------------------------------------------------


def gift(s: Story) -> End:
    """The hero keeps a surprise for another ranger, who finds out or does not."""
    x, friend = s.thing(s.w.pick(_GIFT_KINDS)), s.ranger()
    spoil = s.w.flip(0.45)
    s.t.slots.update(x=x, helper=friend, to=s.other_place())
    s.t(_GIFT_PLAN)
    _has(x, s.hero)
    if s.w.flip(0.6):
        s.t(_GIFT_DEEDS[x.kind])
    if s.w.flip(0.6):
        s.scene()
    spot = s.spot()
    s.t(_GIFT_HIDDEN, KNOWS, spot=spot)
    _is_at(x, spot)
    x.past = ("had hidden", s.hero)
    asked = s.w.flip(0.5)
    if asked:
        s.t(_GIFT_ASKED)
        s.t(_GIFT_DENIED, FALSE, ("speaker", s.hero.name))
    if s.w.flip(0.4):
        s.scene()
    if spoil:
        chance = s.w.flip(0.5)
        if chance:
            s.t(_GIFT_STUMBLED, KNOWS)
        else:
            witness = s.ranger()
            s.t(_GIFT_TOLD, KNOWS, ("speaker", witness.name), witness=witness, told=s.reported(_GIFT_FACT, 0.2))
        if s.w.flip(0.5):
            s.t(_GIFT_PRETENDED)
            s.t(_GIFT_GIVEN)
            _has(x, friend)
            s.t(_GIFT_PLAYED, KNOWS)
            return End(True, matters=False)
        s.t(_GIFT_SPOILT)
        return End(False, matters=False, moods=SAD)
    s.t(_GIFT_GUESSED_NOT, KNOWS_NOT)
    s.t(_GIFT_GIVEN)
    _has(x, friend)
    s.t(_GIFT_JOY)
    return End(True, matters=False)


_GIFT_KINDS = _kinds_but("weapon", "medicine", "blade", "vegetable", "fruit", "drink", "stationery", "gear")
TABLES.add("plot_occasion", "birthday, name day, farewell, homecoming, first day at work, anniversary", 0.6)
_GIFT_PLAN = variants(
    "{hero} had found {x} at {to} and wanted to give it to {helper.him}",
    "for {helper.name}'s {=plot_occasion}, {hero} had brought {x} from {to}",
    "{hero} had got {x} at {to}, a present for {helper.him}",
    "{hero} wanted to surprise {helper} with {x} from {to}",
)
_GIFT_HIDDEN = variants(
    "{hero} hid {x} {spot} until the evening",
    "nobody was to see it yet, and so {hero.he} hid {x.the} {spot}",
    "{hero} put {x} {spot}, where {helper.name} would not look",
)
_GIFT_ASKED = variants(
    '{helper.name} came along. "What have you got there?" asked {helper.name}',
    '"What are you hiding?" asked {helper.name}',
    "{helper.name} asked {hero.him} what {hero.he} had been doing",
)
_GIFT_DENIED = variants(
    '"Nothing at all," said {hero.name}',
    '"I was only resting," said {hero.name}',
    "{hero.name} said that there was nothing to see",
)
_GIFT_STUMBLED = variants(
    "but {helper.name} happened to look {spot} and found {x.the}",
    "by chance {helper.name} dropped a coin, bent down and saw {x.the} {spot}",
    "{helper.name} went for a walk and came upon {x.the} {spot}",
)
_GIFT_FACT = variants("there was a present {spot}", "{hero.name} had a surprise {spot}")
_GIFT_TOLD = variants(
    "but {witness} could not keep a secret and told {helper.name} that {told}",
    "then {witness} let slip that {told}, and {helper.name} heard it",
)
_GIFT_PRETENDED = variants(
    "{helper.name} put it back and said nothing",
    "{helper.name} did not want to spoil the surprise and kept quiet",
)
_GIFT_GIVEN = variants(
    'in the evening {hero.name} fetched {x.the}. "This is for you," {hero.he} said to {helper.name}',
    "at last {hero.name} gave {x.the} to {helper.name}",
    "when the evening came, {hero.name} put {x.the} into {helper.name}'s hands",
)
_GIFT_PLAYED = variants(
    "{helper.name} acted as if {helper.he} had known nothing about it",
    '"What a surprise!" cried {helper.name}, and only {helper.he} knew that it was none',
)
_GIFT_SPOILT = variants(
    '"Is that for me?" asked {helper.name}, and the surprise was spoilt',
    "{helper.name} asked {hero.him} about it, and so it was no surprise any more",
    "when {hero.name} came to fetch {x.the}, {helper.name} already had it in {helper.his} hands",
)
_GIFT_GUESSED_NOT = variants(
    "{helper.name} suspected nothing",
    "{helper.name} had no idea what was {spot}",
    "{helper.name} thought of other things and never looked {spot}",
)
_GIFT_JOY = variants(
    "{helper.name} hugged {hero.him}",
    "{helper.name} could hardly believe it",
    '"How did you know that I wanted this?" cried {helper.name}',
    "{helper.name} was so surprised that {helper.he} could not speak",
)


# --- night watch --------------------------------------------------------------------------------------------------


def night_watch(s: Story) -> End:
    """The hero watches beside a camera, sees animals or none, and writes it down; somebody else may claim otherwise."""
    place = s.place.name
    species = s.w.pick(s.reserve.at_home[s.reserve.ground[place]])
    time = s.w.pick(s.reserve.hours[species.active])
    s.t(_WATCH_BEGAN, camera=_CAMERAS[s.reserve.camera[place]], time=_TIMES[time], species=_SPECIES[species.name, 0])
    if s.theme.name not in _OWN_WEATHER and s.w.flip(0.6):
        s.t(_WATCH_SKY, weather=_SKIES[s.w.pick(s.reserve.sky["spring"]), time])
    elif s.w.flip(0.5):
        s.scene()
    s.t(_WAITED)
    if s.w.flip(0.25):
        slept = s.w.flip(0.5)
        s.t(_FELL_ASLEEP if slept else _NOTHING_CAME)
        s.t(_WROTE_NOTHING)
        s.t(_NO_RECORD, AGREES)
        return End(False, matters=False, moods=TIRED)
    if s.w.flip(0.6):
        s.t(_HEARD)
    count = s.w.pick(s.reserve.count)
    s.t.slots.update(n=_SPECIES[species.name, count], food=_FOODS[species.name])
    s.t(_CAME_ONE if count == 1 else _CAME_MANY, ("count", _NUMBERS[count]))
    s.t(_ATE_ONE if count == 1 else _ATE_MANY)
    s.t(_WROTE, AGREES)
    if s.w.flip(0.4):
        s.scene()
    if s.w.flip(0.4):
        witness = s.ranger()
        honest = s.w.flip(s.taken[-1].honesty)
        claimed = count if honest else s.w.pick_other(s.reserve.count, (count,))
        s.t(_CLAIMED, TRUE if honest else FALSE, ("speaker", witness.name), witness=witness,
            claimed=_SPECIES[species.name, claimed])  # fmt: skip
        s.t(_CLAIM_HOLDS if honest else _CLAIM_FAILS, AGREES if honest else CONTRADICTS)
    return End(True, matters=False)


_OWN_WEATHER = {"storm", "winter", "fire", "harvest", "voyage"}
_NUMBERS = ["no", *W.NUMBERS]


def _one_way(kind: str, value: str, text: str) -> Said:
    return Said(kind, value, Categorical([text]))


_SPECIES = {
    (name, n): _one_way("species", name, plural(name) if n == 0 else f"{article(name)} {name}" if n == 1
                        else f"{_NUMBERS[n]} {plural(name)}")
    for name in W.SPECIES for n in range(8)
}  # fmt: skip
_FOODS = {name: _one_way("fact", "food", rest[1]) for name, rest in W.SPECIES.items()}
_CAMERAS = {n: f"camera {n}" for n in range(1, 41)}
_TIMES = {time: Said("time", time, zipf(ways)) for time, ways in W.TIMES.items()}
_SKIES = {at: Said("weather", at[0], zipf(ways)) for at, ways in W.WEATHER_AT.items()}
_WATCH_BEGAN = variants(
    "{hero} kept watch beside {camera} {time}, for {species} had been seen at {place}",
    "{time} {hero} sat down near {camera} at {place} and waited for {species}",
    "{hero} was to count the {species} at {place} and sat beside {camera} {time}",
    "it was {hero.name}'s turn to watch {camera} {time} and to look out for {species}",
)
_WATCH_SKY = variants(
    "there was {weather} over {place}",
    "the weather report had promised {weather}, and it was right",
    '"{weather}," {hero.name} noted in the book',
)
_WAITED = variants(
    "{hero} waited for {=plot_wait} and {=plot_kept_warm}",
    "for {=plot_wait} nothing happened, and {hero} {=plot_kept_warm}",
    "{hero} {=plot_kept_warm}",
)
_FELL_ASLEEP = variants(
    "then {hero.name} fell asleep, and if anything came, nobody saw it",
    "{hero.name} closed both eyes for a moment and slept until it was all over",
)
_NOTHING_CAME = variants("nothing came that time", "not a single animal came near the camera", "all stayed quiet")
_WROTE_NOTHING = variants(
    '"No animals seen," {hero.name} wrote in the book',
    "{hero.name} put a nought in the list",
    "on the page {hero.name} wrote only the date",
)
_NO_RECORD = variants(
    "the camera had no picture to show either",
    "when {hero.name} looked at the pictures, they were all empty",
)
_HEARD = variants(
    "then there was {=plot_sound}",
    "{=sound}",
    "suddenly {hero.name} heard {=plot_sound}",
    '"What was that?" thought {hero.name}. There had been {=plot_sound}',
)
_CAME_ONE = variants(
    "{n} came out and stood in front of the camera",
    "there was {n}, quite alone",
    "{hero.name} saw {n} come nearer",
)
_CAME_MANY = variants(
    "{n} came out, one after the other",
    "{n} stood in front of the camera",
    "{hero.name} counted {n}",
)
_ATE_ONE = variants("it was looking for {food}", "it had come for {food} and found some", "it was hungry for {food}")
_ATE_MANY = variants(
    "they were looking for {food}", "they had come for {food} and found some", "they were hungry for {food}"
)
_WROTE = variants(
    '"Seen {time}: {n}," {hero.name} wrote in the book',
    "{hero.name} wrote down what {hero.he} had seen: {n}",
    '{hero.name} took the list and wrote "{n}" on it',
    "the camera clicked, and {hero.name} noted {n}",
)
_CLAIMED = variants(
    '"I saw {claimed} there," said {witness.name} the next day',
    "later {witness} said that {witness.he} had been there too and had seen {claimed}",
)
_CLAIM_HOLDS = variants(
    "that was just what stood in {hero.name}'s book",
    "{hero.name} opened the book, nodded and showed the page",
    "the pictures showed the same",
)
_CLAIM_FAILS = variants(
    "but {hero.name} had written down {n}, and the pictures showed the same",
    '"No," said {hero.name} and showed the page. "There was no more and no less than this: {n}."',
    "{hero.name} looked it up: it had been {n}",
)


# --- meal ---------------------------------------------------------------------------------------------------------


def meal(s: Story) -> End:
    """Two rangers eat together and quarrel; they make up or do not."""
    friend = s.ranger()
    x, y = s.thing("food"), None
    s.t.slots.update(x=x, helper=friend)
    s.t(_BROUGHT)
    _has(x, s.hero)
    if s.w.flip(0.6):
        table = LEXICON.things["food"]
        noun, form, kind = s.w.pick_other(table, [thing for thing in table.items if thing[0] == x.noun])
        y = Thing(noun, s.w.pick(LEXICON.adjectives[kind]) if s.w.flip(0.5) else "", kind, form)
        s.t(_BROUGHT_TOO, y=y)
        _has(y, friend)
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


# --- told facts ---------------------------------------------------------------------------------------------------


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
    s.t.slots.update(animal=Animal(name), food=_FOODS[name])
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
    s.t.slots.update(species=_SPECIES[species.name, 0], one=_SPECIES[species.name, 1],
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
_RELATIONS: Categorical[Callable[[Story], End]] = Categorical([_asks_keeper, _asks_food, _asks_active], [1.5, 1, 1])
_FED = {
    "water": zipf(["otter", "swan", "kingfisher", "beaver", "toad"], 0.4),
    "wood": zipf(["squirrel", "owl", "badger", "dormouse", "bat", "marten"], 0.4),
    "rock": zipf(["marmot", "ibex"], 0.4),
    "grass": zipf(["hedgehog", "hare", "pheasant", "quail"], 0.4),
}
_ACTIVE = {
    "day": _one_way("fact", "active", "by day"),
    "night": _one_way("fact", "active", "by night"),
    "dusk": _one_way("fact", "active", "at dusk and dawn"),
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
_FOOD_FACT = variants("{animal.the} ate {food}", "{animal.the} needed {food}", "{food} were best for {animal.the}")
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


# --- the whole story ----------------------------------------------------------------------------------------------

PLOTS: Categorical[Callable[[Story], End]] = Categorical(
    [lost_and_found, hidden, thief, errand, rescue, repair, trade, gift, night_watch, meal, told_fact],
    [3, 4, 4, 3, 2.5, 2.5, 2.5, 2.5, 2, 2, 2.5],
)
_UNFIT = {"fire": {night_watch, meal, gift, told_fact}, "winter": {night_watch}, "storm": {meal}}


def _fit(theme: str) -> Categorical[Callable[[Story], End]]:
    weights = [3, 4, 4, 3, 2.5, 2.5, 2.5, 2.5, 2, 2, 2.5]
    kept = [(plot, x) for plot, x in zip(PLOTS.items, weights, strict=True) if plot not in _UNFIT.get(theme, ())]
    return Categorical([plot for plot, _ in kept], [x for _, x in kept])


PLOTS_OF = {theme: _fit(theme) for theme in THEMES}


def tell(w: TextWriter, reserve: Reserve, plot: Callable[[Story], End] | None = None) -> None:
    """A whole story, by any of the plots or by `plot`."""
    theme, ranger = w.pick(ALL_THEMES), w.pick(reserve.any_ranger)
    s = Story(w, reserve, theme, ranger)
    s.t(s.of_theme("openings"), ("theme", theme.name))
    s.t.forget()
    end = (plot or w.pick(PLOTS_OF[theme.name]))(s)
    if end.matters or (end.happy and w.flip(0.5)):
        s.t(s.of_theme("good" if end.happy else "bad"), ("theme", theme.name))
        s.t.forget()
    if w.flip(0.6):
        s.t(_FELT_GOOD if end.happy else _FELT_BAD, ("end", "good" if end.happy else "bad"), mood=s.mood(*end.moods))


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
ALL_THEMES = Categorical(list(THEMES.values()))
