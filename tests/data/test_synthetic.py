import pytest
import torch

from glassbook.data.synthetic import nested_world
from glassbook.errors import GlassbookError


@pytest.fixture(scope="module")
def world():
    return nested_world(400, 64, roots=5, branching=3, depth=2, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def sample(world):
    return world.sample(20_000, torch.Generator().manual_seed(1))


def test_activations_are_sums_of_the_directions(world, sample):
    s, x = sample
    torch.testing.assert_close(x, s @ world.directions + world.bias)
    torch.testing.assert_close(world.directions.norm(dim=1), torch.ones(400))
    assert (s >= 0).all()


def test_a_child_is_on_only_below_its_parent_and_without_siblings(world, sample):
    on = sample[0] > 0
    assert [tuple(level.shape) for level in world.forest.levels] == [(5, 3), (15, 3)]
    for level in world.forest.levels:
        assert (on[:, level].sum(2) <= 1).all()
        assert (on[:, level] <= on[:, world.forest.parent[level]]).all()
        assert on[:, level].any()


def test_features_are_as_frequent_as_they_say(world, sample):
    p = world.probabilities
    often = p > 0.01
    ratio = (sample[0] > 0).float().mean(0)[often] / p[often]
    assert 0.9 < ratio.median() < 1.1
    assert ratio.min() > 0.5
    assert p.max() > 0.3
    for level in world.forest.levels:
        assert (p[level] <= p[world.forest.parent[level]]).all()


def test_which_features_are_on_together_is_correlated():
    rates = []
    for correlation in (0.0, 0.5):
        g = torch.Generator().manual_seed(2)
        world = nested_world(100, 32, roots=0, depth=0, correlation=correlation, generator=g)
        on = (world.sample(20_000, g)[0] > 0)[:, world.probabilities > 0.05].float()
        rates.append(float(torch.corrcoef(on.T).fill_diagonal_(0).abs().mean()))
    assert rates[1] > 3 * rates[0]


def test_the_same_generator_gives_the_same():
    a, b = (
        nested_world(100, 16, roots=2, depth=1, generator=torch.Generator().manual_seed(3)).sample(
            10, torch.Generator().manual_seed(4)
        )[1]
        for _ in range(2)
    )
    assert torch.equal(a, b)


def test_trees_have_to_fit():
    with pytest.raises(GlassbookError, match="more than 20 features"):
        nested_world(20, 8, roots=4, branching=4, depth=2, generator=torch.Generator())


def test_many_directions_of_few_dimensions_are_spread_out_and_not_thrown_onto_a_line():
    world = nested_world(1500, 64, generator=torch.Generator().manual_seed(1))
    values = torch.linalg.svdvals(world.directions)
    assert values[-1] > 0.9 * values[0]
