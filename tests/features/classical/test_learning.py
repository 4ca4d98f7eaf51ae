import pytest
import torch
from torch.nn.functional import normalize

from glassbook.errors import GlassbookError
from glassbook.features import evaluate
from glassbook.features.classical import (
    OMP,
    Lasso,
    SparseCoder,
    kmeans,
    lasso_objective,
    learn_atoms,
    pca,
)
from glassbook.measure.matching import mcc, mmcs
from glassbook.notebook import Notebook
from tests.features.conftest import Died, Dying


@pytest.fixture(scope="module")
def world():
    """Sums of three of 48 directions in 24 dimensions, of either sign."""
    g = torch.Generator().manual_seed(77)
    truth = normalize(torch.randn(48, 24, generator=g), dim=1)
    on = torch.rand(8000, 48, generator=g).argsort(1) < 3
    return truth, (on * (0.5 + torch.rand(8000, 48, generator=g)) * torch.randn(8000, 48, generator=g).sign()) @ truth


@pytest.mark.parametrize("code", [Lasso(0.3), OMP(3)])
def test_atoms_are_recovered(world, code):
    truth, x = world
    coder = learn_atoms(x, 48, code, steps=150, batch=256, seed=1)
    start = learn_atoms(x, 48, code, steps=1, batch=256, seed=1)
    assert mcc(truth, coder.W_dec) > 0.95 > 0.8 > mcc(truth, start.W_dec)
    assert (coder.W_dec.norm(dim=1) <= 1 + 1e-5).all()
    assert evaluate(coder, x[:500]).explained_variance > 0.9


def test_scores_see_codes_of_both_signs(world):
    _, x = world
    scores = evaluate(SparseCoder(torch.eye(24), torch.zeros(24), OMP(3)), x[:100])
    assert scores.l0 == 3


def test_same_seed_same_atoms(world):
    _, x = world
    a, b, c = (learn_atoms(x, 32, Lasso(0.1), steps=5, batch=64, seed=s).W_dec for s in (0, 0, 1))
    assert torch.equal(a, b)
    assert not torch.equal(a, c)


@pytest.mark.parametrize("code", [Lasso(0.1), OMP(3)])
def test_a_resumed_training_ends_bit_for_bit_where_an_unbroken_one_does(world, code, tmp_path):
    _, x = world
    settings = {"steps": 24, "batch": 64, "seed": 3}  # so few samples leave unused atoms to start again
    whole = learn_atoms(x, 80, code, **settings)
    saves = {"checkpoint": tmp_path, "checkpoint_every": 7}
    with pytest.raises(Died):
        learn_atoms(x, 80, code, **settings, **saves, run=Dying(20), log_every=5)
    assert torch.equal(learn_atoms(x, 80, code, **settings, **saves, resume=True).W_dec, whole.W_dec)
    with pytest.raises(GlassbookError, match="width was 80, is 90"):
        learn_atoms(x, 90, code, **settings, **saves, resume=True)
    with pytest.raises(GlassbookError, match="another training"):
        learn_atoms(x, 80, code, **settings, **saves)


def test_metrics_go_to_the_run(world, tmp_path):
    _, x = world
    with Notebook.create(tmp_path / "nb", title="t").start_run("atoms", config={}, seed=0) as run:
        learn_atoms(x, 48, OMP(3), steps=40, batch=64, run=run, label="real")
    assert run.metrics("real_l0") == ([20, 40], [3.0, 3.0])
    first, last = run.metrics("real_explained_variance")[1]
    assert 0 < first < last < 1


def test_atoms_that_nothing_uses_start_again(world):
    _, x = world
    coder = learn_atoms(x, 200, Lasso(0.3), steps=100, batch=256)
    assert evaluate(coder, x[:2000]).dead < 0.2


def test_values_that_are_not_finite_are_refused(world):
    bad = world[1].clone()
    bad[::7] = torch.nan
    with pytest.raises(GlassbookError, match="not finite"):
        learn_atoms(bad, 8, Lasso(0.1))


def test_components_are_those_of_scikit_learn(world):
    from sklearn.decomposition import PCA

    _, x = world
    theirs = PCA(5).fit(x.double().numpy())
    ours = pca(x, 5)
    cosine = (ours.W_dec.double() * torch.from_numpy(theirs.components_)).sum(1).abs()
    torch.testing.assert_close(cosine, torch.ones_like(cosine), atol=1e-4, rtol=0)
    assert evaluate(ours, x).explained_variance == pytest.approx(theirs.explained_variance_ratio_.sum(), abs=1e-3)
    assert evaluate(pca(x, 24), x).explained_variance == pytest.approx(1, abs=1e-5)
    with pytest.raises(GlassbookError, match="1 to 24 principal"):
        pca(x, 25)


def test_clusters_give_the_nearest_centre():
    centres = torch.tensor([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]])
    x = centres.repeat_interleave(50, 0) + 0.1 * torch.randn(150, 2, generator=torch.Generator().manual_seed(0))
    coder = kmeans(x, 3)
    assert evaluate(coder, x).l0 == 1
    torch.testing.assert_close(coder(x), x, atol=0.6, rtol=0)
    assert mmcs(centres[1:], coder.W_dec) > 0.999


def test_another_width_is_refused(world):
    with pytest.raises(GlassbookError, match="reads 24 dimensions, not 3"):
        pca(world[1], 4).encode(torch.zeros(2, 3))


def test_objective_falls_as_atoms_are_learnt(world):
    _, x = world
    first, last = (learn_atoms(x, 48, Lasso(0.1), steps=s, batch=256, centre=False) for s in (1, 100))
    a, b = (lasso_objective(x, c.encode(x), c.W_dec, 0.1) for c in (first, last))
    assert b < 0.8 * a
