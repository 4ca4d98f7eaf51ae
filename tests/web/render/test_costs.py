"""Rendering and reading cost in proportion to the text; what does not is stopped, shown as text, and says so."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glassbook.notebook import read_markdown
from glassbook.notebook.pages import links
from glassbook.web.render import markdown
from glassbook.web.render.markdown import render, render_markdown

PIECES = [
    "[", "]", "[[", "]]", "![", "![[", "[a](b ", '[a](b "', "[^", "^[", "[^a]: ", "$", "$$", "$a ", "*", "**a ", "_",
    "~~", "`", "``a", "```\n", "<", "<a ", "&", "&#x", "%%", "%%a\n", "==a ", "\\", "|", "|-", "> ", "> [!x] ", "- ",
    "- [ ] a\n", "1. ", "# ", "#", "{{run: ", "}}", "://", "https://a.b/", "^a\n", "\n", "\n\n", " ", "\t", "a",
    "word ", "---\n", "===\n", "[a]: b\n", "(", ")", "é",
    "((0000000a-", "((0000000a-0000-4abc-8def-0123456789ab)) ", "{{embed ((", "{{embed [[", "[a](((", "- id:: ",
    "- a\n  id:: 0000000a-0000-4abc-8def-0123456789ab\n",
]  # fmt: skip


def spent(read, text: str) -> float:
    begin = time.process_time()
    read(text)
    return time.process_time() - begin


@pytest.mark.parametrize("read", [render, read_markdown])
@settings(max_examples=25, deadline=None)
@given(head=st.lists(st.sampled_from(PIECES), max_size=2),
       again=st.lists(st.sampled_from(PIECES), min_size=1, max_size=3),
       tail=st.sampled_from(["", "]", "]]", "](u)", "\n\n[a]: b", "$$", "x"]))  # fmt: skip
def test_four_times_the_text_takes_about_four_times_as_long(read, head, again, tail):
    piece = "".join(again)
    small = "".join(head) + piece * (4_000 // len(piece)) + tail
    large = "".join(head) + piece * (16_000 // len(piece)) + tail
    for _ in range(3):
        before, after = spent(read, small), spent(read, large)
        if after < 0.2 or after < 7 * before:
            return
    raise AssertionError(f"{before:.2f} s for {len(small)}, {after:.2f} s for {len(large)} of {piece!r}")


@pytest.mark.parametrize("inside", ["{}", "> {}", "- {}", "[{}]", "[[{}]]", "*{}*", "=={}==", "![{}](u)", "({})"])
def test_depth_is_read(inside):
    text = "x"
    for _ in range(1_000):
        text = inside.format(text)
    assert spent(render, text) + spent(read_markdown, text) < 5


def test_a_line_of_very_many_links_keeps_no_copies_of_itself():
    found = read_markdown("[[a]] " * 12_000).links
    assert len(found) == 12_000
    assert max(len(link.text) for link in found) <= links.LINE


@pytest.mark.parametrize("code", ['"' + "\\" * 60, 'val x = "' + "\\" * 80, '"' + "\\a\\" * 60])
def test_code_whose_colours_cannot_be_computed_is_shown_without(code):
    shown = str(render_markdown(f"# T\n\n[[a]]\n\n```scala\n{code}\n```\n").html(lambda link: "LINK", lambda block: ""))
    assert "without colours" in shown
    assert "<h1" in shown
    assert "LINK" in shown
    assert "<pre" in shown


@pytest.mark.parametrize("text", ["[" * 30_000, "- a *b*\n" * 9_000, "<script>" + "[[a]] " * 20_000])
def test_a_page_that_exceeds_the_limits_is_shown_as_plain_text(text, monkeypatch):
    monkeypatch.setattr(markdown, "seconds_for", lambda text: 0.05)
    rendered = render_markdown(text + "limits")
    assert rendered.sections == ()
    assert "shown as plain text" in rendered.pieces[0]
    assert "more than 0.05 seconds" in rendered.pieces[0]
    assert "<script>" not in rendered.pieces[0]


@pytest.mark.parametrize("text", ["[a](b.md) " * 9_000, "[[a]] " * 15_000, "# h\n\n[x](y.md)\n" * 5_000])
def test_a_page_that_takes_too_long_to_read_is_listed_and_found(tmp_path, monkeypatch, text):
    from glassbook.notebook import Notebook

    nb = Notebook.create(tmp_path / "nb")
    (nb.folder / "pages" / "long.md").write_text(f"quokka\n\n`x`\n\n{text}")
    monkeypatch.setattr(links, "seconds_for", lambda text: 0.02)
    assert [hit.id for hit in nb.index.search("quokka")] == ["long"]
    assert nb.index.links("pages/long.md") == []
    assert any("long.md" in line and "links and sections are not known" in line for line in nb.index.problems())
    monkeypatch.undo()
    nb.index._remove()
    assert nb.index.problems() == []
    nb.close()
