"""Live blocks: every kind has its template and its keys, every panel its route and viewer in the browser."""

from __future__ import annotations

import re

import pytest

from glassbook.notebook import LiveBlock, Notebook, read_markdown
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
