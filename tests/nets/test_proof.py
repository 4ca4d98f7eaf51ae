"""What opens as a language model has shown that it is one: later tokens do not change earlier predictions."""

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
import transformers
from tiny_models import TOKENIZER, VOCAB, tiny
from torch import Tensor, nn

from glassbook.errors import GlassbookError
from glassbook.nets import LanguageModel, open_model
from glassbook.nets.proof import proved

MASKED = ["bert", "roberta", "electra", "roformer", "xlnet", "xlm"]
CAUSAL = ["bert decoder", "roberta decoder", "electra decoder", "roformer decoder", "gemma3", "mixtral", "mamba"]


def refused(call, says: str) -> None:
    with pytest.raises(GlassbookError, match=says) as error:
        call()
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("louder", [1.0, 3.0])
@pytest.mark.parametrize("kind", MASKED)
def test_masked_models_are_told_by_what_they_do(kind: str, louder: float):
    refused(lambda: proved(LanguageModel(tiny(kind, louder), TOKENIZER, kind)), "change with later tokens")


@pytest.mark.parametrize("kind", CAUSAL)
def test_causal_models_pass_also_without_a_tokenizer(kind: str):
    assert proved(LanguageModel(tiny(kind), None, kind)).pads_left


def test_a_causal_class_can_be_set_to_see_everything():
    lm = LanguageModel(tiny("gemma3", use_bidirectional_attention=True), TOKENIZER, "an embedder")
    refused(lambda: proved(lm), "change with later tokens")


def test_folders_of_masked_models_are_refused_and_of_decoders_opened(tmp_path: Path):
    for name, kind in (("masked", "bert"), ("decoder", "bert decoder")):
        tiny(kind).save_pretrained(tmp_path / name)
        TOKENIZER.save(tmp_path / name)
    refused(lambda: open_model(tmp_path / "masked"), "cannot be opened as a language model")
    assert len(open_model(tmp_path / "decoder").generate(["the cat", ""], tokens=3)) == 2


@pytest.mark.parametrize("family", ["T5", "Bart", "Marian"])
def test_encoder_decoders_are_refused(tmp_path: Path, family: str):
    sizes = {"d_model": 32, "decoder_start_token_id": 2, "vocab_size": VOCAB, "pad_token_id": 2}
    if family == "T5":
        sizes |= {"d_ff": 48, "num_layers": 2, "num_heads": 4, "d_kv": 8}
        model = transformers.T5ForConditionalGeneration(transformers.T5Config(**sizes))
    else:
        for side in ("encoder", "decoder"):
            sizes |= {f"{side}_layers": 1, f"{side}_attention_heads": 4, f"{side}_ffn_dim": 48}
        config = getattr(transformers, f"{family}Config")(**sizes, max_position_embeddings=32)
        heads = {"Bart": "BartForConditionalGeneration", "Marian": "MarianMTModel"}
        model = getattr(transformers, heads[family])(config)
    model.save_pretrained(tmp_path)
    refused(lambda: open_model(tmp_path), "cannot be opened as a language model: it is an encoder-decoder")


class Lookup(nn.Module):
    """A model of one table, which counts its pads and leaks as it is told."""

    def __init__(self, leak: float = 0.0, output: str = "logits") -> None:
        super().__init__()
        self.table = nn.Embedding(64, 64)
        self.leak, self.output = leak, output
        text = SimpleNamespace(vocab_size=64, max_position_embeddings=16)
        self.config = SimpleNamespace(get_text_config=lambda: text)

    def forward(self, input_ids: Tensor, attention_mask: Tensor | None = None) -> SimpleNamespace:
        x = self.table(input_ids)
        return SimpleNamespace(**{self.output: x + self.leak * x.flip(1)})


def test_a_small_leak_is_seen_and_none_is_none():
    torch.manual_seed(0)
    assert proved(LanguageModel(Lookup(), None, "table")).pads_left
    refused(lambda: proved(LanguageModel(Lookup(leak=1e-3), None, "table")), "change with later tokens")


def test_what_does_not_run_on_tokens_alone_is_one_line():
    refused(lambda: proved(LanguageModel(Lookup(output="scores"), None, "table")), "does not run on tokens alone")
