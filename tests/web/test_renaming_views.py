"""Renaming a page in the browser: a preview that is exactly what happens."""

from __future__ import annotations

import pytest

from glassbook.notebook import Page


@pytest.fixture
def pages(nb):
    nb.write(Page.new("Superposition", "x\n", kind="term"))
    nb.write(Page.new("Other", "Text.\n\nOn [[superposition]] and <b>.\n"))
    return nb


def preview(reader, **name):
    return reader.post("/api/v1/rename/preview", json={"page": "superposition", "title": "Geometry", **name})


def test_what_is_previewed_is_what_happens(pages, reader):
    seen = preview(reader, id="geometry").json()
    assert seen["aliases"] == []  # its file has the old name
    assert seen["others"] == [
        {
            "title": "Other",
            "path": "pages/notes/other.md",
            "lines": [{"line": 3, "before": "On [[superposition]] and <b>.", "after": "On [[geometry]] and <b>."}],
        }
    ]
    assert pages.page("other").body.count("superposition") == 1
    done = reader.post(
        "/api/v1/rename",
        json={"page": "superposition", "title": "Geometry", "id": "geometry", "digest": seen["digest"]},
    )
    assert done.json() == {"id": "geometry", "title": "Geometry", "url": "/p/geometry", "changed": 1}
    assert "On [[geometry]]" in pages.page("other").body
    assert reader.get("/p/superposition").headers["location"] == "/p/geometry"
    assert len(pages.history.versions(pages.page("other").path)) == 1


def test_a_change_since_the_preview_is_a_conflict(pages, reader):
    digest = preview(reader).json()["digest"]
    pages.write(Page.new("Third", "[[Superposition]]\n"))
    body = {"page": "superposition", "title": "Geometry", "digest": digest}
    answer = reader.post("/api/v1/rename", json=body)
    assert answer.status_code == 409
    assert pages.page("superposition").title == "Superposition"
    assert reader.post("/api/v1/rename", json={**body, "title": "Else", "digest": digest}).status_code == 409


@pytest.mark.parametrize(
    "name", [{"title": "Other"}, {"title": ""}, {"title": "a\nb"}, {"id": "other"}, {"page": "none"}]
)
def test_a_name_that_cannot_be_is_one_line(pages, reader, name):
    answer = preview(reader, **name)
    assert answer.status_code == 400
    assert "\n" not in answer.json()["error"]


def test_the_form_has_what_the_page_is_called(pages, reader):
    form = reader.get("/rename/superposition").text
    assert 'value="Superposition"' in form
    assert 'href="/rename/superposition"' in reader.get("/p/superposition").text
    foreign = {"sec-fetch-site": "cross-site"}
    assert reader.post("/api/v1/rename", json={}, headers=foreign).status_code == 403
