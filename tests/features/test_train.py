import contextlib
import os
import signal

import pytest
import torch

from glassbook.errors import GlassbookError
from glassbook.features import (
    BatchTopK,
    Dictionary,
    Gated,
    JumpReLU,
    Matryoshka,
    ReLU,
    TopK,
    evaluate,
    fit,
    fit_many,
)
from glassbook.features.normalize import geometric_median
from glassbook.measure.matching import latent_f1, mcc, mmcs
from tests.features.conftest import Died, Dying, samples

QUICK = {"steps": 40, "batch": 128, "lr": 5e-3}


def new(rule=TopK(4), seed=0):  # noqa: B008 (a frozen value)
    torch.manual_seed(seed)
    return Dictionary(12, 48, rule)


def same(a, b):
    return all(torch.equal(p, q) for p, q in zip(a.state_dict().values(), b.state_dict().values(), strict=True))


def test_learning_recovers_the_truth_and_chance_does_not(learnt):
    d, truth, strengths, x = learnt
    chance = new(seed=5)
    f1, chance_f1 = (latent_f1(truth, e.W_dec, strengths > 0, e.encode(x) > 0) for e in (d, chance))
    assert mcc(truth, d.W_dec) > mcc(truth, chance.W_dec) + 0.15
    assert mmcs(truth, d.W_dec) > 0.9
    assert f1 > chance_f1 + 0.2
    assert evaluate(d, x).explained_variance > 0.9
    assert torch.allclose(torch.linalg.vector_norm(d.W_dec, dim=1), torch.ones(48), atol=1e-5)


def test_batch_topk_ends_with_a_threshold_at_which_k_are_active():
    d = new(BatchTopK(3))
    report = fit(d, samples()[2], steps=150, batch=256, lr=1e-2)
    assert d.rule.threshold is not None
    assert report.l0 == pytest.approx(3, abs=0.01)
    x = samples(seed=12)[2]
    assert evaluate(d, x).l0 == pytest.approx(3, rel=0.1)
    assert torch.allclose(d.encode(x[:5]), d.encode(x)[:5], atol=1e-6)  # no row depends on the others


RULES = [TopK(4), BatchTopK(4), ReLU(0.5), JumpReLU(l0=4), Matryoshka(BatchTopK(4), (12, 48))]


@pytest.mark.parametrize("rule", RULES, ids=repr)
def test_the_same_seed_gives_the_same_bits_and_another_does_not(rule):
    x = samples()[2]
    a, b, c = new(rule), new(rule), new(rule)
    fit(a, x, **QUICK)
    fit(b, x, **QUICK)
    fit(c, x, **QUICK, seed=1)
    assert same(a, b)
    assert not same(a, c)


@pytest.mark.parametrize("rule", RULES, ids=repr)
def test_a_resumed_training_ends_bit_for_bit_where_an_unbroken_one_does(rule, tmp_path):
    x = samples()[2]
    whole, broken = new(rule), new(rule)
    settings = {**QUICK, "dead_after": 256, "checkpoint_every": 7}
    fit(whole, x, **settings)

    with pytest.raises(Died):
        fit(broken, x, **settings, checkpoint=tmp_path, run=Dying(30), log_every=10)
    again = new(rule, seed=9)
    fit(again, x, **settings, checkpoint=tmp_path, resume=True)
    assert same(whole, again)
    assert whole.rule == again.rule
    with pytest.raises(GlassbookError, match="lr was"):
        fit(again, x, **{**settings, "lr": 1e-4}, checkpoint=tmp_path, resume=True)
    with pytest.raises(GlassbookError, match="another training"):
        fit(again, x, **settings, checkpoint=tmp_path)


def test_several_dictionaries_resume_together(tmp_path):
    x = samples()[2]
    settings = {**QUICK, "checkpoint_every": 7, "columns": [slice(None), slice(6, 12)]}

    def fresh(seed):
        torch.manual_seed(seed)
        return [Dictionary(12, 48, BatchTopK(3)), Dictionary(6, 24, ReLU(1.0))]

    whole, broken, again = fresh(0), fresh(0), fresh(9)
    fit_many(whole, x, **settings)
    with pytest.raises(Died):
        fit_many(broken, x, **settings, checkpoint=tmp_path, run=Dying(30), log_every=10)
    torch.manual_seed(5)
    fit_many(again, x, **settings, checkpoint=tmp_path, resume=True)
    assert all(same(a, b) for a, b in zip(whole, again, strict=True))
    with pytest.raises(GlassbookError, match="width/1 was 24, is 12"):
        fit_many([again[0], Dictionary(6, 12, ReLU(1.0))], x, **settings, checkpoint=tmp_path, resume=True)


