"""Writing pages in the browser: what is saved, what is refused, and that no version is lost."""

from __future__ import annotations

import errno
import itertools
import os
import random
import time

import pytest
from evidence_book import EVIL, PNG, assert_harmless
from hypothesis import given
from hypothesis import strategies as st

from glassbook.notebook import Notebook, Page
from glassbook.web import saving
from glassbook.web.saving import compare, merge_with_markers, sha_of, side_by_side, with_line_ends

TEXT = "---\nid: circuit\ntitle: Circuit  # a comment\nkind: term\nextra: [1, 2]\n---\n\nA part.\n"


@pytest.fixture
def nb(nb):
    folder = nb.folder / "pages" / "terms"
    folder.mkdir()
    (folder / "circuit.md").write_text(TEXT)
    return nb


def put(reader, text, base=TEXT, ident="circuit"):
    return reader.put(f"/api/v1/pages/{ident}", json={"text": text, "base": sha_of(base)})


def on_disk(nb):
    return (nb.folder / "pages" / "terms" / "circuit.md").read_bytes().decode()


def kept(nb, what):
    return sorted(path.read_text() for path in (nb.folder / ".glassbook" / what).glob("*.md"))


def test_the_editor_holds_the_whole_file(nb, reader):
    page = reader.get("/edit/circuit").text
    assert f'data-sha="{sha_of(TEXT)}"' in page
    assert f">\n{TEXT}</textarea>" in page  # a browser takes away the first line end, and only that
    new = reader.get("/new?title=A b&kind=term").text
    assert 'value="A b"' in new
    assert "<option selected>term</option>" in new


def test_what_was_typed_is_what_is_saved(nb, reader):
    text = TEXT.replace("A part.", "A part of [[it]].\n\n---\n\nMore: ä € 𝔸")
    saved = put(reader, text)
    assert saved.status_code == 200
    assert saved.json() == {"id": "circuit", "title": "Circuit", "url": "/p/circuit", "sha": sha_of(text)}
    assert on_disk(nb) == text
    assert "A part of" in reader.get("/p/circuit").text


def test_saving_nothing_new_writes_nothing(nb, reader):
    before = os.stat(nb.folder / "pages" / "terms" / "circuit.md")
    assert put(reader, TEXT, base="something else").status_code == 200
    after = os.stat(nb.folder / "pages" / "terms" / "circuit.md")
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


def test_two_tabs_both_versions_are_kept_and_shown(nb, reader):
    mine, theirs = TEXT.replace("A part.", "Mine."), TEXT.replace("A part.", "Theirs.")
    assert put(reader, theirs).status_code == 200
    answer = put(reader, mine)
    both = answer.json()
    assert answer.status_code == 409
    assert on_disk(nb) == theirs
    assert (both["mine"], both["theirs"], both["sha"]) == (mine, theirs, sha_of(theirs))
    assert {"same": False, "mine": "Mine.\n", "theirs": "Theirs.\n"} in both["rows"]
    assert "<<<<<<< mine\nMine.\n=======\nTheirs.\n>>>>>>> theirs\n" in both["merged"]
    assert kept(nb, "conflicts") == sorted([mine, theirs])
    assert all((nb.folder / path).is_file() for path in both["copies"])
    # Asking again keeps no more copies; what is kept is no page.
    put(reader, mine)
    assert kept(nb, "conflicts") == sorted([mine, theirs])
    assert [page.id for page in nb.pages()] == ["circuit"]
    # Choosing mine is saving it against theirs.
    assert put(reader, mine, base=theirs).status_code == 200
    assert on_disk(nb) == mine


def test_a_change_in_another_program_is_a_conflict(nb, reader):
    (nb.folder / "pages" / "terms" / "circuit.md").write_text(TEXT + "From elsewhere.\n")
    assert put(reader, TEXT + "From here.\n").status_code == 409
    assert on_disk(nb).endswith("From elsewhere.\n")


