"""Citations in sentences: which of them lead to the list of sources, and what they never touch."""

from __future__ import annotations

import pytest
from markupsafe import Markup

from glassbook.web.render.citations import citation, link_citations


def work(year, *names):
    return citation(names[0], {"title": "T", "author": [{"family": n} for n in names], "issued": {"raw": str(year)}})


WORKS = [
    work(2022, "Elhage", "Hume", "Olsson", "Schiefer"),
    work(2020, "Abnar", "Zuidema"),
    work(2011, "Vincent"),
    work(2023, "Röttger", "Kirk", "Vidgen"),
    work(2021, "Wei", "Bosma", "Zhao", "Guu"),
    work(2021, "Wei", "Xie", "Ma"),
]


@pytest.mark.parametrize(
    ("text", "cited", "number"),
    [
        ("(Elhage et al. 2022)", "Elhage et al. 2022", 1),
        ("(see Elhage et al., 2022; and others)", "Elhage et al., 2022", 1),
        ("Elhage et al. (2022) show", "Elhage et al. (2022)", 1),
        ("(Abnar and Zuidema 2020)", "Abnar and Zuidema 2020", 2),
        ("Abnar &amp; Zuidema (2020)", "Abnar &amp; Zuidema (2020)", 2),
        ("Vincent (2011)", "Vincent (2011)", 3),
        ("as Vincent 2011a has it", "Vincent 2011a", 3),
        ("(Röttger, Kirk and Vidgen 2023)", "Röttger, Kirk and Vidgen 2023", 4),
    ],
)
def test_what_names_a_source_leads_to_it(text, cited, number):
    linked = text.replace(cited, f'<a class="cite" href="#work-{number}">{cited}</a>')
    assert link_citations(Markup(f"<p>{text}</p>"), WORKS) == f"<p>{linked}</p>"


@pytest.mark.parametrize(
    "html",
    [
        "<p>Elhage et al. 2021</p>",
        "<p>(Wei et al. 2021)</p>",  # two sources: it may be either
        "<p>McElhage 2022, Elhage 20221, Vincent and 2011 others, Vincent, in 2011</p>",
        "<p><code>Vincent 2011</code></p>",
        '<p><a href="/x">Vincent 2011</a></p>',
        "<h2>Vincent 2011</h2>",
        '<aside class="block"><p>Vincent 2011</p></aside>',
        '<p title="a > Vincent 2011">x</p>',
    ],
)
def test_what_stays_as_it_is(html):
    assert link_citations(Markup(html), WORKS) == html


def test_without_sources_nothing_is_looked_for():
    html = Markup("<p>Vincent 2011</p>")
    assert link_citations(html, []) is html
    assert link_citations(html, [citation("key", None)]) is html


def test_names_are_text_and_never_a_pattern_or_markup():
    works = [work(2020, "A.*"), work(2020, "<b>"), work(2020, 'O"Brien')]
    assert link_citations(Markup("<p>Anything 2020</p>"), works) == "<p>Anything 2020</p>"
    assert "#work-2" in link_citations(Markup("<p>&lt;b&gt; 2020</p>"), works)
