"""Link suggestions: where a text speaks of a page by one of its names, in time proportional to the text."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from glassbook.notebook.importing.plan import shortened

LONGEST = 12
"""Words of a name that is looked for."""
_WORD = re.compile(r"(?<!\w['’](?=s\b))[^\W_]+")
"""A word; the s of a genitive is none."""
_ASIDE = re.compile(r"\([^()\n]{1,30}\)")
_GAP = re.compile(r"[ \u00a0-]|['’]s | \([^()\n]{1,30}\) |(?<=\bal)\. ")
"""What may stand between two words of a name: a remark in brackets as well, and the dot of "et al. 2020"."""
_MARKED = re.compile(
    r"^(?:```|~~~).*?(?:^(?:```|~~~)|\Z)|^ {0,3}#.*?$|!?\[\[[^\[\]]*\]\]|!?\[[^\[\]]*\]\([^()\s]*\)|`[^`\n]*`"
    r"|\$[^$\n]*\$|\b(?:https?://|www\.)\S+|^[ \t]*\|.*?$",
    re.MULTILINE | re.DOTALL,
)
"""What no link may be put into: code, headings, links, formulas, addresses, tables."""
_SHORT_FORM = re.compile(r"(?=.*[A-Z].*[A-Z])\w{2,8}")
_ARTICLES = frozenset(("a", "an", "the", "of"))
"""Words that a name may be written with or without: "measure of intelligence", "measuring intelligence"."""
_SENTENCE = re.compile(r"(?:^|[.!?:;\n])[\s\"'“‘(*_>-]*$")
"""What stands before the first word of a sentence."""


@dataclass(frozen=True)
class Suggestion:
    """A link that could be put round some words of a text."""

    start: int
    """Where the words begin in the text."""
    words: str
    name: str
    """A name of the page that it leads to."""
    path: str
    """That page's file, relative to the notebook (as planned, for one that is imported too)."""
    around: str
    """The words with a few of those before and after them."""

    @property
    def link(self) -> str:
        """The words as a link, as it would stand in the text."""
        return f"[[{self.words}]]" if self.words == self.name else f"[[{self.name}|{self.words}]]"


@dataclass(frozen=True)
class _Name:
    """Something that a page is called."""

    said: str
    words: tuple[str, ...]
    name: str
    path: str
    work: bool
    proper: bool

    @property
    def key(self) -> str:
        """The same for all spellings of the name."""
        return "".join(map(_stem, self.words))

    def fits(self, text: str, words: Sequence[str], start: int, end: int) -> int:
        """How well the words of a text, whose stems are those of the name, are the name: 0 not at all, 2 exactly."""
        written = text[start:end]
        if len(self.words) == 1 and _SHORT_FORM.fullmatch(self.said):
            return 2 * (written in (self.said, self.said + "s", self.said.removesuffix("s")))
        if self.proper:
            capitals = sum(letter.isupper() for letter in self.said)
            opens = _SENTENCE.search(text, max(0, start - 8), start)
            return 2 * (written == self.said and (capitals > 1 or not opens))
        pairs = list(zip(self.words, words, strict=True))
        if all(_singular(said) == _singular(found) for said, found in pairs):
            return 2
        return int(len(words) > 1 and all(_same_word(said, found) for said, found in pairs))


