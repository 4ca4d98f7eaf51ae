"""Recordings: what comes back is what flowed, pads and specials aside; damage and interruption are told."""

from __future__ import annotations

import json

import pytest
import torch
from tiny_models import tiny
from torch import nn

from glassbook.errors import GlassbookError
from glassbook.trace import Recording, record, trace
from glassbook.trace.roles import blocks


def batches(side: str = "left", n: int = 3) -> list[dict[str, torch.Tensor]]:
    torch.manual_seed(1)
    made = []
    for _ in range(n):
        lengths = torch.randint(1, 9, (4,))
        place = torch.arange(8)[None]
        mask = (place >= 8 - lengths[:, None]) if side == "left" else (place < lengths[:, None])
        made.append({"input_ids": torch.randint(1, 61, (4, 8)) * mask, "attention_mask": mask.long()})
    return made


def expected(model: nn.Module, site: str, rows: list[dict]) -> tuple[torch.Tensor, torch.Tensor, list]:
    """Every sequence alone, without any padding."""
    found, tokens, index = [], [], []
    for b, batch in enumerate(rows):
        for i, (ids, mask) in enumerate(zip(batch["input_ids"], batch["attention_mask"], strict=True)):
            prompt = ids[mask.bool()]
            with torch.no_grad(), trace(model, read=site) as t:
                model(prompt[None])
            found.append(t[site][0])
            tokens.append(prompt)
            index += [(4 * b + i, p) for p in range(len(prompt))]
    return torch.cat(found), torch.cat(tokens), index


@pytest.mark.parametrize("side", ["left", "right"])
def test_what_comes_back_is_each_sequence_alone(lm, layers, tmp_path, side):
    site, rows = f"{layers(lm)}.1.out", batches(side)
    x, tokens, index = expected(lm, site, rows)
    recording = record(lm, iter(rows), [site, f"{layers(lm)}.0.out"], tmp_path / "r")
    assert recording.n == len(x)
    assert (recording.read(site) - x).abs().max() <= 1e-4
    assert torch.equal(recording.tokens(), tokens)
    assert list(zip(*(part.tolist() for part in recording.index()), strict=True)) == index
    assert recording.sites == [site, f"{layers(lm)}.0.out"]
    assert recording.dim(site) == 32


@pytest.mark.parametrize("kind", ["roberta decoder", "electra decoder", "bert decoder", "gpt2", "opt", "biogpt"])
def test_rows_of_absolute_positions_are_those_of_each_text_alone(kind, tmp_path):
    """RoBERTa's kin count from the place after that of the pads, and BioGPT by its mask."""
    model = tiny(kind)
    site = f"{blocks(model)[0]}.out"
    alone = [[5, 9, 12, 7, 20, 11], [8, 6, 14]]
    ids, mask = torch.full((2, 6), 2), torch.zeros(2, 6, dtype=torch.long)
    for i, row in enumerate(alone):
        ids[i, 6 - len(row) :], mask[i, 6 - len(row) :] = torch.tensor(row), 1
    together = record(model, [{"input_ids": ids, "attention_mask": mask}], site, tmp_path / "padded").read(site)
    apart = [
        record(model, [{"input_ids": torch.tensor([row])}], site, tmp_path / str(i)).read(site)
        for i, row in enumerate(alone)
    ]
    torch.testing.assert_close(together, torch.cat(apart), rtol=1e-4, atol=1e-5)


def test_shards_are_bounded(build, tmp_path):
    model, _ = build("ours")
    site, rows = "blocks.1.out", batches()
    whole = record(model, rows, site, tmp_path / "whole")
    parts = record(model, rows, site, tmp_path / "parts", shard_bytes=10 * (32 * 4 + 24))
    assert len(whole.header["shards"]) == 1
    sizes = [shard["n"] for shard in parts.header["shards"]]
    assert max(sizes) == 10
    assert sizes[:-1] == [10] * (len(sizes) - 1)
    assert sum(sizes) == parts.n == whole.n
    assert torch.equal(parts.read(site), whole.read(site))
    assert not list((tmp_path / "parts").glob("*.part"))


def test_special_tokens_are_skipped_and_the_rule_is_written_down(build, tmp_path):
    model, _ = build("ours")
    rows = batches()
    every = record(model, rows, "blocks.0.out", tmp_path / "every")
    some = record(model, rows, "blocks.0.out", tmp_path / "some", skip={int(every.tokens()[0]), 2})
    keep = ~torch.isin(every.tokens(), torch.tensor(some.header["special_tokens"]["skipped_ids"]))
    assert 0 < some.n < every.n
    assert torch.equal(some.read("blocks.0.out"), every.read("blocks.0.out")[keep])
    assert torch.equal(some.index()[1], every.index()[1][keep])
    assert 0 not in every.tokens()  # pads


