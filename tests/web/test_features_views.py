"""Features in the browser: the list of dashboards, the table, one feature, and the pages that speak of it."""

from __future__ import annotations

import contextlib
import json
import re
import sqlite3

import pytest

from glassbook.notebook import Page
from glassbook.notebook.runs.feature_dashboard import NAME, SCHEMA, Feature
from glassbook.steer.spec import FeatureSource
from glassbook.web.steering_formats import label_of
from glassbook.web.views.features import density_text, histogram, shade

EVIL = "</span><script>alert(1)</script><img src=x onerror=alert(1)>"
LABELS = ["foxes", "", EVIL, "rain"]


HEADER = {
    "model": "builtin",
    "site": "blocks.2.out",
    "dictionary": "d",
    "width": 4,
    "d_in": 8,
    "code": "TopK",
    "tokens": 10**6,
}


def write_dashboard(folder) -> None:
    """Four features, as features.dashboard writes them."""
    (folder / "artifacts").mkdir(exist_ok=True)
    with contextlib.closing(sqlite3.connect(folder / "artifacts" / NAME)) as db, db:
        db.executescript(SCHEMA)
        db.executemany("INSERT INTO header VALUES (?, ?)", [(key, json.dumps(value)) for key, value in HEADER.items()])
        for i, label in enumerate(LABELS):
            tokens = [("fox", 0.5), (EVIL, 0.1), ("\n", 0.05)]
            rest = [
                tokens,
                [(EVIL, 2.0)],
                [("cat", -1.0)],
                [(3, 0.91)],
                {"edges": [0, 1, 2, 4, 8], "counts": [0, 5, 0, 1]},
                [[("The", 0.0), (EVIL, 3.0), ("ran", 0.01)]],
            ]
            score, words = (0.1 * i if label else None), f"{label} fox".casefold()
            values = [i, label, score, 10.0**-i, 3.0, words, *map(json.dumps, rest)]
            db.execute(f"INSERT INTO feature VALUES ({', '.join('?' * len(values))})", values)


@pytest.fixture
def run(nb) -> str:
    with nb.start_run("learn", {}, 0) as run:
        write_dashboard(run.folder)
    return run.id


def test_only_runs_with_features_are_listed(reader, nb, run):
    with nb.start_run("pretrain", {}, 0) as other:
        pass
    page = reader.get("/features").text
    assert f"/features/{run}" in page
    assert other.id not in page
    assert [row["run"] for row in reader.get("/api/v1/features").json()["runs"]] == [run]


def test_a_model_is_offered_the_features_of_its_own_activations(reader, nb, run):
    def offered(model):
        found = reader.get("/api/v1/steer/sources", params={"model": model}).json()["features"]
        page = reader.get("/steer", params={"model": model}).text
        assert [f'<option value="{row["run"]}">' in page for row in found] == [True] * len(found)
        assert ('data-add="feature" disabled' in page) is (not found)
        return [row["run"] for row in found]

    assert offered("builtin") == []  # the run has no dictionary to steer with
    (nb.run(run).folder / "artifacts" / "d").write_bytes(b"")
    assert offered("builtin") == [run]
    assert offered("org/other") == []
    assert reader.get("/api/v1/steer/sources", params={"model": ""}).status_code == 422


def test_a_notebook_without_features_says_how_to_get_some(reader):
    assert 'href="/x/dictionary-learning"' in reader.get("/features").text


@pytest.mark.parametrize(
    ("query", "indices"),
    [
        ("", [3, 2, 0, 1]),  # the best label first
        ("order=index", [0, 1, 2, 3]),
        ("order=density", [3, 2, 1, 0]),
        ("order=score&down=true", [3, 2, 0, 1]),
        ("labelled=true", [3, 2, 0]),
        ("low=0.005&high=0.5&order=index", [1, 2]),
        ("q=foxes", [0]),
        ("q=fox&order=index", [0, 1, 2, 3]),
        ("page=2&size=3&order=index", [3]),
        ("q=&low=&high=", [3, 2, 0, 1]),  # a form sends its empty fields too
    ],
)
def test_the_table_shows_what_its_address_says(reader, run, query, indices):
    found = reader.get(f"/api/v1/features/{run}?{query}").json()
    assert [row["index"] for row in found["features"]] == indices
    shown = re.findall(
        rf'<td class="num"><a href="/features/{run}/([0-9]+)"', reader.get(f"/features/{run}?{query}").text
    )
    assert [int(index) for index in shown] == indices


def test_a_book_that_is_damaged_hides_no_other(reader, nb, run):
    with nb.start_run("learn", {}, 1) as other:
        (other.folder / "artifacts").mkdir(exist_ok=True)
        (other.folder / "artifacts" / NAME).write_bytes(b"no database at all, but long enough to be read as one")
    assert [row["run"] for row in reader.get("/api/v1/features").json()["runs"]] == [run]
    answer = reader.get(f"/api/v1/features/{other.id}")
    assert answer.status_code == 404
    assert "cannot be read" in answer.json()["error"]


def test_columns_sort_and_turn_round(reader, run):
    page = reader.get(f"/features/{run}?q=x").text
    assert 'data-find value=""' in page
    assert re.search(r'href="\?q=x&amp;order=density&amp;down=true"', page)
    page = reader.get(f"/features/{run}?order=density&down=true").text
    assert re.search(r'href="\?order=density"', page)
    assert 'aria-sort="descending"' in page


