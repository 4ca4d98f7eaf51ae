"""Plain-text importer, for notes saved from a web page: pages of their kinds, no line lost.

Every line that is not blank goes to exactly one page, as it stands. The rules that decide which are in `lines`; what
they cannot know they guess, and every guess is told.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from glassbook.notebook.importing import lines as looks
from glassbook.notebook.importing.plan import PlannedPage, one_line, place, shortened, title_of_file


@dataclass
class _Part:
    kind: str
    title: str = ""
    lines: list[tuple[int, str]] = field(default_factory=list)
    front: dict[str, Any] = field(default_factory=dict)
    guesses: list[str] = field(default_factory=list)
    labels: set[str] = field(default_factory=set)
    bare: bool = False
    """It has a title and no text yet."""
    derived: bool = False
    """Its title was made of its own words."""

    def add(self, number: int, line: str) -> None:
        self.lines.append((number, line))


def read_text(text: str, name: str, source: str) -> list[PlannedPage]:
    """The pages of a plain text.

    Args:
        text: the text; its lines end with \\n, \\r\\n or \\r.
        name: title of the page that takes what belongs to none of the others.
        source: the file's name, for the plan.
    """
    reader = _Reader(name)
    before_blank = True
    rows = re.split(r"\r\n|\r|\n", text)
    for number, line in enumerate(rows, 1):
        if line.strip():
            reader.read(number, line, wrapped=not before_blank and line[:1].islower())
        before_blank = not line.strip()
    taken: set[str] = set()
    return [_page(part, rows, source, taken) for part in reader.finished()]


class _Reader:
    def __init__(self, name: str) -> None:
        self.note = _Part("note", title_of_file(name))
        self.parts: list[_Part] = [self.note]
        self.now = self.note
        self.titles: list[_Part] = []
        """Titles that stand directly below each other, whose text may follow in any order."""
        self.glossary = False
        self.falling: bool | None = None
        self.terms: list[_Part] = []
        self.heading = ""
        self.numbers: list[int] = []
        self.course = 0

    def read(self, number: int, line: str, wrapped: bool) -> None:
        text = line.strip()
        # A line that goes on in lower case right below another was only broken to fit a screen.
        if wrapped:
            self.now.add(number, line)
            return
        part = self.remark(text) or self.session(text) or self.entry(text) or self.work(text)
        part.add(number, line)
        self.now = part

    def start(self, kind: str, title: str, *guesses: str) -> _Part:
        part = _Part(kind, title, guesses=list(guesses))
        self.parts.append(part)
        return part

    # --- what ends one part and announces the next --------------------------------------------------------------

    def remark(self, text: str) -> _Part | None:
        """Headings and remarks on the page itself; they go to the note that takes the rest."""
        bare = text.strip("()[]#*= ").rstrip(":")
        heading = looks.HEADING.match(bare)
        if heading:
            self.glossary, self.heading, self.titles = False, heading["what"].lower(), []
            return self.note
        first = looks.GLOSSARY.match(bare) is not None
        announced = looks.GLOSSARY.search(text) and (text[0] in "([" or len(text.split()) <= (12 if first else 6))
        if announced and (first or text[0] in "([#" or looks.term(text) is None):
            self.glossary, self.titles, self.terms = True, [], []
            self.falling = True if looks.FALLING.search(text) else False if looks.RISING.search(text) else None
            return self.note
        if looks.REMARK.match(text):
            return self.note
        return None

    def session(self, text: str) -> _Part | None:
        """A numbered meeting. Its number tells whether a new course begins: the count then runs the other way."""
        match = looks.SESSION.match(text)
        if match is None or len(text.split()) > 80:
            return None
        self.glossary, self.titles = False, []
        first, last = int(match["first"]), int(match["last"] or match["first"])
        if self.now.kind != "session":
            self.numbers, self.course = [], self.course + 1
        elif len(self.numbers) >= 2:
            falling = self.numbers[1] < self.numbers[0]
            if (first >= self.numbers[-1]) if falling else (first <= self.numbers[-1]):
                self.numbers, self.course = [], self.course + 1
        elif first == self.numbers[-1]:
            self.numbers, self.course = [], self.course + 1
        self.numbers.append(first)
        rest = match["rest"].strip(" \t:.–—-")
        topic, colon, remark = rest.partition(": ")
        count = match["first"] + (f"-{match['last']}" if match["last"] else "")
        part = self.start("session", f"{match['word']} {count}")
        several = first < last < first + 100
        part.front = {"course": self.course, "session": list(range(first, last + 1)) if several else first}
        part.guesses.append(f"belongs to course {self.course}: the numbers run on from the line above")
        if (colon and len(topic.split()) <= 12) or (rest and len(rest.split()) <= 8 and rest[-1] not in ".!"):
            part.title += f": {topic if colon and remark else rest}"
        return part

    # --- the glossary -------------------------------------------------------------------------------------------

    def entry(self, text: str) -> _Part | None:
        """A term of the glossary, or a paragraph that goes on about the last one."""
        if not self.glossary:
            return None
        found = looks.term(text)
        if found is None:
            if self.now.kind == "term":
                self.now.guesses.append(f"goes on with {shortened(text, 6)!r}")
                return self.now
            return self.terms[-1] if self.terms else self.note
        part = self.start("term", one_line(found[0]))
        names = looks.aliases(part.title)
        if names:
            part.front["aliases"] = names
        self.terms.append(part)
        part.front["order"] = (len(self.terms), self.falling, self.terms)
        return part

    # --- papers and talks ---------------------------------------------------------------------------------------

    def work(self, text: str) -> _Part:
        """A title, a labelled paragraph, an abstract, or text that goes on."""
        label = looks.LABEL.match(text)
        if label:
            return self.labelled(label["label"].lower().rstrip("s"), bool(label["number"]), text)
        if looks.is_title(text):
            if self.now.kind not in ("paper", "talk") or not self.now.bare:
                self.titles = []
            title, by = looks.without_source(one_line(text).rstrip(": "))
            part = self.start("paper", title)
            part.bare = True
            if by:
                part.front["by"] = by
                part.guesses.append(f"by {by!r}: so the title ends")
            self.titles.append(part)
            return part
        if looks.QUOTED.match(text) and len(text.split()) >= looks.QUOTED_WORDS:
            near = self.nearest(text, self.titles, 2)
            if near is None and not (self.now.bare and len(self.titles) == 1):
                return self.untitled("an abstract without its title", text)
            return self.filled(near or self.now, "the abstract is taken for this work's")
        return self.more(text)

    def labelled(self, label: str, numbered: bool, text: str) -> _Part:
        """A paragraph such as "Purpose: ...": of this paper, or of the next one."""
        part: _Part | None = self.now if self.now.kind in ("paper", "talk") else None
        if part is not None and part.bare and len(self.titles) > 1:
            part = self.nearest(text, self.titles, 2)
        elif part is not None and not part.bare:
            again = label in part.labels and not numbered
            # An abstract alone is of another work than a paragraph that begins the notes on one.
            alone = not part.title and not part.labels
            begins = label in looks.OPENING and (alone or part.labels & looks.CLOSING)
            if again or begins:
                part = None
        if part is None:
            part = self.untitled("its notes stand without a title", text)
        part.labels.add(label)
        part.bare = False
        return part

    def more(self, text: str) -> _Part:
        """Running text: of the part above, or of that of several titles above which it speaks of."""
        if self.now.kind not in ("paper", "talk", "session"):
            return self.note
        part = self.now
        if part.kind == "session":
            part.guesses.append(f"goes on with {shortened(text, 6)!r}")
            return part
        near = self.nearest(text, self.titles, 2) if len(self.titles) > 1 else None
        if near is not None and near is not part and self.shared(near, text) > self.shared(part, text):
            return self.filled(near, f"{shortened(text, 6)!r} is about this, by its words")
        return self.filled(part, f"{shortened(text, 6)!r} is about this, as it stands below")

    def filled(self, part: _Part, guess: str) -> _Part:
        part.bare = False
        part.guesses.append(guess)
        return part

    def untitled(self, why: str, text: str) -> _Part:
        """A paper whose title the source does not say: `finished` makes one of its words."""
        self.titles = []
        return self.start("paper", "", why)

    def nearest(self, text: str, parts: list[_Part], least: int) -> _Part | None:
        """The part whose title shares most words with the text."""
        best = max(parts, key=lambda part: self.shared(part, text), default=None)
        return best if best is not None and self.shared(best, text) >= least else None

    @staticmethod
    def shared(part: _Part, text: str) -> int:
        return len(looks.content_words(part.title) & looks.content_words(text))

    # --- the end ------------------------------------------------------------------------------------------------

    def finished(self) -> Iterator[_Part]:
        """All parts that hold something, with kinds, levels and titles settled."""
        for part in self.parts:
            if not part.lines:
                continue
            if part.kind == "term":
                order, falling, all_terms = part.front.pop("order")
                if falling is not None:
                    part.front["level"] = len(all_terms) + 1 - order if falling else order
                    part.guesses.append(f"level {part.front['level']}, from its place in the list")
            if part.kind == "paper":
                _settle(part)
            yield part


def _settle(part: _Part) -> None:
    """Paper or talk, and a title for one that has none."""
    text = " ".join(line for _, line in part.lines)
    # What a paper's abstract speaks of does not tell how its reader came by it.
    if part.title and looks.TALK.search(text):
        part.kind = "talk"
    told_by = "words" if part.labels or part.kind == "talk" or not part.title else "title"
    part.guesses.insert(0, f"a {part.kind}, by its {told_by}")
    if not part.title:
        part.title, part.derived = _title_of(part), True
        part.guesses.append(f"called {part.title!r} after its own words; give it its title")


def _title_of(part: _Part) -> str:
    """The most telling words: what the paper asks or proposes, else how its text begins."""
    told = {}
    for _, line in part.lines:
        match = looks.LABEL.match(line.strip())
        if match:
            told.setdefault(match["label"].lower(), line.partition(":")[2] or line)
    for label in ("purpose", "goal", "aim", "proposal", "problem"):
        if label in told:
            return shortened(told[label])
    return shortened(next(iter(told.values()), part.lines[0][1])) or "A paper"


def _page(part: _Part, rows: list[str], source: str, taken: set[str]) -> PlannedPage:
    """Lines as they stand; those that were paragraphs of their own have a blank line between them."""
    body, last = "", 0
    for number, line in part.lines:
        if last:
            # Lines that the source broke to fit a screen stay together.
            body += "\n" if number == last + 1 and line[:1].islower() else "\n\n"
        body, last = body + line, number
    title = one_line(part.title) or "Untitled"
    front = part.front | {"source": one_line(source), "line": part.lines[0][0]}
    return PlannedPage(
        path=place(part.kind, title, taken),
        title=title,
        kind=part.kind,
        source=source,
        body=body + "\n",
        front=front,
        lines=tuple(number for number, _ in part.lines),
        guesses=tuple(part.guesses),
        derived=part.derived,
        rest=part.kind == "note",
    )
