"""Pages in the browser: what is shown, where links lead, and that no text of a page becomes more than text."""

from __future__ import annotations

import json
import os
import re
from html import unescape

import pytest
from evidence_book import EVIL, PNG, assert_harmless, open_app, toy_run

from glassbook.errors import GlassbookError
from glassbook.notebook import Page
from glassbook.web.export import export_site
from glassbook.web.render.citations import citation
from glassbook.web.views import ROUTERS
from glassbook.web.views.glossary import first_sentence

REFERENCES = [
    {
        "id": "2309.12288",
        "type": "article",
        "title": "The Reversal Curse",
        "author": [{"family": name} for name in ("Berglund", "Tong", "Kaufmann", "Balesni")],
        "issued": {"date-parts": [[2023, 9]]},
        "number": "arXiv:2309.12288",
    },
    {
        "id": "shannon",
        "type": "article-journal",
        "title": "A Mathematical Theory of Communication",
        "author": [{"family": "Shannon", "given": "Claude"}],
        "issued": {"date-parts": [[1948]]},
        "container-title": "Bell System Technical Journal",
        "DOI": "10.1002/j.1538-7305.1948.tb01338.x",
    },
    {"id": "evil", "type": "webpage", "title": EVIL, "URL": "javascript:alert(1)"},
]


@pytest.fixture
def nb(nb):
    (nb.folder / "references.json").write_text(json.dumps(REFERENCES))
    body = (
        "## What it is\n\nA $d$-dimensional thing, see [[Circuit]], [[circuit#Its parts|parts]], [[Nobody yet]] and\n"
        "[[#What it is]]. ![a picture](dot.png) [file](circuit.md)\n\n## Why\n\nBecause.\n"
    )
    fields = {"kind": "term", "level": 52, "tags": ["a tag"], "aliases": ["Polysemantic"]}
    nb.write(Page.new("Superposition", body, refs=["2309.12288", "shannon", "nowhere"], **fields))
    nb.write(Page.new("Circuit", "# Circuit\n\nA part. It matters for *[[superposition]]*.\n", kind="term", level=54))
    (nb.folder / "pages" / "terms" / "dot.png").write_bytes(PNG)
    return nb


def test_a_page_shows_its_text_and_what_surrounds_it(nb):
    page = open_app(nb).get("/p/superposition")
    assert page.status_code == 200
    text = unescape(page.text)
    for part in ("<h1>Superposition</h1>", "level 52", "a tag", "Polysemantic", 'href="#what-it-is"', "<math"):
        assert part in text
    # Who links here, with the line as it reads.
    assert re.search(
        r'href="/p/circuit">Circuit</a><span class="mention-text">A part. It matters for superposition.', text
    )


def test_a_heading_that_is_the_title_is_not_shown_twice(nb):
    assert len(re.findall(r"<h1[ >]", open_app(nb).get("/p/circuit").text)) == 1


def test_links_lead_to_pages_sections_new_pages_and_files_beside(nb):
    text = unescape(open_app(nb).get("/p/superposition").text)
    assert '<a href="/p/circuit">Circuit</a>' in text
    assert '<a href="/p/circuit#its-parts">parts</a>' in text
    assert re.search(r'<a class="missing" href="/new\?title=Nobody\+yet"[^>]*>Nobody yet</a>', text)
    assert '<a href="#what-it-is">' in text
    assert '<img src="/beside/terms/dot.png" alt="a picture">' in text
    assert '<a href="/p/circuit"' in text


def test_a_link_can_lead_to_a_run_or_an_experiment(nb):
    run = toy_run(nb)
    nb.write(Page.new("Log", f"[[{run.id}]] [[reversal-curse]]\n"))
    page = open_app(nb).get("/p/log").text
    assert page.count(f'href="/runs/{run.id}"') == 2  # in the text and in the margin
    assert 'href="/x/reversal-curse"' in page
    assert open_app(nb).get("/api/v1/pages/log").json()["runs"] == [run.id]


