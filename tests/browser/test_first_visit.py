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


def test_two_tabs_that_edit_one_page_keep_both_versions(chromium, site, folder):
    context = chromium.new_context()
    one, two = context.new_page(), context.new_page()
    one.goto(f"{site}/new")
    one.get_by_label("Title").first.fill("Two tabs")
    one.locator("textarea").first.fill("first words\n")
    one.get_by_role("button", name=re.compile("^save", re.I)).click()
    one.wait_for_url(re.compile("/p/"))
    file = folder / "pages" / "notes" / "two-tabs.md"
    for tab in (one, two):
        tab.goto(f"{site}/edit/two-tabs")
        text = tab.locator("textarea").first
        expect(text).to_have_value(re.compile("first words"))
    for tab, words in ((one, "words of one\n"), (two, "words of two\n")):
        text = tab.locator("textarea").first
        text.fill(text.input_value() + words)
    one.get_by_role("button", name=re.compile("^save", re.I)).click()
    one.wait_for_url(re.compile("/p/two-tabs"))
    saved = file.read_text()
    assert saved.endswith("first words\nwords of one\n")

    # The second is told, sees both texts line by line, and nothing is written yet.
    two.get_by_role("button", name=re.compile("^save", re.I)).click()
    expect(two.get_by_role("heading", name="Edit conflict")).to_be_visible()
    differs = two.locator("[data-conflict-rows] tr.differs")
    expect(differs.locator("td:nth-child(1)")).to_have_text("words of two")
    expect(differs.locator("td:nth-child(2)")).to_have_text("words of one")
    expect(two.locator("textarea").first).to_have_value(re.compile("words of two"))
    assert file.read_text() == saved
    copies = [copy.read_text() for copy in (folder / ".glassbook" / "conflicts").glob("two-tabs-*.md")]
    assert sorted(copies) == sorted([saved, saved.replace("words of one", "words of two")])

    # Whichever is chosen, the other stays in the page's history.
    two.get_by_role("button", name="Save mine").click()
    two.wait_for_url(re.compile("/p/two-tabs"))
    assert file.read_text() == saved.replace("words of one", "words of two")
    history = folder / ".glassbook" / "history" / "notes" / "two-tabs.md"
    assert saved in [version.read_text() for version in history.iterdir()]
    context.close()
