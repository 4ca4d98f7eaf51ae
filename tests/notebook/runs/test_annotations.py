"""What people say about runs: kept beside the run, found by search and filters, never part of the evidence."""

import errno
import json
import shutil
import threading

import pytest

from glassbook.assets.reference import reference_runs
from glassbook.errors import Conflict, GlassbookError
from glassbook.notebook import Notebook
from glassbook.notebook.files import disk_errors
from glassbook.notebook.runs import annotations
from glassbook.notebook.runs.annotations import NAME, NONE, Annotations, annotate, read_annotations


def finished(nb: Notebook, experiment: str = "toy"):
    with nb.start_run(experiment, {"lr": 1}) as run:
        run.result(loss=1.0)
    return nb.run(run.id)


def table(nb: Notebook, **filters):
    return [run.id for run in nb.index.run_table(**filters).rows]


def test_a_run_that_nobody_spoke_of_says_nothing(nb):
    run = finished(nb)
    assert run.annotations == NONE
    assert not (run.folder / NAME).exists()


def test_each_annotation_is_changed_alone(nb):
    run = finished(nb)
    nb.annotate(run, note="  diverged\r\nafter 300 steps ")
    nb.annotate(run, tag=["Baseline", "paper fig 2", "baseline"])
    nb.annotate(run, archived=True)
    assert nb.run(run.id).annotations == Annotations("diverged\nafter 300 steps", ("Baseline", "paper fig 2"), True)
    nb.annotate(run, untag=["BASELINE", "never there"], archived=False, note="")
    assert nb.run(run.id).annotations == Annotations("", ("paper fig 2",), False)
    assert json.loads((run.folder / NAME).read_text()) == {"note": "", "tags": ["paper fig 2"], "archived": False}


def test_nothing_else_in_the_runs_folder_changes(nb):
    run = finished(nb)
    before = {path: path.read_bytes() for path in run.folder.rglob("*") if path.is_file()}
    nb.annotate(run, note="x", tag=["a"], archived=True)
    assert {path: path.read_bytes() for path in before} == before
    assert {path.name for path in run.folder.iterdir()} - {path.name for path in before} == {NAME}


@pytest.mark.parametrize(
    ("words", "found"),
    [("diverged", True), ("DIVERGED early", True), ("paper", True), ("converged", False), ("архив", True)],
)
def test_notes_and_tags_are_searched(nb, words, found):
    run, other = finished(nb), finished(nb)
    nb.annotate(run, note="Diverged early, архив", tag=["paper"])
    assert (run.id in [hit.id for hit in nb.index.search(words)]) is found
    assert table(nb, text=words) == ([run.id] if found else [])
    nb.annotate(run, note="", untag=["paper"])
    assert table(nb, text=words) == []
    assert other.annotations == NONE


def test_tags_filter_whatever_their_case(nb):
    a, b, c = finished(nb), finished(nb), finished(nb)
    nb.annotate(a, tag=["Baseline"])
    nb.annotate(b, tag=["baseline", "Straße"])
    assert set(table(nb, tag="BASELINE")) == {a.id, b.id}
    assert table(nb, tag="STRASSE") == [b.id]
    assert table(nb, tag="base") == []
    assert nb.index.run_table(limit=1).tags == ["Baseline", "Straße"]
    assert c.id not in table(nb, tag="baseline")


def test_archived_runs_are_asked_for_or_left_out_and_counted_by_claims(nb):
    a, b = finished(nb), finished(nb, "other")
    nb.annotate(a, archived=True)
    assert table(nb, archived=False) == [b.id]
    assert table(nb, archived=True) == [a.id]
    assert set(table(nb)) == {a.id, b.id} == {run.id for run in nb.runs()}
    assert [(count.experiment, count.runs) for count in nb.index.run_counts(archived=False)] == [("other", 1)]
    assert [count.experiment for count in nb.index.run_counts()] == ["other", "toy"]


def test_what_another_process_says_is_seen(nb):
    run = finished(nb)
    other = Notebook(nb.folder)
    other.annotate(run, tag=["seen"])
    other.close()
    assert table(nb, tag="seen") == [run.id]


