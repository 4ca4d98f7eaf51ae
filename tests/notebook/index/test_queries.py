"""Rows for tables, names as they are typed, links and graphs, and what is seen while the files are followed."""

from __future__ import annotations

import os
import time

import pytest

from glassbook.errors import GlassbookError
from glassbook.notebook import Notebook, Page


@pytest.fixture
def nb(tmp_path):
    notebook = Notebook.create(tmp_path / "nb")
    pages = [
        Page.new("Sparse coding", "See [[Dictionary learning]], [[nothing]] and [[dictionary learning]].", kind="term",
                 level=30, tags=["Method"], aliases=["Olshausen"]),
        Page.new("Dictionary learning", "After [[Sparse coding]] comes [[Monosemanticity]].", kind="term", level=40,
                 tags=["method", "features"]),
        Page.new("Monosemanticity", "One thing.", kind="term", level=50),
        Page.new("2026-11-20 A session", "Talked about [[Sparse coding]].", kind="session"),
        Page.new("A talk", "Heard.", kind="talk", extra={"date": "2025-03"}),
        Page.new("1984 is a title", "Not a day."),
    ]  # fmt: skip
    for page in pages:
        notebook.write(page)
    yield notebook
    notebook.close()


def add_run(nb, experiment="toy", seed=0, config=None, **results):
    with nb.start_run(experiment, config or {"lr": 0.1}, seed) as run:
        run.log(0, loss=3.0)
        run.log(5, loss=2.0, other=1.0)
        run.log(3, loss=1.5)
        run.result(**results)
    return run.id


def test_pages_in_every_order(nb):
    titles = [row.title for row in nb.index.page_rows()]
    assert titles == sorted(titles, key=str.lower)
    assert [row.level for row in nb.index.page_rows(order="level", limit=3)] == [50, 40, 30]
    assert nb.index.page_rows(order="modified", limit=1)[0].title == "1984 is a title"
    assert [row.id for row in nb.index.page_rows("term", order="title", limit=1, offset=1)] == ["monosemanticity"]
    with pytest.raises(GlassbookError, match="ordered by"):
        nb.index.page_rows(order="colour")


def test_pages_by_kind_and_tag(nb):
    assert nb.index.page_count() == 6
    assert nb.index.page_count("term") == 3
    assert {row.id for row in nb.index.page_rows(tag="METHOD")} == {"sparse-coding", "dictionary-learning"}
    assert nb.index.page_count(tag="features") == 1
    row = next(row for row in nb.index.page_rows() if row.id == "sparse-coding")
    assert (row.tags, row.aliases, row.path) == (("Method",), ("Olshausen",), "pages/terms/sparse-coding.md")


def test_links_are_in_order_and_once_each(nb):
    assert nb.index.links(nb.page("sparse-coding")) == [
        ("Dictionary learning", "dictionary-learning"),
        ("nothing", None),
    ]


def test_the_graph_goes_both_ways(nb):
    near = nb.index.graph(nb.page("sparse-coding"))
    assert {node[0] for node in near.nodes} == {"sparse-coding", "dictionary-learning", "2026-11-20-a-session"}
    assert ("sparse-coding", "dictionary-learning") in near.edges
    assert ("dictionary-learning", "sparse-coding") in near.edges
    assert "monosemanticity" in {node[0] for node in nb.index.graph(nb.page("sparse-coding"), depth=2).nodes}
    assert len(nb.index.graph(nb.page("sparse-coding"), depth=3, limit=2).nodes) == 2


def test_moments_are_pages_with_a_day(nb):
    assert [(m.day, m.title) for m in nb.index.timeline()] == [
        ("2026-11-20", "2026-11-20 A session"),
        ("2025-03", "A talk"),
    ]
    assert [m.day for m in nb.index.timeline(before="2026")] == ["2025-03"]
    assert [m.day for m in nb.index.timeline(days=1)] == ["2026-11-20"]


