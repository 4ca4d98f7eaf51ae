import pytest
import torch

from glassbook.experiments.base import launch
from glassbook.experiments.features._geometry import geometry
from glassbook.experiments.features.superposition import Superposition
from glassbook.notebook import Notebook


@pytest.fixture(scope="module")
def record(tmp_path_factory):
    notebook = Notebook.create(tmp_path_factory.mktemp("nb") / "nb", title="test")
    return launch(Superposition.quick(), notebook, seed=1)


def test_a_linear_model_cannot_exceed_its_dimensions(record):
    assert record.results["linear_represented_sparse"] <= Superposition.quick().hidden


def test_geometry_of_known_arrangements():
    alone = geometry(torch.eye(3), 1.0, 0.0)
    assert alone["represented"] == 3
    assert alone["superposed"] == 0
    assert alone["dimensionality"] == [1, 1, 1]
    pair = geometry(torch.tensor([[1.0, -1.0]]), 1.0, 0.0)  # an antipodal pair: half a dimension each
    assert pair["superposed"] == 1
    assert pair["dimensionality"] == [0.5, 0.5]
    angles = torch.arange(5) * 2 * torch.pi / 5  # a pentagon: two fifths of a dimension each
    pentagon = geometry(torch.stack([angles.cos(), angles.sin()]), 1.0, 0.0)
    assert pentagon["dimensionality"] == pytest.approx([0.4] * 5, abs=1e-3)
    forgotten = geometry(torch.tensor([[1.0, 0.0]]), 1.0, 0.0)
    assert forgotten["represented"] == 1
    assert forgotten["dimensionality"][1] == 0
