"""Runs in the browser and as JSON: the table, one run, several beside each other, two results against each other."""

from __future__ import annotations

import json
import time

import pytest
from evidence_book import EVIL, assert_harmless, evil_run, open_app, toy_run

from glassbook.notebook import Notebook, Page


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    nb = Notebook.create(tmp_path_factory.mktemp("runs") / "nb")
    runs = [toy_run(nb, seed, loss) for seed, loss in enumerate([0.5, 0.25, 2.0])]
    nb.write(Page.new("Notes", f"# Notes\n\nSee [[{runs[0].id}]].\n", kind="note"))
    yield nb, runs, open_app(nb)
    nb.close()


@pytest.fixture(scope="module")
def evil(tmp_path_factory):
    nb = Notebook.create(tmp_path_factory.mktemp("evil") / "nb")
    yield nb, evil_run(nb), open_app(nb)
    nb.close()


def order(reader, query: str) -> list[int]:
    return [run["seed"] for run in reader.get(f"/api/v1/runs?{query}").json()["runs"]]


def test_the_table_filters_sorts_and_pages(book):
    _, _, reader = book
    assert order(reader, "") == [2, 1, 0]
    assert order(reader, "order=results.loss&descending=false") == [1, 0, 2]
    assert order(reader, "order=seed&descending=true&limit=1&offset=1") == [1]
    assert order(reader, "experiment=nobody") == []
    assert order(reader, "status=failed") == []
    assert len(order(reader, "status=finished&experiment=toy")) == 3
    data = reader.get("/api/v1/runs").json()
    assert data["total"] == 3
    assert {"results.loss", "results.chance", "config.lr"} <= set(data["columns"])


def test_what_runs_have_cost_stands_in_the_table_on_their_pages_and_beside_each_other(nb, reader):
    ids = []
    for flop in (2e12, 5e13):
        with nb.start_run("toy", config={}, seed=0, claims=[]) as run:
            run.spent("training", flop, 3.0, "counted", "toy")
            run.spent("evaluation", 7e9, 1.0, "by formula")
        ids.append(run.id)
    first, second = ids
    listed = reader.get("/api/v1/runs?order=flop&descending=false").json()["runs"]
    assert [(run["id"], run["flop"], run["flop_total"]) for run in listed] == [
        (first, 2e12, 2e12),
        (second, 5e13, 5e13),
    ]
    one = reader.get(f"/api/v1/runs/{first}").json()
    assert one["lineage"]["flop"] == 2e12
    assert one["compute"][0] == {"kind": "training", "label": "toy", "flop": 2e12, "seconds": 3.0, "how": "counted"}
    assert "2 TFLOP" in reader.get("/runs").text
    page = reader.get(f"/runs/{first}").text
    assert "evaluation" in page
    assert "7 GFLOP" in page
    rows = reader.get("/api/v1/compare", params={"run": ids}).json()["compute"]
    assert rows[0] == {"name": "flop", "values": [2e12, 5e13], "differ": True}
    assert "50 TFLOP" in reader.get("/compare", params={"run": ids}).text
    points = reader.get("/api/v1/pareto?x=flop&y=seconds&minimise=x&minimise=y").json()["points"]
    assert {point["x"] for point in points} == {2e12, 5e13}
    assert "50 TFLOP" in reader.get("/pareto?x=flop&y=flop_total").text


@pytest.mark.parametrize(
    "query",
    [
        "order=nothing",
        "order=config.",
        "status=odd",
        "limit=0",
        "limit=1001",
        "offset=-1",
        "offset=99999999999999999999",
    ],
)
def test_what_the_table_cannot_do_is_refused(book, query):
    _, _, reader = book
    assert reader.get(f"/api/v1/runs?{query}").status_code == 422


def test_the_tables_address_holds_what_was_chosen(book):
    _, runs, reader = book
    page = reader.get("/runs?experiment=toy&column=results.loss&column=config.lr&order=results.loss&descending=false")
    assert page.status_code == 200
    assert '<th scope="col" class="num" aria-sort="ascending">' in page.text
    assert "column=results.loss&amp;column=config.lr" in page.text
    assert "0.25" in page.text
    assert f'name="run" value="{runs[0].id}"' in page.text
    assert "results.chance" in page.text  # offered as a column
    assert "<caption" in page.text
    assert reader.get("/runs?page=50").status_code == 200
    assert reader.get("/runs?column=results.unknown").status_code == 200


