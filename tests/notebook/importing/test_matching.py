"""Which page an imported page is about: by name, by reference, by its sentences; and when it is about none."""

from __future__ import annotations

import pytest

from glassbook.notebook import Notebook, Page
from glassbook.notebook.importing import PlannedPage
from glassbook.notebook.importing.matching import Match, Subjects, loose
from glassbook.notebook.pages.references import References


@pytest.fixture
def book(nb: Notebook) -> Notebook:
    References(nb.folder).add(
        {"type": "article", "title": "Deep Residual Learning for Image Recognition", "number": "arXiv:1512.03385"},
        {"type": "article", "title": "Adam: A Method for Stochastic Optimization", "number": "arXiv:1412.6980"},
        {"type": "article", "title": "Playing Atari with Deep Reinforcement Learning", "number": "arXiv:1312.5602"},
    )
    nb.write(Page.new("Adam", kind="term", aliases=["Adaptive moment estimation"]))
    nb.write(Page.new("Residual stream", kind="term", aliases=["Skip connections", "ResNet"]))
    nb.write(
        Page.new(
            "He 2015",
            "Degradation: deeper plain networks have a higher training error. Shortcuts let layers learn residuals"
            " with reference to their inputs; ensembles reach hundreds of layers on ImageNet and COCO detection.",
            kind="paper",
            refs=["1512.03385"],
        )
    )
    nb.write(
        Page.new(
            "Atari",
            "A convolutional network learns control policies from raw pixels by a variant of Q-learning with replay"
            " of experience, and plays seven games of the arcade environment without changes to its architecture.",
            kind="paper",
            refs=["1312.5602"],
        )
    )
    return nb


def match(book: Notebook, title: str, body: str = "Some words.\n", kind: str = "term", derived: bool = False) -> Match:
    page = PlannedPage("x/y.md", title, kind, "a.txt", body=body, derived=derived)
    return Subjects(book).match(page)


def test_loose_names():
    assert loose("The Reversal Curses") == loose("Reversal curse")
    assert loose("Auto-encoders") == loose("auto encoder")
    assert loose("Toy models (paper)") == loose("Toy Models")
    assert loose("Mass") != loose("Ma")
    assert loose("()") == ""


@pytest.mark.parametrize(
    ("title", "there"),
    [
        ("ADAM", "adam"),
        ("The Skip Connection", "residual-stream"),
        ("Adaptive moment-estimation", "adam"),
        ("Adam by Kingma", "adam"),
        ("Warm-up and Adam", "adam"),
        ("Adagrad", None),
        ("Madam", None),
        ("The", None),
    ],
)
def test_terms_by_name(book, title, there):
    found = match(book, title).candidates
    assert [candidate.ident for candidate in found if candidate.sure] == ([there] if there else [])


def test_a_list_of_names_is_sure_only_by_a_title(book):
    found = match(book, "Batch size, ResNet and learning rate").candidates
    assert [(candidate.ident, candidate.sure) for candidate in found] == [("residual-stream", False)]


@pytest.mark.parametrize(
    ("title", "body", "there"),
    [
        ("Deep residual learning for image recognition", "Nice.", "he-2015"),
        ("Deep Residual Learning for Image", "Nice.", "he-2015"),
        ("A paper", "See arxiv.org/abs/1512.03385v1, worth it.", "he-2015"),
        ("Deep", "Nice.", None),
        ("A survey", "It cites arXiv:1512.03385 and arXiv:1312.5602.", None),
    ],
)
def test_works_by_title_and_number(book, title, body, there):
    found = match(book, title, body, "paper").candidates
    assert [candidate.ident for candidate in found if candidate.sure] == ([there] if there else [])


def test_a_work_without_a_page_is_named(book):
    assert match(book, "Adam: a method for stochastic optimization", kind="paper").work == (
        "1412.6980",
        "Adam: A Method for Stochastic Optimization",
    )


@pytest.mark.parametrize(
    ("title", "body", "kind", "key"),
    [
        ("Sleeper agents", "See https://arxiv.org/abs/2401.05566v3.", "paper", "2401.05566"),
        ("A talk", "About doi:10.1038/S41586-023-06004-9, twice: 10.1038/s41586-023-06004-9.", "talk",
         "10.1038/s41586-023-06004-9"),
        ("hep-th/9711200", "Old numbers.", "paper", "hep-th/9711200"),
        ("A survey", "It cites arXiv:2401.05566 and arXiv:2401.05567.", "paper", None),
        ("A term", "From arXiv:2401.05566.", "term", None),
        ("No number", "In 2401 or so, see 10.5/x.", "paper", None),
    ],
)  # fmt: skip
def test_a_work_that_the_bibliography_lacks_is_told_by_its_only_number(book, title, body, kind, key):
    assert match(book, title, body, kind).work == ((key, "") if key else None)


@pytest.mark.parametrize(
    ("body", "there"),
    [
        (
            "Problem: deeper plain networks show degradation of training error; shortcuts with identity let layers"
            " learn residuals of their inputs, with hundreds of layers on ImageNet and better COCO detection.",
            "he-2015",
        ),
        (
            "Purpose: a convolutional network that learns policies from raw pixels by Q-learning with experience"
            " replay, for seven Atari games of the arcade environment, with one architecture.",
            "atari",
        ),
        (
            "Background: batches of sequences are padded; packing several of them together wastes less memory while"
            " masks keep sentences apart, and throughput on accelerators doubles for short documents.",
            None,
        ),
        ("Residuals on ImageNet.", None),
    ],
)
def test_works_by_their_sentences(book, body, there):
    found = match(book, "A made title", body, "paper", derived=True).candidates
    assert [candidate.ident for candidate in found if candidate.sure] == ([there] if there else [])


def test_sessions_and_notes_are_about_no_page(book):
    assert match(book, "Adam", kind="session") == Match()
    assert match(book, "Adam", kind="note") == Match()
