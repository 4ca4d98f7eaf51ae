"""The networks, the tokenizers, and the two together as a `LanguageModel`."""

from glassbook.nets.io.files import model_path, open_model, save_model
from glassbook.nets.language_model import LanguageModel
from glassbook.nets.likelihood import next_token_nll, recall
from glassbook.nets.tokenizer import BPE, Tokenizer, train_bpe
from glassbook.nets.transformer import LM, KVCache, LMConfig, LMOutput

__all__ = [
    "BPE",
    "LM",
    "KVCache",
    "LMConfig",
    "LMOutput",
    "LanguageModel",
    "Tokenizer",
    "model_path",
    "next_token_nll",
    "open_model",
    "recall",
    "save_model",
    "train_bpe",
]