def test_ctrl_c_leaves_a_checkpoint_and_a_dictionary_of_raw_activations(tmp_path):
    d, x, calls = new(), samples()[2], []

    def batch(step):
        calls.append(step)
        if step == 12 and calls.count(12) == 2:  # the first time is the sample before the first step
            os.kill(os.getpid(), signal.SIGINT)
        return x[(torch.arange(128) + 128 * step) % len(x)]

    with pytest.raises(KeyboardInterrupt, match="step 13 of 40, checkpoint written"):
        fit(d, batch, **QUICK, checkpoint=tmp_path)
    assert evaluate(d, x).explained_variance > 0
    whole, again = new(), new(seed=1)
    fit(whole, batch, **QUICK)
    fit(again, batch, **QUICK, checkpoint=tmp_path, resume=True)
    assert same(whole, again)


def test_a_function_of_the_step_and_its_rows_as_a_tensor():
    d = new()
    x = samples()[2]
    seen = []

    def batch(step):
        seen.append(step)
        return x[(torch.arange(128) + 128 * step) % len(x)]

    report = fit(d, batch, **QUICK)
    assert set(range(40)) <= set(seen)
    assert report.n == 40 * 128
    assert report.explained_variance > 0


def test_aux_brings_dead_latents_back_to_life():
    x = torch.randn(4000, 12, generator=torch.Generator().manual_seed(0))  # there is work for every latent
    dead = {}
    for aux in (0.0, 1 / 32):
        d = new(TopK(2))
        with torch.no_grad():
            d.W_enc[:36] *= 0.2  # rarely among the two largest
        dead[aux] = fit(d, x, steps=200, batch=256, lr=1e-2, dead_after=1000, aux=aux).dead
    assert dead[0.0] > 0.3
    assert dead[1 / 32] < 0.1


def test_learning_goes_on_from_a_loaded_dictionary(learnt, tmp_path):
    d, _, _, x = learnt
    d.save(tmp_path / "d.safetensors")
    again = Dictionary.load(tmp_path / "d.safetensors")
    before = evaluate(again, x).explained_variance
    fit(again, samples()[2], steps=3, batch=512, lr=1e-5)
    assert evaluate(again, x).explained_variance == pytest.approx(before, abs=0.01)


def test_metrics_go_to_the_run(tmp_path):
    from glassbook.notebook import Notebook

    run = Notebook.create(tmp_path / "nb", title="t").start_run("fit", config={}, seed=0)
    with run:
        fit(new(), samples()[2], **QUICK, run=run)
    steps, values = run.metrics("explained_variance")
    assert steps == [20, 40]
    assert values[1] > values[0]
    assert run.metrics("l0")[1][1] <= 4


def test_geometric_median_is_not_moved_by_an_outlier():
    x = torch.cat([torch.randn(99, 2, generator=torch.Generator().manual_seed(0)), torch.full((1, 2), 1e4)])
    assert geometric_median(x).abs().max() < 0.5
    assert x.mean(0).abs().min() > 50
    report = fit(new(), samples()[2], **QUICK, centre="median")
    assert report.explained_variance > 0


def test_what_cannot_work_is_one_line():
    with pytest.raises(GlassbookError, match="all the same"):
        fit(new(), torch.ones(100, 12), **QUICK)
    with pytest.raises(GlassbookError, match="not finite"):
        fit(new(), torch.full((100, 12), float("nan")), **QUICK)
    with pytest.raises(GlassbookError, match="12 dimensions"):
        fit(new(), torch.randn(100, 5), **QUICK)
    with pytest.raises(GlassbookError, match="no activations"):
        fit(new(), torch.ones(0, 12), **QUICK)
    with pytest.raises(GlassbookError, match=r"12 \+ 3 dimensions"):
        fit(Dictionary(12, 48, TopK(4), d_out=3), torch.randn(99, 12), **QUICK)
    with pytest.raises(GlassbookError, match="Gated"):
        fit(new(Gated()), torch.randn(99, 12), **QUICK)
    with pytest.raises(GlassbookError, match="as many rows"):
        fit(Dictionary(12, 48, TopK(4), d_out=3), [torch.randn(99, 12), torch.randn(98, 3)], **QUICK)
    with pytest.raises(GlassbookError, match="at least 1"):
        fit(new(), torch.randn(100, 12), steps=0)


@pytest.mark.parametrize(("rule", "least"), [(ReLU(1.0), 0.8), (JumpReLU(l0=3), 0.85), (BatchTopK(3), 0.85)], ids=repr)
def test_every_rule_rebuilds_and_recovers(rule, least):
    truth, _, x = samples(seed=12)
    d = new(rule)
    report = fit(d, samples()[2], steps=600, batch=512, lr=1e-2)
    assert report.explained_variance > least
    assert mmcs(truth, d.W_dec) > least
    assert torch.allclose(torch.linalg.vector_norm(d.W_dec, dim=1), torch.ones(48), atol=1e-4)
    assert evaluate(d, x).l0 == pytest.approx(report.l0, rel=0.15)


