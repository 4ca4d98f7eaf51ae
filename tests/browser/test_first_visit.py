"""What a new user does, in one go: read, run, watch, open a feature, steer, keep, find."""

from __future__ import annotations

import re

from playwright.sync_api import expect


def test_from_a_term_to_a_kept_result(page, site):
    # Read a term, found as one types.
    page.goto(site)
    page.keyboard.press("/")
    page.keyboard.type("superpos")
    expect(page.get_by_role("option").first).to_contain_text("uperposition")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("/p/"))
    expect(page.get_by_role("heading", level=1)).to_contain_text("uperposition")

    # Its experiment, with the quick settings; watch it to its end.
    page.goto(f"{site}/x/superposition")
    page.get_by_role("button", name=re.compile("quick", re.I)).click()
    page.get_by_role("button", name=re.compile("^run", re.I)).first.click()
    page.wait_for_url(re.compile("/jobs/"))
    expect(page.locator("main .state").first).to_have_text("finished", timeout=120_000)

    # Its run has a chart that is drawn, and verdicts.
    page.get_by_role("link", name="view run").first.click()
    page.wait_for_url(re.compile("/runs/"))
    expect(page.locator(".chart-box svg").first).to_be_visible(timeout=60_000)
    expect(page.locator(".verdict").first).to_be_visible()

    # A feature of the tour, and steering with it.
    page.goto(f"{site}/features")
    page.locator("main a[href^='/features/']").first.click()
    page.locator("main a[href*='/features/']").filter(has_text=re.compile(r"^\d+")).first.click()
    expect(page.locator(".t").first).to_be_visible()
    page.get_by_role("link", name=re.compile("steer with this", re.I)).click()
    page.wait_for_url(re.compile("/steer"))
    page.get_by_role("button", name=re.compile("^steer", re.I)).first.click()
    expect(page.locator("[data-results]")).to_contain_text(re.compile(r"\w{3,}"), timeout=120_000)

    # Keep it on a page, and find that page.
    page.get_by_label("Save to page").fill("What the feature did")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("link", name=re.compile("What the feature did")).first).to_be_visible()
    page.goto(f"{site}/search?q=what+the+feature+did")
    expect(page.locator("main")).to_contain_text("What the feature did")


def test_everything_can_be_reached_by_keys(page, site):
    page.goto(site)
    for key, place in {"g": "/glossary", "x": "/experiments", "r": "/runs", "c": "/claims", "m": "/models"}.items():
        page.keyboard.press("g")
        page.keyboard.press(key)
        page.wait_for_url(site + place)


def test_two_tabs_that_edit_one_page_keep_both_versions(chromium, site):
    context = chromium.new_context()
    one, two = context.new_page(), context.new_page()
    one.goto(f"{site}/new")
    one.get_by_label("Title").first.fill("Two tabs")
    one.locator("textarea").first.fill("first words\n")
    one.get_by_role("button", name=re.compile("^save", re.I)).click()
    one.wait_for_url(re.compile("/p/"))
    place = one.url.split("#")[0].replace("/p/", "/edit/")
    one.goto(place)
    two.goto(place)
    for tab, words in ((one, "words of one\n"), (two, "words of two\n")):
        text = tab.locator("textarea").first
        text.fill(text.input_value() + words)
        tab.get_by_role("button", name=re.compile("^save", re.I)).click()
        tab.wait_for_timeout(1500)
    expect(two.locator("main")).to_contain_text("words of one")
    assert "words of two" in two.locator("textarea").first.input_value() or "words of two" in two.inner_text("main")
    context.close()
