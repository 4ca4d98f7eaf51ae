"""Markdown as plain text, for excerpts: by patterns, for which a fraction of a millisecond is enough."""

from __future__ import annotations

import re

from glassbook.notebook.pages.links import LIVE
from glassbook.notebook.pages.logseq import UUID

_LIVE_BLOCK = re.compile(rf"^ {{0,3}}(`{{3,}}|~{{3,}})[ ]*{LIVE}\b.*?(?:^ {{0,3}}\1[`~]*[ ]*$|\Z)", re.M | re.S)
_NO_TEXT = re.compile(
    r"^[ ]{0,3}(?:`{3,}|~{3,}).*$"  # the fences of code
    r"|^[ ]*\|?(?:[ ]*:?-+:?[ ]*\|)+(?:[ ]*:?-+:?)?[ ]*$"  # the line below a table's head
    r"|^[ ]{0,3}(?:[-*_][ ]*){3,}$"  # a rule
    r"|^[ ]*\$\$[ ]*$"
    r"|<!--[\s\S]*?(?:-->|\Z)|%%[\s\S]*?%%",
    re.M,
)
_LINE_START = re.compile(
    r"^[ \t]*(?:>[ ]?)*(?:\[![\w-]+\][+-]?[ ]?)?(?:(?:[-*+]|\d+[.)])[ ]+)?(?:\[[ xX]\][ ]+)?(?:#{1,6}[ ]+)?", re.M
)
_ROW = re.compile(r"^\|?(.*?)\|[ ]*$", re.M)
_BLOCK_NAME = re.compile(rf"\(\({UUID}\)\)|^[ \t]*id::[ \t]+{UUID}[ \t]*$", re.M)
_HTML = re.compile(r"</?[a-zA-Z][^<>\n]*>")
_EMPHASIS = re.compile(r"[*`]|~~|==|(?<!\w)_+|_+(?!\w)")


def plain_text(text: str) -> str:
    """Markdown as one line of plain text: labels in place of links, without live blocks, fences and other markup."""
    if "```" in text or "~~~" in text:
        text = _LIVE_BLOCK.sub("", text)
    text = _NO_TEXT.sub("", text)
    text = _LINE_START.sub("", text)
    if "|" in text:
        text = re.sub(r"!?\[\[(?:[^\]|\n]*\\?\|)([^\]\n]*)\]\]", r"\1", text)
        text = _ROW.sub(lambda row: " · ".join(cell.strip() for cell in row[1].split("|")), text)
    if "{{" in text:
        text = re.sub(r"\{\{(?:run|claim):[^{}]*\}\}", "…", text)
    if "((" in text or "id::" in text:
        text = _BLOCK_NAME.sub(lambda found: "…" if found[0].startswith("(") else "", text)
    if "[" in text:
        text = re.sub(r"!?\[\[([^\]\n]*)\]\]", r"\1", text)
        text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", text)
        text = re.sub(r"\[\^[^\]\s]+\](?::[ ]?)?", "", text)
    if "$" in text:
        text = re.sub(r"\$\$?([^$]+)\$\$?", r"\1", text)
    if "<" in text:
        text = _HTML.sub("", text)
    return " ".join(_EMPHASIS.sub("", text).split())
