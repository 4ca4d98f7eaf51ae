"""A visit by someone who knows no address: from the home page on, only clicks and what is typed."""

from __future__ import annotations

import io
import re
import zipfile

from given_files import PNG, given
from playwright.sync_api import expect


def vault() -> bytes:
    """An archive of two notes of another program that link to each other, and to a term of the notebook."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("Garden/Heron pond.md", "Seen from the [[Otter bank|bank]], and [[Superposition]] of rings.\n")
        archive.writestr("Garden/Otter bank.md", "Opposite the [[Heron pond]].\n")
    return data.getvalue()


def test_a_visit_that_knows_no_address(page, site, clean):
    page.goto(site)
    find_a_term(page)
    see_its_evidence(page)
    fire_a_feature(page)
    steer_with_it(page)
    keep_it_on_a_page(page)
    drop_a_picture(page)
    find_the_page_by_a_typo(page)
    follow_a_link_of_an_imported_vault(page)


def home(page):
    page.locator(".book-title").click()
    expect(page.get_by_role("heading", name="A feature on your own sentence")).to_be_visible()


def find_a_term(page):
    page.keyboard.press("/")
    page.keyboard.type("superpos")
    page.get_by_role("option").filter(has_text=re.compile("^Superposition")).first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Superposition")


def see_its_evidence(page):
    claim = page.locator(".verdict").locator("visible=true").first
    expect(claim.locator(".state")).to_have_text(re.compile("holds|fails"))
    claim.get_by_role("link").first.click()
    expect(page.locator("main h1")).to_contain_text("superposition")
    expect(page.locator(".chart-box svg").first).to_be_visible(timeout=60_000)


def fire_a_feature(page):
    home(page)
    page.get_by_label("Your own text").fill("Nobody crossed the weir.")
    page.get_by_role("button", name="Show activations").click()
    said = page.locator("[data-try-status]")
    expect(said).to_contain_text("not active on any of these", timeout=60_000)
    word = re.search(r"most of its activation is on “(\w+)”", said.inner_text())[1]
    page.get_by_label("Your own text").fill(
        f"A storm came over the mill, {word} by {word}, and nobody crossed the weir."
    )
    page.get_by_role("button", name="Show activations").click()
    expect(page.locator("[data-try-result] .t:not(.s0)").filter(has_text=word).first).to_be_visible()
    page.get_by_role("link", name="A feature on your own sentence").click()
    expect(page.get_by_role("heading", name="Top activating examples")).to_be_visible()


def steer_with_it(page):
    page.get_by_role("link", name="Steer with this feature").click()
    page.get_by_label("Tokens").fill("12")
    page.get_by_role("button", name="Steer", exact=True).click()
    expect(page.get_by_label("Save to page")).to_be_visible(timeout=120_000)


def keep_it_on_a_page(page):
    page.get_by_label("Save to page").fill("Thunder above the weir")
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_role("link", name="Thunder above the weir").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Thunder above the weir")


def drop_a_picture(page):
    page.get_by_role("link", name="Edit", exact=True).click()
    page.wait_for_load_state()
    given(page, "drop", "weir.png", PNG)
    expect(page.locator("[data-status]")).to_contain_text("added weir.png")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("main article img[src$='weir.png']")).to_be_visible()


def find_the_page_by_a_typo(page):
    home(page)
    page.get_by_label("Search this notebook").fill("thuner above")
    page.keyboard.press("Enter")
    page.locator("#results").get_by_role("link", name="Thunder above the weir").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Thunder above the weir")
    expect(page.locator("main article img[src$='weir.png']")).to_be_visible()


def follow_a_link_of_an_imported_vault(page):
    page.get_by_role("link", name="Import", exact=True).click()
    page.wait_for_load_state()
    page.set_input_files("input[type=file]", {"name": "walks.zip", "mimeType": "application/zip", "buffer": vault()})
    page.get_by_role("button", name="Import", exact=True).click()
    page.get_by_role("link", name="Open it").click()
    heading = page.get_by_role("heading", level=1)
    expect(heading).to_have_text(re.compile("Otter bank|Heron pond"))
    here = heading.inner_text()
    link, there = {"Heron pond": ("bank", "Otter bank"), "Otter bank": ("Heron pond", "Heron pond")}[here]
    page.get_by_role("main").locator("article").get_by_role("link", name=link, exact=True).first.click()
    expect(heading).to_have_text(there)
