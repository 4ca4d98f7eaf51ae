"""The language model and the dictionary that ship with the package; `tools/builtin.py` makes them."""

from pathlib import Path

BUILTIN_DICTIONARY = Path(__file__).parent / "dictionary.safetensors"
"""The dictionary of the built-in model, which is named "builtin" as well."""