def test_names_as_they_are_typed(nb):
    nb.index.set_experiments({"sparse-toy": ("Does it?", ("Sparse coding",), "nobody")})
    found = nb.index.complete("spar")
    assert [(s.kind, s.id) for s in found] == [("page", "sparse-coding"), ("experiment", "sparse-toy")]
    alias = nb.index.complete("olsh")[0]
    assert (alias.id, alias.hint) == ("sparse-coding", "term, also olshausen")
    assert nb.index.complete("learn")[0].id == "dictionary-learning"
    assert ("tag", "features") in [(s.kind, s.id) for s in nb.index.complete("feat")]
    assert nb.index.complete("  ") == []
    assert nb.index.complete('"*) OR') == []


def test_experiments_are_found_by_search(nb):
    nb.index.set_experiments({"toy": ("Do sparse things superpose?", ("Sparse coding",), "Elhage 2022")})
    assert [(h.kind, h.id) for h in nb.index.search("superpose")] == [("experiment", "toy")]
    assert {h.kind for h in nb.index.search("sparse coding")} == {"page", "experiment"}
    assert {h.kind for h in nb.index.search("sparse", kinds=["experiment"])} == {"experiment"}
    nb.index.set_experiments({"other": ("Nothing", (), "")})
    assert nb.index.search("superpose") == []


def test_runs_filtered_sorted_and_paged(nb):
    ids = [add_run(nb, seed=i, config={"lr": 1.0 / (i + 1), "model": {"width": i}}, mmcs=v)
           for i, v in enumerate((0.5, 0.9, 0.7))]  # fmt: skip
    add_run(nb, "other", accuracy=1.0)
    table = nb.index.run_table("toy", order="results.mmcs")
    assert [row.id for row in table.rows] == [ids[1], ids[2], ids[0]]
    assert table.total == 3
    assert table.columns == ["config.lr", "config.model.width", "results.mmcs"]
    assert [row.seed for row in nb.index.run_table("toy", order="config.model.width", descending=False).rows] == [
        0,
        1,
        2,
    ]
    assert [row.seed for row in nb.index.run_table("toy", order="config.lr", limit=1, offset=1).rows] == [1]
    assert nb.index.run_table(order="results.mmcs").rows[-1].experiment == "other"
    assert nb.index.run_table(text="OTHER accuracy").total == 1
    assert nb.index.run_table(status="failed").total == 0
    assert nb.index.run_table().total == 4
    for wrong in ("colour", "config", "started; DROP TABLE run"):
        with pytest.raises(GlassbookError, match="ordered by"):
            nb.index.run_table(order=wrong)


@pytest.mark.parametrize("name", ['a"b', "a.b", "$", "a'b", "a\\b", "[0]"])
def test_any_name_of_a_column_is_safe(nb, name):
    add_run(nb, config={name: 1})
    assert nb.index.run_table(order=f"config.{name}").total == 1


def test_a_running_run_is_told_from_a_dead_one(nb):
    run = nb.start_run("toy", {})
    assert nb.index.run_table(status="running").total == 1
    run.finish()
    assert nb.index.run_table(status="running").total == 0
    assert nb.index.run_table(status="finished").total == 1


def test_latest_values_are_the_last_that_were_logged(nb):
    name = add_run(nb)
    assert nb.index.latest([name, "no such run"]) == {name: {"loss": (3, 1.5), "other": (5, 1.0)}}
    with nb.start_run("toy", {}) as run:
        run.log(0, time=1.0, **{'odd "name\\': 2.0, "event": 4.0})
        assert nb.index.latest([run.id])[run.id] == {"time": (0, 1.0), 'odd "name\\': (0, 2.0), "event": (0, 4.0)}
        run.log(1, time=float("nan"))
        run.note('"loss": 7, "time": 9')
        assert nb.index.latest([run.id])[run.id]["time"][0] == 1
        assert "loss" not in nb.index.latest([run.id])[run.id]


