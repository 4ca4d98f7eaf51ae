"""Markdown to HTML: what is shown, and that nothing in it can run."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markupsafe import Markup, escape

from glassbook.web.render.markdown import Wikilink, mathml, render_markdown


def link(w: Wikilink) -> Markup:
    return Markup('<a href="/p/{}">{}</a>').format(w.target, w.label)


def html(body: str) -> str:
    return str(render_markdown(body).html(link, lambda block: Markup("<aside>{}</aside>").format(block.kind)))


class Danger(HTMLParser):
    """Collects what could run or lead away."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag, attrs):
        if tag in {
            "script",
            "iframe",
            "object",
            "embed",
            "form",
            "style",
            "base",
            "meta",
            "link",
            "svg",
            "foreignobject",
        }:
            self.found.append(tag)
        for name, value in attrs:
            target = re.sub(r"[\s\x00-\x20]", "", value or "").lower()
            if name.startswith(("on", "hx-", "data-")) or name in ("style", "srcdoc", "formaction", "xlink:href"):
                self.found.append(name)
            if name in ("href", "src") and re.match(r"(javascript|vbscript|data|file):", target):
                self.found.append(f"{name}={value}")


def dangers(text: str) -> list[str]:
    parser = Danger()
    parser.feed(text)
    return parser.found


CORPUS = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '<svg onload="alert(1)"><script>alert(1)</script></svg>',
    "<math><mtext><script>alert(1)</script></mtext></math>",
    '<math><maction actiontype="statusline" xlink:href="javascript:alert(1)">x</maction></math>',
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](\x01javascript:alert(1))",
    "[x](java\tscript:alert(1))",
    "[x](data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==)",
    "![x](javascript:alert(1))",
    "![x](data:image/svg+xml;base64,PHN2Zz48L3N2Zz4=)",
    '[x](/ok "onmouseover=alert(1)")',
    '![" onerror="alert(1)](x)',
    "<a href='javascript:alert(1)'>x</a>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<form action=/api/v1/jobs method=post><button>x</button></form>",
    '<button data-run-experiment="pretrain" hx-get="/x">x</button>',
    "[[<img src=x onerror=alert(1)>]]",
    "[[a|<script>alert(1)</script>]]",
    '[[a"onmouseover="alert(1)|b]]',
    "$\\text{<script>alert(1)</script>}$",
    "$$\\href{javascript:alert(1)}{x}$$",
    "$\\style{position:fixed}{x}$",
    "$\\class{evil}{x}$ $\\unicode{x3c}$",
    "```<script>\n</code></pre><script>alert(1)</script>\n```",
    '```python "><script>\n</span><script>alert(1)</script>\n```',
    "# <script>alert(1)</script>",
    "a[^1]\n\n[^1]: <script>alert(1)</script> [x](javascript:alert(1))",
    "| a |\n|---|\n| <script>alert(1)</script> |",
    "- [ ] <script>alert(1)</script>",
    "<style>*{display:none}</style>",
    "<base href=//evil.example>",
    "<!--<script>alert(1)</script>-->",
    "hole0123456789abcdef01234567n0e",
]


@pytest.mark.parametrize("body", CORPUS)
def test_nothing_in_a_body_can_run(body):
    assert dangers(html(body)) == []


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet=st.sampled_from("<>\"'[]()!#$`\\&;:/=aonscript \n|*_~^{}-"), max_size=120))
def test_no_mixture_of_marks_can_run(body):
    assert dangers(html(body)) == []


def test_html_in_markdown_is_shown_as_text():
    assert "&lt;b&gt;" in html("<b>x</b>")


def test_wikilinks_are_filled_in_at_each_view():
    rendered = render_markdown("See [[Sparse coding#History|there]] and `[[not]]`.")
    seen = []
    text = str(rendered.html(lambda w: (seen.append(w), escape("LINK"))[1], lambda block: Markup("")))
    assert seen == [Wikilink("Sparse coding", "History", "there")]
    assert "LINK" in text
    assert "[[not]]" in text


def test_headings_carry_the_anchors_that_the_index_knows():
    body = "# One\n\n## Two\n\ntext\n\n> ## quoted\n\n## Two\n"
    rendered = render_markdown(body)
    text = str(rendered.html(link, lambda block: Markup("")))
    for section in rendered.sections:
        if section.level:
            assert f'id="{section.slug}"' in text
    assert len(re.findall(r'<h\d id="', text)) == 3


def test_live_blocks_become_holes_and_other_fences_code():
    text = html("```glassbook\nchart: {experiment: x, name: y}\n```\n\n```python\nx = 1\n```\n")
    assert "<aside>chart</aside>" in text
    assert '<span class="n">x</span>' in text


def test_mathematics_is_mathml():
    text = html("Let $x^2$ be, and\n\n$$\\sum_{i=1}^n x_i$$\n")
    assert text.count("<math") == 2
    assert "<msup>" in text
    assert 'class="display-math"' in text


def test_mathematics_that_cannot_be_read_stays_as_it_was_written():
    assert "math-error" in mathml("\\frac{", False)
    assert "&lt;" in mathml("\\frac{<", False)


def test_a_dollar_sum_is_no_mathematics():
    assert "<math" not in html("It costs $5 or $6.")


def test_tables_tasks_footnotes_and_code():
    text = html("| a | b |\n|---|--:|\n| 1 | 2 |\n\n- [x] done\n- [ ] open\n\nNote[^1].\n\n[^1]: small\n")
    assert "<table>" in text
    assert 'type="checkbox"' in text
    assert "small" in text
    assert "style=" not in text


def test_a_body_is_rendered_once():
    assert render_markdown("# A") is render_markdown("# A")
    assert render_markdown("# A") is not render_markdown("# B")


def test_bytes_that_are_no_unicode_do_no_harm():
    assert "a" in html("a \udcff b")


def test_relative_addresses_are_filled_in_at_each_view():
    rendered = render_markdown('![a](../x/y.png) [b](z.md#s) [c](/abs) [d](http://e) [f](#g) ![q](x"y.png)')
    text = str(rendered.html(link, lambda block: Markup(""), lambda url: f"at:{url}"))
    assert 'src="at:../x/y.png"' in text
    assert 'href="at:z.md#s"' in text
    assert 'href="/abs"' in text
    assert 'href="#g"' in text
    assert dangers(str(rendered.html(link, lambda block: Markup(""), lambda url: '"onload="x'))) == []


@pytest.mark.parametrize(
    ("text", "addresses"),
    [
        ("see https://example.org/a_b_c.", ["https://example.org/a_b_c"]),
        ("(http://x.y/z(1)) and <https://a.b>", ["http://x.y/z(1)", "https://a.b"]),
        ("- HTTPS://A.B/?q=1&r=2, then", ["https://A.B/?q=1&amp;r=2"]),
        ("`https://a.b` xhttps://a.b https:// [t](https://c.d)", ["https://c.d"]),
        ("| https://a.b/c |\n|---|", ["https://a.b/c"]),
    ],
)
def test_bare_addresses_are_links(text, addresses):
    html = str(render_markdown(text).html(lambda link: Markup(""), lambda piece: Markup("")))
    assert [found.lower() for found in re.findall('href="(.*?)"', html)] == [a.lower() for a in addresses]
