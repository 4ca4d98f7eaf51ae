"""How torch computes while a model is only asked: threads by the size of the work, and nothing kept for gradients.

Small operations must not wait for a second thread, nor pay for bookkeeping that nobody reads.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from glassbook.nets.language_model import LanguageModel

WORTH_A_THREAD = 256_000_000
"""Multiplications of a forward pass (parameters x tokens) for which one thread more is worth waiting for.

Every operation ends when its slowest thread does, and a thread that has to share its core is slow. Measured on two
cores that were busy with other work (a load of 3 to 5), ms for a decode step with one thread and with two:

    parameters     1 row         8 rows        64 rows
    1.3M            11, 59        16, 78        37, 147
    7M              24, 70        37, 138       99, 283
    33M             62, 154      114, 477      464, 1,099
    135M           174, 592

So there a second thread pays at no size. On an idle machine, which was not measured, it can at most halve the time;
from this many multiplications on that is taken to be worth the risk.
"""


def threads_worth(multiplications: int, most: int) -> int:
    """How many threads, at most `most`, a forward pass with this many multiplications should have; at least 1."""
    return max(1, min(most, multiplications // WORTH_A_THREAD))


@contextmanager
def fitting_threads(lm: LanguageModel, tokens: int) -> Iterator[None]:
    """Inside the block torch computes with as many threads as the work is worth, and never more than before.

    Args:
        lm: the model that is called inside.
        tokens: how many one forward pass reads: to generate, the number of prompts (a step reads one token of each).
    """
    before = torch.get_num_threads()
    torch.set_num_threads(threads_worth(lm.parameters * tokens, before))
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def decoding(lm: LanguageModel, rows: int) -> Iterator[None]:
    """For a block that generates: `fitting_threads` of a decode step, in torch's inference mode (a quarter less time).

    What is read from the model inside cannot take part in a computation of gradients later.

    Args:
        lm: the model that writes.
        rows: texts that it writes at once.
    """
    with fitting_threads(lm, rows), torch.inference_mode():
        yield
