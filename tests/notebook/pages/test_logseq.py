"""Logseq: names of files, journals, properties."""

from __future__ import annotations

import pytest

from glassbook.notebook import Page
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