def test_a_followed_notebook_sees_a_finished_run_annotated(nb):
    run = finished(nb)
    nb.index.follow()
    version = nb.index.version
    nb.annotate(run, tag=["now"])
    assert table(nb, tag="now") == [run.id]
    assert nb.index.version > version
    nb.annotate(run, untag=["now"])
    assert table(nb, tag="now") == []


@pytest.mark.parametrize(
    "change",
    [
        {"tag": [""]},
        {"tag": ["two\nlines"]},
        {"tag": ["x" * 61]},
        {"tag": [f"t{n}" for n in range(51)]},
        {"tag": ["\ud800"]},
        {"note": "x" * 20_001},
        {"note": "half \ud800"},
    ],
)
def test_what_cannot_be_kept_changes_nothing(nb, change):
    run = finished(nb)
    nb.annotate(run, note="stays", tag=["kept"])
    before = (run.folder / NAME).read_bytes()
    with pytest.raises(GlassbookError) as error:
        nb.annotate(run, archived=True, **change)
    assert "\n" not in str(error.value)
    assert (run.folder / NAME).read_bytes() == before


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '{"note": 5}',
        '{"tags": "a"}',
        '{"tags": [7]}',
        '{"archived": "no"}',
        "[" * 500,
        '{"note": "\\ud800"}',
    ],
)
def test_a_damaged_file_is_said_to_be_damaged_and_kept(nb, text):
    run, good = finished(nb), finished(nb)
    (run.folder / NAME).write_text(text)
    assert NAME in nb.run(run.id).annotations.problem
    assert set(table(nb)) == {run.id, good.id}
    [line] = nb.index.problems()
    assert run.id in line
    with pytest.raises(GlassbookError, match="fix or remove it"):
        nb.annotate(run, tag=["a"])
    assert (run.folder / NAME).read_text() == text


def test_a_link_is_neither_read_nor_written_through(nb, tmp_path):
    run, outside = finished(nb), tmp_path / "outside.json"
    outside.write_text('{"note": "secret"}')
    (run.folder / NAME).symlink_to(outside)
    assert "link" in read_annotations(run.folder).problem
    with pytest.raises(GlassbookError):
        nb.annotate(run, note="x")
    assert outside.read_text() == '{"note": "secret"}'


def test_a_folder_that_cannot_be_written_says_so_in_one_line(nb, monkeypatch):
    run, other = finished(nb), finished(nb)
    nb.annotate(run, note="old")

    def refuse(path, data):
        with disk_errors(path):
            raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(annotations, "write_atomic", refuse)
    for one in (run, other):
        with pytest.raises(GlassbookError, match="Read-only file system") as error:
            nb.annotate(one, note="new")
        assert "\n" not in str(error.value)
    nb.annotate(run, note="old")  # nothing to write
    assert nb.run(run.id).annotations.note == "old"


def test_a_note_that_was_changed_meanwhile_is_not_overwritten(nb):
    run = finished(nb)
    nb.annotate(run, note="first")
    nb.annotate(run, note="theirs", instead_of="first")
    with pytest.raises(Conflict) as conflict:
        nb.annotate(run, note="mine", instead_of="first", tag=["not added"])
    assert (conflict.value.mine, conflict.value.theirs) == ("mine", "theirs")
    assert nb.run(run.id).annotations.tags == ()
    assert nb.run(run.id).annotations.note == "theirs"
    nb.annotate(run, note=" theirs\r\n", instead_of="first")  # both wrote the same
    nb.annotate(run, tag=["a"])  # tags are added to what is there


def test_tags_added_at_the_same_moment_are_all_kept(nb):
    run = finished(nb)
    threads = [threading.Thread(target=annotate, args=(nb.folder, run), kwargs={"tag": [f"t{n}"]}) for n in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(nb.run(run.id).annotations.tags) == {f"t{n}" for n in range(12)}


@pytest.mark.shipped_evidence
def test_reference_runs_stay_as_they_are(nb):
    run = reference_runs()[0]
    with pytest.raises(GlassbookError, match="came with Glassbook"):
        nb.annotate(run, tag=["a"])


def test_a_removed_run_takes_its_tags_along(nb):
    run = finished(nb)
    nb.annotate(run, tag=["gone"])
    assert nb.index.run_table().tags == ["gone"]
    shutil.rmtree(run.folder)
    assert nb.index.run_table().tags == []
