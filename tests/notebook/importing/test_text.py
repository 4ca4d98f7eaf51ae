"""Plain text becomes pages of their kinds, and no line of it is lost or doubled."""

from __future__ import annotations

import os
import re
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassbook.notebook import Notebook
from glassbook.notebook.importing import PlannedPage, plan
from glassbook.notebook.importing.text import read_text


def lines_of(text: str) -> Counter[str]:
    return Counter(line for line in re.split(r"\r\n|\r|\n", text) if line.strip())


def found(text: str) -> list[PlannedPage]:
    pages = read_text(text, "Notes", "notes.txt")
    assert sum((lines_of(page.body) for page in pages), Counter()) == lines_of(text)
    numbers = [number for page in pages for number in page.lines]
    assert len(numbers) == len(set(numbers))
    return pages


def titles(pages: list[PlannedPage], kind: str) -> list[str]:
    return [page.title for page in pages if page.kind == kind]


def one(pages: list[PlannedPage], title: str) -> PlannedPage:
    (page,) = (page for page in pages if page.title.startswith(title))
    return page


PIECES = st.sampled_from(
    [
        *("Session 3: ", "Week 12-14 - ", "Purpose: ", "The Problem: ", "Observation 2: ", "Glossary", "Papers"),
        *("(terms, decreasing)", "Term: ", "A - B", "We propose ", "Note that these", "word ", "Deep Nets ", ". "),
        *("\n", "\n\n", "\r\n", "\r", "---\n", "\t", "# ", "[[x]]", "é", "\u2028", "\x0b", "\ufeff"),
    ]
)


@given(st.one_of(st.text(st.characters(exclude_categories=["Cs"])), st.lists(PIECES, max_size=60).map("".join)))
def test_every_line_is_in_exactly_one_page(text):
    found(text)


@given(st.lists(PIECES, min_size=1, max_size=40).map("".join))
def test_the_same_holds_for_the_files(text):
    from glassbook.notebook import Page

    for planned in found(text):
        page = Page(id="x", title=planned.title, kind=planned.kind, body="\n" + planned.body)
        again = Page.parse(page.render())
        assert again.problem is None
        assert lines_of(again.body) == lines_of(planned.body)


@pytest.fixture
def real() -> Path:
    root = os.environ.get("GLASSBOOK_DATA")
    if not root:
        pytest.skip("needs the real data: set GLASSBOOK_DATA to its folder")
    return Path(root) / "notes" / "an-unstructured-notebook-page.txt"


def test_a_real_unstructured_page(real, nb):
    prepared = plan(real)
    assert prepared.kinds() == {"note": 1, "session": 13, "paper": 8, "talk": 1, "term": 17}
    pages = found(real.read_text("utf-8"))
    courses = Counter(page.front["course"] for page in pages if page.kind == "session")
    assert courses == {1: 5, 2: 8}
    assert one(pages, "Session 8-11").front["session"] == [8, 9, 10, 11]
    talk = one(pages, "Intro to Large Language Models")
    assert (talk.kind, talk.lines, talk.front["by"]) == ("talk", (18, 19, 20, 21, 22, 23), "Andrej Karpathy")
    assert one(pages, "Steering GPT-2-XL").lines == (17, 24)
    former = one(pages, "EfficientFormer")
    assert former.lines == tuple(range(35, 43))
    terms = [page for page in pages if page.kind == "term"]
    assert terms[0].title == "Dictionary Learning"
    assert terms[-1].title == "Auto-encoder"
    assert [page.front["level"] for page in terms] == list(range(17, 0, -1))
    assert one(pages, "Variational auto-encoder").lines == (59, 60, 61)
    # An abstract without its title is a paper of its own, not a part of the talk above it.
    assert one(pages, "We note that in practice").lines == (25,)
    report = prepared.apply(nb)
    assert len(report.made) == 40
    kept = sum((lines_of(page.body) for page in nb.pages()), Counter())
    kept += Counter(item["text"] for item in report.left_out)
    assert lines_of(real.read_text("utf-8")) - kept == Counter()  # the page of contents has others besides
    assert nb.index.resolve("VAE") == "variational-auto-encoder-vae"
    assert nb.index.problems() == []


