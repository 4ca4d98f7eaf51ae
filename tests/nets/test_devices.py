"""Models whose weights accelerate keeps elsewhere between calls."""

from pathlib import Path
from typing import Any

import pytest
import torch
from accelerate import cpu_offload, disk_offload, dispatch_model
from tiny_models import TOKENIZER, VOCAB, tiny

from glassbook.circuits import logit_lens
from glassbook.nets import LM, LanguageModel, LMConfig
from glassbook.steer import mean_difference, steer

TEXTS = ["the cat sat", "a"]


def model_of(kind: str) -> Any:
    torch.manual_seed(0)
    return LM(LMConfig(VOCAB, 32, 2, 4, 2, 48, 64)).eval() if kind == "ours" else tiny(kind)


def on_disk(model: Any, folder: Path) -> Any:
    part = {name: "cpu" for name, _ in model.named_children()}
    core, blocks = next((name, child) for name, child in model.named_children() if len(list(child.children())) > 1)
    del part[core]
    part |= {f"{core}.{name}": "cpu" for name, _ in blocks.named_children()}
    part[next(name for name in part if name.endswith((".h", ".layers")))] = "disk"
    return dispatch_model(model, part, main_device="cpu", offload_dir=str(folder), force_hooks=True)


@pytest.mark.parametrize(
    ("kind", "way"),
    [(kind, way) for way in ("cpu", "disk") for kind in ("ours", "gpt2", "llama")]
    + [("gpt2", "map"), ("mistral", "map")],
)
def test_an_offloaded_model_works_as_it_does_in_memory(kind: str, way: str, tmp_path: Path):
    plain, model = LanguageModel(model_of(kind), TOKENIZER, "plain"), model_of(kind)
    if way == "cpu":
        cpu_offload(model, execution_device=torch.device("cpu"))
    elif way == "disk":
        disk_offload(model, str(tmp_path), execution_device=torch.device("cpu"))
    else:
        on_disk(model, tmp_path)
    assert any(p.device.type == "meta" for p in model.parameters())
    lm = LanguageModel(model, TOKENIZER, "offloaded")
    assert lm.device == torch.device("cpu")
    assert lm.generate_ids(TEXTS, tokens=4) == plain.generate_ids(TEXTS, tokens=4)
    sampled = [m.generate_ids(TEXTS, tokens=4, temperature=1.0, seed=3) for m in (lm, plain)]
    assert sampled[0] == sampled[1]
    batch = lm.batch(TEXTS)
    torch.testing.assert_close(lm.model(**batch).logits, plain.model(**plain.batch(TEXTS)).logits)
    if kind != "mistral":
        site = {"ours": "blocks.0.out", "gpt2": "transformer.h.0.out", "llama": "model.layers.0.out"}[kind]
        for name, logits in logit_lens(lm, batch).items():
            torch.testing.assert_close(logits, logit_lens(plain, batch)[name])
        a, b = (mean_difference(m, ["the cat"], ["a dog"], site) for m in (lm, plain))
        torch.testing.assert_close(a.rows[site], b.rows[site])
        texts = []
        for m in (lm, plain):
            with steer(m, b, coeff=8.0):
                texts.append(m.generate_ids(TEXTS, tokens=4))
        assert texts[0] == texts[1]


def test_the_device_is_where_the_first_weights_are_brought():
    """Hooks say it as a number, a name or a device, on the model or on the part that reads the tokens."""
    from accelerate.hooks import AlignDevicesHook, SequentialHook, add_hook_to_module

    for device, want in [(torch.device("cpu"), "cpu"), ("cpu", "cpu"), ("meta", "meta")]:
        model = tiny("gpt2")
        add_hook_to_module(model, SequentialHook(AlignDevicesHook(io_same_device=True), AlignDevicesHook(device)))
        assert LanguageModel(model, TOKENIZER, "hooked").device.type == want
