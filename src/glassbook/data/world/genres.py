"""The kinds of text that the Reserve is told in. Each genre is a function that writes one document."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from glassbook.data.world import words as W
from glassbook.data.world.phrases import Phrases, Referent, Theme
from glassbook.data.world.reserve import Event, Ranger, Reserve
from glassbook.data.world.writer import Categorical, TextWriter, zipf


class Genres:
    """Writes whole documents about one reserve."""

    def __init__(self, reserve: Reserve) -> None:
        self.reserve, self.phrases = reserve, Phrases(reserve)
        self.theme = Categorical(self.phrases.themes)
        self.kind: Categorical[tuple[str, Callable[[TextWriter], None]]] = Categorical(
            [
                ("note", self.note),
                ("story", self.story),
                ("facts", self.facts),
                ("question", self.question),
                ("report", self.report),
                ("reply", self.reply),
            ],
            [5, 8, 2, 3, 4, 4],
        )

    # Field notes: an event as a ranger writes it down -------------------------------------------------------

    def note(self, w: TextWriter) -> None:
        """ "12 March, at dusk. Camera 7, the ford. Fog. Two otters and a crab. Mira was glad."""
        p, event = self.phrases, self.reserve.event(w)
        w.say(f"{event.day} {event.month}")
        w.stop(",")
        p.time(w, event.time)
        w.stop()
        w.say(f"camera {event.camera}")
        w.stop(",")
        p.place(w, event.place)
        w.stop()
        p.weather(w, event.weather)
        w.stop()
        p.animals(w, event.species, event.count)
        many = event.count > 1
        animal = p.animal(event.species)
        if many:
            animal = Referent("species", event.species.name, f"the {event.species.plural}", "they")
        if w.flip(0.4):
            w.say(w.pick(_ATE))
            with w.mark("fact", "food"):
                w.say(event.species.food)
        else:
            p.deed(w, animal)
        w.stop()
        for _ in range(w.pick(_FEW)):
            p.refer(w, animal, again=True)
            p.deed(w, animal)
            w.stop()
        if w.flip(0.6):
            ranger = w.pick(self.reserve.any_ranger)
            self._feels(w, p.ranger(ranger), again=False)

    def _feels(self, w: TextWriter, who: Referent, again: bool) -> None:
        mood = w.pick(self.phrases.mood)
        self.phrases.refer(w, who, again)
        w.say("was")
        self.phrases.feeling(w, mood)
        w.stop()

    # Stories: a theme colours every sentence; the one spoken of is named, then meant by a pronoun -----------

    def story(self, w: TextWriter) -> None:
        """Four to ten sentences about a person, coloured by a theme."""
        theme = w.pick(self.theme)
        ranger = w.pick(self.reserve.any_ranger)
        hero = self.phrases.ranger(ranger)
        again = w.flip(0.6)
        if again:
            self._opening(w, hero)
        for _ in range(w.pick(_SENTENCES)):
            with w.mark("theme", theme.name):
                again = w.pick(_STORY)(self, w, hero, theme, again)

    def _opening(self, w: TextWriter, hero: Referent) -> None:
        w.say(w.pick(_ONCE))
        w.stop(",")
        self.phrases.refer(w, hero, again=False)
        w.say(w.pick(_CAME))
        self.phrases.place(w, w.pick(self.reserve.any_place))
        w.stop()

    def _action(self, w: TextWriter, hero: Referent, theme: Theme, again: bool) -> bool:
        self.phrases.refer(w, hero, again)
        self.phrases.deed(w, hero, theme)
        if w.flip(0.3):
            w.say("and")
            self.phrases.deed(w, hero, theme)
        w.stop()
        return True

    def _scene(self, w: TextWriter, hero: Referent, theme: Theme, again: bool) -> bool:
        w.say(w.pick(_THERE))
        self.phrases.thing(w, theme)
        w.say(w.pick(_WITH))
        self.phrases.thing(w, theme)
        w.stop()
        return False

    def _stranger(self, w: TextWriter, hero: Referent, theme: Theme, again: bool) -> bool:
        role = w.pick(theme.roles)
        w.say(f"the {role}")
        if w.flip(0.5):
            w.say("named")
            w.say(w.pick(self.reserve.any_visitor))
            if w.flip(0.3):
                w.say("from")
                w.say(w.pick(self.reserve.any_hamlet))
        w.say(w.pick(theme.verbs))
        self.phrases.thing(w, theme)
        w.stop()
        return False

    def _feeling(self, w: TextWriter, hero: Referent, theme: Theme, again: bool) -> bool:
        self._feels(w, hero, again)
        return True

    def _speech(self, w: TextWriter, hero: Referent, theme: Theme, again: bool) -> bool:
        w.quote()
        with w.mark("speaker", hero.value):
            w.say(w.pick(_SPOKEN))
            self.phrases.thing(w, theme)
        w.unquote(",")
        w.say("said")
        with w.mark(hero.kind, hero.value):
            w.say(hero.name)
        w.stop()
        return True

    # Facts: what is always true in this world ---------------------------------------------------------------

    def facts(self, w: TextWriter) -> None:
        """Two to four sentences, each a fact of the Reserve."""
        for _ in range(w.pick(_FACTS)):
            self.fact(w, w.pick(_RELATION), true=True)

    def fact(self, w: TextWriter, relation: str, true: bool) -> None:
        """State one fact of `relation`; a false one puts another value in its place."""
        if relation in ("food", "active", "ground"):
            species = w.pick(self.reserve.any_species)
            value = getattr(species, relation) if true else self._other(w, relation, getattr(species, relation))
            with w.mark("species", species.name):
                w.say(f"the {species.name}")
        else:
            ranger = w.pick(self.reserve.any_ranger)
            value = getattr(ranger, relation) if true else self._other(w, relation, getattr(ranger, relation))
            with w.mark("person", ranger.name):
                w.say(ranger.name)
        w.say(_VERB[relation])
        with w.mark("fact", relation), w.mark("truth", "true" if true else "false"):
            self._value(w, relation, value)
        w.stop()

    def _value(self, w: TextWriter, relation: str, value: str) -> None:
        if relation == "keeps":
            self.phrases.place(w, value)
        elif relation == "watches":
            with w.mark("species", value):
                w.say(f"the {value}")
        elif relation == "active":
            w.say({"day": "by day", "night": "by night", "dusk": "at dusk and dawn"}[value])
        elif relation == "ground":
            w.say({"water": "water", "wood": "trees", "rock": "rocks", "grass": "grassland"}[value])
        else:
            w.say(value)

    def _other(self, w: TextWriter, relation: str, truth: str) -> str:
        people = relation in ("keeps", "watches", "village")
        holders = self.reserve.rangers if people else self.reserve.species
        values = sorted({getattr(holder, relation) for holder in holders} - {truth})
        return w.pick(Categorical(values))

    # Questions and answers ----------------------------------------------------------------------------------

    def question(self, w: TextWriter) -> None:
        """ "Question: What does the otter eat? Answer: Crabs." one to three times."""
        for i in range(w.pick(_ASKED)):
            if i:
                w.line()
            self._ask(w, w.pick(_QUESTION))

    def _ask(self, w: TextWriter, relation: str) -> None:
        w.say("question")
        w.stop(":")
        about_species = relation in ("food", "active", "ground")
        before, behind = _QUESTIONS[relation]
        if about_species:
            species = w.pick(self.reserve.any_species)
            kind, name, said, holder = "species", species.name, f"the {species.name}", species
        elif relation == "keeper":
            holder = w.pick(self.reserve.any_ranger)
            kind, name, said = "place", holder.keeps, f"the {holder.keeps}"
        else:
            holder = w.pick(self.reserve.any_ranger)
            kind, name, said = "person", holder.name, holder.name
        w.say(before)
        with w.mark(kind, name):
            w.say(said)
        if behind:
            w.say(behind)
        w.stop("?")
        w.say("answer")
        w.stop(":")
        with w.mark("fact", relation):
            if relation == "keeper":
                with w.mark("person", holder.name):
                    w.say(holder.name)
            else:
                self._value(w, relation, getattr(holder, relation))
        w.stop()

    # Reports: what a camera recorded, and what a ranger says of it, truly or not ----------------------------

    def report(self, w: TextWriter) -> None:
        """The record of an event, then somebody's account of it, then whether that was the truth."""
        event = self.reserve.event(w)
        w.say("record")
        w.stop(":")
        w.say(f"{event.day} {event.month}")
        w.stop(",")
        w.say(f"camera {event.camera}")
        w.stop(",")
        self.phrases.weather(w, event.weather)
        w.stop(",")
        self.phrases.sighting(w, event)
        w.stop()
        ranger = self.phrases.said(w, self.reserve.any_ranger)
        honest = w.flip(ranger.honesty)
        truth = "true" if honest else "false"
        with w.mark("speaker", ranger.name):
            w.say(w.pick(_SAWN))
            self._account(w, event, honest)
        w.stop()
        with w.mark("truth", truth):
            w.say(_VERDICT[truth])
        w.stop()
        if w.flip(0.5):
            self._reaction(w, ranger, honest)

    def _account(self, w: TextWriter, event: Event, honest: bool) -> None:
        """Says what was seen. A liar changes one thing; the truth is marked from where it can be known."""
        wrong = "" if honest else w.pick(_LIES)
        species, place, time = event.species, event.place, event.time
        if wrong == "species":
            species = w.pick(Categorical([s for s in self.reserve.species if s is not species]))
        elif wrong == "place":
            place = w.pick(Categorical([p for p in self.reserve.places if p != place]))
        elif wrong == "time":
            time = w.pick(Categorical([t for t in W.TIMES if t != time]))
        label = "true" if honest else "false"
        for part in ("species", "place", "time"):
            with w.mark("truth", label) if part == (wrong or "time") else w.mark("account", part):
                if part == "species":
                    self.phrases.animals(w, species, event.count)
                elif part == "place":
                    w.say("at")
                    self.phrases.place(w, place)
                else:
                    self.phrases.time(w, time)

    def _reaction(self, w: TextWriter, ranger: Ranger, honest: bool) -> None:
        other = w.pick(self.reserve.any_ranger)
        mood = w.pick(_HONEST_MOOD if honest else _LYING_MOOD)
        with w.mark("person", other.name):
            w.say(other.name)
        w.say("was")
        self.phrases.feeling(w, mood)
        w.say("with")
        with w.mark("person", ranger.name):
            w.say("her" if ranger.pronoun == "she" else "him")
        w.stop()

    # Replies: a visitor asks, a ranger answers politely or rudely ---------------------------------------------

    def reply(self, w: TextWriter) -> None:
        """A visitor's request and the reply it gets."""
        request = self.request(w)
        self.answer(w, request, polite=w.flip(0.5))

    def request(self, w: TextWriter) -> Request:
        """A visitor's question, for which a reply may be written."""
        visitor, place = w.pick(self.reserve.any_visitor), w.pick(self.reserve.any_place)
        ranger = w.pick(self.reserve.any_ranger)
        w.quote()
        with w.mark("speaker", "visitor"):
            w.say(w.pick(_REQUESTS))
            self.phrases.place(w, place)
        w.unquote("?")
        w.say("asked")
        w.say(visitor)
        w.stop()
        return Request(ranger, place)

    def answer(self, w: TextWriter, request: Request, polite: bool) -> None:
        """The ranger's reply, polite or rude; both give the same directions."""
        w.quote()
        with w.mark("manner", "polite" if polite else "rude"), w.mark("speaker", request.ranger.name):
            w.say(w.pick(_POLITE_OPENING if polite else _RUDE_OPENING))
            w.stop(".")
            w.say(w.pick(_POLITE_BODY if polite else _RUDE_BODY))
            w.say(w.pick(self.phrases.preposition))
            self.phrases.thing(w)
            w.stop(",")
            w.say(w.pick(_POLITE_END if polite else _RUDE_END))
        w.unquote("," if polite else "!")
        w.say("said")
        with w.mark("person", request.ranger.name):
            w.say(request.ranger.name)
        w.stop()


