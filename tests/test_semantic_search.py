"""Semantic search: what is embedded, how often, and the order of results."""

from __future__ import annotations

import pytest

from glassbook.errors import GlassbookError
from glassbook.notebook import Notebook, Page
from glassbook.semantic_search import SemanticIndex


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    import torch
    from transformers import BertConfig, BertModel, BertTokenizerFast

    place = tmp_path_factory.mktemp("bert")
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"fox snow winter sum product matrix . den cold add".split()]
    (place / "vocab.txt").write_text("\n".join(words))
    BertTokenizerFast(str(place / "vocab.txt")).save_pretrained(place)
    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    BertModel(BertConfig(vocab_size=len(words), max_position_embeddings=64, **sizes)).save_pretrained(place)
    return place


@pytest.fixture
def notebook(tmp_path):
    nb = Notebook.create(tmp_path / "nb")
    nb.write(Page.new("fox", "# fox\n\nsnow snow cold den\n\n## winter\n\nfox den\n"))
    nb.write(Page.new("matrix", "# matrix\n\nsum product sum add\n"))
    return nb


def test_the_nearest_page_is_the_one_with_the_same_words(notebook, model):
    found = SemanticIndex(notebook, model).search("matrix. # matrix sum product sum add")
    assert found[0].id == "matrix"
    assert found[0].score > 0.9
    assert [near.id for near in found] == ["matrix", "fox"]
    assert found[0].score >= found[1].score


def test_only_what_changed_is_embedded_again(notebook, model):
    told = []
    meaning = SemanticIndex(notebook, model)
    meaning.search("fox", progress=lambda done, all: told.append(all))
    assert told == [3]
    page = notebook.page("matrix")
    page.body += "\n## product\n\nproduct sum\n"
    notebook.write(page)
    meaning.search("fox", progress=lambda done, all: told.append(all))
    assert told == [3, 1]
    (notebook.folder / ".glassbook" / "embeddings.db").unlink()
    assert meaning.search("fox")[0].title


def test_nothing_is_found_for_nothing(notebook, model):
    assert SemanticIndex(notebook, model).search("  ") == []


def test_without_a_model_it_says_what_to_write(notebook):
    with pytest.raises(GlassbookError, match="embedding ="):
        SemanticIndex(notebook)
    settings = notebook.folder / "glassbook.toml"
    settings.write_text(settings.read_text() + 'embedding = "nowhere"\n')
    with pytest.raises(GlassbookError, match="nowhere"):
        SemanticIndex(notebook)
