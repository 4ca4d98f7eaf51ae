"""Suggested links: names as people write them, in no place where a link would break the text."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassbook.notebook.importing.linking import Names, with_links


@pytest.fixture(scope="module")
def names() -> Names:
    found = Names()
    for said, name in (
        ("Sparse coding", "Sparse coding"),
        ("Fine-tuning", "Fine-tuning"),
        ("RAM", "Risk awareness moment"),
        ("SAEs", "Dictionary learning"),
        ("Reinforcement learning from human feedback", "RLHF"),
        ("Vision transformer", "Vision transformer"),
        ("Transformer", "Transformer"),
    ):
        found.add(said, name, f"pages/{name}.md")
    return found


@pytest.mark.parametrize(
    ("text", "linked"),
    [
        ("I like sparse coding.", "I like [[Sparse coding|sparse coding]]."),
        ("Sparse coding is fine; sparse coding again.", "[[Sparse coding]] is fine; sparse coding again."),
        ("sparse coding\nSparse coding", "[[Sparse coding|sparse coding]]\n[[Sparse coding]]"),
        ("fine-tuned, fine tuning", "[[Fine-tuning|fine-tuned]], fine tuning"),
        ("RAM and ram; RAMs", "[[Risk awareness moment|RAM]] and ram; RAMs"),
        ("a SAE, or SAEs", "a [[Dictionary learning|SAE]], or SAEs"),
        (
            "reinforcement learning from human (or AI) feedback (RAM)",
            "[[RLHF|reinforcement learning from human (or AI) feedback]] ([[Risk awareness moment|RAM]])",
        ),
        ("Vision transformers", "[[Vision transformer|Vision transformers]]"),
        ("A vision. Transformers", "A vision. [[Transformer|Transformers]]"),
        ("# Sparse coding", "# Sparse coding"),
        (
            "`sparse coding` [[sparse coding]] [sparse coding](x.md)",
            "`sparse coding` [[sparse coding]] [sparse coding](x.md)",
        ),
        ("https://a.org/sparse-coding $sparse coding$", "https://a.org/sparse-coding $sparse coding$"),
        ("```\nsparse coding\n```\nsparse coding", "```\nsparse coding\n```\n[[Sparse coding|sparse coding]]"),
        ("```\nsparse coding", "```\nsparse coding"),
        ("| sparse coding | x |", "| sparse coding | x |"),
        ("RAMP, sparsecoding, sparse, coding", "RAMP, sparsecoding, sparse, coding"),
    ],
)
def test_where_links_go(names, text, linked):
    assert with_links(text, names.suggest(text)) == linked


def test_not_to_the_page_itself(names):
    assert names.suggest("sparse coding", {"pages/Sparse coding.md"}) == []


@given(st.text(alphabet="sparecoding RAM\n`[]|#()-$'’", max_size=200))
def test_only_brackets_are_added(text):
    found = Names()
    found.add("sparse coding", "Sparse coding", "a")
    found.add("RAM", "RAM", "b")
    links = found.suggest(text)
    assert all(text[link.start : link.start + len(link.words)] == link.words for link in links)
    bare = with_links(text, links)
    for link in links:
        bare = bare.replace(link.link, link.words, 1)
    assert bare == text


def test_names_that_mean_nothing_are_not_looked_for():
    found = Names()
    for said in ("", "a", "7", "1984", "...", "x" * 3 + " y" * 40):
        found.add(said, "Page", "p")
    assert found.suggest("a 7 1984 ... xxx y y") == []
    found.add("Odd", "Odd | name", "p")
    assert found.suggest("Odd") == []


def test_long_texts_take_time_in_proportion(names):
    for text in ("sparse " * 100_000, "(" * 100_000, "`" * 100_001, "[[" * 50_000, "![" * 50_000, "$" * 100_001):
        start = time.process_time()
        names.suggest(text)
        assert time.process_time() - start < 5
