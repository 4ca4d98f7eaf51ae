"""Link suggestions: where a text speaks of a page by one of its names, in time proportional to the text."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from glassbook.notebook.importing.plan import shortened

LONGEST = 12
"""Words of a name that is looked for."""
_WORD = re.compile(r"[^\W_]+")
_ASIDE = re.compile(r"\([^()\n]{1,30}\)")
_GAP = re.compile(r"[ \u00a0-]|['’]s | \([^()\n]{1,30}\) ")
"""What may stand between two words of a name: a remark in brackets as well."""
_MARKED = re.compile(
    r"^(?:```|~~~).*?(?:^(?:```|~~~)|\Z)|^ {0,3}#.*?$|!?\[\[[^\[\]]*\]\]|!?\[[^\[\]]*\]\([^()\s]*\)|`[^`\n]*`"
    r"|\$[^$\n]*\$|\b(?:https?://|www\.)\S+|^[ \t]*\|.*?$",
    re.MULTILINE | re.DOTALL,
)
"""What no link may be put into: code, headings, links, formulas, addresses, tables."""
_SHORT_FORM = re.compile(r"(?=.*[A-Z].*[A-Z])\w{2,8}")


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


class Names:
    """Names of pages, to be found in texts."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, ...], tuple[str, str, str]] = {}

    def add(self, said: str, name: str, path: str) -> None:
        """Let `said` lead to the page in the file `path`, by the link [[name]]; the first page to say so keeps it."""
        words = _WORD.findall(said)
        # A letter or a number alone means nothing, and a link's brackets and bars cannot be part of a name.
        if not words or len(words) > LONGEST or len("".join(words)) < 2 or re.search(r"[\[\]|#]", name):
            return
        if len(words) == 1 and words[0].isdigit():
            return
        short = said if len(words) == 1 and _SHORT_FORM.fullmatch(said) else ""
        self._found.setdefault(tuple(map(_folded, words)), (name, path, short))

    def suggest(self, text: str, without: Collection[str] = ()) -> list[Suggestion]:
        """Links for a text, in order: the first place in a line where it speaks of a page, by its longest name there.

        Args:
            text: Markdown.
            without: files of pages that it is not to link to.
        """
        seen, found, line = set(without), [], 0
        for words in sorted(self._runs(text), key=lambda run: run[0].start()):
            keys = [_folded(word[0]) for word in words]
            n = 0
            while n < len(words):
                size, (name, path, _) = self._longest(words, keys, n)
                start, end = words[n].start(), words[n + max(size, 1) - 1].end()
                if text.find("\n", line, start) >= 0:
                    line, seen = text.rfind("\n", 0, start) + 1, set(without)
                if size and path not in seen:
                    seen.add(path)
                    around = text[max(line, start - 30) : end + 30].split("\n")[0]
                    found.append(Suggestion(start, text[start:end], name, path, shortened(around, 30)))
                n += size or 1
        return found

    def _longest(self, words: Sequence[re.Match[str]], keys: list[str], n: int) -> tuple[int, tuple[str, str, str]]:
        for size in range(min(LONGEST, len(words) - n), 0, -1):
            name = self._found.get(tuple(keys[n : n + size]))
            if name and (not name[2] or words[n][0] in (name[2], name[2] + "s", name[2].removesuffix("s"))):
                return size, name
        return 0, ("", "", "")

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
    for word in words:
        if run and not _GAP.fullmatch(text, run[-1].end(), word.start()):
            yield run
            run = []
        run.append(word)
    if run:
        yield run


def with_links(text: str, links: Sequence[Suggestion]) -> str:
    """The text with these links in it."""
    for link in sorted(links, key=lambda link: -link.start):
        text = text[: link.start] + link.link + text[link.start + len(link.words) :]
    return text


def _folded(word: str) -> str:
    """A word without the endings that make it a plural or a form of a verb."""
    word = word.lower()
    word = re.sub(r"(?:ing|ed|(?<!s)s)$", "", word) if len(word) > 3 else word
    return word.removesuffix("e") if len(word) > 3 else word
