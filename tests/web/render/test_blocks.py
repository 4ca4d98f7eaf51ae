"""Live blocks: every kind in the table has its template, and every panel its route and viewer in the browser."""

from __future__ import annotations

import re

from glassbook.notebook import Notebook
from glassbook.web.app import create_app
from glassbook.web.render.blocks import KINDS
from glassbook.web.templating import FOLDER, STATIC

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
