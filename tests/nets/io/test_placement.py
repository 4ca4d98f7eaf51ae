"""Models opened in half precision and on named devices; what is not there is one line."""

import pytest
import torch
from tiny_models import TOKENIZER, tiny

from glassbook.circuits import logit_lens
from glassbook.errors import GlassbookError
from glassbook.nets import LM, LanguageModel, LMConfig, open_model, save_model
from glassbook.trace.roles import self_test


def folder_of(kind, to):
    torch.manual_seed(0)
    model = LM(LMConfig(len(TOKENIZER), 32, 2, 4, 2, 48, context=64)).eval() if kind == "ours" else tiny(kind)
    save_model(LanguageModel(model, TOKENIZER, kind), to)
    return to


@pytest.mark.parametrize("kind", ["ours", "gpt2", "mistral", "mixtral", "phi", "bloom"])
@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_precision_opens_is_proved_and_says_nearly_the_same(kind, dtype, tmp_path):
    folder = folder_of(kind, tmp_path)
    exact, half = open_model(folder), open_model(folder, dtype=dtype)
    assert {p.dtype for p in half.model.parameters()} == {getattr(torch, dtype)}
    assert exact.pads_left == half.pads_left
    batch = exact.batch(["the cat sat", "the dog ran over the hill"], pad="right")
    with torch.no_grad():
        a, b = exact.model(**batch).logits, half.model(**batch).logits.float()
        real = batch["attention_mask"].bool()
        assert float((a - b)[real].abs().max()) < 0.1 * float(a[real].abs().max())
        assert float((a - b)[real].abs().max()) > 0
        lens = list(logit_lens(half, batch).values())[-1]
    torch.testing.assert_close(lens[real], b[real], rtol=5e-2, atol=5e-2)
    assert half.generate(["the cat"], tokens=3)
    unproved = {check.name for check in self_test(half)} - {c.name for c in self_test(half) if c.proved}
    assert unproved == {c.name for c in self_test(exact) if not c.proved}


def test_rotary_positions_stay_exact_in_half_precision(tmp_path):
    """A module that is cast as a whole would round the wavelengths."""
    model = open_model(folder_of("mistral", tmp_path), dtype="bfloat16").model
    rotary = [value for name, value in model.named_buffers() if name.endswith("inv_freq")]
    assert rotary
    assert all(value.dtype == torch.float32 for value in rotary)


@pytest.mark.parametrize("kind", ["bert", "electra", "roberta"])
def test_masked_models_are_refused_in_half_precision_too(kind, tmp_path):
    tiny(kind).save_pretrained(tmp_path)
    for dtype in ("float32", "bfloat16", "float16"):
        with pytest.raises(GlassbookError, match="cannot be opened as a language model"):
            open_model(tmp_path, dtype=dtype)


@pytest.mark.parametrize("kind", ["mamba", "rwkv"])
def test_models_that_read_pads_are_found_out_in_half_precision(kind, tmp_path):
    folder = folder_of(kind, tmp_path)
    assert open_model(folder).pads_left == open_model(folder, dtype="bfloat16").pads_left


def test_names_of_devices_and_precisions(tmp_path):
    folder = folder_of("ours", tmp_path)
    assert open_model(folder, device="cpu").device.type == "cpu"
    assert (
        open_model(folder, dtype=torch.bfloat16, device=torch.device("cpu")).model.head.weight.dtype == torch.bfloat16
    )
    missing = "cuda:99" if torch.cuda.is_available() else "cuda"
    for device, words in (
        (missing, "has no device"),
        ("abacus", "has no device 'abacus'"),
        ("meta", "nothing is computed"),
    ):
        with pytest.raises(GlassbookError, match=words) as error:
            open_model(folder, device=device)
        assert "\n" not in str(error.value)
    for dtype in ("int8", "half", torch.float64):
        with pytest.raises(GlassbookError, match="no precision"):
            open_model(folder, dtype=dtype)
