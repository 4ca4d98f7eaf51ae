"""Live blocks: every kind has its template and its keys, every panel its route and viewer in the browser."""

from __future__ import annotations

import re

import pytest

from glassbook.model_server import ChatSettings, LatentSettings
from glassbook.notebook import LiveBlock, Notebook, read_markdown
from glassbook.notebook.pictures import png
from glassbook.steer.spec import ActAddSource, ContrastSource, FeatureSource, SteeringSettings, VectorSource
from glassbook.web.app import create_app
from glassbook.web.render.blocks import KINDS, Settings, help_for_blocks, kinds, show_block
from glassbook.web.services import Services
from glassbook.web.templating import FOLDER, STATIC
from glassbook.web.views.models import AttentionRequest, LensRequest

TEMPLATES = {path.stem: path.read_text() for path in (FOLDER / "templates" / "blocks").glob("*.html")}
HELPERS = {"panel", "no_run_yet", "problem"}
"""Templates that are no kind of block."""


def test_every_kind_has_a_template_and_every_template_a_kind():
    assert set(KINDS) == set(TEMPLATES) - HELPERS


def test_every_panel_has_a_route_and_a_viewer(tmp_path):
    panels = {name for name, text in TEMPLATES.items() if '{% extends "blocks/panel.html" %}' in text}
    table = re.search(r"const PANELS = \{\n(.*?)\n\};", (STATIC / "js" / "panels.js").read_text(), re.S)[1]
    entries = re.findall(r'^  (\w+): \["([^"]+)", \(\) => import\("\./([^"]+)"\)\],$', table, re.M)
    assert {name for name, _, _ in entries} == panels
    paths = create_app(Notebook.create(tmp_path / "nb"), work=False).openapi()["paths"]
    for name, route, viewer in entries:
        assert f"{{% block kind %}}{name}{{% endblock %}}" in TEMPLATES[name]
        assert "post" in paths[route]
        assert "export function show(" in (STATIC / "js" / viewer).read_text()


def shown(services, kind, data):
    return show_block(services, LiveBlock(kind, data, 1))


@pytest.fixture
def services(tmp_path):
    return Services.of(Notebook.create(tmp_path / "nb"))


@pytest.mark.parametrize("kind", KINDS)
def test_a_key_that_a_kind_does_not_have_is_told(services, kind):
    html = shown(services, kind, {"nmae": "x"})
    assert "nmae" in html
    assert all(key.name in html for key in KINDS[kind].keys if not key.former)


def test_keys_that_are_read_are_declared():
    settings = Settings("chart", KINDS["chart"].keys, {"name": "x"})
    with pytest.raises(AssertionError, match="declared"):
        settings.get("title")
    with pytest.raises(AssertionError, match="declared"):
        _ = "title" in settings


def test_the_keys_of_panels_are_those_that_their_routes_read():
    shown_first = {"layer", "head"}  # which head, the viewer's alone
    assert {key.name for key in KINDS["attention"].keys} == set(AttentionRequest.model_fields) | shown_first
    assert {key.name for key in KINDS["lens"].keys} == set(LensRequest.model_fields)
    of_a_run, of_a_browser = {"experiment", "run", "artifact"}, {"pixels"}
    assert {key.name for key in KINDS["latents"].keys} - of_a_run == set(LatentSettings.model_fields) - of_a_browser
    assert {key.name for key in KINDS["chat"].keys} - of_a_run == set(ChatSettings.model_fields)
    sources = (ActAddSource, ContrastSource, FeatureSource, VectorSource)
    read = {*SteeringSettings.model_fields, *(name for source in sources for name in source.model_fields)}
    assert {key.name for key in KINDS["steer"].keys} == read | {"prompt", "by"}


@pytest.mark.parametrize("kind", KINDS)
def test_a_block_to_begin_with_is_one_of_its_kind(kind):
    begun = KINDS[kind].begin(kind)
    (block,) = read_markdown(f"```glassbook\n{begun}\n```\n").blocks
    assert (block.kind, block.problem) == (kind, None)
    assert set(block.data) >= {key.name for key in KINDS[kind].keys if key.needed}