COURSES = """My notes on what I learn.
Week 1: Gradient descent: Went well.
Week 2: Back-propagation
It took me two evenings.
Week 3-4: Convolutions - a long one, which I did not finish in time!
Week 1: Reward models: Another course.
Lecture 2 - Preference learning
"""


def test_sessions_that_count_upwards_and_other_words():
    pages = found(COURSES)
    assert titles(pages, "session") == [
        "Week 1: Gradient descent",
        "Week 2: Back-propagation",
        "Week 3-4",
        "Week 1: Reward models",
        "Lecture 2: Preference learning",
    ]
    assert [page.front["course"] for page in pages if page.kind == "session"] == [1, 1, 1, 2, 2]
    assert one(pages, "Week 2").lines == (3, 4)
    assert one(pages, "Notes").lines == (1,)


GLOSSARY = """Glossary (from low level to high: increasing order)
Logit - The number before the softmax.
For example: 3.2.
It has no unit.
Softmax: Makes numbers a distribution.
Stochastic gradient descent (SGD): One step for each batch.
P.S. I keep this list up to date.
"""


def test_a_rising_glossary_with_both_marks_and_more_paragraphs():
    pages = found(GLOSSARY)
    terms = [page for page in pages if page.kind == "term"]
    assert [(page.title, page.front["level"]) for page in terms] == [
        ("Logit", 1),
        ("Softmax", 2),
        ("Stochastic gradient descent (SGD)", 3),
    ]
    assert terms[0].lines == (2, 3, 4)
    assert terms[2].front["aliases"] == ["SGD", "Stochastic gradient descent"]
    assert one(pages, "Notes").lines == (1, 7)
    assert all(any("level" in guess for guess in page.guesses) for page in terms)


def test_a_glossary_in_no_order_has_no_levels():
    pages = found("Terms:\nEpoch: Once through the data.\nBatch: Some of it.\n")
    assert [("level" in page.front) for page in pages if page.kind == "term"] == [False, False]


PAPERS = """Denoising Diffusion Probabilistic Models
Problem: GANs are hard to train.
Proposal: Learn to take noise away, step by step.
Observation 1: More steps help.
Observation 2: The schedule matters.
It is slow, though.
Motivation: Attention costs the square of the length.
Results: A linear kernel does nearly as well.
Learning Transferable Visual Models From Natural Language Supervision:
Abstract: Pictures and captions.
The Bitter Lesson - Rich Sutton
A keynote that I watched twice.
"""


def test_papers_with_and_without_titles():
    pages = found(PAPERS)
    assert one(pages, "Denoising").lines == (1, 2, 3, 4, 5, 6)
    assert one(pages, "Learning Transferable").lines == (9, 10)
    assert one(pages, "The Bitter Lesson").kind == "talk"
    untitled = one(pages, "Attention costs")
    assert untitled.lines == (7, 8)
    assert any("give it its title" in guess for guess in untitled.guesses)


def test_labels_may_come_after_a_comment_below_the_title():
    pages = found("Deep Residual Learning for Image Recognition\nStill read by all.\nProblem: Depth hurts.\n")
    assert one(pages, "Deep Residual").lines == (1, 2, 3)


def test_lines_that_were_broken_to_fit_a_screen_stay_together():
    (page,) = found("This is a note which was\nbroken here.\n\nAnd another one that stands alone.\n")
    assert page.body == "This is a note which was\nbroken here.\n\nAnd another one that stands alone.\n"


def test_equal_titles_get_different_files(nb: Notebook):
    pages = found("Week 1: Maths: Good.\nWeek 1: Maths: Better.\n")
    assert [page.path for page in pages] == ["sessions/week-1-maths.md", "sessions/week-1-maths-2.md"]
