"""The models and the dictionary that ship with the package; tools/builtin.py and tools/builtin_vae.py make them."""

import functools
import tomllib
from pathlib import Path

_HERE = Path(__file__).parent
BUILTIN_DICTIONARY = _HERE / "dictionary.safetensors"
"""The dictionary of the built-in model, which is named "builtin" as well."""
BUILTIN_VAE = "builtin-vae"
"""The name of the VAE of camera-trap frames."""
BUILTIN_MODELS = {"builtin": _HERE / "model", BUILTIN_VAE: _HERE / "vae"}
"""Folders of the built-in models by their names."""


@functools.cache
def training_flop() -> dict[str, float]:
    """FLOP of the training of each thing here, by the name of its file or folder."""
    table = tomllib.loads((Path(__file__).parent / "compute.toml").read_text("utf-8"))
    return {name: float(entry["flop"]) for name, entry in table.items()}