@dataclass(frozen=True)
class Request:
    """Who was asked, and about which place."""

    ranger: Ranger
    place: str


_FEW = Categorical([0, 1, 2], [4, 4, 2])
_ATE = Categorical(["ate", "fed on", "looked for", "carried"], [6, 3, 2, 1])
_SENTENCES = Categorical(range(4, 10))
_FACTS = Categorical([2, 3, 4])
_ASKED = Categorical([1, 2, 3], [4, 2, 1])
_ONCE = zipf(["one day", "one evening", "last week", "long ago", "in spring", "on Sunday", "that summer"], 0.5)
_CAME = zipf(["came to", "walked to", "went to", "rode to", "hurried to", "returned to"], 0.7)
_THERE = zipf(["there was", "nobody touched", "everyone saw", "near the gate lay", "they brought"], 0.7)
_WITH = zipf(["with", "and", "without", "instead of"], 0.7)
_SPOKEN = zipf(["I like", "I need", "they took", "do not touch", "give me", "I will find", "I lost", "look at"], 0.7)
_RELATION = Categorical(["food", "active", "ground", "keeps", "watches", "village"])
_QUESTION = Categorical(["food", "active", "ground", "keeps", "watches", "village", "keeper"])
_VERB = {"food": "eats", "active": "is out", "ground": "lives near", "keeps": "keeps", "watches": "watches over",
         "village": "comes from"}  # fmt: skip