def test_a_page_taken_away_while_it_is_edited(nb, reader):
    (nb.folder / "pages" / "terms" / "circuit.md").unlink()
    answer = put(reader, TEXT + "More.\n")
    assert answer.status_code == 409
    assert answer.json()["theirs"] is None
    assert kept(nb, "conflicts") == [TEXT + "More.\n"]
    again = reader.post("/api/v1/pages", json={"text": TEXT + "More.\n"})
    assert again.status_code == 201
    assert on_disk(nb) == TEXT + "More.\n"


def test_front_matter_that_cannot_be_read_is_not_saved(nb, reader):
    answer = put(reader, TEXT.replace("[1, 2]", "[1, 2"))
    assert answer.status_code == 400
    assert "front matter" in answer.json()["error"]
    assert "\n" not in answer.json()["error"]
    assert on_disk(nb) == TEXT


def test_an_id_that_others_link_to_does_not_change(nb, reader):
    nb.write(Page.new("Other", "[[circuit]]\n"))
    renamed = TEXT.replace("id: circuit", "id: part").replace("title: Circuit ", "title: Part ")
    refused = put(reader, renamed)
    assert refused.status_code == 400
    assert "aliases" in refused.json()["error"]
    assert put(reader, renamed.replace("kind: term", "kind: term\naliases: [circuit]")).json()["url"] == "/p/part"


def test_an_id_of_another_page_is_refused(nb, reader):
    nb.write(Page.new("Other"))
    assert put(reader, TEXT.replace("id: circuit", "id: other")).status_code == 400
    assert on_disk(nb) == TEXT


@pytest.mark.parametrize("what", [errno.ENOSPC, errno.EROFS, errno.EIO])
def test_a_disk_that_refuses_leaves_the_page_as_it_was(nb, reader, monkeypatch, what):
    def refuse(*args, **kwargs):
        raise OSError(what, os.strerror(what))

    monkeypatch.setattr("glassbook.notebook.files._write_all", refuse)
    answer = put(reader, TEXT + "More.\n")
    assert answer.status_code == 400
    assert os.strerror(what) in answer.json()["error"]
    assert on_disk(nb) == TEXT
    # A conflict is told even if there is no room to keep the copies.
    conflict = put(reader, TEXT + "More.\n", base="old")
    assert (conflict.status_code, conflict.json()["copies"]) == (409, [])
    assert reader.post("/api/v1/pages", json={"title": "N", "text": "x"}).status_code == 400
    assert reader.delete(f"/api/v1/pages/circuit?base={sha_of(TEXT)}").status_code == 400
    assert on_disk(nb) == TEXT
    assert not list((nb.folder / "pages").rglob("*.tmp"))


def test_line_ends_survive_the_browser(nb, reader):
    text = TEXT.replace("\n", "\r\n")
    (nb.folder / "pages" / "terms" / "circuit.md").write_bytes(text.encode())
    typed = TEXT.replace("A part.", "A piece.\nOf two.")
    assert put(reader, typed, base=text).status_code == 200
    assert on_disk(nb) == typed.replace("\n", "\r\n")


@given(st.lists(st.tuples(st.text("ab \0", max_size=3), st.sampled_from(["\n", "\r\n", "\r"])), max_size=8))
def test_a_text_that_only_went_through_a_text_field_is_unchanged(lines):
    text = "".join(line + end for line, end in lines)
    typed = text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "\ufffd")
    assert with_line_ends(text, typed) == text


@given(st.text("ab\n", max_size=20), st.text("ab\n", max_size=20))
def test_differences_hold_both_versions(mine, theirs):
    changes = compare(mine, theirs)
    assert "".join(line for change in changes for line in change.mine) == mine
    assert "".join(line for change in changes for line in change.theirs) == theirs
    assert (merge_with_markers(changes) == mine) == (mine == theirs)
    assert all(set(row) in ({"same", "mine", "theirs"}, {"left_out"}) for row in side_by_side(changes))


