"""Importing as a reader does it: a file is dropped or chosen, both sides are looked at, and the pages are there."""

from __future__ import annotations

from playwright.sync_api import expect

NOTES = """Session 2: Codes: Good.
Session 1: Nets: Good.
Glossary:
Superposition: My own words on it.
Zebra: Like sparse coding.
"""
DROP = """([name, text]) => {
  const data = new DataTransfer();
  data.items.add(new File([text], name));
  for (const type of ["dragenter", "dragover", "drop"])
    document.querySelector("[data-drop]").dispatchEvent(new DragEvent(type, {dataTransfer: data, bubbles: true}));
}"""


def test_a_dropped_file_is_shown_side_by_side_and_imported(page, site, clean):
    page.goto(f"{site}/import")
    page.evaluate(DROP, ["zoo.txt", NOTES])
    joined = page.locator("[data-joined] li")
    expect(joined).to_have_count(1)
    joined.locator("summary").click()
    expect(joined.locator(".side")).to_have_count(2)
    expect(joined.locator(".side").nth(1)).to_contain_text("My own words on it.")
    expect(page.locator("[data-links-said]")).to_contain_text("1 link ")
    page.get_by_role("button", name="Import", exact=True).click()
    expect(page.locator("[data-report-said]")).to_contain_text("1 added to pages that you have")
    page.get_by_role("link", name="Open it").click()
    expect(page.locator("h1")).to_have_text("Zoo")
    page.get_by_role("link", name="Superposition").first.click()
    page.wait_for_url("**/p/superposition#my-notes")
    expect(page.locator("main")).to_contain_text("My own words on it.")


def test_a_choice_is_changed_and_the_import_is_given_up(page, site, clean):
    page.goto(f"{site}/import")
    page.set_input_files("input[type=file]", {"name": "zoo.txt", "mimeType": "text/plain", "buffer": NOTES.encode()})
    row = page.locator("[data-joined] li")
    row.locator("select").select_option("own")
    row.locator("summary").click()
    expect(row.locator(".side")).to_have_count(1)
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator("[data-status]")).to_have_text("Nothing was written.")
    expect(page.locator("[data-plan]")).to_be_hidden()


def test_a_file_that_cannot_be_read_says_why(page, site):
    page.goto(f"{site}/import")
    page.evaluate(DROP, ["picture.png", "x"])
    expect(page.locator("[data-status]")).to_contain_text("none of the files that can be imported")
    expect(page.locator("[data-plan]")).to_be_hidden()
