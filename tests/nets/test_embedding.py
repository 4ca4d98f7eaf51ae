"""Texts as vectors, with a tiny BERT that transformers itself wrote."""

from __future__ import annotations

import pytest
import torch

from glassbook.errors import GlassbookError
from glassbook.nets.embedding import TextEmbedder


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    from transformers import BertConfig, BertModel, BertTokenizerFast

    place = tmp_path_factory.mktemp("bert")
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"a fox sleeps in the snow and model learns".split()]
    (place / "vocab.txt").write_text("\n".join(words))
    BertTokenizerFast(str(place / "vocab.txt")).save_pretrained(place)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(words),
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=32,
    )
    BertModel(config).save_pretrained(place)
    return place


def test_vectors_are_the_mean_over_real_tokens(folder):
    from transformers import AutoModel, AutoTokenizer

    texts = ["a fox", "the model learns a fox in the snow and sleeps", ""]
    vectors = TextEmbedder(folder).embed(texts, batch=2)
    assert vectors.shape == (3, 16)
    torch.testing.assert_close(vectors.norm(dim=1), torch.ones(3))
    alone = AutoModel.from_pretrained(folder).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    with torch.no_grad():
        expected = alone(**tokenizer("a fox", return_tensors="pt")).last_hidden_state[0].mean(0)
    torch.testing.assert_close(vectors[0], torch.nn.functional.normalize(expected, dim=0), atol=1e-5, rtol=1e-4)


def test_long_texts_are_cut(folder):
    vectors = TextEmbedder(folder).embed(["fox " * 500])
    assert torch.isfinite(vectors).all()


def test_what_is_no_model_is_refused_in_one_line(tmp_path, folder):
    with pytest.raises(GlassbookError, match="no embedding model"):
        TextEmbedder(tmp_path)
    (tmp_path / "config.json").write_text((folder / "config.json").read_text())
    (tmp_path / "model.safetensors").write_bytes(b"nothing")
    with pytest.raises(GlassbookError) as error:
        TextEmbedder(tmp_path)
    assert "\n" not in str(error.value)