def test_a_run_tells_everything(book):
    _, runs, reader = book
    data = reader.get(f"/api/v1/runs/{runs[0].id}").json()
    assert data["results"] == {"loss": 0.5, "chance": 3.0}
    assert data["metrics"] == ["loss", "accuracy"]
    assert data["cited_by"] == [{"id": "notes", "title": "Notes"}]
    page = reader.get(f"/runs/{runs[0].id}").text
    for text in ("half way", "model.width", "artifacts/w.bin", "/p/notes", "Loss falls", "finished", "NaN"):
        assert text in page, text
    assert f'data-chart="/api/v1/runs/{runs[0].id}/charts/curve"' in page
    assert f'src="/runs/{runs[0].id}/files/images/dot.png"' in page


def test_curves_are_thinned_and_go_on(book):
    _, runs, reader = book
    address = f"/api/v1/runs/{runs[0].id}/metrics"
    all_of = reader.get(address).json()
    assert set(all_of["metrics"]) == {"loss", "accuracy"}
    assert len(all_of["metrics"]["loss"]["steps"]) == 20
    thin = reader.get(address, params={"names": "loss", "points": 4}).json()["metrics"]
    assert list(thin) == ["loss"]
    assert len(thin["loss"]["steps"]) <= 4
    assert thin["loss"]["logged"] == 20
    later = reader.get(address, params={"names": "accuracy", "after_step": 17}).json()["metrics"]
    assert later["accuracy"]["steps"] == [18, 19]
    assert reader.get(address, params={"names": "nothing"}).json()["metrics"]["nothing"]["steps"] == []


def test_a_chart_is_a_spec_with_its_own_rows(book):
    _, runs, reader = book
    spec = reader.get(f"/api/v1/runs/{runs[0].id}/charts/curve").json()
    assert spec["data"]["values"] == [{"x": 1, "href": "kept: rows are data"}]
    assert reader.get(f"/api/v1/runs/{runs[0].id}/charts/none").status_code == 404


def test_runs_beside_each_other(book):
    nb, runs, reader = book
    wide = toy_run(nb, 7, experiment="other", lr=0.2)
    ids = [runs[0].id, runs[1].id, wide.id]
    data = reader.get("/api/v1/compare", params={"run": ids}).json()
    differ = {row["name"] for row in data["settings"] if row["differ"]}
    assert differ == {"experiment", "seed", "lr"}
    assert next(row for row in data["settings"] if row["name"] == "model.width")["values"] == [3, 3, 3]
    page = reader.get("/compare", params={"run": ids})
    assert page.status_code == 200
    assert '<tr class="differs"><th scope="row">lr</th>' in page.text
    assert '<tr class="same"><th scope="row">model.width</th>' in page.text
    assert "data-curves" in page.text


def test_what_cannot_be_compared(book):
    _, runs, reader = book
    assert reader.get("/compare").status_code == 200
    assert reader.get("/compare", params={"run": runs[0].id}).status_code == 200
    assert reader.get("/compare", params={"run": "nobody"}).status_code == 404
    assert reader.get("/api/v1/compare").status_code == 422
    assert reader.get("/api/v1/compare", params={"run": [f"r{i}" for i in range(13)]}).status_code == 422


def test_the_front_of_the_runs(book):
    _, _, reader = book
    query = {"x": "results.loss", "y": "config.lr", "experiment": "toy", "minimise": ["x", "y"]}
    points = reader.get("/api/v1/pareto", params=query).json()["points"]
    assert [point["seed"] for point in points if point["front"]] == [1]
    page = reader.get("/pareto", params=query)
    assert page.status_code == 200
    assert "1 of 3 runs are on the front" in page.text
    assert reader.get("/pareto").status_code == 200
    assert reader.get("/pareto?x=results.none&y=results.loss").status_code == 200
    assert reader.get("/api/v1/pareto?x=odd&y=results.loss").status_code == 422


