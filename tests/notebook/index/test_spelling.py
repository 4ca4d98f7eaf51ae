"""Misspelt words: distances with known answers, and what search finds for them."""

from __future__ import annotations

import shutil
import time

import pytest

from glassbook.notebook import Notebook, Page
from glassbook.notebook.index.spelling import distance


@pytest.mark.parametrize(
    ("word", "other", "expected"),
    [
        ("sparse", "sparse", 0),
        ("sparse", "spares", 1),  # two neighbours swapped
        ("sparse", "parse", 1),
        ("curse", "cures", 1),
        ("kitten", "sitting", 3),
        ("", "ab", 2),
        ("größe", "grosse", 3),
    ],
)
def test_distances(word, other, expected):
    assert distance(word, other, 3) == expected
    assert distance(other, word, 3) == expected
    assert expected == 0 or distance(word, other, expected - 1) == expected


@pytest.fixture
def nb(tmp_path):
    notebook = Notebook.create(tmp_path / "nb")
    notebook.write(Page.new("The reversal curse", "A is B, but B is not A.", kind="term", aliases=["Umkehrfluch"]))
    notebook.write(Page.new("Superposition", "More features than directions, after *Elhage*.", kind="term"))
    notebook.write(Page.new("Größe", "Das Maß der Dinge; cures nothing.", kind="note"))
    yield notebook
    notebook.close()


def found(nb, text, **more):
    return [(hit.id, hit.near) for hit in nb.index.search(text, **more)]


@pytest.mark.parametrize(
    ("text", "ident"),
    [
        ("reversal cures", "the-reversal-curse"),  # the wrong word is one of another page
        ("revresal", "the-reversal-curse"),
        ("Umkerfluch", "the-reversal-curse"),
        ("superpositon", "superposition"),
        ("supperpozition", "superposition"),
        ("superpsoi", "superposition"),  # not yet typed to its end
        ("uperpositino", "superposition"),  # two wrong, one of them the first
        ("spuerpositoin", "superposition"),
        ("Elhaeg", "superposition"),  # a word of the text
        ("featurse directons", "superposition"),
        ("Größse", "größe"),
    ],
)
def test_misspelt_words_find_what_was_meant(nb, text, ident):
    assert (ident, True) in found(nb, text)


@pytest.mark.parametrize(
    ("text", "meant", "ident"),
    [
        ("superpositoin", "superposition", "superposition"),
        ("the reversal cures", "the reversal curse", "the-reversal-curse"),
        ("Umkerfluch", "Umkehrfluch", "the-reversal-curse"),
    ],
)
def test_a_page_that_has_the_name_that_was_meant_comes_first(nb, text, meant, ident):
    nb.index.set_experiments({"toy": (f"{meant}?", (meant,), "")})
    assert found(nb, text)[0] == (ident, True)


def test_what_holds_the_words_comes_first(nb):
    nb.write(Page.new("Curses and cures", "Both.", kind="note"))
    hits = found(nb, "cures")
    assert [near for _, near in hits] == sorted(near for _, near in hits)
    assert [ident for ident, near in hits if not near] == ["curses-and-cures", "größe"]
    assert ("the-reversal-curse", True) in hits


@pytest.mark.parametrize("text", ['"superpositon"', "zzzz", "cat", "1234", "上下文", "superpositon zzzzzzzz"])
def test_nothing_is_found_for_quotes_short_words_and_words_like_no_other(nb, text):
    assert found(nb, text) == []


def test_enough_exact_hits_need_no_others(nb):
    for n in range(3):
        nb.write(Page.new(f"Sparsity {n}", "few"))
    nb.write(Page.new("Sparsely", "few"))
    assert {near for _, near in found(nb, "sparsity")} == {False}


def test_words_are_known_as_soon_as_they_are_written_and_after_the_index_is_made_again(nb):
    assert found(nb, "quokak") == []
    nb.write(Page.new("On quokkas", "A quokka smiles."))
    assert found(nb, "quokak") == [("on-quokkas", True)]
    shutil.rmtree(nb.folder / ".glassbook")
    assert found(nb, "quokak") == [("on-quokkas", True)]


def test_words_of_very_many_new_pages_are_known(nb, monkeypatch):
    monkeypatch.setattr("glassbook.notebook.index.refresh.MANY", 1)
    for n in range(3):
        (nb.folder / "pages" / f"copied-{n}.md").write_text(f"# Numbat {n}\n\nEats termites.\n")
    assert [ident for ident, _ in found(nb, "termiets")] == ["copied-0", "copied-1", "copied-2"]


def test_excerpts_read_as_text_and_mark_the_word_that_was_meant(nb):
    nb.write(
        Page.new(
            "Blocks",
            "```glassbook\nchart: {experiment: x}\n```\n\n| a | b |\n| --- | --- |\n| **wombat** | [[c|d]] |\n",
        )
    )
    (hit,) = nb.index.search("wombta")
    assert ("wombat", True) in hit.excerpt
    assert hit.text.endswith("a · b wombat · d")
    assert "glassbook" not in hit.text


def test_a_long_text_is_cut_round_the_match_and_no_block_in_two(nb):
    block = "```glassbook\nchart:\n" + "  note: pad\n" * 150 + "```\n"
    nb.write(Page.new("Long", "word " * 2000 + f"\n\n{block}\nthe [[numbat|bilby]] here\n" + "tail " * 2000))
    (hit,) = nb.index.search("bilby")
    assert "the bilby here" in hit.text
    assert "pad" not in hit.text


def test_a_server_reads_the_words_before_somebody_misspells_one(nb):
    nb.write(Page.new("Elephantine", "trunkation\n"))
    nb.index.page_count()
    nb.close()
    nb.index.follow(at_once=True)
    until = time.monotonic() + 30
    while not nb.index._vocabulary._known and time.monotonic() < until:
        time.sleep(0.05)
    assert nb.index._vocabulary._known >= {"elephantine", "trunkation"}
    assert [hit.id for hit in nb.index.search("trunkatiom")] == ["elephantine"]
