"""How torch computes while a model is only asked: threads by the size of the work, no gradients.

Small operations must not wait for a second thread, nor pay for bookkeeping that nobody reads.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

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

_lock = threading.Lock()
_inside: list[int] = []
"""Threads before the first of the blocks that run now, and of each of them: torch has one number for all."""


def threads_worth(multiplications: int, most: int) -> int:
    """How many threads, at most `most`, a forward pass with this many multiplications should have; at least 1."""
    return max(1, min(most, multiplications // WORTH_A_THREAD))


@contextmanager
def fitting_threads(model: nn.Module, tokens: int) -> Iterator[None]:
    """Inside the block torch computes with as many threads as the work is worth, and never more than before.

    Args:
        model: what is called inside.
        tokens: how many one forward pass reads: to generate, the number of prompts (a step reads one token of each).
    """
    with _lock:
        if not _inside:  # where several overlap, the last to leave sets what the first found
            _inside.append(torch.get_num_threads())
        _inside.append(threads_worth(sum(p.numel() for p in model.parameters()) * tokens, torch.get_num_threads()))
        torch.set_num_threads(_inside[-1])
        mine = _inside[-1]
    try:
        yield
    finally:
        with _lock:
            _inside.remove(mine)
            torch.set_num_threads(_inside[-1])
            if len(_inside) == 1:
                _inside.clear()


@contextmanager
def decoding(model: nn.Module, rows: int) -> Iterator[None]:
    """For a block that generates: `fitting_threads` of a decode step, in torch's inference mode (a quarter less time).

    What is read from the model inside cannot take part in a computation of gradients later.

    Args:
        model: what writes.
        rows: texts that it writes at once.
    """
    with fitting_threads(model, rows), torch.inference_mode():
        yield
