import math

import numpy as np
import pytest
import torch

from glassbook.experiments.language._runners import Written, in_common, torch_greedy, torch_logits, with_swapped_rotary
from glassbook.nets import LM, LanguageModel, LMConfig
from glassbook.nets.tokenizer import byte_tokenizer


def tiny(seed: int = 0) -> LanguageModel:
    torch.manual_seed(seed)
    model = LM(LMConfig(259, 32, 2, 2, 1, 48, 64)).eval()
    with torch.no_grad():
        for p in model.parameters():
            p.mul_(6)  # as drawn, attention is too weak to change a token
    return LanguageModel(model, byte_tokenizer(259), "tiny")


@pytest.mark.parametrize("seed", range(3))
def test_logits_and_text_are_numbered_as_the_model_numbers_its_tokens(seed):
    lm = tiny(seed)
    ids = lm.encode("A heron came.")
    written = Written(lm)
    assert abs(written.logits(ids) - torch_logits(lm, ids)).max() < 1e-3
    assert written.greedy(ids, 20) == torch_greedy(lm, ids, 20)


def test_swapped_rows_are_another_model_of_the_same_numbers():
    lm = tiny()
    assert isinstance(lm.model, LM)
    other, before = with_swapped_rotary(lm.model), lm.model.state_dict()
    for name, w in other.state_dict().items():
        assert torch.equal(w.flatten().sort().values, before[name].flatten().sort().values)
    ids = lm.encode("A heron came.")
    off = abs(Written(lm, swapped=True).logits(ids) - torch_logits(lm, ids)).max(1)
    assert off[0] < 1e-3  # at the first position nothing is turned
    assert off[1:].max() > 1e-2


def test_bits_per_byte_of_a_model_that_knows_nothing():
    """Equal logits: log2 of the vocabulary for each token, of which a byte is one and the beginning none."""
    lm = tiny()
    with torch.no_grad():
        lm.model.embed.weight.zero_()  # type: ignore[union-attr]
    for texts in (["a"], ["One day", "naïve"], ["\n" * 20]):
        assert Written(lm).bits_per_byte(texts) == pytest.approx(math.log2(259), rel=1e-6)


def test_bits_per_byte_are_those_of_torch():
    lm, texts = tiny(), ["One day a heron came.", "It's 12 o'clock"]
    nats = 0.0
    for text in texts:
        ids = lm.encode(text)
        logp = torch.from_numpy(torch_logits(lm, ids)).log_softmax(-1)
        nats -= float(sum(logp[i, id] for i, id in enumerate(ids[1:])))
    expected = nats / math.log(2) / sum(len(text) for text in texts)
    assert Written(lm).bits_per_byte(texts) == pytest.approx(expected, rel=1e-4)


def test_fewer_levels_are_further_off():
    lm = tiny()
    ids = lm.encode("A heron came.")
    off = [np.abs(Written(lm, levels=levels).logits(ids) - torch_logits(lm, ids)).mean() for levels in (127, 31, 7)]
    assert 0 < off[0] < off[1] < off[2]


@pytest.mark.parametrize(("a", "b", "n"), [([], [], 0), ([1, 2, 3], [1, 2, 3], 3), ([1, 2, 3], [1, 4, 3], 1)])
def test_what_two_texts_have_in_common(a, b, n):
    assert in_common(a, b) == n
