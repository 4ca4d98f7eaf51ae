"""Requests for work that is done already: the finished run is shown, and the work is repeated only on demand."""

import re

from playwright.sync_api import expect


def test_the_form_shows_the_run_that_answers_it(page, site):
    def ask() -> None:
        page.goto(f"{site}/x/reversal-curse")
        page.get_by_role("button", name="Quick settings").click()
        page.get_by_label("seed", exact=True).fill("41")
        page.get_by_role("button", name="Run", exact=True).click()

    ask()
    page.wait_for_url(re.compile("/jobs/"))
    expect(page.locator("main .state").first).to_have_text("finished", timeout=120_000)
    ask()
    notice = page.get_by_role("status").filter(has_text="Already run")
    expect(notice.get_by_role("link")).to_have_attribute("href", re.compile("^/runs/"))
    notice.get_by_role("button", name="Run again anyway").click()
    page.wait_for_url(re.compile("/jobs/"))


def test_the_run_button_of_a_live_block_shows_the_run_that_answers_it(page, site):
    answer = {"job": None, "run": "20250101-000000-000000-abcd", "why": "it is the same today"}
    page.route("**/api/v1/jobs", lambda route: route.fulfill(json=answer))
    page.goto(f"{site}/p/superposition")
    page.locator("[data-run-experiment]").first.click()
    notice = page.get_by_role("status").filter(has_text="Already run")
    expect(notice.get_by_role("link")).to_have_attribute("href", f"/runs/{answer['run']}")
