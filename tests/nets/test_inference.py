"""Threads by the size of the work."""

import pytest
import torch
from tiny_models import TOKENIZER, VOCAB

from glassbook.nets import LM, LanguageModel, LMConfig
from glassbook.nets.inference import (
    SMALL,
    WORTH_A_THREAD,
    WORTH_LAYING_OUT,
    decoding,
    fitting_threads,
    threads_worth,
    weights_by_input,
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


def test_weights_lie_input_by_input_inside_and_as_before_after():
    model = LM(LMConfig(VOCAB, 32, 2, 4, 2, 48, 64))
    before = {name: p.data_ptr() for name, p in model.named_parameters()}
    values = [p.detach().clone() for p in model.parameters()]
    up = model.get_submodule("blocks.0.mlp.up")
    assert isinstance(up, torch.nn.Linear)
    with weights_by_input(model, 8, WORTH_LAYING_OUT):
        assert up.weight.t().is_contiguous()
        assert model.head.weight is model.embed.weight
        assert all(map(torch.equal, model.parameters(), values))
        with weights_by_input(model, 8, WORTH_LAYING_OUT):  # another generation at the same time
            pass
        assert up.weight.t().is_contiguous()
    with pytest.raises(ZeroDivisionError), weights_by_input(model, 8, WORTH_LAYING_OUT):
        1 / 0  # noqa: B018
    assert {name: p.data_ptr() for name, p in model.named_parameters()} == before
    assert all(p.is_contiguous() for p in model.parameters())
    model(torch.tensor([[3, 4]])).logits.sum().backward()  # the parameters can be trained


@pytest.mark.parametrize(("rows", "steps"), [(1, 40), (33, 40), (8, WORTH_LAYING_OUT - 1)])
def test_weights_stay_where_nothing_is_gained(rows, steps):
    model = LM(LMConfig(VOCAB, 32, 2, 4, 2, 48, 64))
    with weights_by_input(model, rows, steps):
        assert all(p.is_contiguous() for p in model.parameters())


def test_weights_beyond_the_caches_stay():
    wide = torch.nn.Linear(1024, SMALL // 4 // 1024 + 1, bias=False)
    with weights_by_input(wide, 8, 40):
        assert wide.weight.is_contiguous()


def test_a_batch_writes_the_same_texts_as_with_weights_as_they_lay(two_threads):
    lm = LanguageModel(LM(LMConfig(VOCAB, 32, 2, 4, 2, 48, 64)), TOKENIZER, "small")
    batch = lm.batch(["a b", "b a b a"])
    plain = lm.model.generate(**batch, max_new_tokens=20)[:, batch["input_ids"].shape[1] :].tolist()
    assert [lm._until_end(row) for row in plain] == lm.generate_ids(["a b", "b a b a"], tokens=20)
