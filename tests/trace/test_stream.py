import pytest
import torch
from torch import nn

from glassbook.errors import GlassbookError
from glassbook.features import Dictionary, TopK, evaluate, fit, fit_many
from glassbook.features.data import about
from glassbook.nets.transformer import LM, LMConfig
from glassbook.trace import ActivationStream, record

PAD, BOS = 0, 1


def config():
    return LMConfig(vocab=50, d_model=16, n_layers=2, n_heads=2, n_kv_heads=2, d_hidden=32, context=32)


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return LM(config()).eval()


def inputs(number):
    """Four sequences of up to ten tokens, padded on the right."""
    g = torch.Generator().manual_seed(number)
    ids = torch.randint(2, 50, (4, 10), generator=g)
    ids[:, 0] = BOS
    mask = torch.arange(10) < torch.randint(4, 11, (4, 1), generator=g)
    return {"input_ids": ids.masked_fill(~mask, PAD), "attention_mask": mask.long()}


def plain(model, sites, batches, tmp_path):
    recording = record(model, (inputs(i) for i in range(batches)), sites, tmp_path / "plain", skip={BOS})
    return torch.cat([recording.read(site) for site in sites], 1)


def stream(model, sites=("blocks.1.out",), **settings):
    return ActivationStream(model, inputs, sites, **({"batch": 8, "pool": 64, "skip": {BOS}} | settings))


def key(rows):
    return [tuple(row) for row in (rows * 1e4).round().long().tolist()]


def test_every_row_goes_out_once_and_in_another_order(model, tmp_path):
    rows = key(plain(model, ["blocks.1.out"], 60, tmp_path))
    source = stream(model)
    chunk = source.chunk
    out = key(torch.cat([source(step) for step in range(20 * chunk // 8)]))
    assert len(set(out)) > 0.8 * len(out)  # short texts repeat a few rows
    known = {row: i for i, row in enumerate(rows)}
    places = [known[row] for row in out]
    # The first half-chunk apart, everything up to the last chunk but one has gone out.
    assert len(set(range(chunk, 19 * chunk)) - set(places)) < 0.2 * 19 * chunk
    assert places != sorted(places)
    # Batches mix the text of two chunks.
    spans = [max(p) - min(p) for p in (places[i : i + 8] for i in range(0, len(places), 8))]
    assert sum(spans) / len(spans) > chunk / 2


@pytest.mark.parametrize("prefetch", [False, True])
def test_a_step_gives_the_same_however_it_is_come_by(model, prefetch):
    steady = stream(model, prefetch=prefetch)
    wanted = [steady(step) for step in range(40)]
    for step in (0, 3, 17, 39):
        assert torch.equal(stream(model)(step), wanted[step])
    jumping = stream(model, prefetch=prefetch)
    for step in (39, 2, 20, 21, 0, 39):
        assert torch.equal(jumping(step), wanted[step])
    steady.close()
    jumping.close()


def test_several_sites_and_dictionaries_from_one_forward(model):
    source = stream(model, ["blocks.0.out", "blocks.1.out"])
    alone = [stream(model, [site])(5) for site in ("blocks.0.out", "blocks.1.out")]
    torch.testing.assert_close(source(5), torch.cat(alone, 1))
    ds = [Dictionary(16, 32, TopK(2)) for _ in range(3)]
    cuts = [source.columns[0], source.columns[1], source.columns[1]]
    fit_many(ds, source, steps=4, batch=8, columns=cuts)
    assert [d.about["site"] for d in ds] == ["blocks.0.out", "blocks.1.out", "blocks.1.out"]


def test_a_resumed_training_is_bit_identical(model, tmp_path):
    def learn(source, folder, resume=False):
        torch.manual_seed(1)
        d = Dictionary(16, 32, TopK(2))
        fit(d, source, steps=30, batch=8, checkpoint=folder, checkpoint_every=5, resume=resume)
        return d

    class Killed(Exception):
        pass

    calls, source = [], stream(model)

    def dies(step):
        calls.append(step)
        if calls.count(17) == 2:  # the first time is the look at a sample before the first step
            raise Killed
        return source(step)

    whole = learn(stream(model), tmp_path / "whole")
    with pytest.raises(Killed):
        learn(dies, tmp_path / "part")
    again = learn(stream(model), tmp_path / "part", resume=True)
    for name, p in whole.named_parameters():
        assert torch.equal(p, again.get_parameter(name)), name


def test_the_header_says_what_the_rows_are(model):
    source = stream(model, dtype=torch.bfloat16)
    assert source.header["sites"] == ["blocks.1.out"]
    assert source.header["special_tokens"] == {"pads": "dropped", "skipped_ids": [BOS]}
    assert source.header["pool"] == 64
    assert source(0).dtype == torch.bfloat16
    assert about(source)["site"] == "blocks.1.out"


def test_activations_of_another_model_or_site_are_refused(model, tmp_path):
    d = Dictionary(16, 32, TopK(2))
    fit(d, stream(model), steps=2, batch=8)
    d.save(tmp_path / "d.safetensors")
    d = Dictionary.load(tmp_path / "d.safetensors")
    batches = [inputs(i) for i in range(8)]
    good = record(model, batches, ["blocks.0.out", "blocks.1.out"], tmp_path / "good", skip={BOS})
    evaluate(d, (good, "blocks.1.out"))
    with pytest.raises(GlassbookError, match=r"site blocks.0.out, not blocks.1.out"):
        evaluate(d, (good, "blocks.0.out"))
    with pytest.raises(GlassbookError, match="tokens left out"):
        evaluate(d, (record(model, batches, "blocks.1.out", tmp_path / "bos"), "blocks.1.out"))
    torch.manual_seed(5)
    other = LM(config()).eval()
    with pytest.raises(GlassbookError, match="of another model"):
        evaluate(d, (record(other, batches, "blocks.1.out", tmp_path / "other", skip={BOS}), "blocks.1.out"))
    with pytest.raises(GlassbookError, match="of another model"):
        fit(d, stream(other), steps=2, batch=8)


def test_settings_that_cannot_work_are_refused(model):
    with pytest.raises(GlassbookError, match="at least 4"):
        stream(model, pool=31)
    with pytest.raises(GlassbookError, match="training mode"):
        stream(LM(config()).train())
    with pytest.raises(GlassbookError, match="only pads"):
        ActivationStream(
            model, lambda i: {"input_ids": torch.full((2, 3), BOS)}, "blocks.1.out", batch=2, pool=8, skip={BOS}
        )


def test_a_model_without_tokens_is_streamed_too():
    net = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 2)).eval()
    draws = lambda i: {"input": torch.randn(5, 4, generator=torch.Generator().manual_seed(i))}  # noqa: E731
    source = ActivationStream(net, draws, "1.out", batch=3, pool=12)
    again = ActivationStream(net, draws, "1.out", batch=3, pool=12)
    seen = [source(step) for step in range(10)]
    assert torch.equal(again(9), seen[9])
    assert seen[0].shape == (3, 6)
