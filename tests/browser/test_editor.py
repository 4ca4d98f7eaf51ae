"""The editor as a writer uses it: preview, links by keyboard, two tabs, a crash, a disk that refuses."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect


@pytest.fixture
def note(folder):
    """A page of its own for each test; returns its file."""
    file = folder / "pages" / "notes" / "drawn-up.md"
    file.parent.mkdir(exist_ok=True)
    file.write_text("---\nid: drawn-up\ntitle: Drawn up\n---\n\nFirst line.\n")
    yield file
    file.unlink(missing_ok=True)


def opened(page, site):
    """The editor with the note in it; waits until the index has seen the file."""
    for _ in range(100):
        if page.goto(f"{site}/edit/drawn-up").ok:
            break
        page.wait_for_timeout(100)
    expect(page.locator("[data-preview] h1")).to_have_text("Drawn up")
    return page.locator("textarea")


def typed(page, area, text):
    area.focus()
    page.keyboard.press("Control+End")
    page.keyboard.type(text)


def test_links_are_completed_by_keyboard_and_previewed(page, site, note):
    area = opened(page, site)
    typed(page, area, "See [[superpos")
    option = page.locator("#link-names li").first
    expect(option).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Enter")
    assert area.input_value().endswith("See [[Superposition]]")
    expect(page.locator('[data-preview] a[href="/p/superposition"]')).to_be_visible()
    page.keyboard.press("Control+Enter")
    page.wait_for_url("**/p/drawn-up")
    assert note.read_text().endswith("See [[Superposition]]")


def test_escape_closes_the_list_and_tab_leaves_the_text(page, site, note):
    area = opened(page, site)
    typed(page, area, "[[superpos")
    expect(page.locator("#link-names")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#link-names")).to_be_hidden()
    page.keyboard.press("Tab")
    expect(area).not_to_be_focused()


def test_two_tabs_both_versions_are_shown_and_can_be_joined(page, site, note):
    area = opened(page, site)
    typed(page, area, "Mine.")
    note.write_text(note.read_text() + "Theirs.\n")
    page.keyboard.press("Control+Enter")
    conflict = page.locator("[data-conflict]")
    expect(conflict).to_be_visible()
    expect(conflict.locator("tr.differs td")).to_have_text(["Mine.", "Theirs.\n"])
    assert note.read_text().endswith("Theirs.\n")
    conflict.get_by_role("button", name="Merge by hand").click()
    assert "<<<<<<< mine\nMine.\n=======\nTheirs.\n>>>>>>> theirs\n" in area.input_value()
    area.fill(area.input_value().replace("<<<<<<< mine\n", "").replace("=======\n", "").replace(">>>>>>> theirs\n", ""))
    page.get_by_role("button", name="Save", exact=True).click()
    page.wait_for_url("**/p/drawn-up")
    assert note.read_text().endswith("First line.\nMine.\nTheirs.\n")


def test_text_that_was_not_saved_is_offered_again(page, site, note):
    area = opened(page, site)
    typed(page, area, "Nearly lost.")
    page.wait_for_timeout(500)
    again = page.context.new_page()
    area = opened(again, site)
    expect(again.locator("[data-offer]")).to_be_visible()
    again.get_by_role("button", name="Restore draft").click()
    assert area.input_value().endswith("Nearly lost.")


@pytest.mark.parametrize("address", ["new", "edit/drawn-up"])
def test_two_tabs_have_drafts_of_their_own(page, site, note, address):
    """Three tabs are typed in and go; the next offers one draft after the other, and keeps the rest."""
    if address != "new":
        opened(page, site)
    texts = ["Of the first tab.", "Of the second tab.", "Of the third tab."]
    tabs = [page.context.new_page() for _ in texts]
    for tab in tabs:
        tab.goto(f"{site}/{address}")
    for tab, text in zip(tabs, texts, strict=True):
        tab.locator("textarea").fill(text)
        tab.wait_for_timeout(400)
    for tab in tabs:
        tab.close()
    page.goto(f"{site}/{address}")
    expect(page.locator("[data-offer-said]")).to_contain_text("and 2 more")
    page.locator("[data-offer-drop]").click()
    expect(page.locator("[data-offer-said]")).to_contain_text("and 1 more")
    page.locator("[data-offer-take]").click()
    expect(page.locator("textarea")).to_have_value(texts[1])
    kept = "Object.keys(localStorage).map((name) => JSON.parse(localStorage.getItem(name)).text)"
    assert set(page.evaluate(kept)) >= set(texts[:2])


def test_a_save_that_fails_keeps_the_text_and_says_so(page, site, note):
    area = opened(page, site)
    typed(page, area, "Kept.")
    page.route("**/api/v1/pages/**", lambda route: route.fulfill(status=400, json={"error": "the disk is full"}))
    page.keyboard.press("Control+Enter")
    expect(page.locator("[data-status]")).to_contain_text("the disk is full")
    assert area.input_value().endswith("Kept.")
    page.unroute("**/api/v1/pages/**")
    page.keyboard.press("Control+Enter")
    page.wait_for_url("**/p/drawn-up")
    assert note.read_text().endswith("Kept.")


def test_leaving_with_unsaved_text_is_asked_about(page, site, note):
    area = opened(page, site)
    typed(page, area, "Unsaved.")
    asked = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    page.goto(f"{site}/pages")
    assert asked == ["beforeunload"]


def test_a_page_is_made_and_taken_away(page, site):
    page.goto(f"{site}/new?title=Made by hand")
    page.locator("textarea").fill("It has $x$.")
    expect(page.locator("[data-preview] math")).to_be_visible()
    page.get_by_role("button", name="Save", exact=True).click()
    page.wait_for_url("**/p/made-by-hand")
    page.keyboard.press("e")
    page.wait_for_url("**/edit/made-by-hand")
    page.get_by_role("button", name="Delete").click()
    page.locator("dialog[open]").get_by_role("button", name="Delete").click()
    page.wait_for_url("**/pages")
