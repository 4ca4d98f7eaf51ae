"""Semantic search in the browser: offered where a model is named, and no page that is opened asks it."""

from __future__ import annotations

import sys

import pytest
from evidence_book import open_app

from glassbook.notebook import Notebook, Page

WORDS = "fox snow winter sum product matrix . den cold add"


@pytest.fixture
def nb(nb):
    nb.write(Page.new("fox", "# fox\n\nsnow snow cold den\n\n## winter\n\nfox den\n"))
    nb.write(Page.new("a/b matrix", "# matrix\n\nsum product sum add\n"))
    return nb


def name_model(nb: Notebook, folder: str) -> None:
    settings = nb.folder / "glassbook.toml"
    settings.write_text(settings.read_text() + f"embedding = {folder!r}\n")


def tiny_bert(place) -> None:
    import torch
    from transformers import BertConfig, BertModel, BertTokenizerFast

    place.mkdir()
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS.split()]
    (place / "vocab.txt").write_text("\n".join(words))
    BertTokenizerFast(str(place / "vocab.txt")).save_pretrained(place)
    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    BertModel(BertConfig(vocab_size=len(words), max_position_embeddings=64, **sizes)).save_pretrained(place)


def test_it_is_offered_only_where_a_model_is_named(nb):
    client = open_app(nb)
    assert "data-semantic" not in client.get("/search?q=fox").text
    assert not (nb.folder / ".glassbook" / "model-server.log").exists()
    refused = client.post("/api/v1/search/semantic", json={"q": "fox"})
    assert refused.status_code == 400
    assert "embedding =" in refused.json()["error"]
    name_model(nb, "nowhere")
    page = client.get("/search?q=fox").text
    assert "data-semantic" in page
    assert "semantic_search.js" in page
    (nb.folder / "glassbook.toml").write_text("embedding = [")
    assert "data-semantic" not in client.get("/search?q=fox").text


def test_the_nearest_pages_come_with_their_addresses(nb, tmp_path):
    tiny_bert(tmp_path / "bert")
    name_model(nb, "../bert")
    with open_app(nb) as client:
        found = client.post("/api/v1/search/semantic", json={"q": "matrix. # matrix sum product sum add"}).json()[
            "found"
        ]
        assert [near["title"] for near in found] == ["a/b matrix", "fox"]
        assert found[0]["url"].startswith("/p/a-b-matrix")
        assert found[0]["score"] > found[1]["score"]
        one = client.post("/api/v1/search/semantic", json={"q": "fox", "limit": 1}).json()["found"]
        assert len(one) == 1
        # What is written next is found at once, not what was found before.
        nb.write(Page.new("cold", "# cold\n\nfox snow winter den cold den\n"))
        again = client.post("/api/v1/search/semantic", json={"q": "fox", "limit": 9}).json()["found"]
        assert {near["id"] for near in again} == {"fox", "a-b-matrix", "cold"}
        for wrong in ({"q": ""}, {"q": "x", "limit": 0}, {"q": "x" * 2000}, {}):
            assert client.post("/api/v1/search/semantic", json=wrong).status_code == 422


def test_looking_whether_a_model_is_named_imports_no_torch(nb):
    import subprocess

    code = (
        "import sys; from glassbook.semantic_search import has_model; from glassbook.notebook import Notebook;"
        f"has_model(Notebook({str(nb.folder)!r})); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
