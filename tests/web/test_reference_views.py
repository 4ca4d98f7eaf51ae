"""Reference evidence in the browser: a fresh notebook opens with figures and verdicts; quick runs change neither."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest
from evidence_book import EVIL, assert_harmless, open_app
from reference_evidence import NAME, default_run, ship
from test_features_views import write_dashboard

from glassbook.assets import reference, starter
from glassbook.notebook import Notebook
from glassbook.web.export import export_page, export_site

FIRST = f"reference-{NAME}-0"


@pytest.fixture
def fresh(tmp_path, monkeypatch):
    """What `glassbook new` makes, with reference evidence of one experiment."""
    ship(tmp_path, monkeypatch)
    notebook = Notebook.create(tmp_path / "nb")
    starter.write(notebook.folder)
    yield notebook
    notebook.close()


def write_page(notebook: Notebook, body: str, name: str = "mine") -> None:
    (notebook.folder / "pages" / f"{name}.md").write_text(body)


def test_a_term_page_of_a_fresh_notebook_shows_figures_verdicts_and_values(fresh):
    page = open_app(fresh).get("/p/superposition").text
    assert f'data-chart="/api/v1/runs/{FIRST}/charts/superposition"' in page
    assert re.search(r'<span class="state holds">holds</span> <span class="origin">reference</span>', page)
    assert 'represents <span class="value" title="represented_dense, median of 5 (seed 0), ' in page
    assert ">14</a>" in page
    assert re.search(r'<span class="origin">reference</span>, 20\d\d-\d\d-\d\d, \w+ \w+, \d+ CPUs', page)
    assert "No run yet" not in page
    assert "replicated" not in page


def test_f4_a_quick_run_does_not_become_the_figure(fresh):
    quick = default_run(fresh, 0, quick=True, mmcs=0.0)
    reader = open_app(fresh)
    page = reader.get("/p/superposition").text
    assert f'data-chart="/api/v1/runs/{FIRST}/charts/superposition"' in page
    assert f"/runs/{quick}/charts" not in page
    for address in ("/runs", "/", "/experiments", f"/x/{NAME}", f"/runs/{quick}", f"/compare?run={quick}"):
        assert re.search(r'<span class="state quick"[^>]*>quick</span>', reader.get(address).text), address
    points = reader.get("/api/v1/pareto?x=results.mmcs&y=results.random_mmcs").json()["points"]
    assert [point["settings"] for point in points] == ["quick"]
    assert [run["settings"] for run in reader.get("/api/v1/runs").json()["runs"]] == ["quick"]
    write_page(fresh, f"```glassbook\nchart: {{run: {quick}, name: superposition}}\n```\n")
    named = reader.get("/p/mine").text  # a block that names the run shows it, marked
    assert f"/api/v1/runs/{quick}/charts/superposition" in named
    assert ">quick</span>" in named


def test_f4_without_reference_a_quick_run_is_no_figure_either(nb):
    default_run(nb, 0, quick=True)
    write_page(nb, f"```glassbook\nchart: {{experiment: {NAME}, name: superposition}}\n```\n")
    page = open_app(nb).get("/p/mine").text
    assert "Only runs with other settings or without this result." in page
    assert "data-chart" not in page


def test_own_runs_replicate(fresh):
    own = default_run(fresh, 0)
    reader = open_app(fresh)
    page = reader.get("/p/superposition").text
    assert f'data-chart="/api/v1/runs/{own}/charts/superposition"' in page
    assert "replicated here so far (1 of 3 seeds)" in page
    for seed in (0, 1, 2):
        default_run(fresh, seed, mmcs=0.1)
    page = reader.get(f"/x/{NAME}").text
    assert '<span class="origin differs">not replicated here</span>' in page
    assert "3 runs in this notebook" in page


def test_lists_and_the_api_have_the_same_evidence(fresh):
    reader = open_app(fresh)
    assert "reference, measured on" in reader.get("/experiments").text
    assert "reference, measured on" in reader.get("/claims").text
    assert re.search(r'superposition</a>\s+<span class="state holds">', reader.get("/glossary").text)
    [row] = [row for row in reader.get("/api/v1/claims").json()["experiments"] if row["name"] == NAME]
    assert row["origin"].startswith("reference, ")
    assert {verdict["origin"] for verdict in row["verdicts"]} == {"reference"}
    one = reader.get(f"/api/v1/experiments/{NAME}").json()
    assert (one["origin"], one["runs"]) == (row["origin"], [])
    assert row["missing"] == [0, 1, 2]


def test_a_reference_run_has_a_page_figures_and_curves(fresh):
    reader = open_app(fresh)
    page = reader.get(f"/runs/{FIRST}").text
    assert "This run came with Glassbook" in page
    assert "0.95" in page
    data = reader.get(f"/api/v1/runs/{FIRST}").json()
    assert (data["reference"], data["metrics"], data["charts"], data["files"]) == (True, ["loss"], [NAME], [])
    assert len(reader.get(f"/api/v1/runs/{FIRST}/charts/{NAME}").json()["datasets"]["rows"]) == 1000
    curve = reader.get(f"/api/v1/runs/{FIRST}/metrics?after_step=1200").json()["metrics"]["loss"]
    assert curve["steps"][0] > 1200
    assert curve["steps"][-1] == 1299
    assert reader.get(f"/api/v1/runs/{FIRST}/tables/rows").json()["total"] == 500
    picture = reader.get(f"/runs/{FIRST}/files/images/picture.png")
    assert (picture.status_code, picture.headers["content-type"]) == (200, "image/png")
    assert reader.get(f"/runs/{FIRST}/files/../runs.json").status_code == 404
    assert reader.get(f"/compare?run={FIRST}&run=reference-{NAME}-1").status_code == 200
    assert reader.get("/runs/reference-nobody-0").status_code == 404


def test_stale_reference_says_so_on_the_page(fresh):
    path = reference.FOLDER / NAME / "runs.json"
    data = json.loads(path.read_text())
    for run in data["runs"]:
        run["code"]["digest"] = "of other code"
    path.write_text(json.dumps(data))
    reference._read_runs.cache_clear()
    page = open_app(fresh).get("/p/superposition").text
    assert "stale: the experiment&#39;s code has changed" in page
    assert '</a></span> <span class="stale">(stale)</span>' in page  # of an inline value


def test_inline_values_are_escaped_and_say_what_is_wrong(fresh):
    body = (
        "A {{run: superposition mmcs}}, b {{claim: superposition/dictionary-recovers}}, c {{run: pretrain x}}.\n\n"
        f"d {{{{run: superposition {EVIL.replace('{{7*7}}', '')}}}}} e {{{{claim: nobody/x}}}}\n\n"
        "`{{run: code}}` \\{{run: escaped x}} {{other: text}} {{ 7*7 }}\n"
    )
    write_page(fresh, body)
    page = open_app(fresh).get("/p/mine").text
    assert_harmless(page)
    assert f'<a href="/runs/{FIRST}">0.96</a></span>, b' in page
    assert 'title="mmcs, median of 0.95 (seed 0), 0.96 (seed 1), 0.97 (seed 2); reference' in page
    assert f'<a href="/x/{NAME}#claim-dictionary-recovers">holds</a>' in page
    assert ">not run yet</a>" in page
    assert "{{claim: nobody/x}} cannot be shown: no experiment is called &#39;nobody&#39;" in page
    assert page.count('class="value-problem"') == 2
    for text in ("<code>{{run: code}}</code>", "{{run: escaped x}}", "{{other: text}}", "{{ 7*7 }}"):
        assert text in page
    assert f'<li><a href="/x/{NAME}">{NAME}</a></li>' in page  # under "Experiments here"


def test_a_first_sentence_in_the_glossary_has_its_values(fresh):
    write_page(fresh, "---\nkind: term\n---\n\nThe cosine is {{run: superposition mmcs}} here.\n", "cosine")
    assert 'The cosine is <span class="value"' in open_app(fresh).get("/glossary").text


def test_exports_have_the_reference(fresh, tmp_path):
    export_page(fresh, "superposition", tmp_path / "page.html")
    alone = (tmp_path / "page.html").read_text()
    assert "data:image/svg+xml;base64," in alone
    assert "cannot be drawn" not in alone
    assert re.search(
        r'<span class="value" title="represented_sparse, median of 14 [^"]*reference, [^"]*">14</span>', alone
    )
    exported = export_site(fresh, tmp_path / "site")
    page = (exported.path / "p" / "superposition.html").read_text()
    assert re.search(r'title="represented_sparse[^>]*><a href="\.\./runs/reference-superposition-0\.html">14</a>', page)
    assert (exported.path / "runs" / f"{FIRST}.html").is_file()
    assert [address for address in exported.left_out if "superposition" in address] == []


def test_opening_a_page_runs_nothing_and_imports_no_torch(fresh):
    code = (
        "import sys; from pathlib import Path; from glassbook.assets import reference\n"
        f"reference.FOLDER = Path({str(reference.FOLDER)!r})\n"
        "from glassbook.notebook import Notebook; from glassbook.web.app import create_app\n"
        "from glassbook.web.export.client import InProcessClient\n"
        f"nb = Notebook({str(fresh.folder)!r})\n"
        "with InProcessClient(create_app(nb, work=False)) as client:\n"
        "    for path in ('/p/superposition', '/claims', '/experiments', '/glossary'):\n"
        "        response = client.get(path); assert response.status == 200, response\n"
        "assert 'torch' not in sys.modules; assert nb.runs() == []\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_features_block_shows_the_reference_until_a_dictionary_is_trained_here(tmp_path, monkeypatch):
    monkeypatch.setattr(reference, "FOLDER", tmp_path / "evidence")
    authors, nb = Notebook.create(tmp_path / "authors"), Notebook.create(tmp_path / "nb")
    for notebook in (authors, nb):
        id = default_run(notebook, 0, "dictionary-learning")
        write_dashboard(notebook.run(id).folder)
        if notebook is authors:
            reference.write_reference(authors.runs())
            write_page(nb, "```glassbook\nfeatures: {experiment: dictionary-learning}\n```\n")
            reader = open_app(nb)
            page = reader.get("/p/mine").text
            first = "reference-dictionary-learning-0"
            assert f'href="/features/{first}/0"' in page
            assert "foxes" in page
            assert first in reader.get("/features").text
            table, one = (reader.get(f"/features/{first}{path}").text for path in ("", "/0"))
            assert "which came with Glassbook" in table
            assert "/steer?run" not in one
            assert reader.get(f"/api/v1/features/{first}/0/histogram").status_code == 200
            reference.write_reference(authors.runs(), dictionary="builtin")
            assert f"/steer?run={first}" in open_app(nb).get(f"/features/{first}/0").text
            offered = open_app(nb).get("/api/v1/steer/sources", params={"model": "builtin"}).json()["features"]
            assert [(row["run"], row["dictionary"]) for row in offered] == [(first, "builtin")]
            assert "the built-in dictionary" in open_app(nb).get("/steer").text
    assert f'href="/features/{id}/0"' in open_app(nb).get("/p/mine").text
    assert "/steer?run" in open_app(nb).get(f"/features/{id}/0").text


def test_verdicts_say_why_there_is_no_control_and_what_broke_them(fresh):
    reader = open_app(fresh)
    assert "no control: the metric itself compares with the baseline" in reader.get("/x/sparse-coding").text
    page = reader.get(f"/x/{NAME}").text
    assert "never seen to fail (no sabotage has been run)" in page
