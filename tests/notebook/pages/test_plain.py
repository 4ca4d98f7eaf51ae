"""Markdown as it reads: no markup, no block syntax, all of the words."""

from __future__ import annotations

import time

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
        ("about $x^2$ and {{run: superposition mmcs}} nats", "about x² and … nats"),
        ("said[^1] so\n\n[^1]: where", "said so where"),
        ("<b>bold</b> <!-- not\nshown --> ==seen== ~~gone~~", "bold seen gone"),
        ("snake_case stays, _so_ and __this__ not", "snake_case stays, so and this not"),
        ("3 < 4 and 5 > 4, a | b", "3 < 4 and 5 > 4, a | b"),
        ("", ""),
        ("a [[Vision transformer|**ViT**]] and ![[Page#Part|that]]", "a ViT and that"),
        ('[text][ref] and [more](http://x.org/a_(b) "title")\n\n[ref]: http://x.org', "text and more"),
        ("Heading\n=======\n\nits text ^block-1", "Heading its text"),
        ("**bold**, ***both***, *one* of 2 * 3 * 4", "bold, both, one of 2 * 3 * 4"),
        ("costs $5 and $6, not \\$7 \\*now\\*", "costs $5 and $6, not $7 *now*"),
        ("see <https://x.org/a_b_> or <me@x.org>, A&amp;B&nbsp;C", "see https://x.org/a_b_ or me@x.org, A&B C"),
        ("`x**2` and ``a ` b`` and `[[no|link]]`", "x**2 and a ` b and [[no|link]]"),
        ("```python\n# not a heading\ny = x**2 * a[0](1)\n```", "# not a heading y = x**2 * a[0](1)"),
        ("a == b, ==marked==, __init__", "a == b, marked, init"),
        ("as so:\n\n````\n```glassbook\nchart: x\n```\n````", "as so: glassbook chart: x"),
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


@pytest.mark.parametrize(
    ("latex", "text"),
    [
        (r"\beta", "β"),
        (r"x_t \in \mathbb{R}^{d}", "x_t ∈ R^d"),
        (r"\frac{1}{T} \sum_{t=1}^{T} \log p_\theta(x_t \mid x_{<t})", "1/T ∑_t=1^T log p_θ(x_t ∣ x_<t)"),
        (r"\mathrm{softmax}\left(\frac{Q K^\top}{\sqrt{d_h}} + M\right)", "softmax(Q K^⊤/√d_h + M)"),
        (r"\lVert x - \hat{x} \rVert_2^2 \le 10^{-3}", "‖ x - x ‖₂² ≤ 10⁻³"),
        (r"\begin{aligned} a &= b \\ c &= d \end{aligned}", "a = b c = d"),
        (r"\{1, 2\}, \quad 5\,\%", "{1, 2}, 5 %"),
        ("", ""),
    ],
)
def test_formulas_are_read_as_text(latex, text):
    assert plain_text(f"so ${latex}$ it is" if latex else "so it is") == f"so {text} it is".replace("  ", " ")
    assert plain_text(f"so\n\n$$\n{latex}\n$$\n\nit is" if latex else "so it is") == f"so {text} it is".replace(
        "  ", " "
    )


@pytest.mark.parametrize(
    "unit", ["[", "$", "`", "$x ", "[a](", "**", "<a ", "\\frac{", "[[a|", "%%", "|", "\n> - ", "a_"]
)
def test_time_is_in_proportion_to_the_text(unit):
    start = time.process_time()
    plain_text(unit * 20_000)
    assert time.process_time() - start < 2
