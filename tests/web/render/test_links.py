"""Pictures and notes inside pages, and where links of vaults lead on screen."""

from __future__ import annotations

import time

import pytest

from glassbook.notebook import Notebook
from glassbook.web.render.links import Links, part_of
from glassbook.web.render.markdown import render_markdown

FILES = {
    "v/Home.md": "",
    "v/Part.md": "top [[Other]]\n\n## Two\n\ntwo words ^b1\n\n### Deep\n\ndeep\n\n## Three\n\n- one\n- item ^li\n",
    "v/sub/Other.md": "# x\n\n![[Part]]\n",
    "v/sub/Loop.md": "![[Loop]] \n\n![[Other]]\n",
    "v/assets/p.png": "png",
    "v/sub/q r.png": "png",
    "v/a.pdf": "pdf",
}


@pytest.fixture
def nb(tmp_path):
    notebook = Notebook.create(tmp_path / "nb")
    for name, text in FILES.items():
        path = notebook.folder / "pages" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    yield notebook
    notebook.close()


def shown(nb: Notebook, text: str, path: str = "pages/v/Home.md") -> str:
    def show(piece):
        raise AssertionError(piece)

    links = Links(nb, path, show=show)
    return str(render_markdown(text).html(links.link, show, links.place))


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("![[p.png]]", '<img src="/beside/v/assets/p.png" alt="">'),
        ("![[assets/p.png|300]]", '<img src="/beside/v/assets/p.png" alt="" width="300">'),
        ("![[q r.png|20x30]]", '<img src="/beside/v/sub/q%20r.png" alt="" width="20" height="30">'),
        ("![[P.PNG|a plot]]", '<img src="/beside/v/assets/p.png" alt="a plot">'),
        ("![[board.canvas]]", '<a href="/beside/v/board.canvas">board.canvas</a>'),
        ("![[a.pdf]]", '<a href="/beside/v/a.pdf">a.pdf</a>'),
        ("![x](q%20r.png)", '<img src="/beside/v/sub/q%20r.png" alt="x">'),
        ("[x](a.pdf)", '<a href="/beside/v/a.pdf" rel="noopener noreferrer">x</a>'),
        ("[x](sub/Other.md#A%20b)", 'href="/p/v/sub/Other#a-b"'),
        ("[x](Part)", 'href="/p/v/Part"'),
        ("[x](../../../etc/passwd)", 'href="../../../etc/passwd"'),
        ("[[Part#^B1|x]]", '<a href="/p/v/Part#block-b1">x</a>'),
        ("[[Part#Two#Deep]]", 'href="/p/v/Part#deep"'),
        ('![["><script>.png]]', 'src="/beside/v/%22%3E%3Cscript%3E.png" alt=""'),
        ("see ![[Part]] there", 'see <a href="/p/v/Part">Part</a> there'),
        ("![[Nobody]]", '<p><a class="missing"'),
    ],
)
def test_links_and_pictures(nb, text, html):
    assert html in shown(nb, text)


def test_the_notebooks_own_pages_take_no_picture_from_a_vault(nb):
    """The next vault may bring another picture of that name."""
    assert '<img src="/beside/notes/p.png" alt="">' in shown(nb, "![[p.png]]", "pages/notes/own.md")
    (nb.folder / "pages" / "terms" / "deep").mkdir(parents=True)
    (nb.folder / "pages" / "terms" / "deep" / "P.png").write_text("x")
    assert '<img src="/beside/terms/deep/P.png" alt="">' in shown(nb, "![[p.png]]", "pages/notes/own.md")
    (nb.folder / "pages" / "a").mkdir()
    (nb.folder / "pages" / "a" / "p.png").write_text("x")
    assert '<img src="/beside/terms/deep/P.png" alt="">' in shown(nb, "![[p.png]]", "pages/notes/own.md")
    assert '<img src="/beside/v/assets/p.png" alt="">' in shown(nb, "![[p.png]]")


