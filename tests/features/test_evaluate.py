import math

import pytest
import torch

from glassbook.errors import GlassbookError
from glassbook.features import Dictionary, TopK, evaluate, fit
from glassbook.measure.reconstruction import explained_variance
from glassbook.nets import LM, LMConfig
from glassbook.trace import record, trace
from tests.features.conftest import samples

MASK = torch.ones(6, 9, dtype=torch.int64)
MASK[0, :4] = 0  # padded on the left
MASK[1, 5:] = 0  # and on the right
SITE = "blocks.0.out"


class Rebuild(Dictionary):
    """A dictionary whose reconstruction is put in by hand."""

    def __init__(self, rebuild, d=8):
        super().__init__(d, 16, TopK(2))
        self.rebuild = rebuild

    def forward(self, x):
        return self.rebuild(x)


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    config = LMConfig(vocab=30, d_model=8, n_layers=2, n_heads=2, n_kv_heads=2, d_hidden=16, context=16)
    model = LM(config).eval()
    with torch.no_grad():
        for p in model.parameters():
            p.mul_(3)  # so that an ablation is felt
    return model


@pytest.fixture(scope="module")
def ids(model):
    """What the model itself says, so that it has something to lose."""
    begin = torch.randint(3, 30, (6, 2), generator=torch.Generator().manual_seed(0))
    return model.generate(begin, max_new_tokens=7)


@pytest.fixture(scope="module")
def batches(ids):
    return [{"input_ids": ids[:4], "attention_mask": MASK[:4]}, {"input_ids": ids[4:], "attention_mask": MASK[4:]}]


@pytest.fixture(scope="module")
def skip(ids):
    return {int(ids[3, 4])}


@pytest.fixture(scope="module")
def recording(model, batches, skip, tmp_path_factory):
    return record(model, batches, [SITE], tmp_path_factory.mktemp("r") / "r", skip=skip)


def score(model, batches, recording, rebuild, **more):
    return evaluate(Rebuild(rebuild), (recording, SITE), model=model, site=SITE, batches=batches, **more)


def test_scores_of_activations_are_the_definitions(learnt):
    d, _, _, x = learnt
    s = evaluate(d, x, chunk=37)
    z = d.encode(x)
    assert s.explained_variance == pytest.approx(explained_variance(x, d.decode(z)), abs=1e-6)
    assert s.l0 == pytest.approx(float((z > 0).float().sum(1).mean()), abs=1e-6)
    assert torch.allclose(s.density.float(), (z > 0).float().mean(0), atol=1e-6)
    assert s.dead == float((s.density == 0).double().mean())
    assert s.n == len(x)
    assert math.isnan(s.ce_recovered)


def test_a_decoder_that_predicts_the_mean_explains_nothing():
    x = samples()[2]
    d = Dictionary(12, 48, TopK(4))
    with torch.no_grad():
        d.W_enc.zero_()
        d.b_dec.copy_(x.mean(0))
    assert evaluate(d, x).explained_variance == pytest.approx(0, abs=1e-6)


def test_a_perfect_copy_recovers_all_of_the_loss_and_the_mean_none(model, batches, recording):
    copy = score(model, batches, recording, lambda x: x)
    assert copy.ce_dictionary == pytest.approx(copy.ce_clean, abs=1e-6)
    assert copy.ce_recovered == pytest.approx(1)
    assert copy.ce_recovered_from_zero == pytest.approx(1)
    assert copy.ce_mean_ablation > copy.ce_clean
    mean = recording.read(SITE).mean(0)
    ablated = score(model, batches, recording, lambda x: mean.expand_as(x))
    assert ablated.ce_dictionary == pytest.approx(ablated.ce_mean_ablation, abs=1e-6)
    assert ablated.ce_recovered == pytest.approx(0, abs=1e-6)
    zero = score(model, batches, recording, torch.zeros_like)
    assert zero.ce_dictionary == pytest.approx(zero.ce_zero_ablation, abs=1e-6)


