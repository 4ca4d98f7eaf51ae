"""BibTeX to CSL JSON and back: a field of its own holds what BibTeX cannot say, so that nothing is lost."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from glassbook.errors import GlassbookError

TYPES = {
    "article": "article-journal",
    "inproceedings": "paper-conference",
    "conference": "paper-conference",
    "book": "book",
    "incollection": "chapter",
    "inbook": "chapter",
    "phdthesis": "thesis",
    "mastersthesis": "thesis",
    "thesis": "thesis",
    "techreport": "report",
    "report": "report",
    "online": "webpage",
    "software": "software",
    "dataset": "dataset",
    "unpublished": "manuscript",
    "misc": "document",
}
"""Type of an entry -> type in CSL. The first BibTeX type of several is the one that is written."""
FIELDS = {
    "title": "title",
    "volume": "volume",
    "number": "issue",
    "pages": "page",
    "publisher": "publisher",
    "address": "publisher-place",
    "edition": "edition",
    "series": "collection-title",
    "doi": "DOI",
    "url": "URL",
    "isbn": "ISBN",
    "issn": "ISSN",
    "note": "note",
    "abstract": "abstract",
    "keywords": "keyword",
    "language": "language",
}
"""Field -> name in CSL, where one is as good as the other."""
PLACES = {"paper-conference": "booktitle", "chapter": "booktitle"}
"""What the container of a work is called in BibTeX; elsewhere it is its journal."""
MONTHS: tuple[str, ...] = tuple("jan feb mar apr may jun jul aug sep oct nov dec".split())
REST = "x-csl"
"""Field that holds, as JSON, what the other fields cannot say."""

_ACCENTS = {
    "`": "\u0300", "'": "\u0301", "^": "\u0302", '"': "\u0308", "~": "\u0303", "=": "\u0304", ".": "\u0307",
    "c": "\u0327", "v": "\u030c", "u": "\u0306", "H": "\u030b", "k": "\u0328", "r": "\u030a",
}  # fmt: skip
"""LaTeX's accents -> the characters that put them on a letter."""
_LETTERS = {
    "ss": "ß", "o": "ø", "O": "Ø", "l": "ł", "L": "Ł", "ae": "æ", "AE": "Æ", "oe": "œ", "OE": "Œ", "aa": "å", "AA": "Å",
    "i": "ı", "j": "ȷ", "textbackslash": "\\", "textbraceleft": "{", "textbraceright": "}", "textasciitilde": "~",
    "textasciicircum": "^", "textendash": "–", "textemdash": "—", "textquoteright": "’",
}  # fmt: skip
_SAFE = {
    "\\": "{\\textbackslash}", "{": "{\\textbraceleft}", "}": "{\\textbraceright}", "~": "{\\textasciitilde}",
    "^": "{\\textasciicircum}", "&": "\\&", "%": "\\%", "$": "\\$", "#": "\\#", "_": "\\_",
}  # fmt: skip
_STYLES = frozenset(
    "emph textit textbf texttt textsc textrm textsf textsl textsubscript textsuperscript textnormal text mbox em it bf "
    "tt sc rm sf sl url protect enquote uppercase".split()
)
"""Commands that say only how their words look."""
_LATEX = re.compile(
    r"(?P<math>\$(?:\\.|[^$\\])+\$)"
    r"|\\(?P<accent>[`'^\"~=.]|[cvuHkr](?![a-zA-Z]))\s*(?:\{\\?(?P<a>[^\W\d_])\}|\\?(?P<b>[^\W\d_]))"
    r"|\\(?P<word>[a-zA-Z]+)(?:\{\}|(?P<space>\s+)|(?![a-zA-Z]))|\\(?P<mark>.)|(?P<drop>[{}])|(?P<tie>~)",
    re.DOTALL,
)


def plain(latex: str) -> str:
    """LaTeX of a field as text: accents and letters, no braces but in formulas; unknown commands keep their name."""
    if not any(sign in latex for sign in "\\{}~"):
        return " ".join(latex.split())
    return " ".join(_LATEX.sub(_plain, latex).split())


def _plain(match: re.Match[str]) -> str:
    word = match["word"]
    if match["accent"]:
        return unicodedata.normalize("NFC", (match["a"] or match["b"]) + _ACCENTS[match["accent"]])
    if word in _LETTERS:
        return _LETTERS[word]
    if word:
        return "" if word in _STYLES else f"\\{word}{match['space'] or ''}"
    return match["math"] or match["mark"] or (" " if match["tie"] else "")