def test_a_note_alone_in_its_paragraph_is_shown(nb):
    html = shown(nb, "![[Part#Two]]")
    assert "two words" in html
    assert "deep" in html
    assert "one" not in html
    assert "top" not in html
    assert 'id="' not in html
    assert '<p class="embed-from"><a href="/p/v/Part#two">Part § Two</a></p>' in html
    assert "<p><div" not in html
    assert shown(nb, "![[Part#^li]]").count("<li>") == 1


def test_notes_inside_each_other_end(nb):
    html = shown(nb, FILES["v/sub/Loop.md"], "pages/v/sub/Loop.md")
    assert html.count("two words") == 1
    assert '<p><a href="/p/v/sub/Loop">Loop</a></p>' in html
    assert shown(nb, "![[Other]]\n\n" * 70).count('<div class="embed">') == 50


def test_parts_of_a_page():
    body = FILES["v/Part.md"]
    assert part_of(body, "") == body
    assert part_of(body, "Deep") == "### Deep\n\ndeep\n"
    assert part_of(body, "^b1") == "two words ^b1"
    assert part_of(body, "^nobody") == part_of(body, "nobody") == ""


ONE, TWO, NONE = (f"{n:08x}-0000-4abc-8def-0123456789ab" for n in (1, 2, 3))
BLOCKS = f"- First *block*, see [[Part]]\n  id:: {ONE}\n\t- a child of it\n- ## Head\n  id:: {TWO}\n- last\n"


@pytest.mark.parametrize(
    ("text", "html"),
    [
        (f"see (({ONE}))", f'see <a href="/p/v/Blocks#block-{ONE}">First block, see Part</a></p>'),
        (f"- (({TWO.upper()}))", f'<li><a href="/p/v/Blocks#block-{TWO}">Head</a></li>'),
        (f"[so *it* is]((({ONE})))", f'<a href="/p/v/Blocks#block-{ONE}">so *it* is</a>'),
        (f"(({NONE}))", f'<span class="missing" title="no page of the notebook has a block with this id">(({NONE}))'),
        ("{{embed [[Part]]}}", 'class="embed"'),
        (f"| a |\n|---|\n| (({ONE})) |", f'<td><a href="/p/v/Blocks#block-{ONE}">First block'),
    ],
    ids=["sentence", "item", "label", "missing", "page", "table"],
)
def test_blocks_of_logseq(nb, text, html):
    (nb.folder / "pages/v/Blocks.md").write_text(BLOCKS)
    assert html in shown(nb, text)


def test_an_embedded_block_of_logseq_is_shown_with_those_below_it(nb):
    (nb.folder / "pages/v/Blocks.md").write_text(BLOCKS)
    for text in (f"{{{{embed (({ONE}))}}}}", f"- {{{{embed (({ONE}))}}}}"):
        html = shown(nb, text)
        assert "a child of it" in html
        assert "last" not in html
        assert "id::" not in html
        assert f'<p class="embed-from"><a href="/p/v/Blocks#block-{ONE}">Blocks</a></p>' in html


def test_a_block_of_logseq_has_its_anchor_and_hides_its_id(nb):
    (nb.folder / "pages/v/Blocks.md").write_text(BLOCKS)
    html = shown(nb, BLOCKS, "pages/v/Blocks.md")
    assert f'<li id="block-{ONE}">First' in html
    assert f'id="block-{TWO}"' in html
    assert "id::" not in html
    (nb.folder / "pages/v/Links.md").write_text(f"- (({ONE}))\n")
    assert [link.id for link in nb.index.backlinks("Blocks")] == ["v/Links"]


def test_very_many_links_to_blocks_take_time_in_proportion(nb):
    names = [f"{n:08x}-0000-4abc-8def-0123456789ab" for n in range(5_000)]
    (nb.folder / "pages/v/Many.md").write_text("".join(f"- block {name}\n  id:: {name}\n" for name in names))
    rendered = render_markdown("".join(f"(({name}))\n" for name in names))
    links = Links(nb, "pages/v/Home.md")
    began = time.process_time()
    html = str(rendered.html(links.link, lambda piece: piece, links.place))
    assert time.process_time() - began < 5
    assert html.count('<a href="/p/v/Many#block-') == 5_000
