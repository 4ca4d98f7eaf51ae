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


@pytest.fixture(scope="module")
def more() -> Names:
    """Names of all sorts, as `arranging` adds them."""
    found = Names()
    for said, name, options in (
        ("Measure of intelligence", "Measure of intelligence", {}),
        ("Position embedding", "Vision transformer", {}),
        ("ViT", "Vision transformer", {}),
        ("Vision transformer", "Vision transformer", {}),
        ("Base model", "Pre-training", {}),
        ("Variational auto-encoder", "VAE", {}),
        ("VAE", "VAE", {}),
        ("Autoencoder", "Autoencoder", {}),
        ("Feature", "Feature", {}),
        ("Circuit", "Circuit", {}),
        ("Sparse codes", "Codes", {}),
        ("Sparse coding", "Sparse coding", {}),
        ("Consistency regularisation", "FixMatch", {}),
        ("Debate", "Scalable oversight", {"proper": True}),
        ("MetaPath", "EfficientFormer", {"proper": True}),
        ("Zoom In", "Olah", {"work": True, "proper": True}),
        ("Steering sparse features by codes", "Steering", {"work": True}),
        ("Jain and Wallace 2019", "Not explanation", {"work": True}),
        ("Elhage et al. 2022", "Toy models", {"work": True}),
        ("Vitamin A", "Vitamin A", {}),
    ):
        found.add(said, name, f"pages/{name}.md", **options)
    return found


@pytest.mark.parametrize(
    ("text", "linked"),
    [
        # another form of the word, or other small words
        ("measuring the intelligence", ["measuring the intelligence"]),
        ("measures intelligence", ["measures intelligence"]),
        ("positional embeddings", ["positional embeddings"]),
        ("position-embedding", ["position-embedding"]),
        ("consistency regularization", ["consistency regularization"]),
        # the name that is written, not one that only sounds like it
        ("sparse codes, sparse coding", ["sparse codes", "sparse coding"]),
        ("transformer-based models, based models", []),
        ("featured, featuring", []),
        ("circuit-breaker, non-feature, feature-rich", []),
        ("a vitamin, Vitamin A", ["Vitamin A"]),
        ("sparse's coding, sparse’s code", ["sparse's coding", "sparse’s code"]),
        # with a hyphen, a space or neither
        ("auto-encoders", ["auto-encoders"]),
        ("a variational autoencoder", ["variational autoencoder"]),
        ("Autoencoder and auto-encoder", ["Autoencoder"]),
        # each name once in a line, and no abbreviation right behind what it stands for
        ("variational auto-encoders (VAEs); a VAE", ["variational auto-encoders"]),
        ("A ViT is a vision transformer; ViTs", ["ViT", "vision transformer"]),
        ("Vision transformers (ViT) see\nViT", ["Vision transformers", "ViT"]),
        # words that are a name only where they are written as one
        ("We enjoyed the debate. Debate is fun, and Debate works.", ["Debate"]),
        ("a MetaPath, a metapath", ["MetaPath"]),
        ("zoom in on it, as Zoom In says", ["Zoom In"]),
        # papers by their authors
        ("Elhage et al. 2022 show it", ["Elhage et al. 2022"]),
        ("as Jain and Wallace 2019", ["Jain and Wallace 2019"]),
    ],
)
def test_names_as_people_write_them(more, text, linked):
    assert [link.words for link in more.suggest(text)] == linked


def test_the_title_of_the_work_itself_speaks_of_other_pages(more):
    text = "Steering sparse features by codes"
    assert [link.name for link in more.suggest(text)] == ["Steering"]
    assert [link.words for link in more.suggest(text, {"pages/Steering.md"})] == ["features"]
    # The name of a term is one thing, whatever its words mean elsewhere.
    assert more.suggest("Variational auto-encoder", {"pages/VAE.md"}) == []


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