def latex(text: str) -> str:
    """Text as LaTeX that `plain` reads back."""
    return "".join(_SAFE.get(c, c) for c in text)


def read(text: str, problems: list[str] | None = None) -> list[dict[str, Any]]:
    """The works in a BibTeX file, as CSL JSON; `id` is the citation key, "" if there is none.

    Args:
        text: the file.
        problems: gets a line for each entry that cannot be read, which is then passed over.

    Raises:
        GlassbookError: an entry cannot be read and there is no `problems`; the message names its line.
    """
    entries = list(_entries(text, problems))
    parents = {key.lower(): fields for _, key, fields in entries}
    works = []
    for kind, key, fields in entries:
        try:
            works.append(_csl(kind, key, _inherited(fields, parents)))
        except GlassbookError as error:
            if problems is None:
                raise
            problems.append(str(error))
    return works


def write(items: Iterable[Mapping[str, Any]]) -> str:
    """Works as BibTeX, such that `read` gives them back."""
    return "\n".join(_entry(dict(item)) for item in items)


# --- reading ------------------------------------------------------------------------------------------------------


_BEGIN = re.compile(r"@\s*([a-zA-Z]+)\s*([{(])")
_NEXT = re.compile(r"^[ \t]*@", re.MULTILINE)
_KEYS = {"{": re.compile(r"\s*([^\n,{}=\"]*?)\s*(?=[,}])"), "(": re.compile(r"\s*([^\n,{}()=\"]*?)\s*(?=[,)])")}
_STRING = re.compile(r"\s*([^\s=,#{}()\"]+)\s*=")
_FIELD = re.compile(r"[\s,]*([^\s=,#{}()\"]+)\s*=")
_END = re.compile(r"[,\s]*[})]")
_WORD = re.compile(r"([^\s=,#{}()\"]+)")
_SPACE = re.compile(r"\s*")
_MORE = re.compile(r"\s*#")
_GROUP = re.compile(r"\\.|[{}()\"]", re.DOTALL)
_INHERITED = frozenset(
    "booktitle journal journaltitle year month date publisher address location series editor volume number isbn issn "
    "organization institution".split()
)
"""Fields that an entry takes from the one that its crossref names."""


def _entries(text: str, problems: list[str] | None) -> Iterator[tuple[str, str, dict[str, str]]]:
    """(type, key, field -> LaTeX) of each entry; text between entries is a comment."""
    strings = {month: str(i) for i, month in enumerate(MONTHS, 1)}
    at = 0
    while (start := _BEGIN.search(text, at)) is not None:
        try:
            entry, at = _one_entry(text, start, strings)
        except GlassbookError as error:
            if problems is None:
                raise
            problems.append(str(error))
            after = _NEXT.search(text, start.end())
            entry, at = None, after.start() if after else len(text)
        if entry is not None:
            yield entry


def _one_entry(
    text: str, start: re.Match[str], strings: dict[str, str]
) -> tuple[tuple[str, str, dict[str, str]] | None, int]:
    """The entry that begins at `start`, None if it holds no work, and where it ends; it may add to `strings`."""
    kind, at = start[1].lower(), start.end()
    if kind in ("comment", "preamble"):
        return None, _closing(text, at - 1)
    if kind == "string":
        name, at = _match(_STRING, text, at)
        strings[name.lower()], at = _value(text, at, strings)
        return None, at
    key, at = _match(_KEYS[start[2]], text, at)
    fields: dict[str, str] = {}
    while (end := _END.match(text, at)) is None:
        name, at = _match(_FIELD, text, at)
        value, at = _value(text, at, strings)
        _put(fields, name.lower(), value)
    return (kind, key, fields), end.end()


def _put(fields: dict[str, str], name: str, value: str) -> None:
    """Add a field; of one that is given twice both values are kept."""
    if name == "keywords" and name in fields:
        fields[name] += f", {value}"
        return
    free, number = name, 1
    while fields.get(free, value) != value:
        number += 1
        free = f"{name}-{number}"
    fields[free] = value


def _inherited(fields: dict[str, str], parents: Mapping[str, dict[str, str]]) -> dict[str, str]:
    """The fields of an entry, with those that it takes from its crossref."""
    parent = parents.get(fields.get("crossref", "").strip().lower(), fields)
    if parent is fields:
        return fields
    taken = {name: value for name, value in parent.items() if name in _INHERITED}
    if "title" in parent and not taken.keys() & {"booktitle", "journal", "journaltitle"}:
        taken["booktitle"] = parent["title"]
    if fields.keys() & {"year", "date"}:
        taken = {name: value for name, value in taken.items() if name not in ("year", "month", "date")}
    return {**taken, **fields}


