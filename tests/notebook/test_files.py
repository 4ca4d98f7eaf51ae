"""Files are the old ones or the new ones, never half of either, and nothing is left beside them."""

import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from glassbook.errors import Conflict, GlassbookError
from glassbook.notebook.files import (
    finish_pending,
    is_inside,
    one_writer,
    read_regular,
    replacing,
    sweep,
    write_atomic,
    write_together,
)


def test_a_file_is_replaced_when_the_block_is_done(tmp_path: Path):
    file = tmp_path / "model.bin"
    for text in ("one", "two"):
        with replacing(file) as new:
            assert new.parent == tmp_path
            new.write_text(text)
            assert not file.exists() or file.read_text() == "one"
        assert file.read_text() == text
    assert [path.name for path in tmp_path.iterdir()] == ["model.bin"]


def test_an_error_leaves_the_old_file(tmp_path: Path):
    file = tmp_path / "model.bin"
    file.write_text("old")
    with pytest.raises(ZeroDivisionError), replacing(file) as new:
        raise ZeroDivisionError(new.write_text("half"))
    with pytest.raises(GlassbookError, match="cannot write"), replacing(file):
        raise OSError("disk full")
    assert file.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["model.bin"]


def test_what_killed_writers_left_is_swept_and_what_is_being_written_stays(tmp_path: Path):
    reader, writer = os.pipe()
    (tmp_path / "deep").mkdir()
    child = os.fork()
    if child == 0:
        with replacing(tmp_path / "deep" / "model.bin") as new:
            new.write_text("half")
            os.write(writer, b"x")
            time.sleep(600)
    os.read(reader, 1)
    mine = tmp_path / ".mine.tmp"
    mine.write_text("a file of somebody else")
    with replacing(tmp_path / "page.md") as new:
        new.write_text("half")
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        sweep(tmp_path)
        assert new.exists()
    assert {path.name for path in tmp_path.rglob("*")} == {"deep", ".mine.tmp", "page.md"}


def test_a_new_file_that_is_swept_at_once_is_begun_again(tmp_path: Path, monkeypatch):
    import fcntl

    swept = []

    def lock(file, how):
        if not swept:
            swept.extend(tmp_path.iterdir())
            swept[0].unlink()

    monkeypatch.setattr(fcntl, "flock", lock)
    write_atomic(tmp_path / "page.md", b"words")
    assert len(swept) == 1
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"words"]


def test_pipes_devices_folders_and_files_beyond_the_limit_are_not_read(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "zero").symlink_to("/dev/zero")
    (tmp_path / "folder").mkdir()
    with (tmp_path / "hole").open("wb") as hole:
        hole.truncate(1 << 40)
    why = dict.fromkeys(("pipe", "zero", "folder"), "no regular file") | {"hole": "larger", "missing": "No such file"}
    for name, reason in why.items():
        with pytest.raises(OSError, match=reason):
            read_regular(tmp_path / name, 1000)
    (tmp_path / "plain").write_bytes(b"x" * 1000)
    assert len(read_regular(tmp_path / "plain", 1000)) == 1000
    with pytest.raises(OSError, match="larger"):
        read_regular(tmp_path / "plain", 999)


def test_links_are_followed_to_tell_what_is_inside(tmp_path: Path):
    book, outside = tmp_path / "book", tmp_path / "book-outside"
    for folder in (book, outside):
        folder.mkdir()
        (folder / "a").write_text("x")
    for name, target in {"in": "a", "out": outside / "a", "up": "..", "self": "self", "gone": "b"}.items():
        (book / name).symlink_to(target)
    assert [name for name in ("a", "in", "out", "up", "self", "gone") if is_inside(book / name, book)] == ["a", "in"]
    (tmp_path / "other").symlink_to(book)
    assert is_inside(book / "a", tmp_path / "other")
    os.mkfifo(book / "pipe")
    assert not is_inside(book / "pipe", book)


def test_one_writer_at_a_time(tmp_path: Path):
    seen: list[int] = []

    def work(number: int) -> None:
        with one_writer(tmp_path):
            seen.append(number)
            time.sleep(0.002)
            seen.append(number)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen[::2] == seen[1::2]
    assert sorted(seen[::2]) == list(range(8))


def test_the_lock_of_a_writer_that_dies_or_fails_is_free(tmp_path: Path):
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        with one_writer(tmp_path):
            os.write(writer, b"x")
            time.sleep(600)
    os.read(reader, 1)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    with pytest.raises(ZeroDivisionError), one_writer(tmp_path):
        raise ZeroDivisionError
    with one_writer(tmp_path):
        pass


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
