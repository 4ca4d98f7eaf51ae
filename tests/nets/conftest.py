"""Real files, for the tests that need them."""

import os
from pathlib import Path

import pytest


def real(name: str) -> Path:
    root = os.environ.get("GLASSBOOK_DATA")
    if not root:
        pytest.skip("needs the real data: set GLASSBOOK_DATA to its folder")
    if not (Path(root) / name).exists():
        pytest.skip(f"GLASSBOOK_DATA has no {name}")
    return Path(root) / name


@pytest.fixture
def stories() -> Path:
    return real("stories260k")


@pytest.fixture
def gpt2_bpe() -> Path:
    return real("gpt2-bpe")