def test_the_header_says_what_it_is(build, tmp_path):
    model, _ = build("gpt2")
    recording = record(model.to(torch.bfloat16), batches(), "transformer.h.*.out", tmp_path / "r")
    header = json.loads((tmp_path / "r" / "header.json").read_text())
    assert header["model"]["class"] == "GPT2LMHeadModel"
    assert header["sites"] == [f"transformer.h.{i}.out" for i in range(3)]
    assert header["dtype"] == dict.fromkeys(header["sites"], "bfloat16")
    assert header["dims"] == dict.fromkeys(header["sites"], 32)
    assert header["context"] == int(recording.index()[1].max()) + 1
    assert header["sequences"] == 12
    assert header["complete"] is True
    assert recording.read("transformer.h.0.out").dtype == torch.bfloat16


def test_layers_after_the_last_site_are_not_run(build, tmp_path):
    model, _ = build("ours")
    model.blocks[1].register_forward_hook(lambda *_: pytest.fail("ran on"))
    record(model, batches(), "blocks.0.out", tmp_path / "r")


def test_an_interrupted_recording_is_told_from_a_whole_one(build, tmp_path):
    model, _ = build("ours")

    def broken():
        yield from batches()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        record(model, broken(), "blocks.0.out", tmp_path / "r", shard_bytes=2000)
    with pytest.raises(GlassbookError, match="interrupted"):
        Recording(tmp_path / "r")
    with pytest.raises(GlassbookError, match="not empty"):
        record(model, batches(), "blocks.0.out", tmp_path / "r")


def test_damaged_recordings_are_refused(build, tmp_path):
    model, _ = build("ours")
    folder = tmp_path / "r"
    recording = record(model, batches(), "blocks.0.out", folder, shard_bytes=2000)
    shard = folder / recording.header["shards"][1]["file"]
    data = shard.read_bytes()
    shard.write_bytes(data[:-100])
    with pytest.raises(GlassbookError, match="damaged"):
        Recording(folder)
    with pytest.raises(GlassbookError, match="damaged"):
        recording.read("blocks.0.out")  # opened while it was whole
    shard.write_bytes(b"\xff" * len(data))
    with pytest.raises(GlassbookError, match="damaged"):
        Recording(folder).tokens()
    shard.unlink()
    with pytest.raises(GlassbookError, match="0 bytes"):
        Recording(folder)
    (folder / "header.json").write_text("{")
    for bad in (folder, tmp_path / "nothing"):
        with pytest.raises(GlassbookError, match="no recording"):
            Recording(bad)


def test_user_errors_are_one_line(build, tmp_path):
    model, _ = build("ours")
    rows = batches()
    with pytest.raises(GlassbookError, match="nothing was recorded"):
        record(model, [], "blocks.0.out", tmp_path / "a")
    with pytest.raises(GlassbookError, match="nothing was recorded"):
        record(model, rows, "blocks.0.out", tmp_path / "b", skip=range(61))
    with pytest.raises(GlassbookError, match="give mappings"):
        record(model, [rows[0]["input_ids"]], "blocks.0.out", tmp_path / "c")
    with pytest.raises(GlassbookError, match="was not recorded"):
        record(model, rows, "blocks.0.out", tmp_path / "d").read("blocks.1.out")
    with pytest.raises(GlassbookError, match="training mode"):
        record(model.train(), rows, "blocks.0.out", tmp_path / "e")
    resnet, image = build("resnet")
    with pytest.raises(GlassbookError, match="as many rows at every site"):
        record(resnet, [image], ["layer1.out", "layer2.out"], tmp_path / "f")
    with pytest.raises(GlassbookError, match="matches no module"):
        record(resnet, [image], "layer9.out", tmp_path / "g")
    assert not (tmp_path / "g").exists()


def test_images_give_a_row_for_each_patch(build, tmp_path):
    model, inputs = build("vit")
    site = f"{blocks(model)[-1]}.out"
    recording = record(model, [inputs, inputs], site, tmp_path / "r")
    with torch.no_grad(), trace(model, read=site) as t:
        model(**inputs)
    assert torch.equal(recording.read(site), torch.cat([t[site], t[site]]).flatten(0, 1))
    assert set(recording.tokens().tolist()) == {-1}
    assert recording.header["sequences"] == 4
