"""The unit of strength: residual norms, measured on texts that are the same for every model."""

from itertools import islice

import pytest

from glassbook.data.world import World
from glassbook.nets import open_model
from glassbook.steer.norms import residual_norms


def test_audit_the_probe_gives_nearly_the_norms_of_the_models_own_text():
    """English is not what the built-in model was trained on; as a unit of strength its norms serve all the same."""
    lm, sites = open_model("builtin"), ["blocks.1.out", "blocks.3.out"]
    own = residual_norms(lm, sites, [d.text for d in islice(World().stream(-5), 12)])
    for site, norm in residual_norms(lm, sites).items():
        assert norm == pytest.approx(own[site], rel=0.25)
