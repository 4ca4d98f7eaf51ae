"""Ungrounded prose: sentences that state a verdict or a measured number which no inline value fills in.

A heuristic. It reads sentences as they are shown, without code, formulas and live blocks, and reports one if it

- gives a decimal, a percentage, a ratio ("2 of 3") or a multiple ("5 times") next to the name of an experiment, a word
  for a result (accuracy, loss, variance ...) or a word for ourselves (we, here, this notebook);
- says how claims or seeds came out ("three of these fail", "on one seed of three"), what "we find", what happens "in
  our runs", that an experiment "shows" or "beats" something, or that something is worst or never happens "here";
- says what something makes more or less likely, what need not work, what most features are about, or what random
  directions recover.

A sentence is let be that holds an inline value, cites a work ("(Gao et al. 2024)", a year after a name, a link to
the web) or a run, or asks a question; so are numbers in the name of a work that the page is about (kinds paper, talk
and session), and every phrase that the front matter lists under `given`: settings and numbers that nobody measured
here. In code (`k = 8`) nothing is a number.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from glassbook.notebook.pages.links import inline_values, wikilinks
from glassbook.notebook.pages.markup import markup

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

    from glassbook.notebook.pages.page import Page

GIVEN = "given"
"""Key of the front matter: phrases whose numbers and verdicts were not measured here."""
_VALUE, _CITED, _DOT = "\ue000", "\ue001", "\ue002"
"""Stand for an inline value, a link to the web or to a run, and the dot of "e.g." that ends no sentence."""
_HIDE = {ord("0") + n: 0xE010 + n for n in range(10)}
"""Digits of code and labels, which are no numbers of the sentence, on their way through it."""
_SHOW = {hidden: digit for digit, hidden in _HIDE.items()} | {ord(_VALUE): None, ord(_CITED): None, ord(_DOT): "."}

_COUNT = r"(?:\d+|one|two|three|four|five|six|seven|eight|nine|ten|half|none|all|some|most|both|several)"
_NUMBER = re.compile(
    r"(?<![\w.])(?:\d[\d,]*)?\.\d+|\d\s?%|\d per ?cent|\b\de-\d"
    rf"|\b{_COUNT} (?:out )?of (?:the |these |those )?(?:\d+|two|three|four|five)\b"
    r"|\b(?:\d+|two|three|four|five|ten|twenty)(?:-fold| times (?:as|more|less|better|worse))",
    re.I,
)
_RESULT = re.compile(
    r"\b(accuracy|loss(es)?|auroc|variance|recall|precision|f1|perplexity|ratios?|score[sd]?|detect\w*|reconstruct\w*"
    r"|recover\w*|nats|error|seeds?|runs?|measured|measures|metric|bound|dead|faithfulness|latency|we|our|ours|here"
    r"|agrees?|differs?|this notebook|glassbook|built-in (model|dictionary))\b",
    re.I,
)
_VERDICT = re.compile(
    rf"\bwe (find|found|measure|measured|saw|see|observe|observed|show|showed|confirm|confirmed)\b"
    r"|\b(in|on|over|across|from) (our|my) (own )?(runs?|experiments?|measurements?|seeds?)\b"
    rf"|\bon ({_COUNT}|every|each|no) (of (the )?{_COUNT} )?seeds?\b|\bon seeds? \d"
    rf"|\b{_COUNT} (of (them|these|those|the claims|its claims)|claims?) (hold|held|fail|failed|pass|passed)\b"
    r"|\b(the|these|this|that|last|first|its|both|two|three) (\w+ )?claims? (\w+ )?(holds?|held|fail\w*|pass\w*)\b"
    r"|^claims (hold|fail)\b"
    r"|\b(it|they|this|both) (holds?|fails?|failed) (on|in|for|with) (all|every|one|two|three|no|\d)"
    r"|\bmakes? (?!more|less)(\w+ ){1,6}(more|less) likely\b|\bneed(s)? not (work|help|hold)\b"
    r"|\bmost (of the )?(features|latents|neurons|heads) (are|have|detect|fire|speak)\b"
    r"|\brandom (directions|vectors|features) (also )?(can )?(recover|explain|detect|beat)\b"
    r"|\bso (it|they|this) (holds?|fails?|failed)\b"
    r"|\b(?!(is|was|its|has|this)\b)\w+s (best|worst)\b(?! \w)(?=.*\b(best|worst)\b)|\b\w+s (best|worst) and \w+s\b",
    re.I,
)
_HERE = re.compile(r"^(no|none|neither|nothing)\b.*\bhere\b|\b(never|not|best|worst|better|worse)\b[^,;]*\bhere$", re.I)
_SAYS = r"[`*\s]*(?:now )?(?:shows?|showed|finds?|found|beats?|fails?|holds?|confirms?|refutes?|replicates?|proves?)\b"
_CITATION = re.compile(
    r"\b[A-Z][\w’'-]+(?: et al\b\.?| and [A-Z][\w’'-]+)?,? ?\(?(?:1[89]|20)\d\d\b|\bet al\b|\barXiv\b|\bdoi\b"
    r"|\b[Tt]he (paper|abstract|authors?)\b|" + _CITED
)
_QUESTION = re.compile(r"\?\W*$|^\W*(whether|which|if|how|a share|that clear|what would)\b", re.I)
_END = re.compile(r"(?<=[.!?:;])[\"”’)*_]*\s+(?=[\"“(*_\ue000]*[A-Z0-9\ue000])")
_SHORT = re.compile(r"\b(et al|e\.g|i\.e|cf|vs|Fig|Sec|Eq|approx)\.")
WORKS = ("paper", "talk", "session")
"""Kinds of pages about somebody's work, whose numbers are that work's."""


@dataclass(frozen=True)
class Ungrounded:
    """A sentence that states something which no run fills in."""

    line: int
    """Line of the body where its paragraph begins, from 1."""
    kind: Literal["number", "verdict", "given"]
    """`given`: a phrase of the front matter that is not on the page."""
    text: str
    """The sentence."""


def ungrounded(page: Page, names: Collection[str]) -> list[Ungrounded]:
    """Sentences of a page with numbers or verdicts that no inline value grounds; `names`: of the experiments."""
    given = page.extra.get(GIVEN, [])
    given = [str(phrase) for phrase in (given if isinstance(given, list) else [given])]
    named = re.compile(r"(?<![\w-])(" + "|".join(map(re.escape, sorted(names, key=len, reverse=True))) + r")(?![\w-])")
    found, used = [], set()
    for line, section, text in _sentences(page.body):
        for phrase in given:
            if phrase in text.translate(_SHOW):
                used.add(phrase)
                text = text.replace(phrase, "")
        kind = _judged(text, named if names else None, page.kind in WORKS and section != CHECKED)
        if kind:
            found.append(Ungrounded(line, kind, text.translate(_SHOW).strip()))
    return found + [Ungrounded(1, "given", phrase) for phrase in given if phrase not in used]


CHECKED = "What can be checked here"
"""The section of a page about a work that speaks of this notebook."""


def _judged(text: str, named: re.Pattern[str] | None, of_a_work: bool) -> Literal["number", "verdict"] | None:
    if _VALUE in text or _CITATION.search(text) or _QUESTION.search(text):
        return None
    experiment = named.search(text) if named else None
    if _VERDICT.search(text) or _HERE.search(text.rstrip(" .!*_")):
        return "verdict"
    if experiment and re.search(named.pattern + _SAYS, text):  # type: ignore[union-attr]
        return "verdict"
    about_us = experiment or (not of_a_work and _RESULT.search(text))
    return "number" if about_us and _NUMBER.search(text) else None


def _sentences(body: str) -> Iterator[tuple[int, str, str]]:
    """(line of its paragraph, section, text) of each sentence, row of a table or item of a list."""
    tokens = _parser().parse(body.replace("\r\n", "\n").replace("\r", "\n"))
    section, head, row = "", "", []
    line = 1
    for i, token in enumerate(tokens):
        line = token.map[0] + 1 if token.map else line
        if token.type == "thead_open":
            head, row = "", []
        elif token.type == "thead_close":
            head = " | ".join(row)
        elif token.type == "tr_open":
            row = []
        elif token.type == "tr_close" and head:
            yield line, section, f"{head} | {' | '.join(row)}"
        elif token.type == "inline":
            text = _text(token.children or [])
            if tokens[i - 1].type in ("th_open", "td_open"):
                row.append(text)
            elif tokens[i - 1].type == "heading_open":
                section = text.strip()
            else:
                for sentence in _END.split(_SHORT.sub(rf"\1{_DOT}", text)):
                    yield line, section, sentence


def _text(children: Sequence[Token]) -> str:
    """The text of a paragraph, with marks for inline values and links to the web or to runs; code as its words."""
    out = []
    for token in children:
        match token.type:
            case "text":
                out.append(token.content)
            case "code_inline":
                out.append(token.content.translate(_HIDE))  # names of experiments count; numbers are settings
            case "softbreak" | "hardbreak":
                out.append(" ")
            case "inline_value":
                out.append(_VALUE)
            case "wikilink":
                run = re.fullmatch(r"\d{8}-\d{6}-\d{6}-[0-9a-f]{4}", token.meta["target"])
                out.append(_CITED if run else token.content.translate(_HIDE))
            case "link_open" if re.match(r"https?:|doi:|(\.\./)*/?runs/", str(token.attrGet("href"))):
                out.append(_CITED)
    return "".join(out)


@functools.cache
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt
    from mdit_py_plugins.dollarmath import dollarmath_plugin

    md = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    md.use(dollarmath_plugin, double_inline=True, allow_digits=False, allow_blank_lines=False)
    markup(md)
    wikilinks(md)
    inline_values(md)
    return md
