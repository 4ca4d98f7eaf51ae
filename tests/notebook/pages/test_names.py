"""Names that links may use, and which of several pages of one name is meant."""

from __future__ import annotations

import os
import tarfile
import unicodedata
from pathlib import Path

import pytest

from glassbook.errors import GlassbookError
from glassbook.notebook import Notebook, Page
from glassbook.notebook.importing import plan
from glassbook.notebook.pages.names import lookup_key, names_of, vault_of

DATA = Path(os.environ.get("GLASSBOOK_DATA", "")) / "notes"


def write(nb: Notebook, **files: str) -> None:
    for name, text in files.items():
        path = nb.folder / "pages" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


VAULT = ["Home", "Space", "API/space", "API/Deep/Note", "Other/Note", "API/page", "Space/page", "a/b", "API/a/b"]


@pytest.mark.parametrize(
    ("source", "target", "there"),
    [
        ("Home", "Space", "Space"),
        ("API/page", "space", "API/space"),
        ("Home", "API/Space", "API/space"),
        ("Home", "Deep/Note", "API/Deep/Note"),
        ("Home", "Note.md", "Other/Note"),
        ("API/page", "Note", "API/Deep/Note"),
        ("API/page", "/Other/Note", "Other/Note"),
        ("API/page", "../Other/Note.md", "Other/Note"),
        ("API/Deep/Note", "../page", "API/page"),
        ("Space/page", "API/page", "API/page"),
        ("API/page", "a/b", "a/b"),
        ("API/page", "./a/b.md", "API/a/b"),
        ("API/page", "./Other/Note.md", "Other/Note"),
        ("Home", "Nobody/Note", None),
        ("Home", "eep/Note", None),
        ("Home", "../../../../etc/passwd", None),
    ],
)
def test_links_in_a_vault(nb, source, target, there):
    write(nb, **{f"vault/{name}.md": "x\n" for name in VAULT})
    found = nb.index.path_of(target, f"pages/vault/{source}.md")
    assert found == (there and f"pages/vault/{there}.md")


def test_each_vault_keeps_its_own_links_and_takes_none_of_the_notebook(nb):
    nb.write(Page.new("Home", "[[Plan]]"))
    nb.write(Page.new("A plan", "", aliases=["Plan"]))
    write(nb, **{"one/Home.md": "[[Plan]]", "one/Plan.md": "x", "two/sub/Home.md": "", "two/Start.md": "[[home]]"})
    assert nb.index.resolve("Home") == "home"
    assert nb.index.resolve("Plan", "pages/notes/home.md") == "a-plan"
    assert nb.index.resolve("Plan", "pages/one/Home.md") == "one/Plan"
    assert nb.index.resolve("Plan", "pages/two/Start.md") == "a-plan"
    assert nb.index.resolve("Home", "pages/two/Start.md") == "two/sub/Home"
    assert [link.id for link in nb.index.backlinks("two/sub/Home")] == ["two/Start"]
    assert [link.id for link in nb.index.backlinks("one/Plan")] == ["one/Home"]
    assert [link.id for link in nb.index.backlinks("a-plan")] == ["home"]
    assert nb.index.graph("pages/one/Home.md").edges == [("one/Home", "one/Plan")]


def test_a_file_goes_before_the_title_of_another_in_a_vault_but_not_in_the_notebook(nb):
    write(nb, **{"v/Beta.md": "x", "v/Alpha.md": "---\ntitle: Beta\n---\n"})
    assert nb.index.resolve("Beta") == "v/Beta"
    own = Page.new("Gamma", "")
    nb.write(own)
    nb.write(Page.new("Other", "", id="gamma-2", path=nb.folder / "pages" / "notes" / "Gamma2.md", aliases=["GAMMA"]))
    assert nb.index.resolve("gamma") == "gamma"


def test_markdown_links_are_links_too(nb):
    write(
        nb, **{"v/a.md": "[b](sub/b%20c.md#Some%20part) [no](https://x.org/b.md) `[c](sub/b.md)`", "v/sub/b c.md": ""}
    )
    assert nb.index.links("pages/v/a.md") == [("sub/b c.md", "v/sub/b c")]
    (link,) = nb.index.backlinks("v/sub/b c")
    assert (link.id, link.section, link.line) == ("v/a", "Some part", 1)


def test_pages_of_one_id_or_in_two_cases_each_have_an_address(nb):
    write(nb, **{"A.md": "one", "a.md": "two", "x/d1.md": "---\nid: same\n---\n", "x/d2.md": "---\nid: same\n---\n"})
    rows = {row.path: row.id for row in nb.index.page_rows()}
    assert rows["pages/x/d2.md"] == "x/d2"
    assert {path: nb.index.path_of(ident) for path, ident in rows.items()} == {path: path for path in rows}
    page = nb.page("A")
    page.body = "changed"
    nb.write(page)
    assert (nb.page("A").body, nb.page("a").body) == ("changed", "two")


def test_names_and_keys():
    page = Page.parse("x", name="v/notes/Parent___Child")
    names = names_of(page, "pages/v/notes/Parent___Child.md")
    assert {"parent/child", "parent___child", "v/notes/parent___child", "/v/notes/parent___child"} <= names.keys()
    assert vault_of("pages/terms/x.md") == vault_of("pages/x.md") == ""
    assert vault_of("pages/My vault/a/x.md") == "My vault"
    assert lookup_key("../x.MD", "pages/v/a/b.md") == "/v/x"
    assert lookup_key(unicodedata.normalize("NFD", "Ü/É")) == "ü/é"