def test_works_cited_are_told_with_links(nb):
    text = unescape(open_app(nb).get("/p/superposition").text)
    assert "Berglund et al. (2023). <cite>The Reversal Curse</cite>." in text
    assert 'href="https://arxiv.org/abs/2309.12288"' in text
    assert 'href="https://doi.org/10.1002/j.1538-7305.1948.tb01338.x"' in text
    assert "nowhere: not in references.json" in text


@pytest.mark.parametrize(
    ("work", "said"),
    [
        ({"title": "T", "author": [{"family": "A"}, {"literal": "B Group"}]}, ("A and B Group", "", "T")),
        ({"title": ["T", "U"], "author": "A", "issued": {"date-parts": [["1999"]]}}, ("", "1999", "T")),
        ({"title": 1984, "author": [None, {}], "issued": {"date-parts": [[]]}}, ("", "", "1984")),
        ({"title": None, "author": [{"given": "Plato"}], "issued": {"raw": "380 BC"}}, ("Plato", "380 BC", "")),
    ],
)
def test_works_that_are_not_quite_as_csl_has_them(work, said):
    told = citation("key", work)
    assert (told.authors, told.year, told.title) == said


def test_a_work_leads_only_to_web_addresses():
    assert citation("k", {"URL": "javascript:alert(1)"}).links == ()
    assert citation("k", {"URL": "https://example.org/x"}).links == (("link", "https://example.org/x"),)
    assert citation("10.1000/a<b>", {}).links == (("doi", "https://doi.org/10.1000/a%3Cb%3E"),)
    arxiv = citation("2309.12288v2", {"publisher": "arXiv", "DOI": "10.48550/arXiv.2309.12288"})
    assert (arxiv.links, arxiv.place) == ((("arXiv:2309.12288", "https://arxiv.org/abs/2309.12288"),), "")


def test_damaged_references_do_not_hide_a_page(nb):
    (nb.folder / "references.json").write_text("[")
    page = open_app(nb).get("/p/superposition")
    assert page.status_code == 200
    assert "references.json" in page.text
    assert open_app(nb).get("/api/v1/pages/superposition").json()["references_problem"]


def test_another_name_leads_to_the_pages_address(nb):
    answer = open_app(nb).get("/p/Polysemantic")
    assert (answer.status_code, answer.headers["location"]) == (307, "/p/superposition")


def test_the_same_as_json_and_as_the_file(nb):
    reader = open_app(nb)
    data = reader.get("/api/v1/pages/superposition").json()
    assert (data["title"], data["level"], data["tags"]) == ("Superposition", 52, ["a tag"])
    assert data["html"] in reader.get("/p/superposition").text
    assert [link["id"] for link in data["backlinks"]] == ["circuit"]
    assert {"target": "Nobody yet", "id": None} in data["links"]
    assert [work["key"] for work in data["references"]] == ["2309.12288", "shannon", "nowhere"]
    markdown = reader.get("/markdown/superposition")
    assert markdown.content == (nb.folder / data["path"]).read_bytes()
    assert markdown.headers["content-type"] == "text/markdown; charset=utf-8"


def test_what_is_not_there_is_told(nb):
    reader = open_app(nb)
    assert reader.get("/p/superpositio").status_code == 404
    assert "did you mean" in reader.get("/p/superpositio").text
    assert "Superposition" in reader.get("/api/v1/pages/superpositio").json()["error"]
    for path in ("/edit/x", "/markdown/x", "/beside/terms/none.png"):
        assert reader.get(path).status_code == 404


def test_an_unchanged_page_is_not_sent_again(nb):
    reader = open_app(nb)
    tag = reader.get("/p/superposition").headers["etag"]
    again = reader.get("/p/superposition", headers={"if-none-match": tag})
    assert (again.status_code, again.content) == (304, b"")
    nb.write(Page.new("Third", "[[superposition]]\n"))
    changed = reader.get("/p/superposition", headers={"if-none-match": tag})
    assert changed.status_code == 200
    assert "Third" in changed.text