class Names:
    """Names of pages, to be found in texts."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, ...], list[_Name]] = {}
        """Stems of the words of a name -> the names that have them."""
        self._first: set[str] = set()
        """The first stems of all names."""

    def add(self, said: str, name: str, path: str, work: bool = False, proper: bool = False) -> None:
        """Let `said` lead to the page in the file `path`, by the link [[name]]; the first page to say so keeps it.

        Args:
            said: what a text may call the page.
            name: what a link to it says.
            path: its file.
            work: whether it is the title of a paper or talk, which speaks of other pages itself.
            proper: whether only words in exactly these letters, capitals included, are the name.
        """
        found = list(_content(_WORD.finditer(said), name=True))
        words = tuple(word[0] for word in found)
        # A letter or a number alone means nothing, and a link's brackets and bars cannot be part of a name.
        if not words or len(words) > LONGEST or len("".join(words)) < 2 or re.search(r"[\[\]|#]", name):
            return
        if len(words) == 1 and words[0].isdigit():
            return
        for form in dict.fromkeys((words, tuple(_joined(said, found)))):
            stems = tuple(map(_stem, form))
            self._first.add(stems[0])
            there = self._found.setdefault(stems, [])
            if not any(known.path == path or known.said.lower() == said.lower() for known in there):
                there.append(_Name(said, form, name, path, work, proper))

    def suggest(self, text: str, without: Collection[str] = ()) -> list[Suggestion]:
        """Links for a text, in order: the first place in a line where it speaks of a page by each of its names.

        An abbreviation in brackets behind the name that it stands for gets none. In the title of a work that is not
        to be linked to, the pages that the title speaks of are found.

        Args:
            text: Markdown.
            without: files of pages that it is not to link to.
        """
        seen: set[tuple[str, str]] = set()
        ends: set[tuple[str, int]] = set()
        found, line = [], 0
        for words in sorted(self._runs(text), key=lambda run: run[0].start()):
            stems, n = [_stem(word[0]) for word in words], 0
            while n < len(words):
                size, name = self._longest(text, words, stems, n, without)
                start, end = words[n].start(), words[n + max(size, 1) - 1].end()
                if text.find("\n", line, start) >= 0:
                    line, seen = text.rfind("\n", 0, start) + 1, set()
                if name and name.path not in without and (name.path, name.key) not in seen:
                    seen.add((name.path, name.key))
                    if text[start - 2 : start] != " (" or (name.path, start - 2) not in ends:
                        around = text[max(line, start - 30) : end + 30].split("\n")[0]
                        found.append(Suggestion(start, text[start:end], name.name, name.path, shortened(around, 30)))
                if name:
                    ends.add((name.path, end))
                n += size or 1
        return sorted(found, key=lambda link: link.start)

    def _longest(
        self, text: str, words: Sequence[re.Match[str]], stems: list[str], n: int, without: Collection[str]
    ) -> tuple[int, _Name | None]:
        """(number of words, name) of the longest name that begins with word `n`; whole hyphenated words only."""
        if _hyphen(text, words[n].start() - 1):
            return 0, None
        hyphens = _hyphen(text, words[n].end())
        if not hyphens and stems[n] not in self._first:
            return 0, None
        for size in range(min(LONGEST, len(words) - n), 0, -1):
            part = words[n : n + size]
            start, end = part[0].start(), part[-1].end()
            hyphens = hyphens or (size > 1 and "-" in text[start:end])
            name = self._named(text, part, stems[n : n + size], without)
            if name is None and hyphens:
                name = self._named(text, part, [_stem(word) for word in _joined(text, part)], without)
            if name and not _hyphen(text, end):
                return size, name
        return 0, None

    def _named(
        self, text: str, part: Sequence[re.Match[str]], stems: list[str], without: Collection[str]
    ) -> _Name | None:
        """The name that these words are, if they have these stems."""
        names = self._found.get(tuple(stems), ())
        if not names:
            return None
        words = [word[0] for word in part] if len(stems) == len(part) else _joined(text, part)
        start, end = part[0].start(), part[-1].end()
        best = max(names, key=lambda name: name.fits(text, words, start, end))
        fits = best.fits(text, words, start, end) and not (best.work and best.path in without)
        return best if fits else None

    @staticmethod
    def _runs(text: str) -> Iterator[list[re.Match[str]]]:
        """Words that stand together, outside of what no link may be put into; a remark in brackets is a run as well."""
        begin = 0
        for marked in [*_MARKED.finditer(text), None]:
            end = marked.start() if marked else len(text)
            outside: list[re.Match[str]] = []
            for aside in [*_ASIDE.finditer(text, begin, end), None]:
                outside += _WORD.finditer(text, begin, aside.start() if aside else end)
                if aside:
                    yield from _together(text, list(_WORD.finditer(text, aside.start(), aside.end())))
                begin = aside.end() if aside else end
            yield from _together(text, outside)
            begin = marked.end() if marked else end


def _together(text: str, words: list[re.Match[str]]) -> Iterator[list[re.Match[str]]]:
    run: list[re.Match[str]] = []
    for word in [*words, None]:
        if run and (word is None or not _GAP.fullmatch(text, run[-1].end(), word.start())):
            content = list(_content(run))
            if content:
                yield content
            run = []
        if word:
            run.append(word)


def _content(words: Iterable[re.Match[str]], name: bool = False) -> Iterator[re.Match[str]]:
    """The words without articles; a capital A is one only at the beginning of a name (`name`), not in "Vitamin A"."""
    for n, word in enumerate(words):
        article = word[0].lower() in _ARTICLES and (word[0] != "A" or (name and n == 0))
        if not article:
            yield word


def _joined(text: str, words: Sequence[re.Match[str]]) -> list[str]:
    """The words, those with a hyphen between them as one: "auto-encoder" is "autoencoder"."""
    out: list[str] = []
    for n, word in enumerate(words):
        if n and text[words[n - 1].end() : word.start()] == "-":
            out[-1] += word[0]
        else:
            out.append(word[0])
    return out


def _hyphen(text: str, at: int) -> bool:
    """Whether the character there is the hyphen of a word."""
    return 0 < at < len(text) - 1 and text[at] == "-" and text[at - 1].isalnum() and text[at + 1].isalnum()


def with_links(text: str, links: Sequence[Suggestion]) -> str:
    """The text with these links in it."""
    for link in sorted(links, key=lambda link: -link.start):
        text = text[: link.start] + link.link + text[link.start + len(link.words) :]
    return text


def _same_word(said: str, found: str) -> bool:
    """Whether a word of a text may stand for that of a name of several words, if their stems are the same.

    A noun may be a verb or an adjective there, but not a participle, which says something else: "based models" are no
    base model. A verb may be anything: "fine-tuned" is fine-tuning.
    """
    return said.lower().endswith("ing") or not found.lower().endswith("ed")


def _singular(word: str) -> str:
    """A word in lower case, in the singular and in one spelling of those of England and America."""
    word = word.lower()
    word = re.sub(r"(?<!s)s$", "", word) if len(word) > 3 else word
    return re.sub(r"is(?=(?:ation|e|ed|er|ing)$)", "iz", word) if len(word) > 6 else word


def _stem(word: str) -> str:
    """A word without the endings that make it a verb or an adjective."""
    word = _singular(word)
    word = re.sub(r"(?<=\w{3})(?:ing|ed|ally|al|ity)$", "", word)
    return word.removesuffix("e") if len(word) > 3 else word