def repeated(kinds):
    """Two texts of 20,000 lines of a few kinds, in which nothing but the first and the last line is the same."""
    pick = random.Random(kinds)
    return [f"Top\n{''.join(f'- {pick.randrange(kinds)} ' + chr(10) for _ in range(20_000))}End\n" for _ in range(2)]


@pytest.mark.parametrize("kinds", [101, 150, 400])
def test_texts_of_lines_that_repeat_are_compared_in_time(kinds):
    mine, theirs = repeated(kinds)
    begun = time.process_time()
    changes = compare(mine, theirs)
    assert time.process_time() - begun < 5  # what difflib does with them takes minutes
    assert "".join(line for change in changes for line in change.mine) == mine
    assert "".join(line for change in changes for line in change.theirs) == theirs
    assert (changes[0].mine[0], changes[-1].mine[-1]) == ("Top\n", "End\n")
    assert changes[0].same
    assert changes[-1].same
    begun = time.process_time()
    assert with_line_ends(mine.replace("\n", "\r\n"), theirs) == theirs.replace("\n", "\r\n")
    assert time.process_time() - begun < 5


def test_between_lines_that_repeat_those_that_are_there_once_are_found():
    mine, theirs = repeated(150)
    parts = [f"Day {n}\n{mine[n * 50 : n * 50 + 40]}\n" for n in range(300)]
    inserted = "".join(theirs.splitlines(keepends=True)[:400])
    changed = [*parts[:100], inserted, *parts[100:150], *parts[160:]]
    changes = compare("".join(parts), "".join(changed))
    assert [change.same for change in changes] == [True, False, True, False, True]
    assert "".join(changes[1].theirs) == inserted
    assert not changes[1].mine
    assert not changes[3].theirs


@given(st.lists(st.sampled_from("abcdefgh"), max_size=30), st.lists(st.sampled_from("abcdefgh"), max_size=30))
def test_differences_hold_both_versions_however_many_lines_repeat(mine, theirs):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(saving, "PAIRS", 3)
        changes = compare("\n".join(mine), "\n".join(theirs))
    assert "".join(line for change in changes for line in change.mine) == "\n".join(mine)
    assert "".join(line for change in changes for line in change.theirs) == "\n".join(theirs)
    assert all(change.mine == change.theirs for change in changes if change.same)
    assert all(one.same != other.same for one, other in itertools.pairwise(changes))


def test_long_texts_are_shown_by_their_differences():
    mine = "".join(f"line {n}\n" for n in range(100))
    rows = side_by_side(compare(mine, mine.replace("line 50\n", "fifty\n")))
    assert [row.get("left_out") for row in rows] == [47, None, None, None, 46]


def test_a_new_page_has_its_id_from_its_title(nb, reader):
    made = reader.post("/api/v1/pages", json={"title": "The Reversal curse!", "kind": "term", "text": "It is.\n"})
    assert (made.status_code, made.json()["url"]) == (201, "/p/the-reversal-curse")
    page = nb.page("the-reversal-curse")
    assert (page.title, page.kind, page.body) == ("The Reversal curse!", "term", "It is.\n")
    assert page.path == nb.folder / "pages" / "terms" / "the-reversal-curse.md"


def test_a_new_page_that_cannot_be_made(nb, reader):
    for new in (
        {"title": "Circuit"},  # its id is taken
        {"title": "!!!"},
        {"title": ""},
        {"title": "Two\nlines"},
        {"title": "T", "kind": "poem"},
        {"title": "T", "text": "---\ntitle: [\n---\n"},
    ):
        answer = reader.post("/api/v1/pages", json=new)
        assert answer.status_code in (400, 409), new
        assert answer.json()["error"]
    assert reader.post("/api/v1/pages", json={"title": "x" * 301}).status_code == 422
    assert reader.post(
        "/api/v1/pages", content=b'{"title": "T", "text": "\\ud800"}', headers={"content-type": "application/json"}
    ).status_code in (400, 422)
    assert len(nb.pages()) == 1


