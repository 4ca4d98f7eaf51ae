"""Markdown as it reads: no markup, no block syntax, all of the words."""

from __future__ import annotations

import pytest

from glassbook.notebook.pages.plain import plain_text


@pytest.mark.parametrize(
    ("markdown", "text"),
    [
        ("- **Bold** [[a|b]] and [[c]], [d](e) in `f_g`", "Bold b and c, d in f_g"),
        ("# Head\n\n> [!note] Told\n> so", "Head Told so"),
        ("1. one\n2) two\n- [x] done", "one two done"),
        ("| a | b |\n| --- | ---: |\n| 1 | [[x|y]] |", "a · b 1 · y"),
        ("a\n---\n***\nb", "a b"),
        ("one ![[picture.png]] ![alt](x.png) two", "one picture.png alt two"),
        ("about $x^2$ and {{run: superposition mmcs}} nats", "about x^2 and … nats"),
        ("said[^1] so\n\n[^1]: where", "said so where"),
        ("<b>bold</b> <!-- not\nshown --> ==seen== ~~gone~~", "bold seen gone"),
        ("snake_case stays, _so_ and __this__ not", "snake_case stays, so and this not"),
        ("3 < 4 and 5 > 4, a | b", "3 < 4 and 5 > 4, a | b"),
        ("", ""),
    ],
)
def test_markup_goes_and_words_stay(markdown, text):
    assert plain_text(markdown) == text


@pytest.mark.parametrize("fence", ["```", "~~~", "````"])
def test_live_blocks_go_and_code_stays(fence):
    live = f"before\n\n{fence}glassbook\nchart: {{experiment: x}}\n{fence}\n\nafter"
    assert plain_text(live) == "before after"
    assert plain_text(f"before\n\n{fence}python\nx = 1\n{fence}\n\nafter") == "before x = 1 after"
    assert plain_text(f"before\n\n{fence}glassbook\nchart: x") == "before"
