"""Inline HTML to Markdown: escapes, emphasis, code, links and images."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

SPACE = " \t\n\r\f"
"""What HTML counts as white space; a no-break space is a character like any other."""
MARKS = {"strong": "**", "b": "**", "em": "*", "i": "*", "del": "~~", "s": "~~", "strike": "~~"}
RAISED = {"sup": "^", "sub": "_"}
"""Elements whose text stands higher or lower, and the sign that says so where no character does."""
_RAISED = {
    "sup": str.maketrans("0123456789+-−=()ni", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾ⁿⁱ"),
    "sub": str.maketrans("0123456789+-−=()", "₀₁₂₃₄₅₆₇₈₉₊₋₋₌₍₎"),
}
CODE = ("code", "kbd", "samp", "tt")
_SPECIAL = re.compile(r"[\\`*\[\]<|~$#&!_]")
BREAK = "\0"
"""Stands for a line break until the paragraph is whole; a text never holds this character."""
EDGE = SPACE + BREAK


@dataclass
class Frame:
    """An inline element that is still open, with what stands in it."""

    tag: str
    target: str = ""
    """Where a link leads."""
    used: bool = False
    """It had text already, before the block in which it began has ended."""
    pieces: list[tuple[bool, str]] = field(default_factory=list)
    """(whether it is text of code, not Markdown yet; the text)"""


def escaped(text: str) -> str:
    """Text so that Markdown shows it as it is; the start of a line is left to `safe_lines`."""
    if _SPECIAL.search(text) is None:
        return text
    text = re.sub(r"[\\`*\[\]<|~$#]", r"\\\g<0>", text)
    text = re.sub(r"&(?=#?\w+;)", r"\\&", text)
    text = re.sub(r"!$", r"\\!", text)
    return re.sub(r"(?<![^\W_])_|_(?![^\W_])", r"\\_", text)


def safe_lines(text: str) -> str:
    """A paragraph of which no line begins as a list, a quote, a rule or an underline would."""
    text = re.sub(r"^([ ]*)([-+>=])", r"\1\\\2", text, flags=re.MULTILINE)
    return re.sub(r"^([ ]*\d{1,9})([.)])(?=\s|$)", r"\1\\\2", text, flags=re.MULTILINE)


def with_breaks(text: str) -> str:
    """A whole paragraph with its line breaks; several in a row are one, those at its ends none."""
    text = re.sub(f"[ ]*{BREAK}[ {BREAK}]*", BREAK, re.sub(r" {2,}", " ", text)).strip(f" {BREAK}")
    return text.replace(BREAK, "\\\n")


def code_span(text: str) -> str:
    """Text as code in a line."""
    text = re.sub(f"[{SPACE}]+", " ", text)
    if not text.strip(" "):
        return text
    fence = "`" * (max((len(run) for run in re.findall("`+", text)), default=0) + 1)
    pad = " " if text[0] in "` " or text[-1] in "` " else ""
    return f"{fence}{pad}{text}{pad}{fence}"


def closed(frame: Frame, in_code: bool, before: str) -> list[tuple[bool, str]]:
    """What an element becomes where it ends.

    Args:
        frame: the element.
        in_code: whether it stands in code itself.
        before: the last character in front of it.
    """
    if frame.tag in CODE:
        return frame.pieces  # two pieces of code in a row become one
    if frame.tag == "a":
        # What begins with [...]: would define a link, whatever stands for code in it.
        safe = [(False, escaped(text)) if raw and "]:" in text else (raw, text) for raw, text in _joined(frame.pieces)]
        text = markdown(safe)
        inside = text.strip(EDGE)
        if not frame.target or not inside or "](" in re.sub(r"!\[[^\]]*\]\([^)]*\)", "", inside):
            return frame.pieces
        left, right = text[: len(text) - len(text.lstrip(EDGE))], text[len(text.rstrip(EDGE)) :]
        return [(False, f"{left}[{inside}]({url(frame.target)}){right}")]
    if in_code:
        return frame.pieces
    if frame.tag in RAISED:
        return [(False, raised(frame.tag, markdown(frame.pieces)))]
    text = markdown(frame.pieces)
    inside, mark = text.strip(EDGE), MARKS[frame.tag]
    # Marks beside anything but letters are not always marks; the text matters more than its emphasis.
    good = inside and inside[0].isalnum() and inside[-1].isalnum() and not (text[0] == inside[0] and before == "*")
    if not good:
        return frame.pieces
    left, right = text[: len(text) - len(text.lstrip(EDGE))], text[len(text.rstrip(EDGE)) :]
    return [(False, f"{left}{mark}{inside}{mark}{right}")]


def raised(tag: str, text: str) -> str:
    """An exponent or index as characters that look so, else behind a sign; marks of notes stay as they are."""
    inside = text.strip(EDGE)
    if not inside or "](" in inside or "[" in inside or BREAK in inside:
        return text
    shown = inside.translate(_RAISED[tag])
    if not any(c.isascii() and not c.isspace() for c in shown):
        return shown
    sign = "\\_" if tag == "sub" else "^"
    return f"{sign}{inside}" if inside.isalnum() else f"{sign}({inside})"


def formula(tex: str, display: bool, in_table: bool) -> str:
    """A formula in TeX as Markdown; as code if it holds a sign that would end it."""
    tex = re.sub(r"\{\\(?:display|text)style\s+(.*)\}", r"\1", " ".join(tex.split()))
    if "$" in tex or not tex:
        return code_span(tex)
    if in_table:
        tex = re.sub(r"(?<!\\)\|", r"\\vert ", tex)
    return f"$${tex}$$" if display else f"${tex}$"


_WRITTEN = re.compile(
    r"\$\$(?=[^$]*(?:\\[A-Za-z]{2}|[\^_]\{))([^$]+)\$\$|\$(?=[^$\s])(?=[^$\n]*\\[A-Za-z]{2})([^$\n]*[^$\s])\$(?!\d)"
    r"|\\\[(?=[^$]*\\[A-Za-z]{2})([^$\[\]]+)\\\]|\\\((?=[^$]*\\[A-Za-z]{2})([^$]+?)\\\)"
)


def text_with_formulas(text: str) -> str:
    """Text as `escaped` gives it, but for formulas that stand in it as TeX."""
    out, at = [], 0
    for found in _WRITTEN.finditer(text) if "\\" in text else ():
        whole, line, display, inline = found.groups()
        out.append(escaped(text[at : found.start()]))
        out.append(found[0] if whole or line else f"$${display}$$" if display else f"${inline.strip()}$")
        at = found.end()
    return "".join([*out, escaped(text[at:])])


def markdown(pieces: list[tuple[bool, str]]) -> str:
    """Pieces as Markdown, with what is code marked so."""
    return "".join(code_span(text) if raw else text for raw, text in _joined(pieces))


def _joined(pieces: list[tuple[bool, str]]) -> list[tuple[bool, str]]:
    """Neighbouring texts of code as one."""
    out: list[tuple[bool, str]] = []
    for raw, text in pieces:
        if out and raw and out[-1][0]:
            out[-1] = (True, out[-1][1] + text)
        else:
            out.append((raw, text))
    return out


def url(target: str) -> str:
    """A link's target so that it cannot end the Markdown link that holds it."""
    return re.sub(
        r"[\s()<>\\\[\]|*`]", lambda m: "".join(f"%{byte:02X}" for byte in m[0].encode("utf-8", "replace")), target
    )


def harmless(target: str) -> bool:
    """Whether a link may be kept: it leads to the web, to mail, or to another file; it runs nothing."""
    scheme = re.match(r"([a-z][a-z0-9+.-]*):", re.sub(r"[\x00-\x20]", "", target), re.IGNORECASE)
    return scheme is None or scheme[1].lower() in ("http", "https", "mailto", "ftp", "tel", "doi")
