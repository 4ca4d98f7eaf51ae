"""The language model and the dictionary that ship with the package; `tools/builtin.py` makes them."""

import functools
import tomllib
from pathlib import Path

BUILTIN_DICTIONARY = Path(__file__).parent / "dictionary.safetensors"
"""The dictionary of the built-in model, which is named "builtin" as well."""


@functools.cache
def training_flop() -> dict[str, float]:
    """FLOP of the training of each thing here, by the name of its file or folder."""
    table = tomllib.loads((Path(__file__).parent / "compute.toml").read_text("utf-8"))
    return {name: float(entry["flop"]) for name, entry in table.items()}
