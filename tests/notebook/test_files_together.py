"""Files that belong together: all of them written or none, whenever the writer is killed."""

import json
import os
import signal
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from glassbook.errors import Conflict, GlassbookError
from glassbook.notebook import Notebook
from glassbook.notebook.files import (
    finish_pending,
    one_writer,
    write_atomic,
    write_together,
)


def killed(work: Callable[[], None], after: float) -> None:
    """Do something in a process that is killed so many seconds later, unless it has ended by then."""
    child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(0)
    end = time.monotonic() + after
    while time.monotonic() < end:
        if os.waitpid(child, os.WNOHANG)[0]:
            return
        time.sleep(0.001)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


@pytest.mark.parametrize("part", [0.1, 0.3, 0.5, 0.7, 0.9])
def test_files_that_belong_together_are_all_written_or_none_whenever_the_writer_is_killed(tmp_path: Path, part: float):
    files = [tmp_path / "pages" / f"{n}.md" for n in range(40)]
    for file in files[::2]:
        write_atomic(file, b"old")

    def write(words: bytes) -> None:
        with one_writer(tmp_path):
            write_together(dict.fromkeys(files, words))

    begun = time.monotonic()
    write(b"first")
    killed(lambda: write(b"second"), part * (time.monotonic() - begun))
    finish_pending(tmp_path)
    assert {file.read_bytes() for file in files} in ({b"first"}, {b"second"})
    write(b"third")
    assert {file.read_bytes() for file in files} == {b"third"}


@pytest.mark.parametrize("count", [1, 2, 3])
def test_what_was_killed_in_the_middle_is_completed_once_and_spares_what_changed_since(tmp_path, monkeypatch, count):
    from glassbook.notebook import files

    paths, real, calls = [tmp_path / f"{n}.md" for n in range(3)], files.write_atomic, [0]
    paths[2].write_bytes(b"old")

    def dying(path: Path, data: bytes) -> None:
        calls[0] += 1
        if calls[0] == count:
            os.kill(os.getpid(), signal.SIGKILL)
        real(path, data)

    def write() -> None:
        with one_writer(tmp_path):
            monkeypatch.setattr(files, "write_atomic", dying)
            write_together(dict.fromkeys(paths, b"new"))

    killed(write, 5)
    assert [path.is_file() and path.read_bytes() == b"new" for path in paths] == [n < count - 1 for n in range(3)]
    paths[2].write_bytes(b"mine")
    with pytest.raises(Conflict, match="complete now"), one_writer(tmp_path):
        write_together({paths[0]: b"other"})
    assert [path.read_bytes() for path in paths] == [b"new", b"new", b"mine"]
    assert not (tmp_path / files.PENDING).exists()
    with one_writer(tmp_path):
        write_together({paths[0]: b"other"})
    assert paths[0].read_bytes() == b"other"


def test_what_is_pending_and_cannot_be_read_is_told_and_stays(tmp_path):
    from glassbook.notebook.files import PENDING

    with one_writer(tmp_path):
        (tmp_path / PENDING).write_bytes(b"no archive")
    with pytest.raises(GlassbookError, match="move it away"):
        finish_pending(tmp_path)
    assert (tmp_path / PENDING).exists()


@pytest.mark.parametrize("name", ["../outside.md", "pages/../../outside.md", "/tmp/glassbook-outside.md"])
def test_a_pending_file_that_leads_out_of_the_notebook_is_refused(tmp_path: Path, name: str):
    nb = Notebook.create(tmp_path / "nb")
    with zipfile.ZipFile(tmp_path / "nb" / ".glassbook" / "pending.zip", "w") as file:
        file.writestr("names", json.dumps([[name, ""]]))
        file.writestr("0", b"words")
    with pytest.raises(GlassbookError, match="leads out"):
        finish_pending(nb.folder)
    Notebook(nb.folder)  # can still be opened
    assert not (tmp_path / "outside.md").exists()
    assert not Path("/tmp/glassbook-outside.md").exists()


def test_what_is_pending_is_completed_when_the_notebook_is_opened(tmp_path: Path):
    nb = Notebook.create(tmp_path / "nb")
    with zipfile.ZipFile(tmp_path / "nb" / ".glassbook" / "pending.zip", "w") as file:
        file.writestr("names", json.dumps([["pages/a.md", ""]]))
        file.writestr("0", b"# A\n")
    Notebook(nb.folder)
    assert (nb.folder / "pages" / "a.md").read_bytes() == b"# A\n"
    assert not (nb.folder / ".glassbook" / "pending.zip").exists()
    with zipfile.ZipFile(nb.folder / ".glassbook" / "pending.zip", "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("names", json.dumps([["pages/b.md", ""]]))
        file.writestr("0", b"x" * 10_000)
    with pytest.raises(GlassbookError, match="was not written here"):
        finish_pending(nb.folder)
    assert not (nb.folder / "pages" / "b.md").exists()
