"""Markdown vault importer: every file is kept byte for byte, in its folder, with the files beside it.

A page's id is its own, or its path; no front matter is added, for then the file would be another.
"""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path, PurePosixPath

from glassbook.errors import GlassbookError
from glassbook.notebook.importing.archive import Source
from glassbook.notebook.importing.html import read_html
from glassbook.notebook.importing.plan import Attachment, LeftOut, Plan, PlannedPage, free
from glassbook.notebook.pages.links import name_key
from glassbook.notebook.pages.page import KINDS, Page

MARKDOWN = (".md", ".markdown")
HTML = (".html", ".htm")
_CHARSET = re.compile(rb"<meta[^>]{0,200}charset=[\"']?([\w-]{1,40})", re.IGNORECASE)


def decoded(data: bytes, path: Path, html: bool = False) -> str:
    """The text of a file.

    Raises:
        GlassbookError: it is binary, or in an encoding that is not told.
    """
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        encoding = "utf-16"
    elif b"\0" in data:
        raise GlassbookError(f"{path} is a binary file, not text; import text, Markdown or HTML")
    else:
        declared = _CHARSET.search(data[:2000]) if html else None
        encoding = declared[1].decode() if declared else "utf-8-sig"
        if encoding.lower() in ("utf-8", "utf8"):
            encoding = "utf-8-sig"
    try:
        text = data.decode(encoding)
    except (UnicodeError, LookupError) as error:
        name = encoding.removesuffix("-sig").upper()
        raise GlassbookError(f"{path} is not text in {name}; save it as UTF-8") from error
    if not text.strip():
        raise GlassbookError(f"{path} is empty; there is nothing to import")
    return text


def read_folder(folder: Path) -> Source:
    """The files of a folder; links are not followed, hidden files and folders are left where they are."""
    source = Source()
    for where, names, files in os.walk(folder, onerror=_raise):
        inside = Path(where).relative_to(folder)
        names.sort()
        for name in sorted([*names, *files]):
            path = (inside / name).as_posix()
            full = Path(where) / name
            if not name.isprintable():
                shown = path.encode("utf-8", "replace").decode()
                source.left_out.append((shown, "its name cannot be shown; give it another"))
            elif name.startswith("."):
                source.left_out.append((path, "hidden: settings of another program"))
            elif full.is_symlink():
                source.left_out.append((path, "a link; links are not followed"))
            elif name in files and not full.is_file():
                source.left_out.append((path, "no plain file"))
            elif name in files:
                with full.open("rb") as file:
                    source.add(path, file)
        # Links to folders are not followed by os.walk.
        names[:] = [name for name in names if name[0] != "." and name.isprintable()]
    return source


def _raise(error: OSError) -> None:
    raise error


def read_markdown_file(data: bytes, path: Path, name: str) -> Plan:
    """The plan for one Markdown file."""
    decoded(data, path)
    kind = Page.parse(data.decode("utf-8", "replace")).kind
    where = f"{kind if kind in KINDS else 'note'}s/{name.lstrip('.') or 'page'}.md"
    return Plan(str(path), name, (_page(data, where, path.name),))


def read_vault(source: Source, path: Path, name: str) -> Plan:
    """The plan for the files of a vault; they go to pages/<name>/.

    Raises:
        GlassbookError: there is no page in it.
    """
    top = name.lstrip(".") or "vault"
    left_out = [LeftOut(file, 0, "", why) for file, why in source.left_out]
    pages: list[PlannedPage] = []
    attachments: list[Attachment] = []
    taken = {file for file in source.files if file.endswith(".md")}
    pages_of_html = [file for file in source.files if file.lower().endswith(HTML)]
    html = {file: free(str(PurePosixPath(file).with_suffix(".md")), taken) for file in pages_of_html}
    for file, data in sorted(source.files.items()):
        ending = PurePosixPath(file).suffix.lower()
        if any(part.startswith(".") for part in file.split("/")):
            left_out.append(LeftOut(file, 0, "", "hidden: settings of another program"))
        elif ending in MARKDOWN and b"\0" in data:
            left_out.append(LeftOut(file, 0, "", "binary, although it is called Markdown"))
        elif ending in MARKDOWN:
            # The notebook looks for .md only.
            where = file if file.endswith(".md") else free(f"{file[: -len(ending)]}.md", taken)
            taken.add(where)
            pages.append(_page(data, f"{top}/{where}", file))
        elif file in html and data.strip():
            page, dropped = read_html(decoded(data, Path(file), html=True), PurePosixPath(file).stem, file, html)
            pages.append(replace(page, path=f"{top}/{html[file]}"))
            left_out += dropped
        else:
            attachments.append(Attachment(f"{top}/{file}", file, data))
    if not pages:
        raise GlassbookError(f"{path} holds no Markdown or HTML page; there is nothing to import")
    return Plan(str(path), name, tuple(pages), tuple(attachments), tuple(left_out), top)


def _page(data: bytes, path: str, source: str) -> PlannedPage:
    text = data.decode("utf-8", "replace")
    page = Page.parse(text, name=path.removesuffix(".md"))
    guesses = []
    if page.problem:
        guesses.append(f"its front matter cannot be read: {page.problem}")
    if text.encode() != data:
        guesses.append("not UTF-8: kept as it is, and shown with question marks")
    if name_key(page.title) == "":
        guesses.append("it has no title")
    return PlannedPage(
        path, page.title, page.kind, source, copy=data, guesses=tuple(guesses), kind_said=page.says("kind")
    )
