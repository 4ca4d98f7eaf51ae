"""What is seen is kept on a page by one click: attention, a lens, a feature, a chart; and notes and tags on runs."""

from __future__ import annotations

import re
import time

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from glassbook.notebook import Notebook

LOADED = 60_000
"""Milliseconds within which a model is loaded and has answered."""
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]}


def keep_on(page, title, form="show it there, as a live block"):
    dialog = page.get_by_role("dialog")
    dialog.get_by_label(form).check()
    dialog.get_by_label("Page", exact=True).fill(title)
    dialog.get_by_role("button", name="Keep").click()
    expect(dialog.get_by_role("status")).to_contain_text(re.compile("Kept on"))
    link = dialog.get_by_role("status").get_by_role("link")
    expect(link).to_have_text(title)
    return link


def accessible(page):
    return [violation["id"] for violation in Axe().run(page, options=RULES).response["violations"]]


def test_attention_is_kept_with_its_head_and_shown_on_the_page(page, site):
    page.goto(f"{site}/models/open?model=builtin")
    expect(page.get_by_role("button", name="Keep on a page")).to_have_count(0)
    page.locator("#inside-prompt").fill("The fox ran to the river. The fox")
    page.get_by_role("button", name="Attention").click()
    page.get_by_role("button", name="blocks.2, head 1").click(timeout=LOADED)
    page.get_by_role("button", name="Keep on a page").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    assert accessible(page) == []
    keep_on(page, "Kept heads").click()
    expect(page).to_have_url(re.compile(r"/p/kept-heads#attention-of-builtin"))
    page.locator("[data-panel=attention] [data-panel-ask]").click()
    expect(page.locator(".attention-head .panel-title")).to_have_text("blocks.2, head 1", timeout=LOADED)


def test_a_lens_is_kept_as_a_link_that_shows_it_again(page, site):
    page.goto(f"{site}/models/open?model=builtin")
    page.locator("#inside-prompt").fill("The owl slept.")
    page.get_by_role("button", name="Lenses").click()
    page.get_by_label("lens", exact=True).select_option("tuned", timeout=LOADED)
    expect(page.locator(".lens caption")).to_contain_text("Tuned lens", timeout=LOADED)
    page.locator("[data-keep-lens]").get_by_role("button", name="Keep on a page").click()
    keep_on(page, "Kept lenses", "a link to it").click()
    page.get_by_role("link", name="Tuned lens of builtin").click()
    expect(page.locator(".lens caption")).to_contain_text("Tuned lens", timeout=LOADED)
    expect(page.locator("#inside-prompt")).to_have_value("The owl slept.")


def test_a_feature_and_a_chart_are_kept_from_their_pages(page, site, folder):
    run = Notebook(folder).runs("tour")[0]
    page.goto(f"{site}/features/{run.id}")
    page.locator("tbody a").first.click()
    page.get_by_role("button", name="Keep on a page").click()
    keep_on(page, "Kept things").click()
    expect(page.locator(".block.card h3")).to_contain_text("feature")
    page.goto(f"{site}/runs/{run.id}")
    chart = page.locator("figure.chart").first
    chart.scroll_into_view_if_needed()
    chart.locator("summary").click()
    assert accessible(page) == []
    chart.get_by_role("button", name="Keep on a page").click()
    keep_on(page, "Kept things").click()
    expect(page.locator("figure.chart svg").first).to_be_visible()


def test_links_are_copied_or_said(page, site, folder):
    run = Notebook(folder).runs("tour")[0]
    page.goto(f"{site}/features/{run.id}/1")
    page.get_by_role("button", name="Copy link").click()
    expect(page.locator("[data-said]")).to_have_text(re.compile(rf"copied|/features/{run.id}/1$"))


