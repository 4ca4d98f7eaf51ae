"""Metrics: arrays in, numbers out. Each definition stands in its docstring and has a test with a known answer."""
