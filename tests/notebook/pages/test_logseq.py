"""Logseq: names of files, journals, blocks, properties."""

from __future__ import annotations

import time

import pytest

from glassbook.notebook import Page
from glassbook.notebook.pages import logseq
from glassbook.notebook.pages.links import read_markdown
from glassbook.notebook.pages.logseq import journal_names, listed, page_title, properties


@pytest.mark.parametrize(
    ("stem", "title"),
    [("Parent___Child", "Parent/Child"), ("a___b___c", "a/b/c"), ("a%3Ab", "a:b"), ("100%", "100%"), ("50%ff", "50%ff"),
     ("__init__", "__init__"), ("___x", "___x"), ("a%00b", "a%00b")],
)  # fmt: skip
def test_titles_of_files(stem, title):
    assert page_title(stem) == title
    assert Page.parse("text", name=f"v/pages/{stem}").title == title


@pytest.mark.parametrize(
    ("file", "name"),
    [("2024_01_05", "Jan 5th, 2024"), ("2024_03_21", "Mar 21st, 2024"), ("2024_12_11", "Dec 11th, 2024"),
     ("2023_06_02", "Jun 2nd, 2023"), ("2023_06_23", "Jun 23rd, 2023")],
)  # fmt: skip
def test_journals_are_called_by_their_day(nb, file, name):
    folder = nb.folder / "pages" / "v" / "journals"
    folder.mkdir(parents=True)
    (folder / f"{file}.md").write_text("- x\n")
    for said in (name, file, file.replace("_", "-"), f"journals/{file}"):
        assert nb.index.resolve(said) == f"v/journals/{file}"
    page = nb.page(name)
    assert (page.title, page.day) == (name, file.replace("_", "-"))


def test_what_is_no_day_is_no_journal():
    assert journal_names("journals/2024_13_05.md") == []
    assert journal_names("notes/2024_01_05.md") == []


def test_properties_give_title_aliases_and_tags():
    page = Page.parse("title:: Real\nalias:: LS, [[Other, one]]\ntags:: #a, [[b]]\n\n- text\nkey:: no\n", name="v/x")
    assert (page.title, page.aliases, page.tags) == ("Real", ["LS", "Other, one"], ["a", "b"])
    assert page.render() == page.source
    assert properties("std::vector\n") == {}
    assert properties("text\na:: b\n") == {}
    assert listed("") == []


ONE, TWO, THREE = (f"{n:08x}-0000-4abc-8def-0123456789ab" for n in (1, 2, 3))


@pytest.mark.parametrize(
    ("body", "block"),
    [
        (f"- top\n  id:: {ONE}\n- next\n", "- top"),
        (
            f"- top\n\t- inner\n\t  id:: {ONE}\n\t\t- child\n\n\t\t  of it\n\t- next\n",
            "- inner\n\t- child\n\n\t  of it",
        ),
        (f"- top\r\n  id:: {ONE.upper()}  \r\n  more\r\n- next\r\n", "- top\n  more"),
        (f"text\non two lines\nid:: {ONE}\n\nmore\n", "text\non two lines"),
        (f"- ## Heading\n  id:: {ONE}\n  - below\n", "- ## Heading\n  - below"),
        (f"- a\n  id:: {TWO}\n", ""),
        (f"- a id:: {ONE}\n- id:: {ONE[:-1]}\n- id:: x\n", ""),
    ],
    ids=["item", "inner", "CRLF", "paragraph", "heading", "other", "no id"],
)
def test_the_block_of_an_id_with_those_below_it(body, block):
    assert logseq.block(body, ONE) == block
    assert (ONE in map(str.lower, logseq.block_ids(body))) == bool(block)
    assert logseq.first_lines(body).get(ONE, "").strip() == block.partition("\n")[0]


def test_many_blocks_are_found_in_time_proportional_to_the_page():
    body = "".join(f"- block {n}\n  id:: {n:08x}-0000-4abc-8def-0123456789ab\n" for n in range(20_000))
    began = time.process_time()
    assert logseq.block(body, f"{19_999:08x}-0000-4abc-8def-0123456789ab") == "- block 19999"
    assert len(logseq.block_ids(body)) == 20_000
    assert time.process_time() - began < 2


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (f"see (({ONE})).", [(ONE, f"^{ONE}", "")]),
        (f"(({ONE}))(({TWO}))", [(ONE, f"^{ONE}", ""), (TWO, f"^{TWO}", "")]),
        (f"[why](((  {ONE}))) [why]((({ONE})))", [(ONE, f"^{ONE}", "why")]),
        (f"- {{{{embed (({ONE}))}}}}", [(ONE, f"^{ONE}", "")]),
        ("{{embed [[Some page]]}}", [("Some page", "", "Some page")]),
        (f"`(({ONE}))` %%(({ONE}))%% \\(({ONE})) (({ONE[1:]})) ((x-{ONE[9:]}))", []),
    ],
    ids=["reference", "two", "label", "embed", "page", "none"],
)
def test_links_to_blocks(text, found):
    assert [(link.target, link.section, link.label) for link in read_markdown(text).links] == found