def test_what_cannot_be_kept_says_why_and_leaves_the_dialog_open(page, site, folder):
    run = Notebook(folder).runs("tour")[0]
    page.goto(f"{site}/features/{run.id}/1")
    page.route("**/api/v1/keep", lambda route: route.fulfill(status=400, json={"error": "the disk is full"}))
    page.get_by_role("button", name="Keep on a page").click()
    page.get_by_role("dialog").get_by_label("Page", exact=True).fill("Anything")
    page.get_by_role("dialog").get_by_role("button", name="Keep").click()
    expect(page.get_by_role("dialog").get_by_role("status")).to_have_text("the disk is full")
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("dialog")).to_have_count(0)


@pytest.fixture
def toy(folder):
    """Two runs of an experiment of one's own."""
    nb = Notebook(folder)
    made = []
    for seed in range(2):
        with nb.start_run("annotated", {}, seed) as run:
            run.result(loss=1.0)
        made.append(run.id)
    yield made
    for id in made:
        nb.annotate(nb.run(id), archived=True)
    nb.close()


def test_a_run_gets_a_note_and_tags_and_is_archived(page, site, toy):
    page.goto(f"{site}/runs/{toy[0]}")
    page.get_by_role("button", name="Add a note").click()
    page.get_by_label("Note on this run").fill("Diverged early.\nSee the learning rate.")
    page.get_by_label("Note on this run").press("Control+Enter")
    expect(page.locator(".run-note")).to_contain_text("See the learning rate.")
    page.get_by_label("new tag").fill("baseline")
    page.get_by_label("new tag").press("Enter")
    expect(page.locator(".annotations .tag")).to_have_text("baseline")
    page.get_by_role("button", name="Archive").click()
    expect(page.locator(".state.archived")).to_be_visible()
    assert accessible(page) == []
    page.get_by_role("button", name="Restore").click()
    expect(page.locator(".state.archived")).to_have_count(0)
    page.get_by_role("button", name="remove the tag baseline").click()
    expect(page.locator(".annotations .tag")).to_have_count(0)
    page.reload()
    expect(page.locator(".run-note")).to_contain_text("Diverged early.")
    page.locator("[data-find]").fill("diverged early")
    expect(page.locator(".found li", has_text="annotated").first).to_be_visible()


def test_a_note_stays_in_its_field_when_another_was_saved_first(page, site, folder, toy):
    page.goto(f"{site}/runs/{toy[0]}")
    page.get_by_role("button", name="Add a note").click()
    note = page.get_by_label("Note on this run")
    note.fill("An hour of work.")
    assert page.request.patch(f"{site}/api/v1/runs/{toy[0]}/annotations", data={"note": "Theirs."}).ok
    page.get_by_role("button", name="Save note").click()
    expect(page.locator("[data-annotated]")).to_contain_text("above is what it says now")
    expect(page.locator(".run-note")).to_have_text("Theirs.")
    expect(note).to_have_value("An hour of work.")
    page.reload()
    expect(page.get_by_label("Note on this run")).to_have_value("An hour of work.")
    page.get_by_label("Note on this run").fill("Theirs. An hour of work.")
    page.get_by_role("button", name="Save note").click()
    expect(page.locator(".run-note")).to_have_text("Theirs. An hour of work.")
    assert {file.read_text() for file in (folder / ".glassbook" / "conflicts").glob("note-on-*.md")} == {
        "An hour of work.",
        "Theirs.",
    }
    page.reload()
    expect(page.get_by_label("Note on this run")).to_be_hidden()
    page.get_by_role("button", name="Change the note").click()
    page.get_by_label("Note on this run").fill("No.")
    page.get_by_role("button", name="Discard changes").click()
    page.reload()
    expect(page.get_by_label("Note on this run")).to_be_hidden()
    expect(page.get_by_label("Note on this run")).to_have_value("Theirs. An hour of work.")


