"""The hand-written transformer does what it was written to do, and only its circuit does."""

import pytest
import torch

from glassbook.circuits import ablate_heads, copying_loss, head_scores, repeated_tokens
from glassbook.nets.compiled import VOCAB, compile_induction
from glassbook.trace.roles import roles


@pytest.fixture(scope="module")
def ids():
    return repeated_tokens(16, 20, VOCAB)


def test_it_completes_repetitions(ids):
    model = compile_induction()
    logits = model(input_ids=ids).logits
    assert float((logits[:, 20:-1].argmax(-1) == ids[:, 21:]).float().mean()) > 0.98
    assert copying_loss(compile_induction(noise=0.0), ids, 20)[1] < 0.1


def test_its_heads_are_the_two_that_were_written(ids):
    scores = head_scores(roles(compile_induction(seed=3)), ids, 20)
    assert float(scores["previous"][0, 0]) > 0.95
    assert float(scores["induction"][1, 0]) > 0.9
    assert float(scores["induction"][:, 1:].max()) < 0.1


def test_without_either_nothing_is_copied_and_without_the_others_all_is(ids):
    r = roles(compile_induction())
    whole = copying_loss(r.model, ids, 20)[1]
    for head in ((0, 0), (1, 0)):
        with ablate_heads(r, [head]):
            assert copying_loss(r.model, ids, 20)[1] > whole + 2
    with ablate_heads(r, [(layer, h) for layer in (0, 1) for h in (1, 2, 3)]):
        assert copying_loss(r.model, ids, 20)[1] < whole + 0.2


def test_the_seed_decides_the_noise():
    a, b, c = (compile_induction(seed=s).blocks[0].mlp.up.weight for s in (0, 0, 1))
    assert torch.equal(a, b)
    assert not torch.equal(a, c)
