"""Applying an import: all of it or nothing, whatever becomes of the process, of the source and of the pages made."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from glassbook.notebook import Notebook, Page
from glassbook.notebook.importing import plan


def pages(notebook: Notebook) -> dict[str, str]:
    top = notebook.folder / "pages"
    return {path.relative_to(top).as_posix(): path.read_text() for path in sorted(top.rglob("*")) if path.is_file()}


@pytest.mark.parametrize("count", [1, 2, 4])
def test_an_import_that_was_killed_is_there_once_after_the_next(nb, tmp_path, monkeypatch, count):
    from glassbook.notebook import files

    nb.write(Page.new("GAN", "Mine.\n", kind="term"))
    source = tmp_path / "Course notes.txt"
    source.write_text("Glossary:\nGAN: Two networks.\nReLU: A kink.\nSGD: Small steps.\n")
    real, calls = files.write_atomic, [0]

    def dying(path: Path, data: bytes) -> None:
        calls[0] += "history" not in path.parts
        if calls[0] == count:
            os.kill(os.getpid(), signal.SIGKILL)
        real(path, data)

    child = os.fork()
    if child == 0:
        try:
            monkeypatch.setattr(files, "write_atomic", dying)
            plan(source).apply(nb)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    report = plan(source).apply(nb)
    assert (report.made, report.joined, report.updated, report.kept) == ([], {}, [], [])
    texts = pages(nb)
    assert len(texts) == 4
    for words in ("Two networks", "A kink", "Small steps", "Mine."):
        assert sum(text.count(words) for text in texts.values()) == 1
