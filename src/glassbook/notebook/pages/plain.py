"""Markdown as plain text, for excerpts: by patterns, for which a fraction of a millisecond is enough."""

from __future__ import annotations

import html
import re

from glassbook.notebook.pages.links import LIVE
from glassbook.notebook.pages.logseq import UUID

_APART = re.compile(
    rf"^ {{0,3}}(?P<fence>`{{3,}}|~{{3,}})(?P<live>[ ]*{LIVE}\b)?[^\n]*\n(?P<block>.*?)"
    r"(?:^ {0,3}(?P=fence)[`~]*[ ]*$|\Z)"
    r"|(?<!`)(?P<ticks>`++)(?P<code>[^\n]*?[^`\n])(?P=ticks)(?!`)"
    r"|\$\$(?P<display>[^$]+)\$\$"
    r"|(?<![\d$])\$(?P<math>(?=\S)[^$\n]*(?:\n[^$\n]+)*(?<=\S))\$(?!\d)"
    r"|\\(?P<escaped>[!-/:-@\[-`{-~])"
    r"|<(?P<address>https?://[^<>\s]+|[^<>\s@]+@[^<>\s]+)>",
    re.M | re.S,
)
"""What is not to be read as Markdown: code, formulas, single characters, addresses."""
_INNER_FENCE = re.compile(r"^ {0,3}(?:`{3,}|~{3,})", re.M)
"""The fence of an example that is itself in code."""
_KEPT = re.compile("\ue000(\\d+)\ue001")
_COMMENT = re.compile(r"<!--[\s\S]*?(?:-->|\Z)|%%[\s\S]*?%%")
_BLOCK_NAME = re.compile(r"[ ]\^[\w-]+[ ]*$", re.M)
_NO_TEXT = re.compile(
    r"^(?=[ |:*_=\[-])(?:"
    r"[ ]*\|?(?:[ ]*:?-+:?[ ]*\|)+(?:[ ]*:?-+:?)?[ ]*$"  # the line below a table's head
    r"|[ ]{0,3}(?:[-*_][ ]*){3,}$"  # a rule
    r"|[ ]{0,3}=+[ ]*$"  # the line below a heading
    r"|[ ]{0,3}\[[^\]^\n][^\]\n]*\]:[ ]*\S.*$"  # where a link leads
    r")",
    re.M,
)
_LINE_START = re.compile(
    r"^[ \t]*(?:>[ ]?)*(?:\[![\w-]+\][+-]?[ ]?)?(?:(?:[-*+]|\d+[.)])[ ]+)?(?:\[[ xX]\][ ]+)?(?:#{1,6}[ ]+)?", re.M
)
_ROW = re.compile(r"^\|?(.*?)\|[ ]*$", re.M)
_LOGSEQ_BLOCK = re.compile(rf"\(\({UUID}\)\)|^[ \t]*id::[ \t]+{UUID}[ \t]*$", re.M)
_HTML = re.compile(r"</?[a-zA-Z][^<>\n]*>")
_EMPHASIS = re.compile(r"(?=[*~=_])(?:\*+(?=\S)|(?<=\S)\*+|~~|==(?=\S)|(?<=\S)==|(?<!\w)_+(?=\S)|(?<=\S)_+(?!\w))")


