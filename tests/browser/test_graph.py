"""The graph of pages: what nothing links to stands below the rest and takes no room from it."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from glassbook.notebook import Notebook, Page


@pytest.mark.parametrize("width", [1280, 390])
def test_pages_without_links_do_not_squeeze_the_others(page, site, folder, width):
    nb = Notebook(folder)
    if nb.index.resolve("quite-alone") is None:
        nb.write(Page.new("Quite alone", "No link leads here.\n"))
    nb.close()
    page.set_viewport_size({"width": width, "height": 900})
    alone = page.locator(".graph-box a[aria-label='Quite alone, note'] circle")
    for _ in range(60):  # the server sees after a moment what another process wrote
        page.goto(f"{site}/graph")
        page.wait_for_timeout(500)
        if alone.count():
            break
    expect(alone).to_have_count(1)
    found = page.evaluate(
        """() => {
        const at = (circle) => [Number(circle.getAttribute("cx")), Number(circle.getAttribute("cy"))];
        const links = [...document.querySelectorAll(".graph-box a")];
        const linked = JSON.parse(document.querySelector("[data-graph]").dataset.graph).nodes;
        const places = links.map((link) => at(link.querySelector("circle")));
        return places.map((place, i) => [...place, linked[i].links]);
        }"""
    )
    linked = [(x, y) for x, y, links in found if links]
    alone_at = [(x, y) for x, y, links in found if not links]
    box = page.locator(".graph-box").bounding_box()
    assert max(x for x, _ in linked) - min(x for x, _ in linked) > 0.6 * box["width"]
    assert max(y for _, y in linked) < min(y for _, y in alone_at)
    assert all(0 < x < box["width"] and 0 < y < box["height"] for x, y in [*linked, *alone_at])