@pytest.mark.parametrize("address", ["/runs/nobody", "/api/v1/runs/nobody", "/api/v1/runs/nobody/metrics"])
def test_what_is_not_there_is_not_found(book, address):
    _, _, reader = book
    answer = reader.get(address)
    assert answer.status_code == 404
    assert "nobody" in answer.text


def test_nan_and_infinities_reach_the_reader(tmp_path):
    nb = Notebook.create(tmp_path / "nb")
    with nb.start_run("odd", {"bound": float("inf")}) as run:
        run.log(0, loss=float("nan"))
        run.result(loss=float("nan"), best=float("-inf"))
    reader = open_app(nb)
    assert reader.get(f"/api/v1/runs/{run.id}").json()["results"] == {"loss": "NaN", "best": "-Infinity"}
    assert reader.get("/api/v1/runs").status_code == 200
    assert reader.get(f"/api/v1/runs/{run.id}/metrics").json()["metrics"]["loss"]["values"] == [None]
    for address in (
        f"/runs/{run.id}",
        "/runs?experiment=odd",
        f"/compare?run={run.id}",
        "/pareto?x=results.loss&y=results.best",
    ):
        assert reader.get(address).status_code == 200
    nb.close()


@pytest.mark.parametrize(
    "address",
    [
        "/runs",
        "/runs?experiment={}",
        "/runs/{id}",
        "/compare?run={id}",
        "/claims",
        "/pareto",
        "/experiments",
        "/runs?q={}",
    ],
)
def test_texts_of_runs_stay_texts(evil, address):
    _, run, reader = evil
    page = reader.get(address.replace("{id}", run.id).replace("{}", EVIL))
    assert page.status_code == 200
    assert_harmless(page.text)


def test_columns_and_axes_with_odd_names_stay_texts(evil):
    _, run, reader = evil
    columns = reader.get("/api/v1/runs").json()["columns"]
    odd = [column for column in columns if "script" in column]
    assert odd
    page = reader.get("/runs", params={"column": odd})
    assert page.status_code == 200
    assert_harmless(page.text)
    for order in odd:
        assert reader.get("/runs", params={"order": order}).status_code in (200, 404)
        assert reader.get("/api/v1/runs", params={"order": order, "descending": "false"}).status_code in (200, 404)
    page = reader.get("/pareto", params={"x": f"results.{EVIL}", "y": f"results.{EVIL}"})
    assert page.status_code == 200
    assert_harmless(page.text)
    metrics = reader.get(f"/api/v1/runs/{run.id}/metrics", params={"names": EVIL})
    assert metrics.headers["content-type"] == "application/json"
    assert metrics.json()["metrics"][EVIL]["values"] == [1.0]


def test_a_chart_sets_no_option_of_the_page(evil):
    _, run, reader = evil
    spec = reader.get(f"/api/v1/runs/{run.id}/charts/c").json()
    assert "usermeta" not in spec
    assert spec["title"] == EVIL


def test_broken_files_are_said_to_be_broken(tmp_path):
    nb = Notebook.create(tmp_path / "nb")
    run = toy_run(nb)
    (run.folder / "tables" / "rows.json").write_text("[[[")
    (run.folder / "tables" / "odd.json").write_text(json.dumps({"no": "rows"}))
    (run.folder / "charts" / "curve.vl.json").write_text("{")
    (run.folder / "images" / "dot.png").unlink()
    reader = open_app(nb)
    page = reader.get(f"/runs/{run.id}")
    assert page.status_code == 200
    assert "cannot be read" in page.text
    assert reader.get(f"/api/v1/runs/{run.id}/charts/curve").status_code == 404
    assert reader.get(f"/api/v1/runs/{run.id}/tables/odd").status_code == 404
    nb.close()


