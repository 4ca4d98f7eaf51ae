"""File formats of other programs: SAELens, sparsify, dictionary_learning, Gemma Scope, OpenAI.

Each module reads one layout. What in it would change the latents is folded into the weights or refused with a reason;
no file is allowed to run code.
"""

from glassbook.features.formats.load import load
from glassbook.features.formats.sae_lens import load_sae_lens, save_sae_lens

__all__ = ["load", "load_sae_lens", "save_sae_lens"]
