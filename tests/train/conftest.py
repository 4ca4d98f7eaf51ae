"""Fixtures for the tests of training."""

import sys
from pathlib import Path

import pytest
import torch

# Helpers are a plain module beside the tests, because processes started by a test import them too.
sys.path.append(str(Path(__file__).parent))


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
