"""Files are the old ones or the new ones, never half of either, and nothing is left beside them."""

import os
import signal
import threading
import time
from pathlib import Path

import pytest

from glassbook.errors import GlassbookError
from glassbook.notebook import files
from glassbook.notebook.files import cut, is_inside, one_writer, read_regular, replacing, sweep, write_atomic


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


@pytest.mark.parametrize("name", ["学" * 84, "𠀀" * 62, "é" * 125, "a" * 252])
def test_a_file_with_the_longest_name_is_written(tmp_path: Path, name: str):
    write_atomic(tmp_path / f"{name}.md", b"text")
    assert (tmp_path / f"{name}.md").read_bytes() == b"text"
    assert [file.name for file in tmp_path.iterdir()] == [f"{name}.md"]


def test_names_are_cut_between_characters():
    assert cut("学" * 5, 15) == "学" * 5
    assert cut("学" * 5, 14) == "学" * 4
    assert cut("a\udce9", 2) == "a\udce9"
    assert cut("", 5) == cut("学", 2) == ""


@pytest.fixture
def stopped(tmp_path: Path):
    """A process that holds the lock of a folder and does not go on."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        with one_writer(tmp_path):
            os.write(writer, b"x")
            time.sleep(600)
    os.read(reader, 1)
    os.kill(child, signal.SIGSTOP)
    yield child
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


def refused(folder: Path, seconds: list[float]) -> None:
    """Try to write; how long it took until that was refused."""
    begun = time.monotonic()
    with pytest.raises(files.Busy, match="nothing was saved") as error, one_writer(folder):
        raise AssertionError("the lock is held")
    assert "\n" not in str(error.value)
    seconds.append(time.monotonic() - begun)


def test_a_stopped_process_that_holds_the_lock_is_not_waited_for_for_ever(tmp_path: Path, stopped, monkeypatch):
    monkeypatch.setattr(files, "LONGEST_WAIT", 0.5)
    seconds: list[float] = []
    refused(tmp_path, seconds)
    assert 0.5 <= seconds[0] < 5
    os.kill(stopped, signal.SIGKILL)
    monkeypatch.setattr(files, "LONGEST_WAIT", 10)
    with one_writer(tmp_path):  # the system gave the lock back
        pass


def test_while_nobody_has_a_turn_only_a_few_threads_wait(tmp_path: Path, stopped, monkeypatch):
    monkeypatch.setattr(files, "STUCK", 0.3)
    monkeypatch.setattr(files, "LONGEST_WAIT", 3.0)
    seconds: list[float] = []
    threads = [threading.Thread(target=refused, args=(tmp_path, seconds)) for _ in range(files.MOST_WAITING + 12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seconds) == len(threads)
    assert sorted(seconds)[11] < 2
    assert sorted(seconds)[12] >= 2.5


def test_many_threads_wait_as_long_as_each_has_its_turn(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(files, "STUCK", 0.3)
    seen: list[int] = []

    def work(number: int) -> None:
        with one_writer(tmp_path):
            time.sleep(0.02)
            seen.append(number)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(60)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(seen) == list(range(60))
