"""HTML becomes Markdown that shows the same text in the same order; nothing of it runs, nothing is lost."""

from __future__ import annotations

import re
import time
from html import escape
from html.parser import HTMLParser

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from glassbook.notebook.importing import plan
from glassbook.notebook.importing.html import DROPPED, read_html

MD = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])


class Texts(HTMLParser):
    """The text nodes of HTML, apart from those in elements that are dropped."""

    def __init__(self, html: str, skip: tuple[str, ...] = ("title", *DROPPED)) -> None:
        super().__init__()
        self.skip, self.depth, self.found = skip, 0, []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.depth += tag in self.skip

    def handle_endtag(self, tag):
        self.depth -= tag in self.skip and self.depth > 0

    def handle_data(self, data):
        if not self.depth:
            self.found.append(data)


def bare(texts: list[str]) -> str:
    return "".join("".join(texts).split())


def same_text(html: str) -> str:
    page, _ = read_html(html, "name", "x.html")
    shown = Texts(MD.render(page.body), skip=())
    assert bare(shown.found) == bare(Texts(html).found)
    return page.body


FULL = """<!doctype html><title>A &amp; B</title><style>p{}</style><body onload="x()"><h1>Top <em>it</em></h1>
<p>See <a href="https://a.b/c_(d)?x=1&amp;y=2">this <b>bold</b> link</a>, <a href="#there">there</a>.<br>Next line.
<ol start=3><li>three<li>four<ul><li>inner</ul><li><p>five</p><p>more</p></ol>
<blockquote><p>Quoted.<ul><li>q</ul></blockquote>
<pre><code class="language-python">def f():\n    return `x`\n</code></pre>
<table><tr><th>a<th>b|c<tr><td>1<td>2 <code>x|y</code></table>
<p><img src="i.png" alt="An image"> 1. not a list</p><h2>Last</h2>tail"""


def test_form_is_kept():
    body = same_text(FULL)
    assert body == (
        "# Top *it*\n\n"
        "See [this **bold** link](https://a.b/c_%28d%29?x=1&y=2), [there](#there).\\\nNext line.\n\n"
        "3. three\n4. four\n   - inner\n5. five\n\n   more\n\n"
        "> Quoted.\n>\n> - q\n\n"
        "```python\ndef f():\n    return `x`\n```\n\n"
        "| a | b\\|c |\n| --- | --- |\n| 1 | 2 `x\\|y` |\n\n"
        "![An image](i.png) 1. not a list\n\n## Last\n\ntail\n"
    )


@pytest.mark.parametrize(
    "html",
    [
        "1. one<br>2. two<br>- three<br># four<br>&gt; five<br>=====<br>---",
        "*a* _b_ `c` [[d]] [e](f) ![g](h) ~~i~~ $j$ &amp;amp; &lt;script&gt; https://k.l \\",
        "a<b>b </b>c<i> d</i><b><i>e</i></b>f<b>(g)</b>h<i>i</i><b>j</b>*<b>k</b>",
        "<code>`</code> <code> x </code> <code>a``b</code><code>c</code> <code></code>",
        "<code>see <a href='/x'>y</a> z</code>",
        "<table><tr><td><code>a|b</code></table> and <table><tr><td><code>c|d</code><td>e<tr><td>f<td>g|h</table>",
        "<a href='x'><h2>In</h2><p>out</a> after",
        "<ul><li><pre>code\n  more</pre><li><table><tr><td>1<td>2<tr><td>3<td>4</table></ul>",
        "<table><tr><td><table><tr><td>in<td>ner</table><td>b<tr><td><ul><li>c<li>d</ul><td>e</table>f",
        "<table><caption>cap</caption>loose<tr><td>one<tr></table>",
        "a!<a href='x'>b</a> c ! <img src=y alt='d'>",
        "<dl><dt>t<dd>d</dl><li>lost item</li></ul></blockquote></p>end",
        "<ul><li>a<ol start=7><li>b</ol></ul><ul><li></ul><ol><li>1. c</ol>",
        "<h2>a # b #</h2><h3>c<br>d</h3>",
        "<textarea>t</textarea><button>b</button><select><option>o<option>p</select>",
        "&nbsp;a&nbsp;<p>    four spaces</p>\t<p>|a|<br>|-|</p>",
        "<p>a<br><br><br>b<br></p>",
        "<code><a href='x y'>]:",
        "<code><a href='x'>]<b>: y",
        "<li><ol start=9>1<li><li><hr>",
        "<p>a<ol start=2><li><li>b</ol>",
        "<ul><li>a<ol start=5><li></li><li></li><li>b<li>c</ol></ul>",
        "<ol><li>a<ol start=3><li><ul><li></ul><li>b</ol></ol>",
        "<li>a<ol start=9><li><ol start=9><li><li>b",
    ],
)
def test_the_text_shown_is_the_text_given(html):
    same_text(html)


