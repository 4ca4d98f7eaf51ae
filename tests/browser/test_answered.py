"""Asking for what has been run already: the answer is shown, and the work is done again only when somebody insists."""

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
    told = page.get_by_role("status").filter(has_text="This has been run already")
    expect(told.get_by_role("link")).to_have_attribute("href", re.compile("^/runs/"))
    told.get_by_role("button", name="Run it again anyway").click()
    page.wait_for_url(re.compile("/jobs/"))
