"""Search in the browser: what is found, where it leads, and that what was searched for stays text."""

from __future__ import annotations

import pytest
from evidence_book import EVIL, assert_harmless, open_app, toy_run

from glassbook.notebook import Page
from glassbook.web.render.links import address_of


@pytest.fixture
def nb(nb):
    nb.write(Page.new("Superposition", "# S\n\n## Why so\n\nMore features than directions.\n", kind="term"))
    nb.write(Page.new("Supervision", "Someone who watches features.\n", aliases=["Oversight"], tags=["super"]))
    return nb


@pytest.mark.parametrize(
    ("kind", "ident", "section", "url"),
    [
        ("page", "a/b c", "why so", "/p/a/b%20c#why%20so"),
        ("page", "x", "", "/p/x"),
        ("run", "20250101-x", "", "/runs/20250101-x"),
        ("claim", "toy#loss-falls", "", "/x/toy#claim-loss-falls"),
        ("experiment", "toy/../x", "", "/x/toy%2F..%2Fx"),
        ("feature", "20250101-x/12", "", "/features/20250101-x/12"),
    ],
)
def test_every_kind_of_thing_has_an_address(kind, ident, section, url):
    assert address_of(kind, ident, section) == url


def test_results_by_kind_with_the_words_marked(nb):
    toy_run(nb, experiment="features-toy")
    reader = open_app(nb)
    page = reader.get("/search?q=features").text
    assert "<mark>features</mark>" in page
    assert 'href="/p/superposition#why-so"' in page
    assert page.index("Pages") < page.index("/p/superposition")
    assert "Runs</h2>" in page
    only = reader.get("/search?q=features&kind=page").text
    assert "/p/supervision" in only
    assert "Runs</h2>" not in only


def test_the_same_as_json(nb):
    reader = open_app(nb)
    data = reader.get("/api/v1/search?q=directions").json()
    assert data["hits"][0]["url"] == "/p/superposition#why-so"  # an experiment may speak of directions too
    assert ["directions", True] in data["hits"][0]["excerpt"]
    assert reader.get("/api/v1/search?q=").json()["hits"] == []
    assert reader.get("/api/v1/search?q=x&kind=poem").status_code == 422
    assert reader.get("/api/v1/search?q=x&limit=0").status_code == 422


def test_nothing_found_offers_a_page(nb):
    reader = open_app(nb)
    assert reader.get("/api/v1/search?q=quokka").json()["hits"] == []
    assert 'href="/new?title=quokka"' in reader.get("/search?q=quokka").text


@pytest.mark.parametrize("text", [EVIL, '"', "a AND", "*", "(", "\x00", "NEAR(", "ä" * 900, "^x", "a:b", "-"])
def test_any_text_may_be_searched_for(nb, text):
    reader = open_app(nb)
    for path in ("/search", "/api/v1/search", "/api/v1/complete"):
        answer = reader.get(path, params={"q": text[:300] if "complete" in path else text})
        assert answer.status_code == 200, path
        if path == "/search":
            assert_harmless(answer.text)


def test_names_are_completed_with_what_to_write_in_a_link(nb):
    reader = open_app(nb)
    found = reader.get("/api/v1/complete?q=super&kind=page").json()["suggestions"]
    assert {(s["id"], s["link"], s["url"]) for s in found} == {
        ("superposition", "Superposition", "/p/superposition"),
        ("supervision", "Supervision", "/p/supervision"),
    }
    assert reader.get("/api/v1/complete?q=").json() == {"suggestions": []}


def test_a_name_that_cannot_stand_in_a_link_is_linked_by_id(nb):
    nb.write(Page.new("Rings | and # marks"))
    nb.write(Page.new("Circuit"))
    nb.write(Page.new("Circuit", id="second"))
    reader = open_app(nb)
    found = reader.get("/api/v1/complete?q=ring&kind=page").json()["suggestions"]
    assert [s["link"] for s in found] == ["rings-and-marks"]
    found = reader.get("/api/v1/complete?q=circ&kind=page").json()["suggestions"]
    assert {s["link"] for s in found} == {"Circuit", "second"}


def test_a_search_box_gets_names_first_and_then_what_holds_the_words(nb):
    reader = open_app(nb)
    found = reader.get("/api/v1/find?q=super").json()["found"]
    assert {entry["url"] for entry in found} >= {"/p/supervision", "/p/superposition", "/pages?tag=super"}
    assert len({entry["url"] for entry in found}) == len(found)
    text = reader.get("/api/v1/find?q=directions").json()["found"][0]
    assert (text["title"], text["url"]) == ("Superposition § Why so", "/p/superposition#why-so")
    assert "More features than directions." in text["hint"]
    assert reader.get("/api/v1/find?q=+").json()["found"] == []
    assert reader.get("/api/v1/find?q=x&limit=99").status_code == 422


@pytest.mark.parametrize("text", ["superpositoin", "supervison", "dircetions"])
def test_misspelt_words_are_told_from_exact_ones(nb, text):
    reader = open_app(nb)
    assert reader.get(f"/api/v1/find?q={text}").json()["found"][0]["near"]
    assert "With similar spelling" in reader.get(f"/search?q={text}").text
    assert "With similar spelling" not in reader.get("/search?q=features").text