@torch.no_grad()
def test_kl_is_from_the_clean_distribution_and_averaged_over_tokens(model, ids, batches, recording):
    skip = recording.header["special_tokens"]["skipped_ids"]
    s = score(model, batches, recording, torch.zeros_like, skip=skip)
    total, n = 0.0, 0
    for batch in batches:
        clean = model(**batch).logits
        kept = batch["attention_mask"].bool()
        here = (kept & ~torch.isin(batch["input_ids"], torch.tensor(skip)))[..., None]
        with trace(model, edit={SITE: lambda x, at, here=here: torch.where(here, 0.0, x)}):
            other = model(**batch).logits
        both = kept[:, 1:] & kept[:, :-1]
        p, q = (t[:, :-1][both].log_softmax(-1) for t in (clean, other))
        total, n = total + float((p.exp() * (p - q)).sum()), n + int(both.sum())
    assert s.kl_zero_ablation == pytest.approx(total / n, rel=1e-4)
    assert s.kl_dictionary == pytest.approx(s.kl_zero_ablation, rel=1e-5)
    assert s.kl_recovered_from_zero == pytest.approx(0, abs=1e-5)
    copy = score(model, batches, recording, lambda x: x)
    assert copy.kl_dictionary == pytest.approx(0, abs=1e-6)
    assert copy.kl_recovered == pytest.approx(1, abs=1e-5)


@torch.no_grad()
def test_the_loss_is_summed_over_real_tokens_and_then_divided(model, ids, batches, recording):
    total, n = 0.0, 0
    for row, mask in zip(ids, MASK.bool(), strict=True):
        text = row[mask][None]
        logp = model(input_ids=text).logits[0, :-1].log_softmax(-1)
        total -= float(logp.gather(1, text[0, 1:, None]).sum())
        n += text.shape[1] - 1
    s = score(model, batches, recording, lambda x: x)
    assert s.ce_clean == pytest.approx(total / n, abs=1e-5)


def test_only_real_tokens_that_were_not_skipped_are_replaced(model, ids, skip, batches, recording):
    seen = []
    score(model, batches, recording, lambda x: seen.append(x) or x, skip=skip)
    kept = MASK.bool() & ~torch.isin(ids, torch.tensor(list(skip)))
    assert kept.sum() < MASK.sum()
    assert sum(map(len, seen)) == int(kept.sum()) == recording.n
    assert torch.allclose(torch.cat(seen), recording.read(SITE), atol=1e-5)


def test_skipped_tokens_are_remembered_from_the_recording(model, batches, recording):
    seen = []
    d = Rebuild(lambda x: seen.append(x) or x)
    d.about = {"special_tokens": recording.header["special_tokens"]}
    evaluate(d, (recording, SITE), model=model, site=SITE, batches=batches)
    assert sum(map(len, seen)) == recording.n


def test_the_model_is_left_as_it_was(model, batches, recording):
    before = model(**batches[0]).logits
    score(model, batches, recording, torch.zeros_like)
    assert torch.equal(model(**batches[0]).logits, before)
    with trace(model, read=SITE):
        model(**batches[0])


def test_half_of_what_is_needed_is_one_line(model, ids, batches, recording):
    d = Dictionary(8, 16, TopK(2))
    with pytest.raises(GlassbookError, match="all of model, site and batches"):
        evaluate(d, (recording, SITE), model=model)
    with pytest.raises(GlassbookError, match="which site"):
        evaluate(d, recording)
    short = [{"input_ids": ids[:, :1]}]
    with pytest.raises(GlassbookError, match="longer texts"):
        evaluate(d, (recording, SITE), model=model, site=SITE, batches=short)


def test_audit_b5_a_transcoder_is_scored_on_what_it_predicts(model, batches):
    g = torch.Generator().manual_seed(0)
    read = torch.randn(3000, 12, generator=g)
    wanted = read.relu() @ torch.randn(12, 12, generator=g)
    for skip in (False, True):
        torch.manual_seed(0)
        d = Dictionary(12, 48, TopK(6), d_out=12, skip=skip)
        report = fit(d, (read, wanted), steps=200, batch=256, lr=1e-2)
        found = evaluate(d, (read, wanted)).explained_variance
        assert found == pytest.approx(explained_variance(wanted, d(read)), abs=1e-6)
        assert found == pytest.approx(report.explained_variance, abs=0.05)
    with pytest.raises(GlassbookError, match="side by side"):
        evaluate(d, read)
    with pytest.raises(GlassbookError, match="loss with a transcoder"):
        evaluate(d, (read, wanted), model=model, site=SITE, batches=batches)
