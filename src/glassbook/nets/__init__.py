"""Neural networks, tokenizers, and language models as the pair of the two.

What experiments open, build and save is here; a network of its own is imported from its file (`nets.blocks`).
"""

from glassbook.nets.io.files import model_path, open_model, save_model
from glassbook.nets.language_model import LanguageModel
from glassbook.nets.likelihood import next_token_nll, recall
from glassbook.nets.tokenizer import BPE, Tokenizer, train_bpe
from glassbook.nets.transformer import LM, LMConfig

__all__ = [
    "BPE",
    "LM",
    "LMConfig",
    "LanguageModel",
    "Tokenizer",
    "model_path",
    "next_token_nll",
    "open_model",
    "recall",
    "save_model",
    "train_bpe",
]