@pytest.mark.parametrize(
    "header",
    [
        {"experiment": "odd"},
        {"experiment": ["odd"], "config": [1], "seed": "x", "code": 3, "environment": None, "claims": {"a": 1}},
        {
            "experiment": "odd",
            "config": {"values": {"items": [None, {"get": 1}]}, "": ""},
            "code": {"commit": 5, "dirty": "?"},
        },
    ],
)
def test_a_run_written_by_anything_is_shown(tmp_path, header):
    nb = Notebook.create(tmp_path / "nb")
    run = toy_run(nb)
    (run.folder / "run.json").write_text(json.dumps(header))
    odd = [{"event": "heartbeat", "progress": {"done": "x", "total": []}}, {"event": "end", "state": 7, "error": [1]}]
    with open(run.folder / "events.jsonl", "a") as log:
        log.writelines(json.dumps(event) + "\n" for event in odd)
    (run.folder / "charts" / "odd name?#.vl.json").write_text("{}")
    reader = open_app(nb)
    for address in (
        f"/runs/{run.id}",
        "/runs",
        f"/compare?run={run.id}",
        "/claims",
        "/pareto?x=config.a&y=results.loss",
    ):
        assert reader.get(address).status_code == 200, address
    assert reader.get(f"/api/v1/runs/{run.id}").status_code == 200
    nb.close()


def test_names_that_are_not_unicode_are_shown_with_question_marks(tmp_path):
    nb, odd = Notebook.create(tmp_path / "nb"), "\ud800"
    with nb.start_run("odd", {f"a{odd}": odd}) as run:
        run.log(**{f"m{odd}": 1.0})
        run.result(**{f"r{odd}": 1.0})
        run.note(odd)
        run.table("t", [{odd: odd}])
    header = json.loads((run.folder / "run.json").read_text())
    (run.folder / "run.json").write_text(json.dumps(header | {"experiment": odd, "code": {"commit": odd}}))
    reader = open_app(nb)
    for address in ("/runs", f"/runs/{run.id}", "/runs?column=results.r?", f"/compare?run={run.id}&run={run.id}"):
        assert reader.get(address).status_code == 200
    assert reader.get(f"/api/v1/runs/{run.id}").json()["config"] == {f"a{odd}": odd}
    nb.close()


def test_a_run_of_thousands_of_metrics_opens_at_once(tmp_path):
    nb = Notebook.create(tmp_path / "nb")
    with nb.start_run("many") as run:
        for step in range(2):
            run.log(step, **{f"layer.{n}.norm": float(n) for n in range(3000)})
    reader = open_app(nb)
    reader.get("/runs")  # what the first request of all prepares is not meant
    began = time.process_time()
    page = reader.get(f"/runs/{run.id}")
    assert time.process_time() - began < 0.5
    assert "layer.2999.norm" in page.text
    nb.close()


@pytest.fixture
def few(tmp_path):
    """Runs of two experiments."""
    nb = Notebook.create(tmp_path / "nb")
    runs = [toy_run(nb, seed) for seed in range(3)] + [toy_run(nb, 0, experiment="other")]
    yield nb, runs, open_app(nb)
    nb.close()


def annotated(reader, run, **body):
    return reader.patch(f"/api/v1/runs/{run.id}/annotations", json=body)


def test_annotations_come_and_go(few):
    _, runs, reader = few
    made = annotated(reader, runs[0], note="diverged <b>", tag=["Baseline"], archived=True).json()
    assert (made["note"], made["tags"], made["archived"]) == ("diverged <b>", ["Baseline"], True)
    page = reader.get(f"/runs/{runs[0].id}").text
    for text in ("diverged &lt;b&gt;", "/runs?tag=Baseline", "left out of lists", "Restore"):
        assert text in page, text
    assert annotated(reader, runs[0], untag=["baseline"], archived=False).json()["tags"] == []
    assert reader.get(f"/api/v1/runs/{runs[0].id}").json()["note"] == "diverged <b>"


