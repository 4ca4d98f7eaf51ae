"""Models, features and steering, driven as a reader drives them: buttons, hovering, and the keyboard alone."""

from __future__ import annotations

import re

import pytest

expect = pytest.importorskip("playwright.sync_api").expect

LOADED = 60_000
"""Milliseconds within which a model is loaded and has answered."""
PROMPT = "The fox ran to the river. The fox"


def inside(page, site: str, what: str) -> None:
    page.goto(f"{site}/models/open?model=builtin")
    page.locator("#inside-prompt").fill(PROMPT)
    page.get_by_role("button", name=what).click()
    expect(page.locator("[aria-busy]")).to_have_count(0, timeout=LOADED)


def test_a_model_shows_its_parts_and_writes(page, site):
    page.goto(f"{site}/models")
    page.get_by_role("link", name="builtin").first.click()
    assert page.locator(".sites").count() == 0
    page.get_by_role("button", name="Open").click()
    expect(page.locator(".sites tbody tr").first).to_be_visible(timeout=LOADED)
    page.locator("#sample-prompt").fill(PROMPT)
    page.locator("#sample-prompt").press("Control+Enter")
    expect(page.locator(".written")).to_contain_text(PROMPT, timeout=LOADED)


def test_attention_is_read_by_pointer_and_by_keyboard(page, site):
    inside(page, site, "Attention")
    page.locator(".map").nth(1).click()
    expect(page.locator(".attention-head")).to_contain_text("head 1")
    tokens = page.locator(".attention-line button")
    tokens.nth(2).hover()
    expect(page.locator(".links caption")).to_contain_text("(token 2)")
    expect(page.locator(".links tbody tr:not([aria-hidden])")).to_have_count(3)
    tokens.nth(2).focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator(".links caption")).to_contain_text("(token 3)")
    # Of all tokens one is a stop of the Tab key.
    assert page.locator(".attention-line button[tabindex='0']").count() == 1


def test_the_logit_lens_tells_what_else_a_layer_considers(page, site):
    inside(page, site, "Lenses")
    cells = page.locator(".lens td button")
    cells.first.click()
    expect(page.locator(".lens-detail .t")).to_have_count(6)
    page.keyboard.press("ArrowDown")
    expect(page.locator(".lens .chosen")).to_be_focused()


def test_another_lens_can_be_chosen(page, site):
    inside(page, site, "Lenses")
    first = page.locator(".lens tbody tr").first.inner_text()
    page.get_by_label("lens", exact=True).select_option("jacobian")
    expect(page.locator(".lens caption")).to_contain_text("Jacobian lens")
    assert page.locator(".lens tbody tr").first.inner_text() != first
    expect(page.get_by_label("lens", exact=True)).to_be_focused()


def test_tokens_are_cut_as_the_model_cuts_them(page, site):
    inside(page, site, "Tokens")
    expect(page.locator(".tokens.cut .t").first).to_be_visible(timeout=LOADED)


def test_features_are_filtered_sorted_and_paged_through_by_keys(page, site):
    page.goto(f"{site}/features")
    page.locator("main a[href^='/features/']").first.click()
    page.get_by_role("link", name="density").click()
    expect(page).to_have_url(re.compile(r"order=density&down=true"))
    page.get_by_label("labelled").check()
    page.get_by_role("button", name="Apply").click()
    expect(page).to_have_url(re.compile(r"\?order=density&down=true&labelled=true$"))
    page.goto(re.sub(r"\?.*", "/1", page.url))
    page.keyboard.press("j")
    page.wait_for_url("**/2")
    page.keyboard.press("k")
    page.wait_for_url("**/1")
    page.keyboard.press("g")
    page.keyboard.press("m")
    page.wait_for_url("**/models")


def test_what_is_steered_is_kept_in_the_address(page, site):
    page.goto(f"{site}/steer")
    page.locator("[data-remove]").first.click()
    page.get_by_role("button", name="Steer", exact=True).click()
    expect(page.locator("[data-answer]")).to_contain_text("Add a direction first")
    page.get_by_role("button", name="Add a prompt pair").click()
    page.locator("[data-field=plus]").fill("The wedding")
    page.locator("[data-field=minus]").fill("The path")
    page.locator("[data-slider]").fill("3")
    page.locator("#steer-prompts").fill("One day, Tam came to the ford.")
    page.locator("#steer-prompts").press("Control+Enter")
    expect(page.locator(".pair")).to_have_count(1, timeout=LOADED)
    expect(page.locator(".measured dd").first).to_be_visible()
    page.reload()
    expect(page.locator("[data-field=plus]")).to_have_value("The wedding")
    expect(page.locator("[data-field=coeff]")).to_have_value("3")
    assert page.locator(".pair").count() == 0


def test_differing_words_are_those_outside_the_longest_common_subsequence(page, site):
    page.goto(f"{site}/steer")
    found = page.evaluate(
        """async () => {
          const { differing } = await import("/static/js/steered.js");
          return differing("the fox ran home", "the sly fox  went home").map(
            (side) => side.filter((piece) => piece.differs).map((piece) => piece.text));
        }"""
    )
    assert found == [["ran"], ["sly", "went"]]