@pytest.mark.parametrize(
    "query", ["order=colour", "page=0", "size=201", "low=-1", "high=2", "low=nan", "q=" + "x" * 201]
)
def test_what_is_out_of_bounds_is_refused(reader, run, query):
    assert reader.get(f"/api/v1/features/{run}?{query}").status_code == 422


@pytest.mark.parametrize("path", ["nobody", "nobody/1", "nobody/1/histogram"])
def test_a_run_that_is_not_there_is_told(reader, run, path):
    answer = reader.get(f"/api/v1/features/{path}")
    assert answer.status_code == 404
    assert "nobody" in answer.json()["error"]


@pytest.mark.parametrize("index", ["-1", "x", str(2**31)])
def test_an_index_is_a_number(reader, run, index):
    assert reader.get(f"/api/v1/features/{run}/{index}").status_code == 422


def test_what_a_model_or_a_labeller_wrote_is_text(reader, run):
    for path in (f"/features/{run}", f"/features/{run}/2"):
        page = reader.get(path)
        assert page.status_code == 200
        assert "<script>alert" not in page.text
        assert "<img src=x" not in page.text
        assert "&lt;script&gt;alert" in page.text


def test_a_feature_shows_where_it_is_active_and_leads_on(reader, run):
    page = reader.get(f"/features/{run}/1").text
    assert re.search(r'class="t s5" title="3"', page)
    assert re.search(r'class="t s1" title="0.01"', page)
    assert f"/steer?run={run}&amp;feature=1" in page
    assert f'href="/features/{run}/0" rel="prev"' in page
    assert f'href="/features/{run}/2" rel="next"' in page
    assert 'rel="prev"' not in reader.get(f"/features/{run}/0").text
    assert 'rel="next"' not in reader.get(f"/features/{run}/3").text


def test_the_beginning_of_a_runs_id_leads_to_the_whole(reader, run):
    answer = reader.get(f"/features/{run[:-2]}/1", follow_redirects=False)
    assert answer.headers["location"] == f"/features/{run}/1"


def test_pages_that_speak_of_a_feature_are_found(reader, nb, run):
    bodies = {
        "A block": f"```glassbook\nfeature: {{run: {run}, index: 1}}\n```\n",
        "A panel": f"```glassbook\nsteer: {{sources: [{{run: {run}, index: 1, by: 2}}], prompts: [x]}}\n```\n",
        "A link": f"[this](/features/{run}/1)\n",
        "A wikilink": f"[[features/{run}/1]]\n",
        "Another feature": f"```glassbook\nfeature: {{run: {run}, index: 12}}\n```\n[that](/features/{run}/12)\n",
        "The run": f"[[{run}]]\n",
    }
    for title, body in bodies.items():
        nb.write(Page.new(title, body))
    pages = {page["title"] for page in reader.get(f"/api/v1/features/{run}/1").json()["pages"]}
    assert pages == {"A block", "A panel", "A link", "A wikilink"}
    assert "A panel" in reader.get(f"/features/{run}/1").text


def test_the_histogram_is_a_chart_of_numbers(reader, run):
    spec = reader.get(f"/api/v1/features/{run}/0/histogram").json()
    assert spec["data"]["values"] == [
        {"from": 1, "to": 2, "count": 5},
        {"from": 2, "to": 4, "count": 0},
        {"from": 4, "to": 8, "count": 1},
    ]
    assert spec["encoding"]["x"]["scale"]["domain"] == [1, 8]


def test_the_lowest_bin_begins_where_a_logarithm_can():
    feature = Feature(0, "", None, 0.1, 4.0, [], [], [], [], [], {"edges": [0, 1, 2], "counts": [1, 1]}, [])
    assert histogram(feature)["data"]["values"][0] == {"from": 0.5, "to": 1, "count": 1}


@pytest.mark.parametrize(
    ("value", "largest", "step"), [(0, 3, 0), (-1, 3, 0), (0.001, 3, 1), (3, 3, 5), (9, 3, 5), (1, 0, 0)]
)
def test_whatever_is_above_zero_is_shaded(value, largest, step):
    assert shade(value, largest) == step


@pytest.mark.parametrize(("density", "text"), [(0, "never"), (0.001, "1 in 1,000"), (0.75, "75% of tokens")])
def test_density_is_said_in_words(density, text):
    assert density_text(density) == text


def test_the_steering_panel_labels_a_feature_by_its_name(nb, run):
    assert label_of(nb, FeatureSource(run=run, index=0)) == "feature 0 (foxes)"
    assert label_of(nb, FeatureSource(run=run, index=1)) == f"feature 1 of {run}"
    assert label_of(nb, FeatureSource(run="nobody", index=0)) == "feature 0 of nobody"


@pytest.mark.parametrize("index", [0, 1])
def test_a_feature_is_named_in_the_browser(reader, run, index):
    path = f"/api/v1/features/{run}/{index}/name"
    answer = reader.put(path, json={"label": EVIL})
    assert answer.status_code == 200
    assert answer.json()["names"][-1]["source"] == "person"
    page = reader.get(f"/features/{run}/{index}").text
    assert "a person" in page
    assert EVIL not in page
    assert reader.put(path, json={"label": "x" * 201}).status_code == 422
    assert reader.put(path, json={"label": "two\nlines"}).status_code == 400
    assert reader.put(f"/api/v1/features/{run}/99/name", json={"label": "x"}).status_code == 400
    assert "person" not in [name["source"] for name in reader.put(path, json={"label": ""}).json()["names"]]
