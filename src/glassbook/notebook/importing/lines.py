"""Line classifier for plain text: a session, a labelled paragraph of a paper, a title, a term.

These are rules of thumb about how people write notes; each is one pattern with its reason.
"""

from __future__ import annotations

import re

SESSION = re.compile(
    r"(?P<word>Session|Lecture|Week|Day|Class|Lesson|Meeting|Module|Seminar|Workshop|Unit)\s+"
    r"(?P<first>\d{1,4})(?:\s*[-–—]\s*(?P<last>\d{1,4}))?(?P<rest>\s*[:.–—-]\s*.*|\s*)$",
    re.IGNORECASE,
)
"""A numbered meeting of a course, such as "Week 3: Sparse coding: Lovely." or "Session 8-11: ..."."""

LABEL = re.compile(
    r"(?:The\s+)?(?P<label>Problem|Proposal|Proposed \w+|Background|Purpose|Goal|Aim|Introduction|Observations?|"
    r"Abstract|Motivation|Methods?|Methodology|Approach|Experiments?|Results?|Findings?|Conclusions?|Contributions?|Discussion|"
    r"Limitations?|Hypothesis|Solution|Related work|Key ideas?|Takeaways?)(?P<number>\s+\d{1,3})?\s*[:–—]\s*\S",
    re.IGNORECASE,
)
"""A paragraph that says which part of a paper it tells of."""
OPENING = {"problem", "background", "abstract", "motivation", "purpose", "goal", "aim", "introduction"}
"""Labels with which the notes on a paper begin."""
CLOSING = {"observation", "result", "finding", "conclusion", "discussion", "limitation", "takeaway"}
"""Labels with which they end; an opening one after them is of the next paper."""

QUOTED = re.compile(
    r"[\"“']?(?:We (?:\w+ly )?(?:note|propose|present|introduce|show|argue|study|describe|develop|investigate|"
    r"demonstrate|find|report|explore|release)\b|In this (?:paper|work|article)\b|This paper\b)"
)
"""How an abstract speaks, and a reader's own note hardly ever."""
QUOTED_WORDS = 40
"""An abstract has at least so many words."""

GLOSSARY = re.compile(r"\b(?:glossary|terms|terminology|vocabulary|definitions|high-level(?:ness)?)\b", re.IGNORECASE)
"""Announces a list of terms, if the line is a heading or stands in brackets."""
FALLING = re.compile(r"\b(?:decreasing|descending|falling|from high|top[- ]down|most high)", re.IGNORECASE)
RISING = re.compile(r"\b(?:increasing|ascending|rising|from low|bottom[- ]up|least high)", re.IGNORECASE)

HEADING = re.compile(
    r"(?:my |some )?(?P<what>papers?|talks?|videos?|lectures?|sessions?|courses?|projects?|notes|readings?|posts?|"
    r"articles?)(?: (?:notes|list|read|watched|i \w+|and \w+))?\s*:?$",
    re.IGNORECASE,
)
"""A line that names what the lines below it are."""

TALK = re.compile(
    r"\b(?:(?:the|this|his|her|their|my) (?:video|talk|lecture|speaker)|keynote|podcast|interview|webinar|youtube|"
    r"watch(?:ing|ed)?)\b",
    re.IGNORECASE,
)
"""Words of someone who has listened, not read."""

REMARK = re.compile(
    r"(?:note that (?:these|this|those|the above)\b|p\.?\s?s\b|last updated|thanks to\b|disclaimer\b|this page\b|"
    r"copyright\b|©|i(?:'d|’d| would) (?:also )?like to\b)",
    re.IGNORECASE,
)
"""A remark on the page itself, which belongs to none of its parts."""

_TERM = re.compile(r"(?P<term>[^:]{1,80}?)(?P<mark>:\s+|\s+[-–—]\s+)(?P<text>\S.*)")
_NO_TERM = re.compile(
    r"(?:for (?:example|instance)|e\.?g\.?|i\.?e\.?|note|see|example|also|in (?:short|other words|practice|a)|"
    r"that is|if|it|its|this|these|that|they|we|i|you|when|while|because|there|here|but|and|or|so|then|however)\b",
    re.IGNORECASE,
)
TERM_WORDS = 8
TITLE_WORDS = 16

_SMALL = set("a an the of and or for to in on at by with from as is are be it its this that via vs per into".split())


def term(line: str) -> tuple[str, str] | None:
    """(term, text) of "Term: text" or "Term - text", whichever mark comes first; None if it is no such line."""
    match = _TERM.match(line)
    if match is None or _NO_TERM.match(line):
        return None
    name = match["term"].strip()
    begins = name[:1].isupper() or name[:1].isdigit() or any(c.isupper() for c in name.split()[0])
    if not begins or len(name.split()) > TERM_WORDS or name.endswith((".", "!", ",")):
        return None
    return name, match["text"]


def is_title(line: str) -> bool:
    """Whether a line is the title of a work: short, no sentence, and most of its long words capitalised."""
    text = line.strip().rstrip(":")
    words = re.findall(r"[^\W_][\w'’-]*", text)
    if not 2 <= len(words) <= TITLE_WORDS or text.endswith((".", "!", ",", ";")):
        return False
    long = [word for word in words if len(word) > 3 and word.lower() not in _SMALL]
    capitals = sum(any(c.isupper() for c in word) or word[0].isdigit() for word in long)
    named = without_source(text)[1] != ""
    return bool(long) and text[:1].isupper() and (capitals >= 0.6 * len(long) or named)


def without_source(title: str) -> tuple[str, str]:
    """ "Some title - Site" as (title, who wrote it or where it stands); the second is "" if it is not named."""
    match = re.fullmatch(r"(?P<title>.+?)\s[-–—|]\s+(?P<by>(?:[A-Z][\w.'’-]*\s?){1,3})", title)
    return (match["title"], match["by"]) if match else (title, "")


def content_words(text: str) -> set[str]:
    """The words that tell what a text is about, without plural and verb endings."""
    words = {word for word in re.findall(r"[a-z][a-z-]{3,}", text.lower()) if word not in _SMALL}
    return {re.sub(r"(?:ing|ed|es|s)$", "", word) if len(word) > 5 else word.rstrip("s") for word in words}


def aliases(title: str) -> list[str]:
    """Other names in a title: "Variational auto-encoder (VAE)" is also called "VAE", and what stands before it."""
    match = re.fullmatch(r"(?P<long>.+?)\s*\((?P<short>[A-Z][\w-]{1,11})\)", title)
    return [match["short"], match["long"]] if match else []
