"""The models and the dictionary that ship with the package; tools/builtin.py and tools/builtin_vae.py make them."""

from pathlib import Path

_HERE = Path(__file__).parent
BUILTIN_DICTIONARY = _HERE / "dictionary.safetensors"
"""The dictionary of the built-in model, which is named "builtin" as well."""
BUILTIN_VAE = "builtin-vae"
"""The name of the VAE of camera-trap frames."""
BUILTIN_MODELS = {"builtin": _HERE / "model", BUILTIN_VAE: _HERE / "vae"}
"""Folders of the built-in models by their names."""