TAGS = "p div b i em code a ul ol li blockquote h1 h3 table tr td th br hr span dl dd img".split()
PIECES = st.one_of(
    st.sampled_from([f"<{tag}>" for tag in TAGS] + [f"</{tag}>" for tag in TAGS]),
    st.sampled_from(["<a href='x y'>", "<a href='javascript:1'>", "<img src=x alt=''>", "<ol start=9>"]),
    st.text("ab1 .)!*_`[]()<>|#-+=~\\&;$\n:", max_size=8).map(escape),
)


@settings(max_examples=300)
@given(st.lists(PIECES, max_size=25).map("".join))
@example("<li><ol start=9>1<li><li><hr>")
def test_any_html_keeps_its_text(html):
    same_text(html)


@given(st.text(max_size=60))
def test_any_text_at_all_is_read(text):
    read_html(text, "name", "x.html")


@pytest.mark.parametrize("opening", ["<ul><li>", "<blockquote>", "<b>", "<ol><li><blockquote>"])
def test_deep_nesting_keeps_its_text(opening):
    same_text("".join(f"{opening}x{i} " for i in range(30)))


def test_what_would_run_is_dropped_and_reported():
    html = (
        "<script>steal()</script><p onclick='x()'>hi <a href='javascript:alert(1)'>a</a><a href=' java\nscript:x'>b</a>"
        "<img src='data:image/svg+xml,x' alt='c'><svg><script>y()</script><text>d</text></svg>"
        "<iframe src=//x>e</iframe><style>f</style><!-- g --><script>never closed"
    )
    page, left = read_html(html, "name", "x.html")
    assert page.body == "hi abc\n"
    assert [item.text for item in left] == [
        "steal()",
        "javascript:alert(1)",
        "java\nscript:x",
        "data:image/svg+xml,x",
        "y()d",
        "e",
        "f",
        " g ",
        "never closed",
    ]


def test_a_live_block_cannot_be_smuggled_in():
    page, _ = read_html("<pre><code class='language-glassbook'>steer: {}</code></pre>", "name", "x.html")
    assert page.body.startswith("```\n")


def test_title_and_front_matter(nb, tmp_path):
    path = tmp_path / "p.html"
    path.write_text("<title>A\n title: x</title><p>---</p><p>x</p>")
    plan(path).apply(nb)
    page = nb.page("a-title-x")
    assert (page.title, page.extra["source"], page.problem) == ("A title: x", "p.html", None)
    assert "A title" not in page.body
    assert plan(path).apply(nb).made == []


def test_an_encoding_that_is_declared_is_used(nb, tmp_path):
    path = tmp_path / "p.html"
    path.write_bytes(b"<meta charset='latin-1'><p>caf\xe9")
    assert plan(path).pages[0].body == "café\n"


DEEP = ["ul><li", "blockquote", "b", "a href=x", "table><tr><td", "svg><g", "div", "code", "ol"]


def assert_read_in_time(html):
    """Reading takes a few times as long as the bare parser: the bound holds on any machine, and under load."""
    start = time.process_time()
    parser = HTMLParser()
    parser.feed(html)
    parser.close()
    bare = time.process_time() - start
    start = time.process_time()
    result = read_html(html, "name", "x.html")
    assert time.process_time() - start < 12 * bare + 0.1
    return result