def _match(pattern: re.Pattern[str], text: str, at: int) -> tuple[str, int]:
    match = pattern.match(text, at)
    if match is None:
        raise GlassbookError(f"line {text.count(chr(10), 0, at) + 1}: this is no BibTeX entry: {text[at : at + 30]!r}")
    return match[1], match.end()


def _value(text: str, at: int, strings: Mapping[str, str]) -> tuple[str, int]:
    """A field's value: pieces in braces or quotes, numbers and names of strings, joined by #."""
    out = ""
    while True:
        space = _SPACE.match(text, at)
        at = space.end() if space else at
        if text[at : at + 1] in ("{", '"'):
            end = _closing(text, at)
            out += text[at + 1 : end - 1]
        else:
            name, end = _match(_WORD, text, at)
            out += strings.get(name.lower(), name)
        more = _MORE.match(text, end)
        if more is None:
            return out, end
        at = more.end()


def _closing(text: str, at: int) -> int:
    """Where the group that opens at `at` has ended."""
    first, depth = text[at], 0
    close = {"{": "}", "(": ")", '"': '"'}[first]
    for match in _GROUP.finditer(text, at + 1):
        if match[0] == close and depth == 0:
            return match.end()
        depth += {"{": 1, "}": -1}.get(match[0], 0)
    line = text.count("\n", 0, at) + 1
    raise GlassbookError(f"line {line}: the {first} that opens here is never closed; close it")


def _csl(kind: str, key: str, fields: dict[str, str]) -> dict[str, Any]:
    fields = {name: value for name, value in fields.items() if value.strip()}
    item: dict[str, Any] = {"id": key, "type": TYPES.get(kind, "document")}
    rest = _rest(fields.pop(REST, "{}"), key)
    for name in ("author", "editor"):
        if name in fields:
            item[name] = [_person(person) for person in _split_names(fields.pop(name))]
    issued = _date(fields)
    if issued:
        item["issued"] = {"date-parts": [issued]}
    for name in ("booktitle", "journal", "journaltitle"):
        if name in fields:
            item.setdefault("container-title", plain(fields.pop(name)))
    if plain(fields.get("archiveprefix", fields.get("eprinttype", ""))).lower() == "arxiv" and "eprint" in fields:
        number = plain(fields.pop("eprint"))
        for name in ("archiveprefix", "eprinttype", "primaryclass"):
            fields.pop(name, None)
        item |= {"number": f"arXiv:{number}", "publisher": "arXiv"}
        item["type"] = "article" if kind == "misc" else item["type"]
        fields.setdefault("url", latex(f"https://arxiv.org/abs/{number}"))
    for name in ("school", "institution", "organization"):
        if name in fields and "publisher" not in fields:
            item["publisher"] = plain(fields.pop(name))
    for name in list(fields):
        if name in FIELDS:
            value = plain(fields.pop(name))
            item[FIELDS[name]] = re.sub(r"\s*--+\s*", "-", value) if name == "pages" else value
    if fields:
        item["custom"] = {"bibtex": {name: plain(value) for name, value in fields.items()}}
    for name, value in rest.items():
        if value is None:
            item.pop(name, None)
        else:
            item[name] = value
    return item


def _rest(data: str, key: str) -> dict[str, Any]:
    try:
        rest = json.loads(data)
    except ValueError as error:
        raise GlassbookError(f"the field {REST} of {key!r} is no JSON ({error}); fix it or take it out") from error
    if not isinstance(rest, dict):
        raise GlassbookError(f"the field {REST} of {key!r} has to be {{...}}; fix it or take it out")
    return rest


def _date(fields: dict[str, str]) -> list[int]:
    """Year, month and day, as far as they are told."""
    told = plain(fields.get("date", ""))
    # Of a span of days the first; what CSL's date does not say, such as the end or the hour, stays a field of its own.
    match = re.match(r"(\d{1,4})(?:-(\d{1,2}))?(?:-(\d{1,2}))?(?=$|[/T~?%])", told)
    if match:
        if match[0] == told:
            del fields["date"]
        return [int(part) for part in match.groups() if part]
    if not re.fullmatch(r"\d{1,4}", plain(fields.get("year", ""))):
        return []
    parts = [int(plain(fields.pop("year")))]
    month = plain(fields.get("month", "")).lower()
    number = MONTHS.index(month[:3]) + 1 if month[:3] in MONTHS else int(month) if month.isdecimal() else 0
    if 1 <= number <= 12:
        del fields["month"]
        parts.append(number)
        if re.fullmatch(r"\d{1,2}", plain(fields.get("day", ""))):
            parts.append(int(plain(fields.pop("day"))))
    return parts


