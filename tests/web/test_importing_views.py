"""Importing in the browser: the plan, both sides, the pages; and files that nobody should trust."""

from __future__ import annotations

import io
import zipfile

import pytest
from evidence_book import EVIL, assert_harmless

from glassbook.notebook import Page
from glassbook.web import incoming

NOTES = "Session 1: Nets: Good.\nGlossary:\nThe Softmax: Makes numbers a distribution.\nDropout: Like softmax.\n"


@pytest.fixture
def book(nb):
    nb.write(Page.new("Softmax", "A function.\n", kind="term"))
    return nb


def sent(reader, data=NOTES, name="notes.txt"):
    return reader.post(f"/api/v1/imports?name={name}", content=data)


def waiting(nb):
    return list((nb.folder / ".glassbook" / "incoming").glob("*/*"))


def test_the_page_says_what_can_be_imported(reader):
    page = reader.get("/import").text
    assert ".tar.gz" in page
    assert 'type="file"' in page


def test_a_file_is_planned_looked_at_and_imported(book, reader):
    answer = sent(reader)
    assert answer.status_code == 201
    plan = answer.json()
    assert plan["kinds"] == {"note": 1, "session": 1, "term": 2}
    assert [(page["title"], page["joins"] and page["joins"]["ident"]) for page in plan["pages"][2:]] == [
        ("The Softmax", "softmax"),
        ("Dropout", None),
    ]
    assert [link["to"] for page in plan["pages"] for link in page["links"]] == ["Softmax"]
    assert [page.id for page in book.pages()] == ["softmax"]
    where = f"/api/v1/imports/{plan['token']}"
    target = plan["pages"][2]["joins"]["path"]
    both = reader.get(f"{where}/page", params={"path": plan["pages"][2]["path"], "target": target}).json()
    assert "Makes numbers" in both["mine"]
    assert "A function." in both["theirs"]
    alone = reader.get(f"{where}/page", params={"path": plan["pages"][3]["path"]}).json()
    assert alone["theirs"] is None
    assert 'href="/p/softmax"' in alone["mine"]
    report = reader.post(where, json={}).json()
    assert report["joined"] == {"terms/the-softmax.md": "terms/softmax.md"}
    assert report["links"] == 1
    assert report["first"] == "/p/notes/notes"
    assert reader.get(report["first"], follow_redirects=True).status_code == 200
    assert "Makes numbers a distribution" in reader.get("/p/softmax").text
    assert waiting(book) == []
    assert reader.post(where, json={}).status_code == 400


def test_choices_and_links_are_the_readers(book, reader):
    plan = sent(reader).json()
    choices = {"terms/the-softmax.md": {"action": "leave"}, "terms/dropout.md": {"action": "join", "target": "Softmax"}}
    report = reader.post(f"/api/v1/imports/{plan['token']}", json={"links": False, "choices": choices}).json()
    assert report["joined"] == {"terms/dropout.md": "terms/softmax.md"}
    assert report["links"] == 0
    assert [item["line"] for item in report["left_out"]] == [3]


def test_the_kind_of_notes_is_asked_for(book, reader):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("v/Epoch.md", "Once through the data.")
        archive.writestr("v/Batch.md", "Some of it.")
    plan = sent(reader, data.getvalue(), "v.zip").json()
    assert (plan["unsaid"], plan["kinds"]) == (2, {"note": 2})
    plan = reader.get(f"/api/v1/imports/{plan['token']}?kind=term").json()
    assert (plan["unsaid"], plan["kinds"]) == (0, {"term": 2})
    reader.post(f"/api/v1/imports/{plan['token']}", json={"kind": "term"})
    assert "Epoch" in reader.get("/glossary").text


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("a.png", b"x", "none of the files"),
        ("a.txt", b"", "empty"),
        ("a.txt", b"\0\1", "binary"),
        ("a.zip", b"PK no", "damaged"),
        ("..", b"x", "cannot be the name"),
        (".hidden.txt", b"x", "cannot be the name"),
        ("a" * 300 + ".txt", b"x", "cannot be the name"),
    ],
)
def test_what_cannot_be_read_is_one_line_and_is_not_kept(book, reader, name, data, said):
    answer = sent(reader, data, name)
    assert answer.status_code == 400
    assert said in answer.json()["error"]
    assert str(book.folder) not in answer.json()["error"]
    assert waiting(book) == []