@pytest.mark.parametrize("tag", DEEP)
def test_what_is_nested_without_end_is_read_in_time(tag):
    page, left = assert_read_in_time(f"<{tag}>x" * 20_000 + "</b></g></li></ul>" * 5_000)
    assert page.body.count("x") + sum(item.text.count("x") for item in left) >= 20_000


def test_a_large_page_is_read_in_time():
    html = FULL.replace("</body>", "")
    html = html * (1_000_000 // len(html) + 1)
    page, _ = assert_read_in_time(html)
    assert len(re.findall("# Top", page.body)) == html.count("<h1>")


def md(html):
    page, left = read_html(html, "n", "n.html")
    return page.body.strip("\n"), [item.text for item in left]


TEX = '<annotation encoding="application/x-tex">{}</annotation>'


@pytest.mark.parametrize(
    ("html", "body"),
    [
        ('<p>a <script type="math/tex">x_i</script> b</p>', "a $x_i$ b"),
        ('<script type="math/tex; mode=display">\\sum_i\n x</script>', "$$\\sum_i x$$"),
        ("<p><span class='katex'><math><semantics><mi>E</mi>" + TEX.format("E=m") + "</semantics></math>"
         "<span class='katex-html' aria-hidden='true'><span>E=m</span></span></span> is.</p>", "$E=m$ is."),
        ("<p><math alttext='{\\displaystyle H(X)}'><mi>H</mi></math><img src='h.svg' alt='{\\displaystyle H(X)}'></p>",
         "$H(X)$"),
        ("<p><math><mi>a</mi><mo>+</mo><mi>b</mi></math></p>", "a+b"),
        ("<p>$$ h_{i} = \\text{A} $$ costs $5 and $6</p>", "$$ h_{i} = \\text{A} $$ costs \\$5 and \\$6"),
        ("<p>\\(\\alpha_1\\) and \\[\\frac{a}{b}\\]</p>", "$\\alpha_1$ and $$\\frac{a}{b}$$"),
        ("<table><tr><td><math alttext='|x|'></math></td><td>b</td></tr><tr><td>c</td><td>d</td></tr></table>",
         "| $\\vert x\\vert $ | b |\n| --- | --- |\n| c | d |"),
        ("<p><math alttext='a$b'></math></p>", "`a$b`"),
    ],
)  # fmt: skip
def test_formulas_are_kept_once(html, body):
    assert md(html)[0] == body


@pytest.mark.parametrize(
    ("html", "body"),
    [
        ("10<sup>-3</sup> CO<sub>2</sub>", "10⁻³ CO₂"),
        ("x<sup>T</sup> y<sub>ij</sub> z<sup>a+b</sup>", "x^T y\\_ij z^(a+b)"),
        ('word<sup><a href="#n">[1]</a></sup>', "word[\\[1\\]](#n)"),
        ("<del>SGD</del> <s>b</s> <strike>c</strike>", "~~SGD~~ ~~b~~ ~~c~~"),
    ],
)
def test_exponents_and_deletions(html, body):
    assert md(f"<p>{html}</p>")[0] == body


@pytest.mark.parametrize(
    ("html", "body"),
    [
        ("<ul><li>a</li><li>b</li><ul><li>c</li></ul><li>d</li></ul>", "- a\n- b\n   - c\n- d"),
        ("<ol><li>a</li><ol><li>c</li></ol></ol>", "1. a\n   1. c"),
        ('<ul class="lst-kix_a-0"><li>a</li></ul><ul class="lst-kix_a-1"><li>b</li></ul><ul class="lst-kix_a-2"><li>c'
         '</li></ul><ul class="lst-kix_a-0"><li>d</li></ul>', "- a\n    - b\n        - c\n- d"),
        ('<ul><li><div class="checkbox checkbox-on"></div> <b>x</b></li></ul>', "- [x] **x**"),
        ("<ul><li><input type=checkbox checked> a</li><li><input type=checkbox>b</li></ul>", "- [x] a\n- [ ] b"),
        ("<p><input type=checkbox>b</p>", "\\[ \\] b"),
    ],
)  # fmt: skip
def test_lists_and_check_boxes(html, body):
    assert md(html)[0] == body


@pytest.mark.parametrize(
    ("html", "body"),
    [
        ("<table><caption>Stock <b>now</b></caption><tr><th>A</th><th>B</th></tr><tr><td>1</td><td>2</td></tr></table>",
         "Stock **now**\n\n| A | B |\n| --- | --- |\n| 1 | 2 |"),
        ("<p><img data-src='a.png'> <img srcset='b.png 1x, c.png 2x'></p>", "![](a.png) ![](b.png)"),
        ("<p><img src='data:image/gif;base64,R0' data-src='a.png' alt='A'></p>", "![A](a.png)"),
        ("<p><video src='v.mp4'></video> <audio><source src='s.ogg'></audio></p>", "[video](v.mp4) [media](s.ogg)"),
        ("<base href='https://e.org/d/'><p><a href='p.html'>p</a> <img src='/i.png'> <a href='#x'>x</a></p>",
         "[p](https://e.org/d/p.html) ![](https://e.org/i.png) [x](#x)"),
        ("<DL><DT><A HREF='http://e.org/'></A><DT><A HREF='http://f.org/'>F</A></DL>",
         "[http://e.org/](http://e.org/)\n\n[F](http://f.org/)"),
    ],
)  # fmt: skip
def test_captions_pictures_films_and_bookmarks(html, body):
    assert md(html)[0] == body


@pytest.mark.parametrize(
    ("rows", "last"),
    [
        ("<tr><td>Total: 7</td></tr>", "| Total: 7 | |"),
        ("<tr><td></td><td>b</td></tr>", "| | b |"),
        ("<tfoot><tr><td colspan=2>sum</td></tr></tfoot>", "| sum | |"),
        ("<tr><td>a<br>b</td><td></td></tr>", "| a b | |"),
    ],
)
def test_the_last_row_of_a_table_stays_a_row(rows, last):
    body, _ = md(f"<table><tr><th>A</th><th>B</th></tr><tr><td>1</td><td>2</td></tr>{rows}</table>")
    assert body.split("\n")[:3] == ["| A | B |", "| --- | --- |", "| 1 | 2 |"]
    assert body.split("\n")[3].split() == last.split()


@pytest.mark.parametrize(
    ("html", "body"),
    [
        ("<table><caption>C</caption><tr><td>1<td>2<tr><td>3<td>4</table>", "C\n\n| 1 | 2 |\n| --- | --- |\n| 3 | 4 |"),
        ("<table><thead><tr><th>A<th>B</thead><caption>C</caption><tr><td>1<td>2</table>",
         "C\n\n| A | B |\n| --- | --- |\n| 1 | 2 |"),
        ("<table><caption></caption><tr><th>A<th>B<tr><td>1<td>2</table>", "| A | B |\n| --- | --- |\n| 1 | 2 |"),
        ("<base href='http://e.org'><a href='?q=1'>p</a> <a href='mailto:a@b.c'>m</a>",
         "[p](http://e.org?q=1) [m](mailto:a@b.c)"),
        ("<base target=_blank><a href='p.html'>p</a>", "[p](p.html)"),
        ("<base href='https://e.org/a/b.html'><img src='c.png'> <a href='//f.org/'>f</a>",
         "![](https://e.org/a/c.png) [f](https://f.org/)"),
        ("<DT><A HREF='http://e.org/?a=1&amp;b=2'></A>", "[http://e.org/?a=1&b=2](http://e.org/?a=1&b=2)"),
        ("<DT><A HREF='http://e.org/'><svg><path/></svg></A>", "[http://e.org/](http://e.org/)"),
        ("<DT><A HREF='http://e.org/'> \n</A> text", "[http://e.org/](http://e.org/) text"),
        ("<pre>a\tb<br>c</pre>", "```\na\tb\nc\n```"),
        ("<pre><code class='lang-js hljs'>x &lt; 1\n\n\ny</code></pre>", "```js\nx < 1\n\n\ny\n```"),
        ("<pre>```\nx\n```</pre>", "````\n```\nx\n```\n````"),
    ],
)  # fmt: skip
def test_captions_bases_bookmarks_and_code(html, body):
    assert md(html)[0] == body