def test_help_names_every_kind():
    assert sorted(entry["kind"] for entry in help_for_blocks()) == kinds()


# --- figures to step through ------------------------------------------------------------------------------------------


@pytest.fixture
def run(services):
    with services.notebook.start_run("toy", {}) as run:
        for i in range(3):
            run.image(f"sheet-{i}", png(bytes(12), 2, 2))
            run.chart(f"curve-{i}", {"mark": "line", "data": {"values": [{"x": i}]}})
    return run


@pytest.mark.parametrize("kind", ["image", "chart"])
def test_one_figure_has_nothing_to_step_through(services, run, kind):
    html = shown(services, kind, {"run": run.id, "name": "sheet-1" if kind == "image" else "curve-1"})
    assert "data-steps" not in html
    assert html.count("<img" if kind == "image" else "<figure") == 1 + html.count("<noscript>") * (kind == "image")


def test_several_figures_stand_below_each_other_with_their_labels(services, run):
    names = ["sheet-2", "sheet-0", "sheet-1"]
    html = shown(services, "image", {"run": run.id, "names": names, "labels": ["beta 2", 0.5, "<b>"]})
    assert re.findall(r'alt="([^"]+)"', html) == ["sheet-2: beta 2", "sheet-0: 0.5", "sheet-1: &lt;b&gt;"]
    assert re.findall(r'data-step-of="([^"]+)"', html) == ["beta 2", "0.5", "&lt;b&gt;"]
    html = shown(services, "chart", {"run": run.id, "names": ["curve-1", "curve-2"]})
    assert re.findall(r'data-name="([^"]+)"', html) == ["curve-1", "curve-2"]
    assert 'aria-label="curve-1 to curve-2"' in html


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ({}, "this block needs"),
        ({"names": []}, "must be a list of names"),
        ({"names": "sheet-0"}, "must be a list of names"),
        ({"names": ["sheet-0", "sheet-1"], "labels": ["one"]}, "must be a list of 2"),
        ({"names": ["sheet-0", "sheet-1"], "labels": "ab"}, "must be a list of 2"),
    ],
)
@pytest.mark.parametrize("kind", ["image", "chart"])
def test_figures_that_cannot_be_stepped_through(services, run, kind, data, says):
    assert says in shown(services, kind, {"run": run.id, **data})


def test_a_run_without_all_of_them_is_passed_over(services, run):
    assert "No run yet" in shown(services, "image", {"experiment": "nothing", "names": ["sheet-0", "sheet-9"]})


# --- latents ----------------------------------------------------------------------------------------------------------


def test_a_latents_block_leads_to_its_panel(services):
    html = shown(services, "latents", {"seed": 3, "set": {4: -1.5}})
    assert 'href="/latents?model=builtin-vae&amp;seed=3&amp;set=4%3A-1.5"' in html
    assert "picture number 3" in html


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ({"seed": 1, "code": [1]}, "choose one of them"),
        ({"set": {4: 99}}, "less than or equal"),
        ({"experiment": "vae"}, "needs"),
        ({"experiment": "vae", "artifact": "model"}, "No run yet"),
    ],
)
def test_a_latents_block_that_cannot_be(services, data, says):
    assert says in shown(services, "latents", data)


def test_a_program_is_shown_as_it_is_written(services):
    from html import unescape

    html = shown(services, "program", {"name": "run.py"})
    code = re.search(r"<pre[^>]*>(.*)</pre>", html, re.S)[1]
    source = (FOLDER.parent / "nets" / "io" / "run.py").read_text()
    assert unescape(re.sub(r"<[^>]+>", "", code)).strip() == source.strip()
    assert f"{len(source.splitlines())} lines" in html
    for name in ("other.py", "../errors.py", ""):
        assert "no program" in shown(services, "program", {"name": name})
