"""What 6 N D leaves out falls with the width and grows with the text, as counted and by formula."""

import pytest

from glassbook.experiments.language._costed import PUBLISHED, of_width, share_of_attention
from glassbook.measure.flops import FlopCounter
from glassbook.notebook.runs.rng import Rng


def counted(width: int, tokens: int) -> float:
    network = of_width(Rng(0, ()), width, tokens)
    with FlopCounter() as counter:
        network.step()
    assert network.formula.n == pytest.approx(counter.total.n)
    return 1 - network.without_attention.n / counter.total.n


def test_it_is_the_share_of_attention():
    for width, tokens in ((64, 64), (64, 256), (256, 128)):
        assert counted(width, tokens) == pytest.approx(share_of_attention(width, tokens), rel=0.25)  # an output layer
    assert counted(256, 128) < counted(64, 128) < counted(64, 256)


def test_known_shares():
    """14 T / (72 d + 14 T), from 12 d^2 parameters a block."""
    assert share_of_attention(*PUBLISHED["rule_error_gpt_3"]) == pytest.approx(14 * 2048 / (72 * 12288 + 14 * 2048))
    assert share_of_attention(*PUBLISHED["rule_error_gpt_3"]) == pytest.approx(0.031, abs=0.001)
    assert share_of_attention(*PUBLISHED["rule_error_llama_3_405b"]) == pytest.approx(0.089, abs=0.001)