def test_a_deleted_run_takes_its_columns_along(nb, tmp_path):
    import shutil

    name = add_run(nb, only_here=1.0)
    assert "results.only_here" in nb.index.run_table().columns
    shutil.rmtree(nb.run(name).folder)
    assert "results.only_here" not in nb.index.run_table().columns
    assert nb.index.run_table().total == 0


def eventually(holds, seconds=10):
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "not seen in time"
        time.sleep(0.05)


def test_following_sees_what_others_write(nb):
    nb.index.follow()
    before = nb.index.version
    path = nb.folder / "pages" / "terms" / "by-hand.md"
    path.write_text("# Written by hand\n\nabout quokkas\n")
    eventually(lambda: nb.index.search("quokkas"))
    assert nb.index.version > before
    path.write_text("# Written by hand\n\nabout numbats\n")
    eventually(lambda: nb.index.search("numbats") and not nb.index.search("quokkas"))
    path.unlink()
    eventually(lambda: not nb.index.search("numbats"))
    folder = nb.folder / "pages" / "new"
    folder.mkdir()
    (folder / "x.md").write_text("about bilbies\n")
    eventually(lambda: nb.index.search("bilbies"))
    os.rename(folder, nb.folder / "pages" / "moved")
    eventually(lambda: [h.id for h in nb.index.search("bilbies")] == ["moved/x"])


def test_following_sees_its_own_writes_at_once(nb):
    nb.index.follow()
    nb.write(Page.new("Fresh", "about echidnas"))
    assert nb.index.search("echidnas")
    name = add_run(nb, "echo")
    assert nb.index.run_table("echo").total == 1
    assert nb.run(name).status == "finished"
    run = nb.start_run("echo", {})
    assert nb.index.run_table("echo", status="running").total == 1
    run.finish()
    assert nb.index.run_table("echo", status="running").total == 0


@pytest.mark.parametrize(
    "files",
    [
        {"sub/note": "", "B/y": "id: sub/note"},
        {"x": "id: z", "B/y": "id: x", "A/q": "id: z"},
        {"terms/x": "", "x": ""},
        {"a/note": "id: note", "A/note": "id: note", "note": "id: a/note"},
    ],
)
def test_every_page_has_an_address_of_its_own(nb, files):
    for place, front in files.items():
        path = nb.folder / "pages" / f"{place}.md"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"---\n{front}\n---\nWords of {place}.\n")
    for row in nb.index.page_rows(limit=1000):
        assert nb.index.path_at(row.id) == row.path


def test_a_page_that_was_written_this_moment_is_found(nb):
    """By its name, before the watch has told of it; an unknown name stays unknown."""
    nb.index.follow()
    for i in range(5):
        (nb.folder / "pages" / f"just-now-{i}.md").write_text(f"# Just now {i}\n")
        assert nb.page_at(f"just-now-{i}").title == f"Just now {i}"
    with pytest.raises(GlassbookError, match="no page is called 'never'"):
        nb.page_at("never")


def test_following_survives_a_deleted_index(nb):
    nb.index.follow()
    assert nb.index.search("sparse")
    for path in (nb.folder / ".glassbook").glob("index.db*"):
        path.unlink()
    assert nb.index.search("sparse")
    assert nb.index.page_count() == 6


def test_features_are_found_last(nb, tmp_path):
    import sqlite3

    from glassbook.notebook.runs.feature_dashboard import NAME, SCHEMA

    with nb.start_run("toy", {}) as run:
        db = sqlite3.connect(run.artifact(NAME))
        db.executescript(SCHEMA)
        empty = "[]"
        for i in range(50):
            row = [i, f"sparse thing {i}", 0.9, 0.1, 1.0, "", empty, empty, empty, empty, "{}", empty]
            db.execute("INSERT INTO feature VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
        db.commit()
        db.close()
    hits = nb.index.search("sparse", limit=8)
    assert hits[0].kind == "page"
    assert 1 <= sum(h.kind == "feature" for h in hits) <= 3
    features = nb.index.search("sparse thing 7", kinds=["feature"])
    assert features[0].id == f"{run.id}/7"