def _split_names(text: str) -> list[str]:
    out, depth, last = [], 0, 0
    for match in re.finditer(r"\\.|[{}]|\s+and\s+", text, re.DOTALL | re.IGNORECASE):
        depth += {"{": 1, "}": -1}.get(match[0], 0)
        if depth == 0 and match[0].strip().lower() == "and":
            out.append(text[last : match.start()])
            last = match.end()
    return [name.strip() for name in [*out, text[last:]] if name.strip()]


def _person(name: str) -> dict[str, str]:
    whole = re.fullmatch(r"\{((?:[^{}]|\{[^{}]*\})*)\}", name)
    if whole or plain(name) == "others":
        return {"literal": plain(whole[1] if whole else name)}
    parts = [plain(part) for part in name.split(",")]
    if len(parts) == 2 and all(parts):
        return {"family": parts[0], "given": parts[1]}
    if len(parts) == 3:
        return {"family": parts[0], "suffix": parts[1], "given": parts[2]}
    words = plain(name).split()
    if len(words) == 1:
        return {"family": words[0]}
    # "Laurens van der Maaten": words in lower case belong to the family name.
    start = next((i for i, word in enumerate(words[:-1]) if i and word[0].islower()), len(words) - 1)
    return {"family": " ".join(words[start:]), "given": " ".join(words[:start])}


# --- writing ------------------------------------------------------------------------------------------------------


def _entry(item: dict[str, Any]) -> str:
    kind = next((name for name, csl in TYPES.items() if csl == item.get("type")), "misc")
    key = str(item.get("id", "")) or "work"
    fields: dict[str, str] = {}
    for name in ("author", "editor"):
        people = item.get(name)
        if isinstance(people, list):
            fields[name] = " and ".join(filter(None, map(_name, people)))
    title = item.get("title")
    if isinstance(title, str):
        fields["title"] = f"{{{latex(title)}}}"  # kept as it is written, capitals and all
    date = item.get("issued", {}).get("date-parts") if isinstance(item.get("issued"), dict) else None
    if isinstance(date, list) and date and isinstance(date[0], list):
        fields |= dict(zip(("year", "month", "day"), map(str, date[0]), strict=False))
    number = item.get("number")
    if isinstance(number, str) and number.startswith("arXiv:"):
        fields |= {"eprint": latex(number.removeprefix("arXiv:")), "archiveprefix": "arXiv"}
    if isinstance(item.get("container-title"), str):
        fields[PLACES.get(item.get("type", ""), "journal")] = latex(item["container-title"])
    for name, csl in FIELDS.items():
        if name not in fields and isinstance(item.get(csl), str):
            fields[name] = latex(item[csl]).replace("-", "--") if name == "pages" else latex(item[csl])
    custom = item.get("custom")
    kept = custom.get("bibtex") if isinstance(custom, dict) else None
    for name, value in (kept if isinstance(kept, dict) else {}).items():
        if re.fullmatch(r"[a-z][a-z0-9_-]*", name) and isinstance(value, str):
            fields.setdefault(name, latex(value))
    if re.fullmatch(r"[^\s,{}()=\"#]+", key) is None:
        key = re.sub(r"[\s,{}()=\"#]+", "-", key)
    told = _csl(kind, key, dict(fields))
    rest = {name: item.get(name) for name in told.keys() | item.keys() if told.get(name) != item.get(name)}
    if rest:
        data = json.dumps(rest, ensure_ascii=True, sort_keys=True)
        fields[REST] = _balanced(data)
    lines = "".join(f"  {name} = {{{value}}},\n" for name, value in fields.items() if value)
    return f"@{kind}{{{key},\n{lines}}}\n"


def _name(person: Any) -> str:
    if not isinstance(person, dict):
        return ""
    if "literal" in person:
        return "others" if person["literal"] == "others" else f"{{{latex(str(person['literal']))}}}"
    parts = [person.get("family"), person.get("suffix"), person.get("given")]
    return ", ".join(latex(str(part)) for part in parts if part)


def _balanced(data: str) -> str:
    """JSON whose strings hold no brace, for those outside balance; and no quote that would end a value."""
    inside = re.compile(r'"(?:[^"\\]|\\.)*"')
    return inside.sub(lambda m: m[0].replace("{", "\\u007b").replace("}", "\\u007d"), data)
