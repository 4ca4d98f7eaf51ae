"""Several processes change the pages of one notebook: what was acknowledged stays, and a loser is told."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from glassbook.errors import Conflict, GlassbookError
from glassbook.notebook import Notebook, Page
from glassbook.notebook.importing import plan
from glassbook.notebook.pages.references import References


def together(count: int, work: Callable[[int], None]) -> None:
    """Do `work(n)` in as many processes at once; fails if one of them does."""
    children = []
    for n in range(count):
        child = os.fork()
        if child == 0:
            code = 1
            try:
                work(n)
                code = 0
            finally:
                os._exit(code)
        children.append(child)
    assert [os.waitpid(child, 0)[1] for child in children] == [0] * count


def test_lines_that_several_processes_append_are_all_there(nb: Notebook):
    nb.write(Page.new("A", "\n"))

    def append(n: int) -> None:
        mine = Notebook(nb.folder)
        for i in range(6):
            while True:
                page = mine.page("a")
                page.body += f"line {n}-{i}\n"
                try:
                    mine.write(page)
                    break
                except Conflict:
                    continue

    together(4, append)
    assert sorted(nb.page("a").body.split("\n")[1:-1]) == sorted(f"line {n}-{i}" for n in range(4) for i in range(6))


def test_of_those_who_save_one_version_one_succeeds(nb: Notebook, tmp_path: Path):
    nb.write(Page.new("A", "\n"))
    page = nb.page("a")

    def save(n: int) -> None:
        page.body = f"version {n}\n"
        try:
            Notebook(nb.folder).write(page)
            (tmp_path / f"saved-{n}").touch()
        except Conflict:
            (tmp_path / f"told-{n}").touch()

    together(4, save)
    (saved,) = tmp_path.glob("saved-*")
    assert len(list(tmp_path.glob("told-*"))) == 3
    assert nb.page("a").body == f"version {saved.name[-1]}\n"


def test_an_id_is_given_once(nb: Notebook, tmp_path: Path):
    nb.index.search("x")

    def create(n: int) -> None:
        try:
            Notebook(nb.folder).write(Page(id="twin", title="Twin", kind=("note", "term", "paper")[n]))
            (tmp_path / f"made-{n}").touch()
        except GlassbookError:
            return

    together(3, create)
    assert len(list(tmp_path.glob("made-*"))) == 1
    assert len(nb.pages()) == 1


def test_a_page_is_removed_or_changed_and_never_both(nb: Notebook, tmp_path: Path):
    nb.write(Page.new("A", "\n"))
    page = nb.page("a")

    def change(n: int) -> None:
        mine = Notebook(nb.folder)
        page.body = "" if n else "changed\n"
        try:
            if n:
                page.body = "\n"
                mine.remove(page)
            else:
                mine.write(page)
            (tmp_path / f"done-{n}").touch()
        except Conflict:
            return

    together(2, change)
    assert len(list(tmp_path.glob("done-*"))) == 1


def test_works_that_several_processes_add_are_all_there(nb: Notebook):
    def add(n: int) -> None:
        works = References(nb.folder)
        len(works)
        for i in range(4):
            works.add({"type": "book", "id": f"{n}-{i}", "title": f"Book {n} {i}"})

    together(3, add)
    assert len(References(nb.folder)) == 12


def test_imports_at_once_overwrite_nothing(nb: Notebook, tmp_path: Path):
    for n in range(3):
        (tmp_path / str(n)).mkdir()
        (tmp_path / str(n) / "same.txt").write_text(f"The Same Title\n\nwords of {n}\n")
    together(3, lambda n: plan(tmp_path / str(n) / "same.txt").apply(Notebook(nb.folder)) and None)
    # Each has made a page of its own, or added its words to the page that was there by then.
    words = [line for page in nb.pages() for line in page.body.split("\n") if line.startswith("words of")]
    assert sorted(words) == ["words of 0", "words of 1", "words of 2"]


def test_the_first_save_sweeps_what_a_killed_process_left(nb: Notebook):
    spare = nb.folder / "pages" / ".a.md.0123abcd.tmp"
    spare.write_text("half a page")
    nb.write(Page.new("A"))
    assert not spare.exists()


def test_sweeping_takes_runs_that_never_began(nb: Notebook):
    with nb.start_run("e") as run:
        run.artifact("weights")
    half, other = (nb.folder / "runs" / name for name in (".20200101-000000-000000-abcd", ".git"))
    new = half.with_name(".20300101-000000-000000-abcd")
    for folder in (half, new, other):
        folder.mkdir()
        (folder / "run.json").write_text("{}")
    for folder in (half, other):
        os.utime(folder, (1, 1))
    spare = run.folder / "artifacts" / ".weights.0123abcd.tmp"
    spare.write_text("half")
    nb.sweep()
    assert {path.name for path in (nb.folder / "runs").iterdir()} == {run.id, new.name, ".git"}
    assert not spare.exists()


def test_what_several_processes_append_in_one_step_is_all_there(nb):
    nb.write(Page.new("Log", "Lines:\n"))
    program = """
import sys
from glassbook.notebook import Notebook
nb, who = Notebook(sys.argv[1]), sys.argv[2]
for n in range(10):
    def add(page):
        page.body += f"{who}-{n}\\n"
    nb.change("Log", add)
"""
    words = [sys.executable, "-c", program, str(nb.folder)]
    for process in [subprocess.Popen([*words, str(n)]) for n in range(3)]:
        assert process.wait(120) == 0
    assert sorted(nb.page("log").body.split()[1:]) == sorted(f"{who}-{n}" for who in range(3) for n in range(10))


def test_a_change_that_fails_leaves_the_page_and_the_lock(nb):
    nb.write(Page.new("Log", "Lines:\n"))

    def fail(page):
        page.body += "half"
        raise GlassbookError("no")

    with pytest.raises(GlassbookError, match="no"):
        nb.change("Log", fail)
    with pytest.raises(GlassbookError, match="no page is called"):
        nb.change("None", fail)
    assert nb.page("log").body == "Lines:\n"
    assert nb.change("Log", lambda page: setattr(page, "body", "New.\n")).body == "New.\n"
