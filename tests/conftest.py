"""What all tests share."""

import sys
from pathlib import Path

import pytest
from hypothesis import settings

from glassbook.assets import reference

# Helpers are a plain module beside the tests.
sys.path.append(str(Path(__file__).parent))

# How long an example takes depends on what else the machine does; tests about speed measure it themselves.
settings.register_profile("glassbook", deadline=None)
settings.load_profile("glassbook")


@pytest.fixture(autouse=True)
def _no_reference_evidence(request, monkeypatch, tmp_path_factory):
    """Tests see no reference evidence but what they make: what ships changes with every measurement."""
    if "shipped_evidence" not in request.keywords:
        monkeypatch.setattr(reference, "FOLDER", tmp_path_factory.getbasetemp() / "no-evidence")
