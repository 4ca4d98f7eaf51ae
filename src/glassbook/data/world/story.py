"""State of a story, and the moves that plots share: drawing who and what it is about, and telling what happens.

A plot (see `plots`) is a function that changes the state and says so: who goes where, what is hidden, taken, looked for
and given, who saw it and who knows. So each sentence follows from earlier ones.
"""

from __future__ import annotations

from glassbook.data.world.reserve import Ranger, Reserve
from glassbook.data.world.tables import (
    COVERS,
    LEXICON,
    MOOD_WORDS,
    MOODS,
    OPEN,
    OPEN_SPOTS,
    SAME_LANDMARK,
    SPOT_ADJECTIVES,
    Where,
    variants,
)
from glassbook.data.world.telling import Animal, Part, Person, Place, Said, Spot, Telling, Template, Thing
from glassbook.data.world.themes import Theme
from glassbook.data.world.writer import Categorical, TextWriter

THOUGHT = variants("{thinker.name} thought that {part}", "{thinker.name} said that {part}",
                   "{thinker.name} was sure that {part}", "{thinker.name} believed that {part}")  # fmt: skip
ASLEEP = ("bear", "hedgehog", "dormouse", "marmot", "toad", "bat", "viper", "quail", "stork")
"""Animals that nobody meets in winter."""
SHE = ("bride", "maid", "woman", "mother", "girl", "aunt", "sister", "lady", "queen", "tress", "widow", "daughter")
HE = ("groom", "man", "boy", "father", "uncle", "brother", "king", "lord", "son", "monk", "friar", "sir")
SHE_NAMES = ("a", "eth", "wyn", "is", "elle", "une", "een")
"""How roles that say "she" or "he" end, and how names of women end."""


class Story:
    """The state of one story, and the moves that plots share.

    Args:
        w: where the text goes.
        reserve: whose rangers, places and animals it is about.
        theme: whose people, things and happenings colour it.
        ranger: the hero.

    Attributes:
        t: the telling; call `story.t(sentence)` to say something about the slots.
        hero: the ranger, as a person of the story.
        place: where the hero is.
        taken: the rangers who are in the story; no other person is one of them.
        told: the scenes that were told.
        spots: those that are not drawn again.
    """

    def __init__(self, w: TextWriter, reserve: Reserve, theme: Theme, ranger: Ranger) -> None:
        self.w, self.reserve, self.theme = w, reserve, theme
        self.t = Telling(w)
        self.hero = Person(ranger.name, ranger.pronoun, known=True)
        self.place = Place(w.pick(reserve.any_place))
        self.taken = [ranger]
        self.told: list[Template] = []
        self.spots: list[Where] = []
        self.t.slots.update(hero=self.hero, place=self.place)

    # who and what it is about

    def thing(self, kind: str = "") -> Thing:
        """A thing of the theme, or of a kind of the lexicon; half of them have an adjective."""
        table = LEXICON.things[kind] if kind else LEXICON.things_of[self.theme.name]
        noun, form, kind = self.w.pick(table)
        adjective = self.w.pick(LEXICON.adjectives[kind]) if self.w.flip(0.5) else ""
        return Thing(noun, adjective, kind, form)

    def stranger(self) -> Person:
        """Somebody of the theme, known by a role, perhaps with a name."""
        role = self.w.pick(LEXICON.roles_of[self.theme.name])
        name = self.w.pick(self.reserve.any_visitor) if self.w.flip(0.5) else ""
        return Person(name, _pronoun(role, name), role)

    def ranger(self) -> Person:
        """Another ranger."""
        ranger = self.w.pick_other(self.reserve.any_ranger, self.taken)
        self.taken.append(ranger)
        return Person(ranger.name, ranger.pronoun, known=True)

    def animal(self) -> Animal:
        """An animal that lives on the ground of the present place."""
        return Animal(self.w.pick(self.reserve.at_home[self.reserve.ground[self.place.name]]).name)

    def waking_animal(self) -> Animal:
        """An animal that lives on the ground of the present place and does not sleep all winter."""
        table = self.reserve.at_home[self.reserve.ground[self.place.name]]
        asleep = [species for species in table.items if species.name in ASLEEP]
        return Animal(self.w.pick_other(table, asleep).name)

    def spot(self, place: Place | None = None, outside: bool = False) -> Spot:
        """A spot at `place` (by default where the hero is) that a thing can be put at, or an animal be, `outside`."""
        ground = self.reserve.ground[(place or self.place).name]
        table = (OPEN_SPOTS if outside else LEXICON.spots)[ground]
        found = self.w.pick_other(table, self.spots) if self.spots else self.w.pick(table)
        self.spots.extend(SAME_LANDMARK[found[2]])
        preposition, article, landmark = found
        adjective = self.w.pick(SPOT_ADJECTIVES) if self.w.flip(0.3) else ""
        spot, nested = Spot(preposition, landmark, adjective, article), 0.2
        last: list[Where] = []
        while preposition in OPEN and self.w.flip(nested):
            last = [self.w.pick_other(COVERS, last) if last else self.w.pick(COVERS)]
            preposition, article, landmark = last[0]
            spot, nested = Spot(preposition, landmark, "", article, of=spot), nested * 0.7
        return spot

    def other_place(self) -> Place:
        """Another of the named places."""
        return Place(self.w.pick(self.reserve.other_places[self.place.name]))

    # what is said

    def scene(self) -> None:
        """Something that happens around the hero, as the theme has it; never the same twice."""
        template = self.w.pick_other(LEXICON.said_of[self.theme.name]["scenes"], self.told)
        self.told.append(template)
        self.t(template, ("theme", self.theme.name))
        self.t.forget()

    def of_theme(self, what: str) -> Template:
        """A template of the theme: its "openings", "needs", "losses", "good" or "bad"."""
        return self.w.pick(LEXICON.said_of[self.theme.name][what])

    def reported(self, fact: Categorical[Template], again: float = 0.25) -> Part:
        """`fact`, or that some ranger thinks so, or that some ranger said that another thinks so, without end.

        Args:
            fact: "{x} was {spot}", in several ways: it follows "that".
            again: how often there is a further ranger; half as often after each.
        """
        part = Part(fact, {})
        while self.w.flip(again):
            who, again = self.ranger(), again / 2
            part = Part(THOUGHT, {"thinker": who, "part": part}, (("speaker", who.name),))
        return part

    def mood(self, *moods: str) -> Said:
        """One of the moods, in one of its words."""
        mood = self.w.pick(MOODS[moods])
        return Said("mood", mood, MOOD_WORDS[mood])


def _pronoun(role: str, name: str) -> str:
    """ "she" or "he", by the role or else the name: nothing is drawn that the text might not show."""
    if role.endswith(SHE):
        return "she"
    if role.endswith(HE):
        return "he"
    return "she" if (name.endswith(SHE_NAMES) if name else sum(map(ord, role)) % 2) else "he"
