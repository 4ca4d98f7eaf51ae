"""Dictionaries that other programs wrote, and ours for them.

Each module reads one layout, whatever it is about that layout that could make the codes come out differently is
either worked into the weights or refused with a reason. No file is ever allowed to run code.
"""

from glassbook.features.formats.load import load
from glassbook.features.formats.sae_lens import save_sae_lens

__all__ = ["load", "save_sae_lens"]
