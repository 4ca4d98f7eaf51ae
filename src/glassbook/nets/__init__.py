"""Neural networks, tokenizers, and models of text and of pictures as the pair of a network and what it reads with.

What experiments open, build and save is here; a network of its own is imported from its file (`nets.blocks`).
"""

from glassbook.nets.io.files import model_path, open_language_model, open_model, open_picture_model, save_model
from glassbook.nets.language_model import LanguageModel
from glassbook.nets.likelihood import next_token_nll, recall
from glassbook.nets.picture_model import PictureModel
from glassbook.nets.tokenizer import BPE, Tokenizer, train_bpe
from glassbook.nets.transformer import LM, LMConfig

__all__ = [
    "BPE",
    "LM",
    "LMConfig",
    "LanguageModel",
    "PictureModel",
    "Tokenizer",
    "model_path",
    "next_token_nll",
    "open_language_model",
    "open_model",
    "open_picture_model",
    "recall",
    "save_model",
    "train_bpe",
]