def test_a_name_is_only_a_name(book, reader):
    assert sent(reader, name="../../x/notes.txt").status_code == 201
    assert [path.name for path in waiting(book)] == ["notes.txt"]
    assert reader.get("/api/v1/imports/..%2f..%2fpages").status_code == 404
    assert reader.get("/api/v1/imports/" + "0" * 32).status_code == 404


def test_only_some_files_wait(book, reader):
    tokens = [sent(reader, NOTES + str(n)).json()["token"] for n in range(incoming.KEPT + 2)]
    assert len(waiting(book)) == incoming.KEPT
    assert reader.get(f"/api/v1/imports/{tokens[-1]}").status_code == 200
    assert reader.get(f"/api/v1/imports/{tokens[0]}").status_code == 404
    assert reader.delete(f"/api/v1/imports/{tokens[-1]}").status_code == 200
    assert len(waiting(book)) == incoming.KEPT - 1


def test_a_file_that_takes_too_long_is_given_up(book, reader, monkeypatch):
    monkeypatch.setattr(incoming, "SECONDS", 0.001)
    monkeypatch.setattr(incoming, "EACH", 10**12)
    answer = sent(reader, NOTES * 20_000)
    assert answer.status_code == 400
    assert "import it in parts" in answer.json()["error"]
    assert waiting(book) == []


def test_too_large_a_file_is_refused(book, reader):
    assert sent(reader, b"x" * ((32 << 20) + 1)).status_code == 413
    assert waiting(book) == []


@pytest.mark.parametrize("ending", ["txt", "md", "html"])
def test_previews_are_harmless(book, reader, ending):
    plan = sent(reader, f"Glossary:\nThing: {EVIL}\n", f"evil.{ending}").json()
    for page in plan["pages"]:
        both = reader.get(f"/api/v1/imports/{plan['token']}/page", params={"path": page["path"]})
        assert_harmless(both.json()["mine"])


def test_a_preview_runs_and_looks_up_nothing(book, reader):
    text = "```glassbook\nchart: {experiment: superposition, name: front}\n```\n\n{{run: superposition mmcs}}\n"
    plan = sent(reader, text, "live.md").json()
    both = reader.get(f"/api/v1/imports/{plan['token']}/page", params={"path": plan["pages"][0]["path"]}).json()
    assert "<code>chart</code>" in both["mine"]
    assert "<code>run</code>" in both["mine"]


def test_sessions_without_a_date_stand_on_the_timeline_by_course(nb, reader):
    for course, numbers in ((2, (1, 3, 2)), (1, (5, [6, 7]))):
        for number in numbers:
            page = Page.new(f"Meeting {course} {number}", "Good.", kind="session")
            page.extra = {"source": "a.txt", "course": course, "session": number, "line": course * 10}
            nb.write(page)
    dated = Page.new("Dated", kind="session")
    dated.extra = {"date": "2025-11-21"}
    nb.write(dated)
    data = reader.get("/api/v1/timeline").json()
    assert [(course["course"], [page["title"] for page in course["pages"]]) for course in data["undated"]] == [
        ("1", ["Meeting 1 [6, 7]", "Meeting 1 5"]),
        ("2", ["Meeting 2 3", "Meeting 2 2", "Meeting 2 1"]),
    ]
    assert [page["title"] for day in data["days"] for page in day["pages"]] == ["Dated"]
    assert "Course 2" in reader.get("/timeline").text
    assert reader.get("/api/v1/timeline?before=2025-01-01").json()["undated"] == []
