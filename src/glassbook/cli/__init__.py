"""The command line: one file for each command; `main` is the entry point."""

from glassbook.cli.app import main

__all__ = ["main"]
