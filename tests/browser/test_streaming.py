"""Generated text in the browser: it comes before the end, and can be cancelled."""

from __future__ import annotations

import json
from urllib.parse import urlencode

import pytest
from playwright.sync_api import expect
from tiny_models import save_slow

LOADED = 60_000
"""Milliseconds within which a model is loaded and has answered."""


@pytest.fixture(scope="module")
def slow(tmp_path_factory):
    return save_slow(tmp_path_factory.mktemp("slow") / "model")


def generate(page, tokens: int) -> None:
    page.get_by_label("Tokens", exact=True).fill(str(tokens))
    page.get_by_role("button", name="Generate").click()


def test_text_appears_before_the_end_and_can_be_cancelled(page, site, slow):
    page.goto(f"{site}/models/open?model={slow}&prompt=the+cat")
    page.get_by_label("Temperature").fill("0")
    generate(page, 400)
    expect(page.locator(".written")).to_contain_text("the cat cat cat", timeout=LOADED)
    expect(page.locator(".so-far")).to_contain_text("of 400 tokens")
    expect(page.locator("[aria-busy]")).to_have_count(1)
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator(".so-far")).to_contain_text("Cancelled after")
    assert 0 < page.locator(".written").inner_text().count("cat") < 390
    expect(page.locator("[aria-busy]")).to_have_count(0)
    expect(page.get_by_role("button", name="Cancel")).to_have_count(0)

    generate(page, 6)
    expect(page.locator(".written")).to_have_text("the cat" + 6 * " cat", timeout=10_000)
    expect(page.locator(".so-far")).to_have_count(0)


def test_steered_texts_appear_before_the_end_and_can_be_cancelled(page, site, slow):
    source = json.dumps({"plus": " dog", "minus": " hill", "site": "blocks.2.in", "coeff": 4})
    asked = {"model": slow, "source": source, "prompt": "the cat", "temperature": 0, "tokens": 300, "random": False}
    page.goto(f"{site}/steer?{urlencode(asked)}")
    page.get_by_role("button", name="Steer", exact=True).click()
    text = page.locator(".pair .text").first
    expect(text).to_contain_text("… cat cat cat", timeout=LOADED)
    expect(page.locator(".so-far")).to_contain_text("of 600 tokens")
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator(".so-far")).to_contain_text("Cancelled after")
    expect(page.locator("[data-keep]")).to_be_hidden()

    page.get_by_label("Tokens", exact=True).fill("4")
    page.get_by_role("button", name="Steer", exact=True).click()
    expect(page.locator(".measured li").first).to_be_visible(timeout=10_000)
    expect(page.locator(".so-far")).to_have_count(0)
    expect(page.locator("[data-keep]")).to_be_visible()


def test_an_error_stands_where_the_text_would(page, site):
    page.goto(f"{site}/models/open?model=no/such/model")
    page.get_by_role("button", name="Generate").click()
    expect(page.locator(".error-line")).to_contain_text("no/such/model", timeout=LOADED)