def test_two_tabs_have_a_note_of_their_own(page, site, toy):
    """Both are closed before they are saved; the next tab offers the newer text, and then the other."""
    page.goto(f"{site}/runs")
    tabs = [page.context.new_page() for _ in range(2)]
    for tab in tabs:
        tab.goto(f"{site}/runs/{toy[1]}")
        tab.get_by_role("button", name="Add a note").click()
    for tab, text in zip(tabs, ("Of the first tab.", "Of the second tab."), strict=True):
        tab.get_by_label("Note on this run").fill(text)
        tab.wait_for_timeout(20)
    for tab in tabs:
        tab.close()
    page.goto(f"{site}/runs/{toy[1]}")
    note = page.get_by_label("Note on this run")
    expect(note).to_have_value("Of the second tab.")
    page.get_by_role("button", name="Discard changes").click()
    expect(note).to_have_value("Of the first tab.")
    page.get_by_role("button", name="Save note").click()
    expect(page.locator(".run-note")).to_have_text("Of the first tab.")
    page.reload()
    expect(note).to_be_hidden()
    expect(note).to_have_value("Of the first tab.")


def test_selected_runs_are_tagged_and_archived_together(page, site, toy):
    page.goto(f"{site}/runs?experiment=annotated")
    expect(page.get_by_role("button", name="Archive")).to_be_disabled()
    for box in page.locator("tbody [name=run]").all():
        box.check()
    page.get_by_label("tag for the selected runs").fill("both")
    page.get_by_label("tag for the selected runs").press("Enter")
    expect(page.locator("tbody .tag")).to_have_text(["both", "both"])
    for box in page.locator("tbody [name=run]").all():
        box.check()
    page.get_by_role("button", name="Archive").click()
    expect(page.locator("tbody")).to_contain_text("No run matches.")
    page.get_by_label("archived").select_option("only")
    expect(page.locator("tbody [name=run]")).not_to_have_count(0)
    assert accessible(page) == []
    page.get_by_role("button", name="Restore").is_visible()


def test_a_folded_table_comes_when_it_is_opened(page, site, folder, toy):
    nb = Notebook(folder)
    for seed in range(31):
        with nb.start_run("crowd", {}, seed) as run:
            run.result(loss=1.0)
    nb.close()
    page.goto(f"{site}/runs")
    group = page.locator(".run-group", has_text="crowd")
    expect(group).not_to_have_attribute("open", "")
    assert group.locator("tbody tr").count() == 0
    group.locator("summary").click()
    expect(group.locator("tbody tr")).to_have_count(20)
    group.get_by_role("link", name="all 31 runs of crowd").click()
    expect(page.locator("tbody tr")).to_have_count(31)


def test_folded_tables_are_sorted_and_stay_open(page, site, toy):
    page.goto(f"{site}/runs?open=annotated")
    group = page.locator(".run-group", has_text="annotated")
    group.get_by_role("link", name="seed").click()
    expect(page).to_have_url(re.compile("open=annotated"))
    expect(page.locator(".run-group[open]", has_text="annotated")).to_be_visible()


@pytest.fixture
def slow(page):
    """Scripts of modules come a second after what asks for them, as over a slow line."""

    def late(route):
        time.sleep(1)
        route.continue_()

    page.route(re.compile(r"/js/(app|features|runs)\.js"), late)


def test_a_click_before_the_scripts_are_there_is_answered_when_they_are(page, site, folder, slow):
    run = Notebook(folder).runs("tour")[0]
    page.goto(f"{site}/features/{run.id}/1", wait_until="commit")
    page.get_by_role("button", name="Keep on a page").click()
    expect(page.get_by_role("dialog", name="Keep on a page")).to_have_count(1)


def test_a_submission_before_the_scripts_are_there_is_answered_once(page, site, folder, toy, slow):
    page.goto(f"{site}/runs/{toy[0]}", wait_until="commit")
    page.get_by_label("new tag").fill("early")
    page.get_by_label("new tag").press("Enter")
    expect(page.locator(".annotations .tag")).to_have_text(["early"])
    expect(page).to_have_url(f"{site}/runs/{toy[0]}")


def test_an_answer_about_compute_is_kept_by_one_dialog(page, site):
    page.goto(f"{site}/compute?parameters=7e9&tokens=2e12")
    page.get_by_role("button", name="Keep on a page").click()
    expect(page.get_by_role("dialog", name="Keep on a page")).to_have_count(1)
    keep_on(page, "Kept compute")