def test_a_deleted_page_is_in_the_trash(nb, reader):
    stale = reader.delete(f"/api/v1/pages/circuit?base={sha_of('old')}")
    assert stale.status_code == 409
    gone = reader.delete(f"/api/v1/pages/circuit?base={sha_of(TEXT)}")
    assert gone.status_code == 200
    assert (nb.folder / gone.json()["trash"]).read_text() == TEXT
    assert kept(nb, "trash") == [TEXT]
    assert reader.get("/p/circuit").status_code == 404
    assert reader.delete(f"/api/v1/pages/circuit?base={sha_of(TEXT)}").status_code in (400, 404)


def test_the_preview_is_the_page(nb, reader):
    body = "# Head\n\n$x^2$ `code`\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n- [x] done\n\n[[Circuit]] [[Nobody]]\n"
    seen = reader.post("/api/v1/preview", json={"body": "---\ntitle: T\n---\n" + body, "id": "circuit"}).json()
    assert (seen["title"], seen["problem"]) == ("T", None)
    for part in ('<h1 id="head">', "<math", "<table>", 'type="checkbox"', 'href="/p/circuit"', 'class="missing"'):
        assert part in seen["html"]
    assert [page.id for page in nb.pages()] == ["circuit"]


def test_the_preview_of_a_block_runs_nothing_and_says_what_is_wrong(nb, reader):
    blocks = ["run: {run: none}", "nonsense", "poem: {experiment: reversal-curse}", "[1", EVIL]
    text = "".join(f"```glassbook\n{block}\n```\n\n" for block in blocks)
    html = reader.post("/api/v1/preview", json={"body": text}).json()["html"]
    assert html.count("cannot be shown") == len(blocks)
    assert_harmless(html)
    assert nb.runs() == []


def test_the_preview_tells_front_matter_that_cannot_be_read(reader):
    seen = reader.post("/api/v1/preview", json={"body": "---\ntitle: [\n---\ntext"}).json()
    assert seen["problem"]
    assert "text" in seen["html"]


def test_writing_from_elsewhere_is_refused(nb, reader):
    foreign = {"sec-fetch-site": "cross-site"}
    assert reader.post("/api/v1/pages", json={"title": "X"}, headers=foreign).status_code == 403
    assert reader.delete(f"/api/v1/pages/circuit?base={sha_of(TEXT)}", headers=foreign).status_code == 403


def test_a_save_that_another_server_is_faster_with_is_a_conflict(nb, reader, monkeypatch):
    """The other one writes after this one has compared and before it writes."""
    theirs, real = TEXT + "\ntheirs\n", Notebook.write

    def write(self, page):
        monkeypatch.setattr(Notebook, "write", real)
        other = Notebook(nb.folder)
        changed = other.page("circuit")
        changed.body += "\ntheirs\n"
        other.write(changed)
        return self.write(page)

    monkeypatch.setattr(Notebook, "write", write)
    answer = put(reader, TEXT + "\nmine\n")
    assert answer.status_code == 409
    assert on_disk(nb) == theirs
    assert kept(nb, "conflicts") == sorted([TEXT + "\nmine\n", theirs])


def test_a_page_that_cannot_be_read_is_not_overwritten(nb, reader):
    path = nb.folder / "pages" / "large.md"
    with path.open("wb") as file:
        file.truncate(1 << 40)
    assert "cannot be read" in reader.get("/p/large").text
    answer = put(reader, "new text", base="", ident="large")
    assert answer.status_code >= 400
    assert path.stat().st_size == 1 << 40


def test_a_picture_is_stored_beside_its_page_and_shown_in_it(nb, reader):
    made = reader.post("/api/v1/pictures?name=C:\\A plot.png&page=circuit", content=PNG)
    assert (made.status_code, made.json()) == (201, {"name": "a-plot.png", "markdown": "![a plot](a-plot.png)"})
    assert (nb.folder / "pages" / "terms" / "a-plot.png").read_bytes() == PNG
    assert put(reader, TEXT + made.json()["markdown"] + "\n").status_code == 200
    assert '<img src="/beside/terms/a-plot.png" alt="a plot">' in reader.get("/p/circuit").text
    assert reader.get("/beside/terms/a-plot.png").headers["content-type"] == "image/png"


