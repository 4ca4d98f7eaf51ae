"""A chat in the browser: an assistant beside its base model, one question after another."""

from __future__ import annotations

from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from playwright.sync_api import expect

from glassbook.nets import open_language_model, save_model
from glassbook.nets.chat import as_chat_model

LOADED = 60_000
"""Milliseconds within which two models are loaded and have answered."""


@pytest.fixture(scope="module")
def assistant(tmp_path_factory):
    """A chat model, which has still to be tuned: what it says makes no sense."""
    folder = tmp_path_factory.mktemp("assistant") / "model"
    save_model(as_chat_model(open_language_model("builtin")), folder)
    return str(folder)


def test_a_question_is_answered_by_both_and_another_one_follows(page, site, assistant):
    page.goto(f"{site}/chat?{urlencode({'model': assistant, 'tokens': 12})}")
    page.get_by_role("button", name="Ask").click()
    expect(page.locator("[data-column=assistant] .text")).not_to_be_empty(timeout=LOADED)
    base = page.locator("[data-column=base]")
    expect(base.locator(".which")).to_have_text("builtin, as a text")
    expect(base.locator(".text")).not_to_be_empty()

    page.get_by_label("Another question").fill("Who keeps the ford?")
    page.get_by_role("button", name="Ask").last.click()
    expect(page.locator(".pair .prompt")).to_have_text("Who keeps the ford?", timeout=LOADED)
    expect(page.get_by_role("button", name="Ask").last).to_be_enabled(timeout=LOADED)
    expect(base.locator(".text")).not_to_be_empty()
    asked = parse_qs(urlsplit(page.url).query)
    assert asked == {"model": [assistant], "question": ["Who keeps the ford?"], "tokens": ["12"]}


def test_a_model_without_a_chat_template_is_said_to_be_none(page, site):
    page.goto(f"{site}/chat?{urlencode({'model': 'builtin'})}")
    page.get_by_role("button", name="Ask").click()
    expect(page.locator("[data-panel-answer]")).to_contain_text("has no chat template", timeout=LOADED)
