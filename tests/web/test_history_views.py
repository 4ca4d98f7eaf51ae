"""Earlier versions of a page in the browser: listed, compared, restored."""

from __future__ import annotations

import pytest
from evidence_book import EVIL, assert_harmless

from glassbook.notebook import Page
from glassbook.web.saving import sha_of


@pytest.fixture
def page(nb):
    page = nb.write(Page.new("Circuit", f"One. {EVIL}\n"))
    page.body = "Two.\n"
    return nb.write(page)


def put(reader, text, base):
    return reader.put("/api/v1/pages/circuit", json={"text": text, "base": sha_of(base)})


def test_versions_are_listed_shown_and_restored(nb, reader, page):
    (version,) = reader.get("/api/v1/history/circuit").json()["versions"]
    assert version["conflict"] is False
    assert f"/history/circuit?version={version['name']}" in reader.get("/history/circuit").text
    shown = reader.get(f"/history/circuit?version={version['name']}").text
    assert "One." in shown
    assert "Two." in shown
    assert_harmless(shown)
    text = reader.get(f"/api/v1/history/circuit?version={version['name']}").json()["text"]
    assert put(reader, text, page.source).status_code == 200
    assert nb.page("circuit").body.startswith("One.")
    # What the restored version replaced is kept as well.
    newest = reader.get("/api/v1/history/circuit").json()["versions"][0]["name"]
    assert reader.get(f"/api/v1/history/circuit?version={newest}").json()["text"] == page.source


def test_both_versions_of_a_conflict_are_among_them(nb, reader, page):
    mine = page.source + "Mine.\n"
    assert put(reader, mine, "another version").status_code == 409
    versions = reader.get("/api/v1/history/circuit").json()["versions"]
    copies = [version["name"] for version in versions if version["conflict"]]
    texts = {reader.get(f"/api/v1/history/circuit?version={name}").json()["text"] for name in copies}
    assert texts == {mine, page.source}
    assert reader.get(f"/history/circuit?version={copies[0]}").status_code == 200


def test_copies_of_another_page_are_not_among_them(nb, reader, page):
    other = nb.write(Page.new("Circuit two", "x\n"))
    answer = reader.put("/api/v1/pages/circuit-two", json={"text": other.source + "y", "base": sha_of("old")})
    assert answer.status_code == 409
    assert not any(v["conflict"] for v in reader.get("/api/v1/history/circuit").json()["versions"])
    name = next(v["name"] for v in reader.get("/api/v1/history/circuit-two").json()["versions"])
    assert reader.get(f"/api/v1/history/circuit?version={name}").status_code == 404


@pytest.mark.parametrize("name", ["none", "..", "20260101-000000-000000-0123456789ab.md", "x" * 199])
def test_a_version_that_is_not_there(reader, page, name):
    answer = reader.get("/api/v1/history/circuit", params={"version": name})
    assert answer.status_code == 404
    assert "\n" not in answer.json()["error"]


def test_a_page_without_versions_says_so(nb, reader):
    nb.write(Page.new("New", "x"))
    assert "No earlier version yet" in reader.get("/history/new").text
    assert reader.get("/history/none").status_code == 404


def test_a_version_that_is_not_utf8_is_shown_and_not_restored(nb, reader, page):
    page.path.write_bytes(page.source.encode() + b"\xff\n")
    again = nb.page("circuit")
    again.body = "Three.\n"
    nb.write(again)
    name = reader.get("/api/v1/history/circuit").json()["versions"][0]["name"]
    shown = reader.get(f"/history/circuit?version={name}").text
    assert "not UTF-8" in shown
    assert "data-restore" not in shown