def test_front_matter_that_cannot_be_read_is_told_and_the_text_shown(nb):
    (nb.folder / "pages" / "bad.md").write_text("---\ntitle: [\n---\nStill here.\n")
    page = open_app(nb).get("/p/bad").text
    assert "cannot be read" in page
    assert "Still here." in page


def test_bytes_that_are_no_text_do_not_break_a_page(nb):
    (nb.folder / "pages" / "latin.md").write_bytes(b"---\ntitle: caf\xe9\n---\ncaf\xe9 [[Circuit]]\n")
    reader = open_app(nb)
    assert reader.get("/p/latin").status_code == 200
    assert reader.get("/markdown/latin").content.endswith(b"caf\xe9 [[Circuit]]\n")
    assert reader.get("/api/v1/pages/latin").status_code == 200
    refused = reader.get("/edit/latin")
    assert refused.status_code == 404
    assert "not UTF-8" in refused.text


def test_a_page_whose_id_has_slashes(nb):
    (nb.folder / "pages" / "a").mkdir()
    (nb.folder / "pages" / "a" / "b c.md").write_text("Deep.\n")
    reader = open_app(nb)
    assert "Deep." in reader.get("/p/a/b c").text
    assert "Deep." in reader.get("/edit/a/b c").text
    assert reader.get("/markdown/a/b c").text == "Deep.\n"


def test_texts_of_pages_stay_text(nb):
    body = f"# {EVIL}\n\n{EVIL} [[{EVIL.replace('|', '')}]] [x](javascript:alert(1))\n\n<svg onload=alert(1)>\n"
    text = "---\n" + "".join(
        f"{key}: {json.dumps(value)}\n"
        for key, value in {
            "id": "evil",
            "title": EVIL,
            "kind": EVIL,
            "tags": [EVIL],
            "aliases": [EVIL + "2"],
            "refs": ["evil", EVIL],
            "date": "2025-11-21",
            EVIL: EVIL,
        }.items()
    )
    (nb.folder / "pages" / "evil.md").write_text(text + "---\n" + body + "\n[[superposition|" + EVIL + "]]\n")
    reader = open_app(nb)
    paths = ["/p/evil", "/p/superposition", "/pages", "/pages?order=modified", "/timeline", "/graph", "/glossary"]
    paths += [
        "/graph?page=evil",
        "/search?q=alert",
        "/edit/evil",
        "/p/" + EVIL.replace("/", ""),
        "/new?title=" + EVIL,
    ]
    paths += ["/search?q=" + EVIL, "/pages?tag=" + EVIL, "/pages?kind=" + EVIL]
    for path in paths:
        answer = reader.get(path)
        assert answer.status_code in (200, 404), path
        assert_harmless(answer.text)
    assert_harmless(reader.post("/api/v1/preview", json={"body": text + "---\n" + body}).json()["html"])
    assert "javascript:" not in reader.get("/p/evil").text.replace("(javascript:", "")


@pytest.mark.parametrize(
    "path", ["../glassbook.toml", "../../etc/passwd", "%2e%2e/glassbook.toml", ".hidden/x.png", "a%00b"]
)
def test_nothing_outside_of_pages_is_handed_out(nb, path):
    (nb.folder / "pages" / ".hidden").mkdir()
    (nb.folder / "pages" / ".hidden" / "x.png").write_bytes(PNG)
    assert open_app(nb).get(f"/beside/{path}").status_code == 404


def test_files_beside_pages_cannot_do_anything(nb):
    (nb.folder / "pages" / "x.html").write_text("<script>alert(1)</script>")
    (nb.folder / "pages" / "out.png").symlink_to(nb.folder / "glassbook.toml")
    reader = open_app(nb)
    html = reader.get("/beside/x.html")
    assert html.headers["content-type"] == "application/octet-stream"
    assert "attachment" in html.headers["content-disposition"]
    assert "sandbox" in html.headers["content-security-policy"]
    assert reader.get("/beside/terms/dot.png").headers["content-type"] == "image/png"
    assert reader.get("/beside/out.png").status_code == 404


