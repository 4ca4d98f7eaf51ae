"""The notebook as files: every link leads somewhere, nothing needs the server, and nothing is left half-written."""

from __future__ import annotations

import json
import os
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from evidence_book import CHART, EVIL, PNG, evil_run, toy_run
from test_features_views import write_dashboard

from glassbook.assets.starter import SOURCE
from glassbook.errors import GlassbookError
from glassbook.notebook import Notebook, Page
from glassbook.web.export import export_page, export_site
from glassbook.web.export.pictures import clean_svg
from glassbook.web.export.urls import FileNames, normalize

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
NEEDS_SERVER = {"script", "form", "button", "dialog", "noscript", "template", "select", "textarea"}
ODD = ["über uns", "a/b c", "..", "100%", "x?y#z", "con", "über" * 60, "a.html", "a.html/b"]


class Seen(HTMLParser):
    """Links, pictures, anchors and elements of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.ids: set[str] = set()
        self.tags: set[str] = set()
        self.bad: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        for name, value in attrs:
            if name in ("href", "src"):
                self.links.append(value)
            elif name == "id":
                self.ids.add(value)
            elif name.startswith(("on", "data-")) or name in ("action", "style"):
                self.bad.append(f"{tag} {name}")


@pytest.fixture(scope="module")
def nb(tmp_path_factory) -> Notebook:
    notebook = Notebook.create(tmp_path_factory.mktemp("export") / "book", "Léonie's <book>")
    for name in ("superposition", "sparse-coding", "reversal-curse"):
        found = next((SOURCE / "pages").rglob(f"{name}.md"))
        shutil.copy(found, notebook.folder / "pages" / found.name)
    run = toy_run(notebook)
    write_dashboard(run.folder)
    toy_run(notebook, seed=1)
    evil_run(notebook)
    (notebook.folder / "pages" / "a picture.png").write_bytes(PNG)
    (notebook.folder / "pages" / "drawn.svg").write_text(
        "<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script><circle r='4' onclick='x()'/></svg>"
    )
    body = (
        f"# Links\n\n[[superposition]] [[superposition#no such section]] [[Nowhere]] [[{run.id}]]\n"
        "[[#Second]] [[#none]] "
        "![a](<../a picture.png>) ![b](../drawn.svg) ![gone](gone.png) [up](../../../etc/passwd) [no](/nothing/here)\n"
        "[page](/p/SUPERposition) [out](https://example.org/x?y=1) [run](/runs/none) [stream](/%65vents) [e](/new)\n"
        f"[weights](../../runs/{run.id}/artifacts/w.bin) [dot](../../runs/{run.id}/images/dot.png)\n\n- [x] done\n\n"
        "## Second\n\n$x^2$\n\n```glassbook\nchart: {run: " + run.id + ", name: curve}\n```\n\n"
        "```glassbook\nattention: {model: builtin, prompt: a fox}\n```\n\n"
        "```glassbook\nlatents: {seed: 3, set: {0: 2.5}, strip: 1}\n```\n\n"
        "```glassbook\nimage: {run: " + run.id + ", name: dot}\n```\n\n"
        "```glassbook\nfeature: {run: " + run.id + ", index: 0}\n```\n"
    )
    notebook.write(Page.new("Links", body, tags=["of one", "a&b"]))
    notebook.write(Page.new("links two", "# links two\n\n[[Links]]\n"))
    for n, ident in enumerate(ODD):
        text = f"---\nid: {ident!r}\ntitle: odd {n}\n---\n\n# odd {n}\n\n[[LINKS-2]] {EVIL}\n"
        (notebook.folder / "pages" / f"odd{n}.md").write_text(text)
    (notebook.folder / "pages" / "runs").mkdir()
    (notebook.folder / "pages" / "runs" / "x.md").write_text("---\nid: A\u0300\ntitle: LINKS\n---\n\n# Upper\n")
    (notebook.folder / "pages" / "folded.md").write_text("---\nid: stra\u00dfe\ntitle: Folded\n---\n\n[[odd 1]]\n")
    return notebook


@pytest.fixture(scope="module")
def site(nb, tmp_path_factory) -> Path:
    return export_site(nb, tmp_path_factory.mktemp("out") / "site").path


def test_every_link_leads_to_a_file_and_an_anchor_in_it(site):
    pages = {path: Seen(path.read_text()) for path in site.rglob("*.html")}
    assert len(pages) > 40
    checked = 0
    for path, seen in pages.items():
        for link in seen.links:
            parts = urlsplit(link)
            if parts.scheme:
                continue
            assert not link.startswith("/"), (path, link)
            assert not parts.query, (path, link)
            target = Path(os.path.normpath(path.parent / unquote(parts.path))) if parts.path else path
            assert target.is_file(), (path, link)
            assert target.is_relative_to(site)
            if parts.fragment:
                assert unquote(parts.fragment) in pages[target].ids, (path, link)
            checked += 1
    assert checked > 500


def test_nothing_needs_the_server(site):
    for path in site.rglob("*.html"):
        text = path.read_text()
        seen = Seen(text)
        assert seen.tags & NEEDS_SERVER == {"script"}, path
        assert re.findall(r"<script[^>]*>", text) == [f'<script defer src="{up(path, site)}search.js">']
        assert seen.bad == [], path
        assert not re.search(r"\d (second|minute|hour|day|week|month|year)s? ago\b|\bjust now\b", text), path
        assert text.count("<main") == text.count("</main>") == 1


def up(path: Path, site: Path) -> str:
    return "../" * (len(path.relative_to(site).parts) - 1)


def test_the_search_knows_titles_and_headings(site):
    text = (site / "search-index.js").read_text()
    assert text.isascii()
    index = json.loads(text.removeprefix("window.glassbookIndex=").rstrip(";\n"))
    by_title = {title: (file, headings) for title, file, headings in index}
    file, headings = by_title["Links"]
    assert ["Second", "second"] in headings
    assert (site / unquote(file)).is_file()
    assert "Feature 0: foxes" in by_title


def test_no_two_files_differ_only_in_case(site):
    names = [str(path.relative_to(site)).casefold() for path in site.rglob("*") if path.is_file()]
    assert len(set(names)) == len(names)
    titles = [path.read_text() for path in (site / "p").rglob("*.html")]
    for title in ["Links", "links two", "LINKS", "Folded", *(f"odd {n}" for n in range(len(ODD)))]:
        assert any(f"<title>{title} " in text for text in titles), title


def test_charts_curves_and_histograms_are_pictures(site, nb):
    run = nb.runs("toy")[-1]
    text = (site / "runs" / f"{run.id}.html").read_text()
    assert text.count('class="picture"') == 3  # a chart and the curves of two metrics
    assert 'alt="loss by step"' in text
    assert f"{run.id}/files/images/dot.png" in text
    feature = (site / "features" / run.id / "0.html").read_text()
    assert 'alt="histogram' in feature
    pictures = list((site / "charts").glob("*.svg"))
    assert len(pictures) >= 8
    for picture in pictures:
        assert "<script" not in picture.read_text()
    # They follow the theme of the reader.
    for text in (picture.read_text() for picture in pictures):
        assert "prefers-color-scheme: dark" in text
        assert re.search(r'<rect[^>]*fill="white"', text) is None
    assert any("<path" in picture.read_text() for picture in pictures)


def test_attention_lenses_latents_and_the_graph_are_pictures(site):
    page = next(path for path in (site / "p").rglob("*.html") if "<title>Links " in path.read_text()).read_text()
    found = re.search(r'<img class="picture" src="([^"]+)" alt="attention of builtin on “a fox”">', page)
    assert found
    picture = (site / "p" / found[1]).resolve().read_text()
    assert "blocks.0, head 0" in picture
    assert "data:image/png;base64," in picture
    found = re.search(r'<img class="picture" src="([^"]+)" alt="latents of builtin-vae">', page)
    assert found
    picture = (site / "p" / found[1]).resolve().read_text()
    assert picture.count("data:image/png;base64,") == 3 + 7
    assert "latent 0: 2.5, of the picture " in picture
    graph = (site / "graph.html").read_text()
    found = re.search(r'<img class="picture" src="([^"]+)" alt="pages and the links between them">', graph)
    assert found
    assert "Superposition" in (site / found[1]).read_text()
    assert "<button" not in graph


def test_pictures_are_copied_and_weights_are_not(site):
    files = {path.name for path in site.rglob("*") if path.is_file()}
    assert {"a picture.png", "drawn.svg", "dot.png"} <= files
    assert not files & {"w.bin", "features.sqlite", "run.json", "events.jsonl", "gone.png"}
    drawn = next(site.rglob("drawn.svg")).read_text()
    assert "circle" in drawn
    assert "script" not in drawn
    assert "onclick" not in drawn
    links = next(path for path in (site / "p").rglob("*.html") if "<title>Links " in path.read_text()).read_text()
    assert "https://example.org/x?y=1" in links
    assert "Attention of" in links
    assert re.search(r'href="[^"]*superposition\.html"[^>]*>page</a>', links)
    assert 'type="checkbox"' in links
    assert "weights" in links


def test_an_export_replaces_an_earlier_one_and_nothing_else(nb, tmp_path):
    place = tmp_path / "deep" / "site"
    (small := Notebook.create(tmp_path / "small")).write(Page.new("One", "# One\n"))
    done = export_site(small, place)
    assert done.pages >= 10
    (place / "old.html").touch()
    small.write(Page.new("Two", "# Two\n"))
    export_site(small, place)
    assert not (place / "old.html").exists()
    assert (place / "p" / "two.html").is_file()
    assert [path.name for path in place.parent.iterdir()] == ["site"]
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "thesis.tex").touch()
    for folder, said in [
        (foreign, "no earlier export"),
        (small.folder, "notebook itself"),
        (tmp_path, "notebook itself"),
    ]:
        with pytest.raises(GlassbookError, match=said):
            export_site(small, folder)
    with pytest.raises(GlassbookError, match="notebook itself"):
        export_site(small, small.folder / "pages" / "site")
    assert (foreign / "thesis.tex").exists()


def test_pages_whose_names_differ_in_case_have_files_of_their_own(tmp_path):
    nb = Notebook.create(tmp_path / "nb")
    for ident in ("same", "SAME", "Same"):
        (nb.folder / "pages" / f"of {ident}.md").write_text(f"---\nid: {ident}\ntitle: This is {ident}\n---\n\nText.\n")
    site = tmp_path / "site"
    assert export_site(nb, site).left_out == ()
    files = {
        ident: [f for f in site.rglob("*.html") if f"<h1>This is {ident}</h1>" in f.read_text()]
        for ident in ("same", "SAME", "Same")
    }
    assert [len(found) for found in files.values()] == [1, 1, 1]
    assert len({str(found[0]).casefold() for found in files.values()}) == 3  # also where the disk knows no case


def test_a_full_disk_leaves_the_earlier_export(tmp_path, monkeypatch):
    nb = Notebook.create(tmp_path / "nb")
    place = tmp_path / "site"
    export_site(nb, place)
    before = sorted(path.name for path in place.rglob("*"))
    real, count = Path.write_bytes, 0

    def full(path, data):
        nonlocal count
        count += 1
        if count == 5:
            raise OSError(28, "No space left on device")
        return real(path, data)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(GlassbookError, match="No space left"):
        export_site(nb, place)
    monkeypatch.undo()
    assert sorted(path.name for path in place.rglob("*")) == before
    assert {path.name for path in tmp_path.iterdir()} == {"nb", "site"}


def test_one_page_is_one_file(nb, tmp_path):
    done = export_page(nb, "Links", tmp_path / "links.html")
    text = done.path.read_text()
    seen = Seen(text)
    assert not seen.tags & NEEDS_SERVER
    assert "link" not in seen.tags or 'rel="stylesheet"' not in text
    for link in seen.links:
        assert link.startswith(("data:image/", "https://", "#")), link
    assert text.count('src="data:image/') >= 4
    assert "prefers-color-scheme: dark" in text
    assert "url(" not in text
    with pytest.raises(GlassbookError, match="no page"):
        export_page(nb, "Nowhere", tmp_path / "none.html")
    assert not (tmp_path / "none.html").exists()


def test_addresses_become_names_that_every_disk_takes():
    names = FileNames()
    made = [names.file(a) for a in ["/p/a", "/p/A", "/p/..", "/p/a/b", "/p/con", "/p/a%3Ab", "/p/a_b", "/p/x.", "/"]]
    assert made[0] == "p/a.html"
    assert made[-1] == "index.html"
    assert len({name.casefold() for name in made}) == len(made)
    assert not any(part in ("..", ".") for name in made for part in name.split("/"))
    assert all(len(part.encode()) < 200 for part in names.file("/p/" + "%C3%BC" * 400).split("/"))
    assert normalize("/%65vents", "") is None
    assert normalize("/edit/a", "") is None
    assert normalize("/p/a/edit", "") == "/p/a/edit"  # a page may be called so
    assert names.file("/p/a/files/b") == "p/a/files/b.html"
    assert normalize("/pages", "kind=&tag=x&order=title") == "/pages?tag=x"
    assert normalize("/pages", "order=level") is None
    assert normalize("/features/a-run", "order=index") is None  # the page itself begins with the best
    assert normalize("/features/a-run", "page=2") == "/features/a-run?page=2"
    assert normalize("/runs/x/files/artifacts/w.bin", "") is None


def test_a_picture_that_is_no_picture_is_none():
    assert clean_svg("no xml <") is None
    assert clean_svg("<html xmlns='http://www.w3.org/1999/xhtml'/>") is None
    assert "http" not in clean_svg("<svg><image href='http://evil/x.png'/></svg>")
    assert CHART["mark"] == "point"


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine; install it or name it in $CHROMIUM")
def test_it_opens_from_disk(site, nb):
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 390, "height": 800}, color_scheme="dark")
        wrong: list[str] = []
        page.on("requestfailed", lambda request: wrong.append(request.url))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.goto((site / "index.html").as_uri())
        page.get_by_role("link", name="Glossary").click()
        page.get_by_role("main").get_by_role("link", name="Superposition").first.click()
        assert page.locator("h1").first.inner_text() == "Superposition"
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(22, 24, 27)"
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        page.get_by_role("link", name="Runs", exact=True).click()
        page.get_by_role("row").filter(has_text="toy").last.get_by_role("link").first.click()
        page.get_by_role("link", name="Browse the features").click()
        assert page.evaluate("[...document.images].every((i) => i.naturalWidth > 0)")
        page.get_by_role("row").filter(has_text="foxes").get_by_role("link").first.click()
        assert "foxes" in page.locator("h1").first.inner_text()
        assert page.evaluate("[...document.images].every((i) => i.naturalWidth > 0)")
        assert page.locator("img.picture").count() == 1
        page.keyboard.press("/")
        page.keyboard.type("superposition contested")
        page.get_by_role("search").get_by_role("link").first.wait_for()
        page.keyboard.press("Enter")
        page.wait_for_url("**/superposition.html#what-is-contested")
        assert wrong == []
        browser.close()


def test_the_command_says_what_to_open(tmp_path, capsys):
    from glassbook.cli.app import main

    nb = Notebook.create(tmp_path / "nb")
    nb.write(Page.new("One", "# One\n"))
    given = ["--notebook", str(nb.folder)]
    assert main(["export", str(tmp_path / "site"), "--json", *given]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (Path(said["path"]) / "index.html").is_file()
    assert said["left_out"] == []
    assert main(["export", str(tmp_path / "one.html"), "--page", "One", *given]) == 0
    assert str(tmp_path / "one.html") in capsys.readouterr().out
    for name in ("one", "one.txt", "one.html.gz"):
        assert main(["export", str(tmp_path / name), "--page", "One", *given]) == 2
        assert f"name it {name}.html" in capsys.readouterr().err
        assert not (tmp_path / name).exists()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "file").touch()
    assert main(["export", str(tmp_path / "mine"), *given]) == 2
    error = capsys.readouterr().err.strip()
    assert "no earlier export" in error
    assert "Traceback" not in error
