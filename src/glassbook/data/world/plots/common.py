"""Words and moves that several plots share: how a plot ends, what sentences mean, and what {=plot_...} stands for."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from glassbook.data.world import lexicon as L
from glassbook.data.world import words as W
from glassbook.data.world.grammar import article, past, plural
from glassbook.data.world.story import Story
from glassbook.data.world.tables import TABLES, variants
from glassbook.data.world.telling import Animal, Person, Said, Spot, Template, Thing
from glassbook.data.world.writer import Categorical, zipf

# --- what a plot is -----------------------------------------------------------------------------------------------


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


Plot: TypeAlias = Callable[[Story], End]
SAD, ANGRY, TIRED = ("sad",), ("angry",), ("sad", "tired")
"""Moods of an `End`."""


# --- what a sentence may mean -------------------------------------------------------------------------------------

KNOWS, KNOWS_NOT = ("knows", "yes"), ("knows", "no")
"""Somebody learns, has seen or shows where {x} is, or what was asked; or does not know it."""
TRUE, FALSE = ("account", "true"), ("account", "false")
"""What somebody says is so, or is not."""
AGREES, CONTRADICTS = ("record", "agrees"), ("record", "contradicts")
"""What is found agrees with what was said or seen before, or contradicts it."""


# --- where a thing is ---------------------------------------------------------------------------------------------


def put_at(x: Thing, spot: Spot) -> None:
    """From now on `x` lies at `spot`."""
    x.holder, x.spot = None, spot


def give_to(x: Thing, who: Person | Animal) -> None:
    """From now on `who` has `x`."""
    x.holder, x.spot = who, None


# --- words --------------------------------------------------------------------------------------------------------

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
TABLES.add("plot_broken_with", "bare hands, a stone, a piece of string, a bent nail, a stick")
TABLES.add("plot_occasion", "birthday, name day, farewell, homecoming, first day at work, anniversary", 0.6)

HANDED_OVER = variants(
    "{hero.name} gave {x} to {other.him}",
    "{hero.name} brought {x} to {other.him}, who was very grateful",
    "{other} got {x} and {=thanked} {hero.name}",
    '"Here it is," said {hero.name} and handed {x} to {other.him}',
    "{hero.name} put {x} into {other.his} hands",
)
TOLD_OTHER = variants(
    "{hero} had to tell {other.him} that {x.the} was gone",
    '"I am sorry," said {hero.name} to {other.him}. "I could not find {x.the}."',
    "{other} waited for {x.the} in vain",
    "{hero} came back to {other.him} with empty hands",
)
WHERE_IT_WAS = variants(
    "{x.the} was {spot}",
    "{x.the} lay {spot}",
    "{x.the} could be found {spot}",
)


# --- deeds, tools and kinds ---------------------------------------------------------------------------------------

_SPOILING = ("eat", "taste", "share", "wear", "sell", "bake", "cook", "plant", "burn", "give", "hide", "carry", "put",
             "borrow", "lend", "throw", "drop", "bite", "drink", "peel", "slice", "chop", "cut", "tear", "post",
             "send", "lose", "bury", "steal", "deliver", "swallow", "nibble", "pick", "repair", "mend", "write",
             "sew", "knit", "stitch", "report", "nibble", "sip", "pour", "take",
             "offer", "empty", "fill", "pack", "plan", "sample", "talk", "frown", "invent", "pretend", "sprinkle",
             "long", "label", "translate")  # fmt: skip
"""Verbs of deeds that do not leave the thing as it is and where it is."""


def _harmless_deeds(kind: str) -> list[str]:
    deeds = [deed for deed in L.DEEDS[kind]
             if "{other" not in deed and deed.split()[0] not in _SPOILING]  # fmt: skip
    return deeds or ["look after {x}"]


def _told(deed: str, sentence: str) -> str:
    verb, _, rest = deed.partition(" ")
    return sentence.replace("DEED", f"{past(verb)} {rest}".replace("{x}", "{x.the}"))


def deed_table(sentence: str) -> dict[str, Categorical[Template]]:
    """Kind -> `sentence` for each harmless deed with a thing {x} of that kind, whose past tense stands for DEED."""
    return {kind: zipf([TABLES.template(_told(deed, sentence)) for deed in _harmless_deeds(kind)], 0.5)
            for kind in L.DEEDS}  # fmt: skip


DEEDS = deed_table("first {hero} DEED")
_TOOL_ADJECTIVES = zipf("good,old,long,heavy,useful,rusty,sturdy,new".split(","), 0.5)


def a_tool(s: Story, noun: str) -> Thing:
    """A tool called `noun`, perhaps with an adjective."""
    return Thing(noun, s.w.pick(_TOOL_ADJECTIVES) if s.w.flip(0.4) else "", "tool")


def kinds_but(*excluded: str) -> Categorical[str]:
    """Kinds of things but those excluded, each as often as it has nouns."""
    kinds = {kind: len(nouns.split(",")) for kind, (nouns, _) in L.THINGS.items() if kind not in excluded}
    return Categorical(kinds, kinds.values())


# --- animals ------------------------------------------------------------------------------------------------------

NUMBERS = ["no", *W.NUMBERS]


def one_way(kind: str, value: str, text: str) -> Said:
    """A value that is always said in the same words."""
    return Said(kind, value, Categorical([text]))


SPECIES = {
    (name, n): one_way("species", name, plural(name) if n == 0 else f"{article(name)} {name}" if n == 1
                       else f"{NUMBERS[n]} {plural(name)}")
    for name in W.SPECIES for n in range(8)
}  # fmt: skip
"""Species and number -> "three otters"; for 0, the species: "otters"."""
FOODS = {name: one_way("fact", "food", rest[1]) for name, rest in W.SPECIES.items()}
"""Species -> what it eats."""
