"""Finding and moving: the palette, search as one types, the graph, and a feature on one's own sentence."""

from __future__ import annotations

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("superpositoin", "/p/superposition"),  # a page, misspelt
        ("gloss", "/glossary"),  # a place
        ("expermients", "/experiments"),  # a place, misspelt
    ],
)
def test_the_palette_goes_where_one_means(page, site, text, place):
    page.goto(f"{site}/timeline")
    page.keyboard.press("Control+k")
    palette = page.get_by_role("dialog", name="command palette")
    expect(palette.get_by_role("combobox")).to_be_focused()
    page.keyboard.type(text)
    page.keyboard.press("Enter")
    page.wait_for_url(site + place)


def test_the_palette_is_a_dialog_with_commands(page, site):
    page.goto(f"{site}/p/superposition")
    page.keyboard.press("Control+k")
    palette = page.get_by_role("dialog", name="command palette")
    page.keyboard.type("dark")
    expect(palette.get_by_role("option", selected=True)).to_contain_text("Switch between light and dark")
    found = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]})
    assert [violation["id"] for violation in found.response["violations"]] == []
    page.keyboard.press("Enter")
    expect(palette).to_be_hidden()
    expect(page.locator("html")).to_have_attribute("data-theme", re.compile("dark|light"))
    page.keyboard.press("Control+k")
    page.keyboard.press("Escape")
    expect(palette).to_be_hidden()


def test_results_follow_what_is_typed(page, site):
    page.goto(f"{site}/search")
    page.get_by_label("Search for").press_sequentially("reversal cures")
    expect(page.locator("#results")).to_contain_text("With similar spelling")
    expect(page.locator("#results a[href='/p/reversal-curse']").first).to_be_visible()
    expect(page).to_have_url(re.compile(r"q=reversal\+cures"))
    assert not re.search(r"```|\[\[|\| ---", page.locator("#results").inner_text())


def test_the_graph_zooms_pans_and_leaves_kinds_out(page, site):
    page.goto(f"{site}/graph")
    scene = page.locator(".graph svg > g")
    page.get_by_role("button", name="zoom in").click()
    expect(scene).to_have_attribute("transform", re.compile(r"scale\(1\.4\)"))
    before = scene.get_attribute("transform")
    box = page.locator(".graph svg").bounding_box()
    page.mouse.move(box["x"] + 300, box["y"] + 300)
    page.mouse.down()
    page.mouse.move(box["x"] + 240, box["y"] + 260, steps=4)
    page.mouse.up()
    assert scene.get_attribute("transform") != before
    assert page.url == f"{site}/graph"
    page.get_by_role("checkbox", name="paper").uncheck()
    expect(page.locator(".graph svg a.paper")).to_have_count(0)
    expect(page.locator(".graph svg a.term").first).to_be_attached()


def test_the_navigation_stays_in_sight(page, site):
    page.goto(f"{site}/p/superposition")
    page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
    expect(page.get_by_role("link", name="Glossary", exact=True).first).to_be_in_viewport()
    page.set_viewport_size({"width": 390, "height": 844})
    page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
    page.get_by_role("button", name="Menu").click()
    expect(page.get_by_role("link", name="Glossary", exact=True).first).to_be_in_viewport()


def test_a_feature_fires_on_ones_own_sentence(page, site):
    page.goto(site)
    page.get_by_label("Your own text").fill("Nobody slept that night, and in the morning it was gone.")
    page.get_by_role("button", name="Show activations").click()
    expect(page.locator("[data-try-result] .t.s0").first).to_be_visible(timeout=60_000)
    expect(page.locator("[data-try-result] .t:not(.s0)").filter(has_text="night")).to_be_visible()