def test_lists_of_pages_by_kind_tag_and_part(nb):
    for n in range(120):
        nb.write(Page.new(f"Note {n:03}", tags=["many"]))
    reader = open_app(nb)
    first = reader.get("/pages?tag=many").text
    assert "Note 000" in first
    assert "Note 110" not in first
    assert "Note 110" in reader.get("/pages?tag=many&page=2").text
    data = reader.get("/api/v1/pages?kind=term&order=level").json()
    assert [page["id"] for page in data["pages"]] == ["circuit", "superposition"]
    assert data["total"] == 2
    assert reader.get("/pages?order=colour").status_code == 422
    assert reader.get("/pages?page=0").status_code == 422


def test_the_glossary_goes_from_high_to_low(nb):
    nb.write(Page.new("Entropy", "", kind="term"))
    reader = open_app(nb)
    data = reader.get("/api/v1/glossary").json()
    assert [term["id"] for term in data["terms"]] == ["circuit", "superposition", "entropy"]
    assert data["terms"][0]["sentence"] == "<p>A part.</p>\n"
    assert "<math" in data["terms"][1]["sentence"]
    page = reader.get("/glossary").text
    assert page.index("Circuit") < page.index("Superposition") < page.index("Entropy")
    assert {entry["experiment"] for entry in data["terms"][1]["evidence"]} >= {"superposition"}
    page = nb.page("entropy")
    page.body = "How much is not known. More.\n"
    nb.write(page)
    assert "How much is not known.</p>" in reader.get("/glossary").text


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ("One. Two.", "One."),
        ("## Head\n\nA thing (e.g. this one) is. Next.", "A thing (e.g. this one) is."),
        ("```glassbook\nrun: {}\n```\n\nText at\nlast! More", "Text at last!"),
        ("It is $0.5$ or `a. b` and [[x. y|z]]. End.", "It is $0.5$ or `a. b` and [[x. y|z]]."),
        ("- an item. Two", "an item."),
        ('He asks "who is B?" Nobody knows.', 'He asks "who is B?"'),
        ("no stop", "no stop"),
        ("", ""),
        ("By J. Doe et al. in 1948. More.", "By J. Doe et al. in 1948."),
    ],
)
def test_first_sentences(body, sentence):
    assert first_sentence(body) == sentence


def test_the_timeline_knows_sessions_moments_and_runs(nb):
    nb.write(Page.new("2025-11-21 A session", kind="session"))
    nb.write(Page.new("A moment", extra={"date": "2024-03-01"}))
    (nb.folder / "pages" / "2023-05-06-old.md").write_text("# Old\n")
    run = toy_run(nb)
    reader = open_app(nb)
    data = reader.get("/api/v1/timeline").json()
    days = {day["day"]: day for day in data["days"]}
    assert [page["title"] for page in days["2025-11-21"]["pages"]] == ["2025-11-21 A session"]
    assert days["2024-03-01"]["pages"][0]["title"] == "A moment"
    assert days["2023-05-06"]["pages"][0]["title"] == "Old"
    ran = [entry for day in data["days"] for entry in day["runs"]]
    assert [(entry["run"], entry["states"]) for entry in ran] == [(run.id, {"finished": 1})]
    assert [day["day"] for day in data["days"]] == sorted(days, reverse=True)
    page = reader.get("/timeline").text
    assert "21 November 2025" in page
    assert f"/runs/{run.id}" in page
    earlier = reader.get("/api/v1/timeline?before=2024-03-01").json()["days"]
    assert [day["day"] for day in earlier if day["pages"]] == ["2023-05-06"]
    assert "1985-05" in [day["day"] for day in earlier]  # a moment that policy speaks of


