from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from glassbook.notebook import Link, Notebook, Page, read_markdown, slug, wikilinks
from glassbook.notebook.pages.links import _outline

BODY = """Intro [[Alpha]] and [[beta#Sec one|the label]],
next line [[gamma]] `[[code]]` \\[[escaped]]

    [[indented code]]

```
[[fenced]]
```

# One [[Delta|D]]

- item [[epsilon \\| bar]]
  lazy [[#here]]

> quote
[[]] [[ ]] [[open [[zeta]] [[two
lines]]

## One D
"""


def test_links_are_found_where_they_are_links() -> None:
    outline = read_markdown(BODY)
    assert [(link.target, link.section, link.label, link.line) for link in outline.links] == [
        ("Alpha", "", "Alpha", 1),
        ("beta", "Sec one", "the label", 1),
        ("gamma", "", "gamma", 2),
        ("Delta", "", "D", 10),
        ("epsilon", "", "bar", 12),
        ("", "here", "here", 13),
        ("zeta", "", "zeta", 16),
    ]
    assert outline.links[-1].text == "[[]] [[ ]] [[open [[zeta]] [[two"


def test_sections_cut_the_body_at_its_headings() -> None:
    sections = read_markdown(BODY).sections
    assert [(s.title, s.slug, s.level, s.line) for s in sections] == [
        ("", "", 0, 1),
        ("One D", "one-d", 1, 10),
        ("One D", "one-d-1", 2, 19),
    ]
    assert "\n".join(s.text for s in sections) == BODY


@given(st.text(st.sampled_from("[]|#`\\ab\n -\t>*1.\r")))
def test_any_markdown_is_read(body: str) -> None:
    outline = read_markdown(body)
    assert all(isinstance(link, Link) and (link.target or link.section) for link in outline.links)
    first_is_empty = [s.line for s in outline.sections[:2]] == [1, 1]
    text = "\n".join(s.text for s in outline.sections[first_is_empty:])
    assert text == body.replace("\r\n", "\n").replace("\r", "\n")
    slugs = [s.slug for s in outline.sections]
    assert len(set(slugs)) == len(slugs)


def test_a_renderer_reads_links_alike() -> None:
    md = MarkdownIt("commonmark").use(wikilinks)
    found = [c for token in md.parse(BODY) for c in token.children or [] if c.type == "wikilink"]
    assert [c.meta["target"] for c in found] == [link.target for link in read_markdown(BODY).links]


@pytest.mark.parametrize(
    ("fence", "kind", "problem"),
    [
        ("chart: {experiment: dictionary-learning, name: frontier}", "chart", None),
        ("claim:\n  experiment: x\n  id: y", "claim", None),
        ("claim: 3", "", "settings"),
        ("a: {}\nb: {}", "", "one thing"),
        ("- list", "", "one thing"),
        ("chart: [", "", "not valid YAML"),
        ("x: !!python/name:os.system", "", "not plain data"),
        ("a: &a {x: 1}\nb: *a", "", "aliases"),
        ("", "", "one thing"),
    ],
)
def test_live_blocks_are_data(fence: str, kind: str, problem: str | None) -> None:
    (block,) = read_markdown(f"text\n\n```glassbook\n{fence}\n```\n\n```yaml\nno: {{}}\n```\n").blocks
    assert (block.kind, block.line) == (kind, 3)
    assert (problem in block.problem) if problem and block.problem else block.problem is None


def test_slug() -> None:
    assert slug("The Reversal curse!") == "the-reversal-curse"
    assert slug("Größe_1 – ein Maß") == "größe_1-ein-maß"


def test_backlinks_follow_id_then_title_then_alias(nb: Notebook) -> None:
    nb.write(Page.new("Alpha", "[[beta]] [[B]] [[nobody]]\n\n[[ALPHA]]\n"))
    nb.write(Page.new("Gamma", "see [[Beta#x|it]]\n"))
    nb.write(Page.new("Beta", "", aliases=["b", "gamma"]))
    assert {(b.id, b.section, b.line) for b in nb.index.backlinks("beta")} == {("alpha", "", 1), ("gamma", "x", 1)}
    assert nb.index.backlinks("alpha") == []
    # The page called Gamma takes links to "gamma" from the page that has it as an alias only.
    nb.write(Page.new("Delta", "[[gamma]]\n"))
    assert [b.id for b in nb.index.backlinks("gamma")] == ["delta"]
    assert nb.index.resolve("GAMMA") == "gamma"
    assert nb.index.resolve("nobody") is None
    # A link to something that is no page is found by its name.
    assert [b.id for b in nb.index.backlinks("nobody")] == ["alpha"]
    page = nb.page("gamma")
    page.aliases = ["nobody"]
    nb.write(page)
    assert [b.id for b in nb.index.backlinks("gamma")] == ["alpha", "delta"]


def test_a_label_may_be_broken_across_lines_and_links_between_html_tags_are_links() -> None:
    body = "See [[sparse feature|sparse\nfeature]].\n\n<ul>\n<li>[[depth]]</li>\n</ul>\n"
    assert [(link.target, link.label, link.line) for link in read_markdown(body).links] == [
        ("sparse feature", "sparse feature", 1),
        ("depth", "depth", 5),
    ]


LINES = st.sampled_from(
    ["", "a [[b]] c", "# One", "## Two ##", "###", "#not", "####### seven", "- item [[x|y]]", "* star", "+",
     "+ plus [[p#q]]", "[[c", "d]] e", "text", "![[pic]] [a [[b]] c](u)", "a # b", "# [[in]] a *heading* #",
     "[r]: /u", "> quote [[q]]", "    code [[n]]", "1. one", "- # no", "---", "===", "```", "`[[c]]`", "- - x",
     "<!-- [[h]] -->", "*em* [[m]]", "-x", "#\u00a0nbsp", "é [[ü]]", "| a | [[t\\|l]] |", "# a #b#", "# a\\#",
     "_under_", "- [ ] task [[t]]", "** b **"]
)  # fmt: skip


@settings(max_examples=500, deadline=None)
@given(st.lists(st.one_of(LINES, st.text(alphabet="#-*[]| ab\u3000=_", max_size=8)), max_size=12).map("\n".join))
def test_plain_pages_are_read_as_all_others(body):
    assert read_markdown(body) == _outline(body, body.split("\n"))
