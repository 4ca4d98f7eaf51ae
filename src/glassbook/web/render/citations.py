"""Bibliography of a page: works in CSL JSON as authors, year, title, venue and links, and citations linked to them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from markupsafe import Markup, escape

from glassbook.notebook.pages.references import References

MAX_AUTHORS = 3
"""Authors that are listed; if there are more, the first and "et al."."""
_ARXIV = re.compile(r"(?:arxiv:\s*|arxiv\.org/(?:abs|pdf)/)?(\d{4}\.\d{4,5}|[a-z.-]+/\d{7})(v\d+)?", re.I)
_DOI = re.compile(r"(?:https?://(?:dx\.)?doi\.org/|doi:\s*)?(10\.\d{4,9}/\S+)", re.I)


@dataclass(frozen=True)
class Citation:
    """A work as its parts are shown; one that is missing in references.json has only its key."""

    key: str
    authors: str
    year: str
    title: str
    place: str
    """Journal, book or publisher."""
    links: tuple[tuple[str, str], ...]
    """(label, URL) pairs."""
    known: bool


_PIECE = re.compile(r"""(<(?:"[^"]*"|'[^']*'|[^'">])*>)""")
_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)")
_APART = frozenset({"a", "code", "pre", "math", "aside", "h1", "h2", "h3", "h4", "h5", "h6"})
"""Elements whose text is no sentence of the page, or a link already."""
_OTHERS = r"(?: et al\.?|(?:, [^\W\d][\w’'-]*)*,? (?:and|&amp;) [^\W\d][\w’'-]*)?"


def link_citations(html: Markup, works: Sequence[Citation]) -> Markup:
    """A page with "Elhage et al. 2022" and "Vincent (2011)" in its sentences linked to the list of sources.

    The anchors are those of page.html: `work-` and the number of the work in its list, from 1.

    Args:
        html: the page; safe.
        works: the sources, in the order of their list. Two of one first author and year are told apart by nothing
            in the text, so neither is linked.
    """
    numbers: dict[tuple[str, str], list[int]] = {}
    for number, work in enumerate(works, 1):
        first = re.split(r", | and | et al\.", work.authors)[0]
        if first and work.year:
            numbers.setdefault((str(escape(first)), work.year), []).append(number)
    cited = {key: found[0] for key, found in numbers.items() if len(found) == 1}
    if not cited:
        return html
    names = "|".join(sorted({re.escape(name) for name, _ in cited}, key=len, reverse=True))
    years = r"(?:,? (?P<year>\d{4})[a-z]?(?!\w)| \((?P<bracketed>\d{4})[a-z]?\))"
    pattern = re.compile(rf"(?<![\w-])(?P<first>{names}){_OTHERS}{years}")

    def link(found: re.Match[str]) -> str:
        number = cited.get((found["first"], found["year"] or found["bracketed"]))
        return found[0] if number is None else f'<a class="cite" href="#work-{number}">{found[0]}</a>'

    out, apart = [], 0
    for n, piece in enumerate(_PIECE.split(str(html))):
        if n % 2 == 0:
            out.append(piece if apart else pattern.sub(link, piece))
            continue
        tag = _TAG.match(piece)
        if tag and tag[2].lower() in _APART:
            apart += -1 if tag[1] else 1
        out.append(piece)
    return Markup("".join(out))


def cite(references: References, keys: Iterable[str]) -> list[Citation]:
    return [citation(key, references.get(key)) for key in keys]


def citation(key: str, work: Mapping[str, Any] | None) -> Citation:
    """A work (CSL JSON) as a citation; fields that are not valid CSL are left out."""
    work = work if isinstance(work, Mapping) else None
    fields = work or {}
    place = _text(fields.get("container-title")) or _text(fields.get("publisher"))
    links = tuple(_links(key, fields))
    return Citation(
        key=key,
        authors=_authors(fields.get("author") or fields.get("editor")),
        year=_year(fields.get("issued")),
        title=_text(fields.get("title")),
        place="" if place.lower() == "arxiv" and links else place,  # the link says it
        links=links,
        known=work is not None,
    )


def _text(value: Any) -> str:
    if isinstance(value, list):  # some sources give titles as lists
        value = value[0] if value else ""
    return " ".join(str(value).split()) if isinstance(value, str | int | float) else ""


def _authors(people: Any) -> str:
    people = [person for person in people if isinstance(person, Mapping)] if isinstance(people, list) else []
    names = [_text(person.get("family") or person.get("literal") or person.get("given")) for person in people]
    names = [name for name in names if name]
    if len(names) > MAX_AUTHORS:
        return f"{names[0]} et al."
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


def _year(issued: Any) -> str:
    if not isinstance(issued, Mapping):
        return ""
    parts = issued.get("date-parts")
    try:
        return str(int(parts[0][0]))  # type: ignore[index]
    except (TypeError, ValueError, IndexError, KeyError):
        return _text(issued.get("raw") or issued.get("literal"))[:20]


def _links(key: str, work: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    texts = [_text(work.get(name)) for name in ("number", "URL", "note", "DOI")]
    arxiv = next((m for text in [*texts, key] if (m := _ARXIV.fullmatch(text))), None)
    doi = next((m for text in [_text(work.get("DOI")), key] if (m := _DOI.fullmatch(text))), None)
    if arxiv:
        yield f"arXiv:{arxiv[1]}", f"https://arxiv.org/abs/{arxiv[1]}"
    if doi and not doi[1].lower().startswith("10.48550/"):  # arXiv's own
        yield "doi", f"https://doi.org/{quote(doi[1], safe='/:;()')}"
    url = _text(work.get("URL"))
    if not arxiv and not doi and re.match(r"https?://", url, re.I):
        yield "link", url