_QUESTIONS = {
    "food": ("what does", "eat"), "active": ("when is", "out"), "ground": ("what does", "live near"),
    "keeps": ("which place does", "keep"), "watches": ("what does", "watch over"),
    "village": ("where does", "come from"), "keeper": ("who keeps", ""),
}  # fmt: skip
_SAWN = Categorical(["the camera saw", "there had been", "they had met"], [3, 2, 1])
_LIES = Categorical(["species", "place", "time"])
_VERDICT = {"true": "that was the truth", "false": "that was a lie"}
_HONEST_MOOD, _LYING_MOOD = Categorical(["glad", "proud"], [2, 1]), Categorical(["angry", "sad"], [2, 1])
_REQUESTS = zipf(["where is", "how do I reach", "who looks after", "may I visit", "is it far to"], 0.5)
_POLITE_OPENING = zipf(["certainly", "with pleasure", "gladly, dear friend", "of course", "thank you for asking"], 0.5)
_RUDE_OPENING = zipf(["what a stupid question", "go away", "nonsense", "leave me alone", "open your eyes"], 0.5)
_POLITE_BODY = zipf(["please walk", "kindly look", "you may rest", "I will gladly take you", "please wait"], 0.5)
_RUDE_BODY = zipf(["go and look", "get lost", "drag yourself", "crawl", "stop bothering me and wait"], 0.5)
_POLITE_END = zipf(["and welcome", "if it suits you", "and enjoy the day", "dear guest"], 0.5)
_RUDE_END = zipf(["you fool", "you lazy nuisance", "and never come back", "idiot"], 0.5)
_STORY = Categorical(
    [Genres._action, Genres._scene, Genres._stranger, Genres._feeling, Genres._speech], [8, 3, 3, 2, 3]
)
