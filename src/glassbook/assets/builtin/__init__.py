"""The language model and the dictionary that ship with the package; `tools/builtin.py` makes them."""
