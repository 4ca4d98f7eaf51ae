"""Marks, comments, callouts, block ids, links in tables."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from glassbook.notebook import read_markdown, wikilinks
from glassbook.notebook.pages.markup import markup, without_block_id


def html(text: str) -> str:
    md = MarkdownIt("commonmark").enable("table")
    markup(md)
    wikilinks(md)
    md.add_render_rule("wikilink", lambda self, tokens, i, *_: f"<{tokens[i].meta['target']}:{tokens[i].content}>")
    return md.render(text)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a ==b *c*== d", "<p>a <mark>b <em>c</em></mark> d</p>\n"),
        ("a == b == c ==", "<p>a == b == c ==</p>\n"),
        ("`==x==` ==[[y]]==", "<p><code>==x==</code> <mark><y:y></mark></p>\n"),
        ("a %%b [[c]]%% d", "<p>a  d</p>\n"),
        ("100 %% and no end", "<p>100 %% and no end</p>\n"),
        ("a\n\n%%\nhidden\n\n# h\n%%\n\nb", "<p>a</p>\n<p>b</p>\n"),
        ("- a\n  %%\n  b\n  %%\n- c", "<ul>\n<li>a\n</li>\n<li>c</li>\n</ul>\n"),
        ("%%\nnot closed", "<p>%%\nnot closed</p>\n"),
        ("```\n%%\n```\n%%", "<pre><code>%%\n</code></pre>\n<p>%%</p>\n"),
        ("A para. ^a1b", '<p id="block-a1b">A para.</p>\n'),
        ("- item ^li1\n- two", '<ul>\n<li id="block-li1">item</li>\n<li>two</li>\n</ul>\n'),
        ("E = m c ^2", '<p id="block-2">E = m c ^2</p>\n'),
        ("a^b", "<p>a^b</p>\n"),
    ],
)
def test_marks_comments_and_ids(text, shown):
    assert html(text).replace("\n</li>", "</li>") == shown.replace("\n</li>", "</li>")


@pytest.mark.parametrize(
    ("text", "kind", "title", "body"),
    [
        ("> [!note] Title\n> body", "note", "Title", "<p>body</p>"),
        ("> [!WARNING]\n> body", "warning", "Warning", "<p>body</p>"),
        ("> [!tip]- Folded *x*\n>\n> - item", "tip", "Folded <em>x</em>", "<li>item</li>"),
        ("> [!note] Only a title", "note", "Only a title", ""),
        ("- > [!a-b] T\n  > x", "a-b", "T", "<p>x</p>"),
    ],
)
def test_callouts(text, kind, title, body):
    shown = html(text)
    assert f'<div class="callout callout-{kind}">\n<p class="callout-title">{title}</p>' in shown
    assert body in shown
    assert "[!" not in shown
    assert "blockquote" not in shown
    assert "<p></p>" not in shown


def test_other_quotes_stay_quotes():
    for text in ("> a\n> [!note] b", "> [!] x", "> [link](u)", "> [!<script>] x"):
        assert "<blockquote>" in html(text)
        assert "callout" not in html(text)


def test_a_bar_in_a_link_ends_no_cell():
    row = html("| a | b |\n| - | - |\n| [[x|y z]] | `[[p|q]]` |\n")
    assert "<td><x:y z></td>" in row
    assert "<td><code>[[p|q]]</code></td>" in row
    assert "[[a|b]]" in html("```\n[[a|b]]\n```")
    assert "\0" not in html('[a]: /u "[[b|c]]"\n\n[a]\n\n~~~ [[x|y]]\n~~~\n')


def test_links_in_comments_are_none_and_pictures_are_no_links():
    links = read_markdown("%%[[a]]%% [[b]]\n\n%%\n[[c]]\n%%\n\n![[d]] ![[e.png|300]] [[f.png]]\n").links
    assert [link.target for link in links] == ["b", "d", "f.png"]


def test_a_number_stays_in_the_text():
    assert without_block_id("x ^2") == ("x ^2", "2")
    assert without_block_id("x ^a2 ") == ("x", "a2")
    assert without_block_id("x^a") == ("x^a", "")


@given(st.text(st.sampled_from("%=^[]!|> \n-a`#")))
def test_any_text_is_read(text):
    assert "\0" not in html(text)
