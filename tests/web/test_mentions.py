"""Unlinked mentions: which places could be links, and the one that becomes one."""

from __future__ import annotations

import pytest

from glassbook.notebook import Page
from glassbook.notebook.pages.links import mentions
from glassbook.web.saving import sha_of
from glassbook.web.views import mentions as views_mentions


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("On sparse  coding here.", ["sparse  coding"]),
        ("*Sparse Coding* and SPARSE CODING", ["Sparse Coding", "SPARSE CODING"]),
        ("> - it is sparse coding.\n", ["sparse coding"]),
        ("| a |\n|---|\n| sparse coding |\n", ["sparse coding"]),
        ("sparse codings, unsparse coding, sparse-coding", []),
        ("`sparse coding` and [[sparse coding]]", []),
        ("```\nsparse coding\n```\n\n    sparse coding\n", []),
        ("# Sparse coding\n\n## On sparse coding\n", []),
        ("[sparse coding](https://example.org) and [[x|sparse coding]]", []),
        ("[x](sparse coding.md) ![sparse coding](a.png)", []),
        ("$sparse coding$ {{run: sparse coding}} %%sparse coding%%", []),
        ("https://example.org/?q=sparse coding <a title=sparse coding>", []),
        ("See https://example.org/a/sparse coding, then: sparse coding.", ["sparse coding"]),
        ("sparse\ncoding", []),
    ],
)
def test_places_that_could_be_links(body, said):
    found = mentions(body, ["Sparse coding"])
    assert [body[place.start : place.end] for place in found] == said


def test_the_longest_name_is_meant_and_there_is_a_limit():
    body = "sparse coding and coding\n" * 5
    found = mentions(body, ["coding", "sparse coding"], limit=3)
    assert [body[p.start : p.end] for p in found] == ["sparse coding", "coding", "sparse coding"]
    assert [place.line for place in found] == [1, 1, 2]
    assert mentions(body, []) == mentions("", ["coding"]) == mentions(body, [" "]) == []


@pytest.fixture
def pages(nb):
    nb.write(Page.new("Sparse coding", "x\n", kind="term", aliases=["Olshausen's method"]))
    nb.write(Page.new("One", "Text.\r\n\r\nOn sparse coding, and sparse coding.\r\n"))
    nb.write(Page.new("Two", "By olshausen's method.\n"))
    nb.write(Page.new("Linked", "[[Sparse coding]] is sparse coding.\n"))
    nb.write(Page.new("Code", "`sparse coding`\n"))
    return nb


def found(reader):
    pages = reader.get("/api/v1/mentions/sparse-coding").json()["pages"]
    return {page["title"]: page for page in pages}


def test_pages_that_name_it_without_a_link(pages, reader):
    assert set(found(reader)) == {"One", "Two"}
    assert [place["line"] for place in found(reader)["One"]["places"]] == [3, 3]


def test_one_place_becomes_a_link_and_nothing_else_changes(pages, reader):
    one = found(reader)["One"]
    body = {"page": "sparse-coding", "source": "one", "sha": one["sha"], "number": 2}
    assert reader.post("/api/v1/mentions", json=body).json()["link"] == "[[sparse coding]]"
    assert pages.page("one").body == "Text.\r\n\r\nOn sparse coding, and [[sparse coding]].\r\n"
    assert set(found(reader)) == {"Two"}
    # The version that was looked at is no more.
    assert reader.post("/api/v1/mentions", json=body).status_code == 409


def test_a_name_that_means_another_page_gets_the_id(pages, reader):
    vault = pages.folder / "pages" / "vault"
    vault.mkdir()
    (vault / "Sparse coding.md").write_text("Theirs.\n")
    text = "On sparse coding.\n"
    (vault / "note.md").write_text(text)
    body = {"page": "sparse-coding", "source": "vault/note", "sha": sha_of(text), "number": 1}
    assert reader.post("/api/v1/mentions", json=body).status_code == 200
    assert (vault / "note.md").read_text() == "On [[sparse-coding|sparse coding]].\n"
    assert pages.index.path_of("sparse-coding", "pages/vault/note.md") == "pages/terms/sparse-coding.md"


@pytest.mark.parametrize("before", ["An added first line.\n\n", "", "Sparse coding first. "])
def test_a_save_in_between_is_a_conflict_and_damages_nothing(pages, reader, monkeypatch, before):
    """The other save comes after the place was found, before the link is written."""
    file = pages.page("one").path
    theirs = before.encode() + file.read_bytes() + (b"" if before else b"A last line.")
    plain = views_mentions._link_to

    def saved_meanwhile(*args):
        link = plain(*args)
        file.write_bytes(theirs)
        return link

    monkeypatch.setattr(views_mentions, "_link_to", saved_meanwhile)
    body = {"page": "sparse-coding", "source": "one", "sha": found(reader)["One"]["sha"], "number": 1}
    answer = reader.post("/api/v1/mentions", json=body)
    assert answer.status_code == 409
    assert "\n" not in answer.json()["error"]
    assert file.read_bytes() == theirs


def test_bytes_that_are_not_utf_8_stay(pages, reader):
    file = pages.folder / "pages" / "latin.md"
    file.write_bytes(b"Caf\xe9 and sparse coding, na\xefve.\n")
    body = {"page": "sparse-coding", "source": "latin", "sha": found(reader)["latin"]["sha"], "number": 1}
    assert reader.post("/api/v1/mentions", json=body).status_code == 200
    assert file.read_bytes() == b"Caf\xe9 and [[sparse coding]], na\xefve.\n"


@pytest.mark.parametrize("how", [{"number": 9}, {"source": "none"}, {"page": "none"}, {"sha": "old"}])
def test_a_place_that_is_not_there(pages, reader, how):
    body = {"page": "sparse-coding", "source": "one", "sha": found(reader)["One"]["sha"], "number": 1, **how}
    answer = reader.post("/api/v1/mentions", json=body)
    assert answer.status_code in (400, 409)
    assert "\n" not in answer.json()["error"]
    assert pages.page("one").body.count("[[") == 0


def test_a_glimpse_is_the_first_sentence(pages, reader):
    pages.write(
        Page.new("Idea", "# Idea\n\nAn [[one|idea]]. More.\n\n```glassbook\nrun: {run: x}\n```\n", kind="term", level=3)
    )
    seen = reader.get("/api/v1/glimpse/idea").json()
    assert (seen["title"], seen["kind"], seen["level"], seen["url"]) == ("Idea", "term", 3, "/p/idea")
    assert seen["html"].strip() == '<p>An <a href="/p/one">idea</a>.</p>'
    assert reader.get("/api/v1/glimpse/none").status_code == 404
