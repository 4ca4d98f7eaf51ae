"""Texts of pages that tests of several packages write."""

LEARNING_PATH = """```glassbook
path:
  title: From neurons to circuits
  guide: Guide
  levels:
    - level: Directions
      steps:
        - Read [[Superposition]]
        - Run it
    - Circuits
```
"""