@pytest.mark.skipif(not DATA.is_dir(), reason="GLASSBOOK_DATA names no folder with notes/")
@pytest.mark.parametrize("name", ["foam-docs-vault", "google-ml-glossary-vault"])
def test_links_of_real_vaults_lead_to_the_right_page(nb, tmp_path, name):
    with tarfile.open(DATA / f"{name}.tar.gz") as archive:
        archive.extractall(tmp_path, filter="data")
    root = tmp_path / name
    plan(root).apply(nb)
    nb.index.follow()
    by_path = {path.relative_to(root).as_posix().lower(): path for path in root.rglob("*.md")}
    right, wrong = 0, []
    for row in nb.index.page_rows(limit=10_000):
        own = Path(row.path).relative_to(f"pages/{name}")
        for said, ident in nb.index.links(row.path):
            place = os.path.normpath(own.parent / said).lower()
            near = [path for path in by_path if f"/{path}".endswith(f"/{said.lower()}.md")]
            want = place if place in by_path else min(near, key=lambda p: (p.count("/"), len(p)), default=None)
            if want is not None:
                there = by_path[want].relative_to(root).as_posix()
                right += ident == f"{name}/{there}"[:-3]
                wrong += [(row.path, said, ident)] if ident != f"{name}/{there}"[:-3] else []
    assert right > 100
    assert len(wrong) <= 0.01 * (right + len(wrong)), wrong[:5]


@pytest.mark.parametrize(
    ("title", "aliases", "said"),
    [
        ("Softmax", [], ["Softmax"]),
        ("Another", ["soft max", "New name"], ["soft max"]),
        ("SOFT MAX", ["softmax"], ["SOFT MAX", "softmax"]),
        ("Neuron", [], ["Neuron"]),
        ("New name", ["Newer"], None),
    ],
)
def test_a_new_page_yields_the_names_that_mean_another(nb, title, aliases, said):
    nb.write(Page.new("Soft max", "", aliases=["Softmax"]))
    write(nb, **{"brain/Neuron.md": "x"})
    nb.write(Page.new("Linking", "[[softmax]] [[Soft Max]] [[neuron]] [[New name]]"))
    before = dict(nb.index.links(nb.page("Linking")))
    page = nb.write(Page(id="own", title=title, aliases=aliases))
    assert page.extra.get("yields") == said
    now = dict(nb.index.links(nb.page("Linking")))
    assert all(now[name] == there for name, there in before.items() if there)
    assert nb.page("own").title == title
    assert nb.page(title).id == (before.get(title.lower()) or "own" if title != "SOFT MAX" else "soft-max")


def test_an_old_page_that_gets_another_name_yields_it(nb):
    nb.write(Page.new("Soft max", "", aliases=["Softmax"]))
    page = nb.write(Page.new("Other"))
    page.aliases = ["softmax", "Mine"]
    assert nb.write(page).extra["yields"] == ["softmax"]
    assert nb.index.resolve("softmax") == "soft-max"
    assert nb.index.resolve("mine") == "other"


def test_a_name_that_is_yielded_is_found_when_nobody_else_has_it(nb):
    first = nb.write(Page.new("Softmax"))
    nb.write(Page(id="own", title="Softmax"))
    assert nb.index.resolve("Softmax") == "softmax"
    nb.remove(first)
    assert nb.index.resolve("Softmax") == "own"


def test_an_id_that_means_another_page_is_refused(nb):
    nb.write(Page.new("Dictionary learning", aliases=["SAE"]))
    with pytest.raises(GlassbookError, match="give this page another id"):
        nb.write(Page.new("SAE"))
    assert [page.id for page in nb.pages()] == ["dictionary-learning"]


@pytest.mark.parametrize("name", ["Überblick", "é/ñ", "ガ行", "Å"])
def test_names_in_any_unicode_form_mean_one_page(nb, name):
    forms = [unicodedata.normalize(form, name) for form in ("NFC", "NFD")]
    for form in forms:
        file = nb.folder / "pages" / "v" / f"{form}.md"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("x\n")
        found = {nb.index.path_of(said, source) for said in forms for source in ("", "pages/v/other.md")}
        assert found == {f"pages/v/{form}.md"}
        file.unlink()


@pytest.mark.parametrize("names", [["Lint"], ["lint", "Workspace lint"], ["LINT.md"]])
def test_in_a_vault_a_file_goes_before_a_title_though_its_name_is_yielded(nb, names):
    files = {"a/lint.md": "old", "v/cli/lint.md": f"---\nyields: {names}\n---\n", "v/lint-tool.md": "# Lint\n"}
    for name, text in files.items():
        (nb.folder / "pages" / name).parent.mkdir(parents=True, exist_ok=True)
        (nb.folder / "pages" / name).write_text(text)
    assert nb.index.path_of("lint", "pages/v/home.md") == "pages/v/cli/lint.md"
    assert nb.index.path_of("lint", "pages/a/home.md") == "pages/a/lint.md"