@pytest.mark.parametrize(("mine", "theirs"), [("my hour", "their note"), ("my hour", ""), ("", "their note")])
def test_of_two_notes_at_once_both_are_kept(few, mine, theirs):
    nb, runs, reader = few
    annotated(reader, runs[0], note="first")
    annotated(reader, runs[0], note=theirs)
    answer = annotated(reader, runs[0], note=mine, instead_of="first")
    assert answer.status_code == 409
    said = answer.json()
    assert (said["mine"], said["theirs"]) == (mine, theirs)
    assert "reload" not in said["error"]
    assert [(nb.folder / copy).read_text() for copy in said["copies"]] == [note for note in (mine, theirs) if note]
    assert reader.get(f"/api/v1/runs/{runs[0].id}").json()["note"] == theirs


def test_the_table_filters_by_tag_and_hides_the_archived(few):
    _, runs, reader = few
    annotated(reader, runs[0], tag=["keep me"])
    annotated(reader, runs[1], tag=["KEEP ME"], archived=True)
    assert order(reader, "tag=keep%20me") == [0]
    assert order(reader, "tag=keep%20me&archived=all") == [1, 0]
    assert order(reader, "archived=only") == [1]
    assert len(order(reader, "")) == 3
    assert reader.get("/api/v1/runs?archived=maybe").status_code == 422
    page = reader.get("/runs?tag=keep%20me&archived=all").text
    assert page.count('name="run"') == 2
    assert ">archived</span>" in page
    assert "<option selected>KEEP ME</option>" in page
    for address in ("/api/v1/pareto?x=results.loss&y=config.lr", "/api/v1/experiments"):
        assert runs[1].id not in reader.get(address).text


def test_a_note_changed_meanwhile_is_told(few):
    _, runs, reader = few
    annotated(reader, runs[0], note="theirs")
    answer = annotated(reader, runs[0], note="mine", instead_of="")
    assert answer.status_code == 409
    assert "changed elsewhere" in answer.json()["error"]


@pytest.mark.parametrize(
    ("body", "status"),
    [({"tag": [""]}, 400), ({"colour": "red"}, 422), ({"note": "x" * 20_001}, 422), ({"tag": "a"}, 422)],
)
def test_annotations_that_do_not_fit_are_refused(few, body, status):
    _, runs, reader = few
    assert annotated(reader, runs[0], **body).status_code == status
    assert reader.get(f"/api/v1/runs/{runs[0].id}").json()["tags"] == []


def test_runs_of_several_experiments_are_folded(few):
    _, runs, reader = few
    annotated(reader, runs[0], tag=["a"])
    page = reader.get("/runs").text
    assert page.count('<details class="run-group" open ') == 2
    assert page.count('name="run"') == 4
    assert "4 runs of 2 experiments" in page
    one = reader.get("/runs?experiment=toy").text
    assert '<details class="run-group"' not in one
    assert '<details class="run-group"' not in reader.get("/runs?fold=false").text
    assert '<details class="run-group"' not in reader.get("/runs?tag=a").text


def test_many_runs_are_folded_closed_and_each_experiment_has_columns_of_its_own(tmp_path):
    nb = Notebook.create(tmp_path / "nb")
    for experiment, name in (("a", "first"), ("b", "second")):
        for seed in range(22):
            with nb.start_run(experiment, {}, seed) as run:
                run.result(**{name: float(seed)})
    reader = open_app(nb)
    page = reader.get("/runs?open=a&order=results.first&descending=true").text
    assert page.count('<details class="run-group" open ') == 1
    assert page.count('name="run"') == 20
    for text in ("all 22 runs of a", "all 22 runs of b", ">first<"):
        assert text in page, text
    assert ">second<" in reader.get("/runs?open=b").text
    assert page.index("22 runs") < page.index(">first<")
    nb.close()


@pytest.mark.parametrize(("descending", "seeds"), [("true", [1, 0]), ("false", [0, 1])])
def test_runs_are_sorted_by_their_duration(tmp_path, descending, seeds):
    nb = Notebook.create(tmp_path / "nb")
    for seed, seconds in enumerate((5, 50)):
        run = toy_run(nb, seed)
        header = json.loads((run.folder / "run.json").read_text())
        started = time.time() - seconds
        created = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime(started))
        (run.folder / "run.json").write_text(json.dumps(header | {"created": created}))
    assert order(open_app(nb), f"order=duration&descending={descending}") == seeds
    nb.close()