def plain_text(text: str) -> str:
    """Markdown as one line of plain text: labels in place of links, formulas as they are read, without live blocks,
    fences and other markup."""
    kept: list[str] = []

    def keep(match: re.Match[str]) -> str:
        if match["fence"]:
            said = "" if match["live"] else f"\n{_INNER_FENCE.sub('', match['block'])}\n"
        elif match["display"] or match["math"]:
            said = formula_text(match["display"] or match["math"])
        else:
            said = match["code"] or match["escaped"] or match["address"]
        kept.append(said)
        return f"\ue000{len(kept) - 1}\ue001"

    text = text.replace("\ue000", "").replace("\ue001", "")
    if any(sign in text for sign in "`~$\\<"):
        text = _APART.sub(keep, text)
    if "<!--" in text or "%%" in text:
        text = _COMMENT.sub("", text)
    if " ^" in text:
        text = _BLOCK_NAME.sub("", text)
    text = _NO_TEXT.sub("", text)
    text = _LINE_START.sub("", text)
    if "|" in text:
        text = re.sub(r"!?\[\[[^\[\]|\n]*\|([^\[\]\n]*)\]\]", r"\1", text)
        text = _ROW.sub(lambda row: " · ".join(cell.strip() for cell in row[1].split("|")), text)
    if "{{" in text:
        text = re.sub(r"\{\{(?:run|claim):[^{}]*\}\}", "…", text)
    if "((" in text or "id::" in text:
        text = _LOGSEQ_BLOCK.sub(lambda found: "…" if found[0].startswith("(") else "", text)
    if "[" in text:
        text = re.sub(r"!?\[\[([^\[\]\n]*)\]\]", r"\1", text)
        for _ in range(2 if "](" in text else 0):  # a picture may be the label of a link
            text = re.sub(r"!?\[([^\[\]]*)\]\((?:[^()\n]|\([^()\n]*\)){0,1000}\)", r"\1", text)
        if "][" in text:
            text = re.sub(r"!?\[([^\[\]\n]+)\]\[[^\[\]\n]*\]", r"\1", text)
        if "[^" in text:
            text = re.sub(r"\[\^[^\[\]\s]+\](?::[ ]?)?", "", text)
    if "<" in text:
        text = _HTML.sub("", text)
    if any(sign in text for sign in "*_~="):
        text = _EMPHASIS.sub("", text)
    if "&" in text:
        text = html.unescape(text)
    if kept:
        text = _KEPT.sub(lambda at: kept[int(at[1])], text)
    return " ".join(text.split())


_LATEX = re.compile(r"\\([a-zA-Z]+)\*?|\\(.)|([\^_])\s*([^\\{}\s])|([{}])|[~&\s]+", re.S)
_FRACTION = re.compile(r"\\[dt]?frac\s*\{([^{}]*)\}\s*\{([^{}]*)\}")
_ROOT = re.compile(r"\\sqrt\s*\{([^{}]*)\}")
_GROUP = re.compile(r"([\^_])\s*\{([^{}]*)\}")
_SURROUND = re.compile(r"\\(?:begin|end)\s*\{[^{}]*\}(?:\{[lcr|]*\})?|\\(?:left|right|[bB]igg?[lr]?)(?![a-zA-Z])\.?")
_LOOKS = frozenset(
    "text textrm textit textbf textsf texttt mathrm mathbf mathit mathsf mathtt mathcal mathbb mathfrak mathscr "
    "boldsymbol bm operatorname displaystyle textstyle limits nolimits hat bar tilde vec overline underline widehat "
    "widetilde dot ddot mbox label tag nonumber".split()
)
"""Commands that say how their words look, or put a sign over them."""
_STYLE = re.compile(rf"\\(?:{'|'.join(_LOOKS)})\s*\{{([^{{}}]*)\}}")
_GAPS = frozenset("quad qquad hspace space thinspace".split())
_RAISED = {
    "^": str.maketrans("0123456789+-()n", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁽⁾ⁿ"),
    "_": str.maketrans("0123456789+-()", "₀₁₂₃₄₅₆₇₈₉₊₋₍₎"),
}


def formula_text(latex: str) -> str:
    """A formula in LaTeX as a line of text: signs and Greek letters, a/b for a fraction, no commands."""
    latex = _SURROUND.sub("", latex)
    for _ in range(4):  # from the inside out
        before = latex
        latex = _GROUP.sub(lambda group: _raised(group[1], group[2]), latex)
        latex = _FRACTION.sub(r"\1/\2", _ROOT.sub(r"√\1", latex))
        latex = _STYLE.sub(r"\1", latex)
        if latex == before:
            break
    return " ".join(_LATEX.sub(_latex_part, latex).split())


def _raised(sign: str, inside: str) -> str:
    """What stands above or below the line: small digits where there are such signs for all of it."""
    small = inside.translate(_RAISED[sign])
    return small if all(a != b for a, b in zip(inside, small, strict=True)) else f"{sign}{inside}"


def _latex_part(match: re.Match[str]) -> str:
    command, mark, sign, inside, brace = match.groups()
    if command:
        return _sign(command)
    if mark:
        return mark if mark in "{}%$#&_|" else " "
    if sign:
        return _raised(sign, inside)
    return "" if brace else " "


def _sign(command: str) -> str:
    # Reading its table of signs takes a while; most texts have no formula.
    from latex2mathml.symbols_parser import convert_symbol

    if command in _LOOKS:
        return ""
    code = convert_symbol(f"\\{command}")
    return chr(int(code, 16)) if code else " " if command in _GAPS else f" {command} "