def test_the_graph_round_a_page_and_of_all(nb):
    nb.write(Page.new("Alone", "nothing\n"))
    reader = open_app(nb)
    near = reader.get("/api/v1/graph?page=circuit").json()
    assert {node["id"] for node in near["nodes"]} == {"circuit", "superposition"}
    assert near["page"] == "circuit"
    whole = reader.get("/api/v1/graph").json()
    assert {node["id"]: node["links"] for node in whole["nodes"]} == {"circuit": 1, "superposition": 1, "alone": 0}
    page = reader.get("/graph?page=circuit&depth=2").text
    assert 'href="/p/superposition"' in page  # the list says the same without a script
    assert reader.get("/graph?depth=3").status_code == 422
    assert reader.get("/graph?page=nobody").status_code == 404


def test_two_pages_with_one_id_are_both_in_the_whole_graph(nb):
    terms = nb.folder / "pages" / "terms"
    (terms / "superposition (copy).md").write_text((terms / "superposition.md").read_text())
    (terms / "a-copy.md").write_text("---\nid: circuit\ntitle: A copy\n---\n[[superposition]]\n")
    reader = open_app(nb)
    whole = reader.get("/api/v1/graph").json()
    titles = {node["id"]: node["title"] for node in whole["nodes"]}
    assert titles["circuit"] == "A copy"
    assert titles["terms/circuit"] == "Circuit"
    assert len(titles) == len(whole["nodes"]) == 4
    assert ("circuit", "superposition") in map(tuple, whole["edges"])
    for node in whole["nodes"]:
        assert reader.get(f"/api/v1/pages/{node['id']}").json()["title"] == node["title"]
    assert reader.get("/graph").status_code == 200


ODD_NAMES = [b"new\nline", b"end\n", b"\r", b"tab\tname", b"bell\x07\x1b[31m", b"trailing ", b" leading", b"dot."]
ODD_NAMES += [b"a#b", b"a?b=c&d", b"50%", b"a\\b", b"quote\"'<b>", b"con", b"x" * 252, b"\xe2\x80\xaetxt"]
ODD_NAMES += [b"e\xcc\x81", b"\xc3\xa9", b"A", b"a", b"-rf", b"/".join([b"d" * 200] * 4)]
LIKE_ROUTES = [b"x", b"x/edit", b"x/history", b"x/rename", b"x/raw", b"x/history/v", b"x.md", b"edit", b"new", b"p/x"]
LIKE_ROUTES += [b"three.js", b"a/files/b", b"api/v1/pages", b"runs/1", b"x/edit/edit", b"markdown/x"]


def write_named(nb, names: list[bytes]) -> None:
    """Pages in files of these names, each with its name (as Python writes it) as its text."""
    for name in names:
        file = nb.folder / "pages" / f"{os.fsdecode(name)}.md"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"# Page\n\n`{name!r}`\n")


@pytest.mark.parametrize("names", [ODD_NAMES, LIKE_ROUTES], ids=["odd", "like routes"])
def test_a_page_of_any_name_opens_by_its_link_and_shadows_nothing(nb, names):
    write_named(nb, names)
    reader = open_app(nb)
    assert nb.index.problems() == []
    for data in reader.get("/api/v1/pages?limit=1000&kind=note").json()["pages"]:
        (said,) = re.findall("`(.*)`", (nb.folder / data["path"]).read_text())
        page = reader.get(data["url"], follow_redirects=False)
        assert (said, page.status_code, said in unescape(page.text)) == (said, 200, True)
        assert f'href="{data["url"]}"' in unescape(reader.get("/pages?kind=note").text)
        tools = re.search('<p class="page-tools".*?</p>', page.text)[0]
        edit, rename, history, graph, markdown = (unescape(href) for href in re.findall('href="(.*?)"', tools))
        assert said in unescape(re.search("<textarea.*?</textarea>", reader.get(edit).text, re.DOTALL)[0])
        assert said in reader.get(markdown).text
        assert [reader.get(url).status_code for url in (rename, history, graph)] == [200] * 3
        json_url = "/api/v1/pages" + data["url"].removeprefix("/p")
        known = reader.get(json_url).json()
        assert known["id"] == data["id"]
        saved = reader.put(json_url, json={"text": known["body"] + "more\n", "base": known["sha"]})
        assert saved.json()["url"] == data["url"]
        assert (nb.folder / data["path"]).read_text().endswith(f"`{said}`\nmore\n")


