"""The networks, the tokenizers, and the two together as a `LanguageModel`."""

from glassbook.nets.lm import LM, KVCache, LMConfig, LMOutput

__all__ = ["LM", "KVCache", "LMConfig", "LMOutput"]
