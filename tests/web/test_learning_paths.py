"""Learning paths in the browser: where they stand, and steps that are marked in the text of their page."""

from __future__ import annotations

from datetime import date

import pytest
from evidence_book import EVIL, assert_harmless
from sample_pages import LEARNING_PATH

from glassbook.notebook import Notebook, Page
from glassbook.notebook.bounded import TooCostly
from glassbook.notebook.pages.links import read_bounded
from glassbook.web import learning_paths
from glassbook.web.learning_paths import current_paths, find_paths


@pytest.fixture
def course(nb):
    nb.write(Page.new("Superposition", "x\n", kind="term"))
    return nb.write(Page.new("My course", f"Text.\n\n{LEARNING_PATH}", kind="project"))


def step(reader, level=1, number=1, text="Read [[Superposition]]", done=True, path="From neurons to circuits", **more):
    body = {"path": path, "level": level, "step": number, "text": text, "done": done, **more}
    return reader.post("/api/v1/paths/step", json=body)


def test_the_page_shows_levels_steps_and_where_one_is(reader, course):
    html = reader.get("/p/my-course").text
    assert "currently at level 1" in html
    assert '<a href="/p/superposition">Superposition</a>' in html
    assert "0 of 3 steps done" in html
    assert html.count("data-step=") == 3


def test_a_step_is_saved_in_the_page(nb, reader, course):
    done = step(reader)
    assert (done.status_code, done.json()["done"], done.json()["current"]) == (200, 1, 1)
    today = date.today().isoformat()
    assert nb.page("my-course").body == course.body.replace("[[Superposition]]", f"[[Superposition]]: {today}")
    assert f"done {today}" in done.json()["html"]
    assert step(reader, number=2, text="Run it").json()["current"] == 2
    assert "currently at level 2" in reader.get("/p/my-course").text
    assert step(reader, done=False).json()["current"] == 1
    assert len(nb.history.versions(course.path)) == 3


def test_marking_again_writes_nothing(nb, reader, course):
    step(reader)
    before = course.path.stat().st_mtime_ns
    assert step(reader).status_code == 200
    assert course.path.stat().st_mtime_ns == before


@pytest.mark.parametrize(
    ("how", "status"),
    [({"text": "Other"}, 409), ({"number": 3}, 409), ({"level": 9}, 409), ({"path": "None"}, 400), ({"level": 0}, 422)],
)
def test_a_step_that_is_not_there_any_more_is_not_marked(nb, reader, course, how, status):
    answer = step(reader, **how)
    assert answer.status_code == status
    assert "\n" not in answer.json()["error"]
    assert nb.page("my-course").body == course.body


def test_two_paths_of_one_title_are_told(nb, reader, course):
    nb.write(Page.new("Copy", LEARNING_PATH))
    assert "another title" in step(reader).json()["error"]


def test_the_cover_shows_the_current_level_of_what_is_not_finished(nb, reader, course):
    nb.write(
        Page.new(
            "Old",
            LEARNING_PATH.replace("From neurons to circuits", "Finished").split("    - level")[0]
            + "    - A: done\n```\n",
        )
    )
    nb.write(Page.new("Broken", LEARNING_PATH.replace("levels", "lvls") + "\nlevels\n"))
    nb.write(Page.new("Manual", f"````md\n{LEARNING_PATH}````\n"))
    assert [each.path.title for each in find_paths(nb)] == ["Finished", "From neurons to circuits"]
    (shown,) = current_paths(nb)
    assert (shown["url"], shown["page_title"], shown["path"].current.number) == ("/p/my-course", "My course", 1)
    html = step(reader, cover=True).json()["html"]
    assert "data-path-view" in html
    assert "Circuits" not in html
    for level, number, text in ((1, 2, "Run it"), (2, 1, "Circuits")):
        html = step(reader, level, number, text, cover=True).json()["html"]
    assert html.strip() == ""
    assert [path["current"] for path in reader.get("/api/v1/paths").json()["paths"]] == [None, None]


def test_another_save_at_the_same_moment_is_not_overwritten(nb, reader, course, monkeypatch):
    real = Notebook.change

    def change(self, which, edit):
        course.path.write_text(course.source + "Theirs.\n")
        return real(self, which, edit)

    monkeypatch.setattr(Notebook, "change", change)
    assert step(reader).status_code == 200
    body = nb.page("my-course").body
    assert body.endswith("Theirs.\n")
    assert date.today().isoformat() in body


def test_a_path_that_changes_at_the_same_moment_is_not_marked(nb, reader, course, monkeypatch):
    real, changed = Notebook.change, course.source.replace("Run it", "Walk it")
    assert changed != course.source

    def change(self, which, edit):
        course.path.write_text(changed)
        return real(self, which, edit)

    monkeypatch.setattr(Notebook, "change", change)
    assert step(reader, 1, 2, "Run it").status_code == 409
    assert course.path.read_text() == changed


def test_no_text_of_a_path_is_more_than_text(nb, reader):
    evil = EVIL.replace("'", "''")
    levels = f"    - '{evil}'\n    - '[x](javascript:alert(1))'\n"
    nb.write(Page.new("Evil", f"```glassbook\npath:\n  title: '{evil}'\n  levels:\n{levels}```\n"))
    assert_harmless(reader.get("/p/evil").text)
    html = step(reader, text=EVIL, path=EVIL, cover=True).json()["html"]
    assert_harmless(html)
    foreign = {"sec-fetch-site": "cross-site"}
    assert reader.post("/api/v1/paths/step", json={}, headers=foreign).status_code == 403


def test_a_page_is_read_once_for_each_of_its_versions(nb, course, monkeypatch):
    read = []

    def told(body):
        read.append(body)
        return read_bounded(body)

    monkeypatch.setattr(learning_paths, "read_bounded", told)
    learning_paths._blocks.clear()
    for _ in range(3):
        assert len(find_paths(nb)) == 1
    assert len(read) == 1
    course.body += "\nMore.\n"
    nb.write(course)
    assert len(find_paths(nb)) == 1
    assert len(read) == 2


def test_a_page_that_takes_too_long_has_no_paths_and_is_not_read_again(nb, course, monkeypatch):
    asked = []

    def stop(body):
        asked.append(body)
        raise TooCostly("it takes too long")

    monkeypatch.setattr(learning_paths, "read_bounded", stop)
    learning_paths._blocks.clear()
    assert find_paths(nb) == find_paths(nb) == []
    assert len(asked) == 1
    learning_paths._blocks.clear()
