"""Threads by the size of the work."""

import pytest
import torch
from tiny_models import TOKENIZER, VOCAB

from glassbook.nets import LM, LanguageModel, LMConfig
from glassbook.nets.inference import (
    WORTH_A_THREAD,
    decoding,
    fitting_threads,
    threads_worth,
)


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("multiplications", "most", "threads"),
    [
        (0, 8, 1),
        (12_000_000, 8, 1),
        (2 * WORTH_A_THREAD - 1, 8, 1),
        (2 * WORTH_A_THREAD, 8, 2),
        (10**12, 8, 8),
        (10**12, 1, 1),
    ],
)
def test_a_thread_more_for_each_share_of_the_work(multiplications, most, threads):
    assert threads_worth(multiplications, most) == threads


def test_small_work_gets_one_thread_and_the_rest_is_as_before(two_threads):
    lm = LanguageModel(LM(LMConfig(VOCAB, 32, 2, 4, 2, 48, 64)), TOKENIZER, "small")
    with fitting_threads(lm.model, 8):
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 2
    with pytest.raises(ZeroDivisionError), fitting_threads(lm.model, 8):
        1 / 0  # noqa: B018
    assert torch.get_num_threads() == 2
    with fitting_threads(lm.model, 2 * WORTH_A_THREAD // lm.parameters + 1):
        assert torch.get_num_threads() == 2
    torch.set_num_threads(1)
    with fitting_threads(lm.model, WORTH_A_THREAD):
        assert torch.get_num_threads() == 1


def test_blocks_that_overlap_leave_the_threads_as_the_first_found_them(two_threads):
    model = LM(LMConfig(VOCAB, 32, 2, 4, 2, 48, 64))
    first, second = fitting_threads(model, 8), fitting_threads(model, 8)
    with first:
        second.__enter__()  # begins inside the first and ends after it, as in another thread
    assert torch.get_num_threads() == 1
    second.__exit__(None, None, None)
    assert torch.get_num_threads() == 2
    with fitting_threads(model, 8), fitting_threads(model, 8):
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 2


def test_decoding_writes_the_same_text_and_keeps_nothing_for_gradients(two_threads):
    lm = LanguageModel(LM(LMConfig(VOCAB, 32, 2, 4, 2, 48, 64)), TOKENIZER, "small")
    plain = lm.generate_ids(["a b"], tokens=8, temperature=1.0)
    with decoding(lm.model, 1):
        assert torch.get_num_threads() == 1
        assert torch.is_inference_mode_enabled()
        assert lm.generate_ids(["a b"], tokens=8, temperature=1.0) == plain
    assert torch.get_num_threads() == 2
    assert not torch.is_inference_mode_enabled()
    assert lm.model(torch.tensor([[3, 4]])).logits.requires_grad  # the model is as it was