def test_a_page_of_any_name_is_exported(nb, tmp_path):
    names = [*ODD_NAMES, *LIKE_ROUTES, b"%2e%2e%2f"]  # the last: other test clients decode addresses twice
    write_named(nb, names)
    done = export_site(nb, tmp_path / "site")
    assert done.left_out == ()
    texts = [unescape(file.read_text()) for file in (tmp_path / "site" / "p").rglob("*.html")]
    for name in names:
        assert sum(f"<code>{name!r}</code>" in text for text in texts) == 1


def test_names_that_are_not_utf8_are_passed_over_and_said(nb):
    write_named(nb, [b"\xff\xfe", b"sub/caf\xe9", b"ok\xc3"])
    assert open_app(nb).get("/api/v1/pages?kind=note").json()["pages"] == []
    assert sorted(nb.index.problems()) == [
        r"pages/\udcff\udcfe.md: its name is not UTF-8; rename it",
        r"pages/ok\udcc3.md: its name is not UTF-8; rename it",
        r"pages/sub/caf\udce9.md: its name is not UTF-8; rename it",
    ]


@pytest.mark.parametrize("ident", [".", "..", "a/../b", "./a", "x" * 1001], ids=["dot", "dots", "up", "here", "long"])
def test_an_id_that_no_address_can_end_in_is_told_and_the_page_opens_by_its_file(nb, ident):
    (nb.folder / "pages" / "named.md").write_text(f"---\nid: {ident}\n---\nStill here.\n")
    page = open_app(nb).get("/p/named", follow_redirects=False)
    assert "Still here." in page.text
    assert "id:" in page.text
    with pytest.raises(GlassbookError, match="id"):
        nb.write(Page.new("Other", id=ident))


def test_pages_that_share_an_id_are_each_saved_by_their_own_address(nb):
    for name in ("first", "second", "third"):
        (nb.folder / "pages" / f"{name}.md").write_text(f"---\nid: one\n---\n{name}\n")
    reader = open_app(nb)
    for url, name in (("/p/one", "first"), ("/p/second", "second"), ("/p/third", "third")):
        assert f'data-id="{url.removeprefix("/p/")}"' in reader.get(url.replace("/p/", "/edit/")).text
        json_url = "/api/v1/pages" + url.removeprefix("/p")
        base = reader.get(json_url).json()["sha"]
        saved = reader.put(json_url, json={"text": f"---\nid: one\n---\n{name} more\n", "base": base})
        assert (saved.status_code, saved.json()["url"]) == (200, url)
        assert (nb.folder / "pages" / f"{name}.md").read_text().endswith(f"{name} more\n")


@pytest.mark.parametrize("place", ["edit", "rename", "history"])
def test_the_earlier_addresses_of_the_editor_lead_on_where_no_page_has_them(nb, place):
    reader = open_app(nb)
    moved = reader.get(f"/p/circuit/{place}", follow_redirects=False)
    assert (moved.status_code, moved.headers["location"]) == (307, f"/{place}/circuit")
    assert reader.get(f"/p/none/{place}", follow_redirects=True).status_code == 404


def test_no_route_begins_like_the_names_of_another():
    paths = {route.path for router in ROUTERS for route in router.routes}
    open_ended = {path for path in paths if ":path}" in path}
    assert "/p/{name:path}" in open_ended
    for path in open_ended:
        assert path.endswith(":path}")
        assert [other for other in paths - {path} if other.startswith(path[: path.rindex("{")])] == []