def test_a_picture_for_a_page_that_is_not_saved_yet(nb, reader):
    assert reader.post("/api/v1/pictures?name=x.png&kind=paper", content=PNG).status_code == 201
    assert (nb.folder / "pages" / "papers" / "x.png").is_file()
    made = reader.post("/api/v1/pages", json={"title": "T", "kind": "paper", "text": "![](x.png)\n"})
    assert '<img src="/beside/papers/x.png"' in reader.get(made.json()["url"]).text


def test_a_picture_that_is_refused(nb, reader):
    for data in (
        b"",
        b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        b"GIF88a",
        EVIL.encode(),
    ):
        answer = reader.post("/api/v1/pictures?name=x.png&page=circuit", content=data)
        assert answer.status_code == 400
        assert "\n" not in answer.json()["error"]
    assert reader.post("/api/v1/pictures?name=x.png&page=none", content=PNG).status_code == 400
    large = reader.post("/api/v1/pictures?name=x.png&page=circuit", content=PNG + bytes(11 << 20))
    assert (large.status_code, "larger than 10 MB" in large.json()["error"]) == (400, True)
    foreign = reader.post("/api/v1/pictures?name=x.png", content=PNG, headers={"sec-fetch-site": "cross-site"})
    assert foreign.status_code == 403
    assert not [path for path in (nb.folder / "pages").rglob("*") if path.suffix not in (".md", "")]


@pytest.mark.parametrize(
    "title", ["学" * 78, "学" * 90, "𠀀" * 120, "a" * 290, "Über " * 59], ids=lambda title: title[:2]
)
def test_a_page_with_a_long_title_is_made_saved_kept_and_deleted(nb, reader, title):
    made = reader.post("/api/v1/pages", json={"text": "Text.\n", "title": title})
    assert made.status_code == 201
    ident = made.json()["id"]
    page = nb.page(ident)
    assert page.title == title.strip()
    assert len(os.fsencode(page.path.name)) <= 255
    text = page.source
    assert put(reader, text + "Theirs.\n", base=text, ident=ident).status_code == 200
    both = put(reader, text + "Mine.\n", base=text, ident=ident)
    assert both.status_code == 409
    assert len(both.json()["copies"]) == 2
    assert {text + "Mine.\n", text + "Theirs.\n"} <= set(kept(nb, "conflicts"))
    assert reader.get(f"/history/{ident}").text.count("conflict") >= 2
    gone = reader.delete(f"/api/v1/pages/{ident}?base={sha_of(nb.page(ident).source)}")
    assert gone.status_code == 200
    assert kept(nb, "trash") == [text + "Theirs.\n"]


def test_long_titles_that_begin_alike_have_files_of_their_own(nb, reader):
    titles = ["学" * 90 + end for end in ("甲", "乙", "丙")]
    for title in titles:
        assert reader.post("/api/v1/pages", json={"text": f"About {title[-1]}.\n", "title": title}).status_code == 201
    assert [nb.page(title).body for title in titles] == [f"About {title[-1]}.\n" for title in titles]


@pytest.mark.parametrize("titles", [["C", "C++", "C#"], ["R (1)", "R: 1"], ["C-2", "C", "C+", "C++"]])
def test_titles_of_the_same_letters_are_pages_of_their_own(nb, reader, titles):
    for title in titles:
        made = reader.post("/api/v1/pages", json={"text": f"About {title}.\n", "title": title})
        assert made.status_code == 201, title
    assert [nb.page(title).title for title in titles] == titles
    assert [nb.page(title).body for title in titles] == [f"About {title}.\n" for title in titles]
    for title in titles:  # the same title again is refused
        again = reader.post("/api/v1/pages", json={"text": "Again.\n", "title": title})
        assert again.status_code in (400, 409), title