@pytest.mark.parametrize(
    ("sparse", "dense"),
    [
        (TopK(1), TopK(4)),
        (BatchTopK(1), BatchTopK(4)),
        (ReLU(8.0), ReLU(0.5)),
        (JumpReLU(l0=1), JumpReLU(l0=4)),
        (Matryoshka(BatchTopK(1), (12, 48)), Matryoshka(BatchTopK(4), (12, 48))),
    ],
    ids=repr,
)
def test_the_knob_moves_l0(sparse, dense):
    l0 = [fit(new(rule), samples()[2], steps=300, batch=512, lr=1e-2).l0 for rule in (sparse, dense)]
    assert l0[0] < 0.6 * l0[1]


def test_jumprelu_ends_at_the_l0_that_was_asked_for():
    assert fit(new(JumpReLU(l0=3)), samples()[2], steps=600, batch=512, lr=1e-2).l0 == pytest.approx(3, rel=0.25)


def test_a_prefix_of_a_matryoshka_is_a_dictionary_itself():
    x = samples(seed=12)[2]
    unexplained = {}
    for rule in (TopK(4), Matryoshka(TopK(4), (12, 48))):
        d = new(rule)
        fit(d, samples()[2], steps=400, batch=512, lr=1e-2)
        z = d.encode(x)
        z[:, 12:] = 0
        unexplained[type(rule)] = float((x - d.decode(z)).square().mean().detach())
    assert unexplained[Matryoshka] < 0.7 * unexplained[TopK]


def test_a_transcoder_learns_another_site_and_its_skip_the_linear_part():
    g = torch.Generator().manual_seed(3)
    _, strengths, x = samples()
    y = strengths.clamp(max=0.5) @ torch.randn(24, 5, generator=g) + x @ torch.randn(12, 5, generator=g) + 1
    left = {}
    for skip in (False, True):
        torch.manual_seed(0)
        d = Dictionary(12, 48, TopK(4), d_out=5, skip=skip)
        report = fit(d, (x, y), steps=400, batch=512, lr=1e-2)
        left[skip] = 1 - report.explained_variance
        assert 1 - left[skip] == pytest.approx(
            float(1 - (y - d(x).detach()).square().sum() / (y - y.mean(0)).square().sum()), abs=0.02
        )
    assert left[False] < 0.3
    assert left[True] < 0.75 * left[False]


def test_a_crosscoder_shares_latents_between_sites_of_any_size():
    truth, strengths, x = samples()
    other = strengths @ truth.flip(0)[:, :8] * 40 - 7
    torch.manual_seed(0)
    d = Dictionary(20, 48, BatchTopK(3), parts=(12, 8))
    assert fit(d, (x, other), steps=400, batch=512, lr=1e-2).explained_variance > 0.85
    for rule in (ReLU(1.0), JumpReLU(l0=3)):
        d = Dictionary(20, 48, rule, parts=(12, 8))
        assert fit(d, (x, other), steps=400, batch=512, lr=1e-2).explained_variance > 0.7


def test_many_learn_what_each_alone_would():
    x = samples()[2]
    alone = [new(), new(BatchTopK(3), seed=2)]
    for d in alone:
        fit(d, x, **QUICK)
    together = [new(), new(BatchTopK(3), seed=2)]
    reports = fit_many(together, x, **QUICK)
    assert all(same(a, b) for a, b in zip(alone, together, strict=True))
    assert [r.steps for r in reports] == [40, 40]
    half = Dictionary(6, 48, TopK(3))
    fit_many([new(), half], x, **QUICK, columns=[slice(None), slice(6, 12)])
    assert half(x[:, 6:]).shape == (4000, 6)


def test_audit_b4_the_logged_explained_variance_is_that_of_the_batch():
    """Far from the origin, the mean square is not the variance."""

    class Log:
        logged: list[float] = []  # noqa: RUF012

        def progress(self, *args, **kwargs):
            return contextlib.nullcontext(self)

        def advance(self, *args, **kwargs):
            pass

        def log(self, step, **metrics):
            self.logged.append(metrics["explained_variance"])

        def seconds_spent(self, *part):
            return 0.0

        def spent(self, *cost):
            pass

    x = torch.randn(6000, 24, generator=torch.Generator().manual_seed(0)) + 10
    torch.manual_seed(0)
    report = fit(Dictionary(24, 96, TopK(2)), x, steps=100, batch=512, lr=2e-3, centre="none", run=Log())
    assert report.explained_variance < 0
    assert Log.logged[-1] == pytest.approx(report.explained_variance, abs=0.5)


def test_audit_a_dictionary_without_biases_that_was_read_or_learnt_is_not_taken_for_fresh(tmp_path):
    x = 100 * samples()[2]
    torch.manual_seed(0)
    d = Dictionary(12, 48, ReLU(1.0))
    assert d.fresh
    fit(d, x, steps=200, batch=512, lr=1e-2)
    with torch.no_grad():
        d.b_enc.zero_()
        d.b_dec.zero_()
    assert not d.fresh
    d.save(tmp_path / "d.safetensors")
    again = Dictionary.load(tmp_path / "d.safetensors")
    before = d.W_enc.detach().clone()
    for known in (d, again):
        fit(known, x, steps=1, batch=512, lr=1e-7)
        torch.testing.assert_close(known.W_enc.detach(), before, rtol=1e-3, atol=1e-4)
