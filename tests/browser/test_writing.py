"""Writing beyond the text: pictures, help, renaming, history, learning paths, previews of links, mentions."""

from __future__ import annotations

import base64
import re

import pytest
from given_files import PNG, given
from playwright.sync_api import expect
from sample_pages import LEARNING_PATH


@pytest.fixture
def course(folder):
    """A page of its own for each test; returns its file."""
    file = folder / "pages" / "notes" / "short-course.md"
    file.parent.mkdir(exist_ok=True)
    file.write_text(f"---\nid: short-course\ntitle: Short course\n---\n\nOn dictionary learning.\n\n{LEARNING_PATH}")
    yield file
    for each in file.parent.glob("short-course*"):
        each.unlink()


def opened(page, address):
    """Goes to a page of the course; waits until the index has seen the file."""
    for _ in range(100):
        if page.goto(address).ok:
            return
        page.wait_for_timeout(100)


@pytest.mark.parametrize("event", ["paste", "drop"])
def test_a_picture_is_added_at_the_cursor_and_shown(page, site, course, event):
    opened(page, f"{site}/edit/short-course")
    area = page.locator("textarea")
    area.focus()
    page.keyboard.press("Control+End")
    given(page, event, "Short course plot.png", PNG)
    expect(page.locator("[data-status]")).to_contain_text("added short-course-plot.png")
    assert area.input_value().endswith("```\n![short course plot](short-course-plot.png)")
    assert (course.parent / "short-course-plot.png").read_bytes() == base64.b64decode(PNG)
    expect(page.locator('[data-preview] img[src$="short-course-plot.png"]')).to_be_visible()


@pytest.mark.parametrize("caret", [0, 3, 20])
def test_nothing_is_put_into_the_front_matter(page, site, course, caret):
    opened(page, f"{site}/p/short-course/edit")
    area = page.locator("textarea")
    before = area.input_value()
    area.evaluate("(area, caret) => area.setSelectionRange(caret, caret)", caret)
    given(page, "drop", "Short course plot.png", PNG)
    expect(page.locator("[data-status]")).to_contain_text("added short-course-plot.png")
    assert area.input_value() == f"{before}\n![short course plot](short-course-plot.png)"
    area.evaluate("(area, caret) => area.setSelectionRange(caret, caret)", caret)
    page.get_by_role("button", name="Help").click()
    page.locator("#writing-help summary", has_text="claims").click()
    page.get_by_role("button", name="Insert claims").click()
    assert area.input_value().startswith(f"{before}\n![short course plot](short-course-plot.png)\n\n```glassbook\n")


def test_a_file_that_is_no_picture_leaves_the_text(page, site, course):
    opened(page, f"{site}/edit/short-course")
    before = page.locator("textarea").input_value()
    given(page, "drop", "short-course.svg", base64.b64encode(b"<svg><script>alert(1)</script></svg>").decode())
    expect(page.locator("[data-status]")).to_contain_text("short-course.svg was not added: an SVG picture")
    assert page.locator("textarea").input_value() == before


def test_live_blocks_are_completed_and_inserted(page, site, course):
    opened(page, f"{site}/edit/short-course")
    area = page.locator("textarea")
    area.focus()
    page.keyboard.press("Control+End")
    page.keyboard.type("```glassbook\nch")
    expect(page.locator("#link-names li").first).to_contain_text("chart")
    page.keyboard.press("Enter")
    page.keyboard.type("superp")
    expect(page.locator("#link-names li").first).to_contain_text("superposition")
    page.keyboard.press("Enter")
    assert area.input_value().endswith("```glassbook\nchart: {experiment: superposition, name: }")
    page.keyboard.press("Control+End")
    page.keyboard.type("\n```\n")
    page.get_by_role("button", name="Help").click()
    page.locator("#writing-help summary", has_text="claims").click()
    page.get_by_role("button", name="Insert claims").click()
    assert area.input_value().endswith("```glassbook\nclaims: {experiment: }\n```\n")


def test_a_step_is_ticked_and_saved(page, site, course):
    opened(page, f"{site}/p/short-course")
    path = page.locator("[data-path]")
    expect(path).to_contain_text("currently at level 1")
    path.get_by_role("checkbox").first.check()
    expect(path).to_contain_text("1 of 3 steps done")
    path.get_by_role("checkbox", name="Run it").check()
    expect(path).to_contain_text("currently at level 2")
    done = re.findall(r"^ +- (.*): \d{4}-\d\d-\d\d$", course.read_text(), re.M)
    assert done == ["Read [[Superposition]]", "Run it"]


def test_a_version_is_compared_and_restored(page, site, course):
    opened(page, f"{site}/edit/short-course")
    before = course.read_text()
    page.locator("textarea").fill(before.replace("On dictionary", "All about dictionary"))
    page.keyboard.press("Control+Enter")
    page.wait_for_url("**/p/short-course")
    page.get_by_role("link", name="History").click()
    page.locator("main table a").first.click()
    expect(page.locator("tr.differs td").first).to_have_text("On dictionary learning.\n")
    page.get_by_role("button", name="Restore this version").click()
    page.wait_for_url("**/p/short-course")
    assert course.read_text() == before


def test_a_page_is_renamed_with_its_links(page, site, folder, course):
    other = folder / "pages" / "notes" / "short-course-notes.md"
    other.write_text("---\nid: short-course-notes\ntitle: Its notes\n---\n\nOf [[Short course]].\n")
    opened(page, f"{site}/p/short-course-notes")
    page.goto(f"{site}/rename/short-course")
    page.get_by_label("Title").fill("Long course")
    page.get_by_role("button", name="Show changes").click()
    expect(page.locator("[data-changes-list] ins")).to_have_text(["Of [[Long course]]."])
    page.get_by_role("button", name="Rename", exact=True).click()
    page.wait_for_url("**/p/short-course")
    expect(page.locator("h1")).to_have_text("Long course")
    assert "Of [[Long course]]." in other.read_text()


def test_a_link_is_previewed_and_a_mention_becomes_one(page, site, course):
    opened(page, f"{site}/p/short-course")
    page.get_by_role("link", name="Superposition").first.hover()
    expect(page.locator("#glimpse")).to_contain_text("A layer is in superposition")
    page.keyboard.press("Escape")
    expect(page.locator("#glimpse")).to_be_hidden()
    page.goto(f"{site}/p/dictionary-learning")
    page.locator("[data-unlinked] summary").click()
    page.get_by_role("button", name="Link in Short course").click()
    expect(page.get_by_text("linked", exact=True)).to_be_visible()
    assert "On [[dictionary learning]]." in course.read_text()


def test_a_citation_leads_to_its_source(page, site):
    page.goto(f"{site}/p/superposition")
    cited = page.locator("a.cite").first
    cited.focus()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Tab")
    expect(page.locator("#glimpse")).to_contain_text("arXiv")
    anchor = cited.get_attribute("href")
    cited.click()
    expect(page.locator(f".works li{anchor}")).to_be_in_viewport()
