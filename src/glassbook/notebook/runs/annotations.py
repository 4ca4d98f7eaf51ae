"""Annotations of runs: a person's note, tags, and whether the run is archived, in a file beside the run.

They are no part of the evidence: the run's own files stay as the work wrote them, and an archived run still counts
wherever runs are judged. It is only left out of lists.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from glassbook.errors import Conflict, GlassbookError
from glassbook.notebook.files import one_writer, read_regular, write_atomic
from glassbook.notebook.serialization import read_json, to_json

if TYPE_CHECKING:
    from glassbook.notebook.runs.record import RunRecord

NAME = "annotations.json"
"""The file, in the run's folder."""
LONGEST_NOTE, LONGEST_TAG = 20_000, 60
"""Characters."""
MOST_TAGS = 50
"""Tags of a run."""
LARGEST = 1 << 20
"""Bytes of the file that are read."""


@dataclass(frozen=True)
class Annotations:
    """What people say about a run."""

    note: str = ""
    tags: tuple[str, ...] = ()
    archived: bool = False
    problem: str = ""
    """Why the file cannot be read, "" if it can; it says nothing else then."""

    def to_data(self) -> dict[str, Any]:
        """Plain data, as it stands in the file."""
        return {"note": self.note, "tags": list(self.tags), "archived": self.archived}


NONE = Annotations()
"""Of a run that nobody has said anything about."""


class NoteConflict(Conflict):
    """A run's note was changed elsewhere while another was written; holds both."""

    def __init__(self, mine: str, theirs: str) -> None:
        super().__init__("this note was changed elsewhere while yours was written; it was left as it is there")
        self.mine, self.theirs = mine, theirs


def tag_key(tag: str) -> str:
    """The form in which tags are compared: upper and lower case are alike."""
    return tag.strip().casefold()


def read_annotations(folder: Path) -> Annotations:
    """What the file in a run's folder says; nothing if there is none."""
    try:
        if (folder / NAME).is_symlink():  # it would be written where it leads
            raise GlassbookError("it is a link")
        return from_data(read_json(read_regular(folder / NAME, LARGEST)))
    except FileNotFoundError:
        return NONE
    except (OSError, ValueError, GlassbookError) as error:
        return Annotations(problem=f"{NAME} of this run cannot be read: {error}; fix or remove it")


def from_data(data: Any) -> Annotations:
    """Annotations from plain data.

    Raises:
        GlassbookError: it is none, or a note or tag is too long or no text.
    """
    if not isinstance(data, Mapping):
        raise GlassbookError("it holds no annotations")
    note, tags, archived = data.get("note", ""), data.get("tags", []), data.get("archived", False)
    if not isinstance(note, str) or not isinstance(archived, bool) or not isinstance(tags, list):
        raise GlassbookError("note has to be text, tags a list, archived true or false")
    return Annotations(_checked_note(note), _joined((), tags), archived)


def annotate(
    notebook: Path,
    record: RunRecord,
    *,
    note: str | None = None,
    instead_of: str | None = None,
    tag: Iterable[str] = (),
    untag: Iterable[str] = (),
    archived: bool | None = None,
) -> Annotations:
    """Change some annotations of a run; the others stay.

    Args:
        notebook: the notebook's folder.
        record: the run.
        note: the new note, "" for none.
        instead_of: the note that the new one was made from; another one is not overwritten.
        tag: tags to add.
        untag: tags to take away.
        archived: leave it out of lists, or no longer.

    Returns:
        the annotations as they now stand in the file.

    Raises:
        NoteConflict: the note is no longer `instead_of`; nothing was changed.
        GlassbookError: a note or tag cannot be kept, the run came with Glassbook, or the disk refused; nothing was
            changed.
    """
    if record.reference:
        raise GlassbookError(f"{record.id} came with Glassbook and stays as it is; write about it on a page")
    with one_writer(notebook):
        old = read_annotations(record.folder)
        if old.problem:
            raise GlassbookError(old.problem)
        new_note = old.note if note is None else _checked_note(note)
        if instead_of is not None and old.note not in (instead_of, new_note):
            raise NoteConflict(new_note, old.note)
        gone = {tag_key(text) for text in untag}
        kept = [text for text in _joined(old.tags, tag) if tag_key(text) not in gone]
        new = replace(old, tags=tuple(kept), note=new_note)
        new = new if archived is None else replace(new, archived=archived)
        if new != old:
            text = to_json(new.to_data(), what="the annotations")
            write_atomic(record.folder / NAME, f"{text}\n".encode())
    return new


def from_text(text: str) -> Annotations:
    """Annotations from what `to_text` gave."""
    data = json.loads(text)
    return Annotations(data["note"], tuple(data["tags"]), data["archived"], data["problem"])


def to_text(annotations: Annotations) -> str:
    """Annotations as one line of text, their problem included."""
    return json.dumps({**annotations.to_data(), "problem": annotations.problem})


def _checked_note(note: str) -> str:
    note = note.replace("\r\n", "\n").strip()
    if len(note) > LONGEST_NOTE:
        raise GlassbookError(f"a run's note has at most {LONGEST_NOTE:,} characters; write a page and link to the run")
    if not _is_unicode(note):
        raise GlassbookError("this note contains half a character (a lone surrogate); remove it")
    return note


def _joined(tags: Iterable[str], more: Iterable[Any]) -> tuple[str, ...]:
    """Tags and further ones, each once, as it was first written."""
    found = {tag_key(tag): tag for tag in tags}
    for tag in more:
        text = tag.strip() if isinstance(tag, str) else ""
        if not text or len(text) > LONGEST_TAG or not text.isprintable():
            raise GlassbookError(f"a tag is one line of 1 to {LONGEST_TAG} characters; {tag!r:.80} is none")
        found.setdefault(tag_key(text), text)
    if len(found) > MOST_TAGS:
        raise GlassbookError(f"a run has at most {MOST_TAGS} tags")
    return tuple(found.values())


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
