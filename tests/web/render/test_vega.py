"""Vega-Lite specs of untrusted origin: rows stay, anything that links, fetches or sets options goes."""

from __future__ import annotations

import pytest

from glassbook.errors import GlassbookError
from glassbook.web.render.vega import SCHEMA, safe_spec


def test_a_spec_keeps_its_rows_and_loses_what_leads_elsewhere():
    rows = [{"x": 1, "url": "row", "href": "row"}]
    spec = safe_spec(
        {
            "data": {"values": rows},
            "datasets": {"other": rows},
            "usermeta": {"embedOptions": {"ast": False}},
            "mark": {"type": "image", "url": "https://evil.example", "href": "javascript:alert(1)"},
            "params": [{"name": "p", "bind": {"input": "text", "element": "#main"}}],
            "layer": [{"encoding": {"href": {"value": "javascript:alert(1)"}, "x": {"field": "x"}}}],
            "config": {"mark": {"href": "javascript:alert(1)"}},
        }
    )
    assert spec == {
        "$schema": SCHEMA,
        "data": {"values": rows},
        "datasets": {"other": rows},
        "mark": {"type": "image"},
        "params": [{"name": "p"}],
        "layer": [{"encoding": {"x": {"field": "x"}}}],
        "config": {"mark": {}},
    }


@pytest.mark.parametrize(
    "spec",
    [
        {"data": {"url": "https://evil.example/rows.json"}, "mark": "point"},
        {"layer": [{"data": {"url": "/api/v1/runs"}}]},
        {"transform": [{"lookup": "a", "from": {"data": {"url": "x"}, "key": "a"}}]},
        {"$schema": "https://vega.github.io/schema/vega/v6.json", "marks": []},
        {"$schema": 3},
        [],
        "text",
        None,
    ],
)
def test_a_spec_that_fetches_or_is_none_is_refused(spec):
    with pytest.raises(GlassbookError):
        safe_spec(spec)


def test_a_spec_nested_too_deeply_is_refused():
    deep: dict = {}
    for _ in range(200):
        deep = {"layer": [deep]}
    with pytest.raises(GlassbookError, match="nested"):
        safe_spec(deep)
