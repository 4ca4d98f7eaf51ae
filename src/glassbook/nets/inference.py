"""How torch computes while a model is only asked: threads and memory by the size of the work, no gradients.

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


WORTH_LAYING_OUT = 16
"""Steps of generation from which `weights_by_input` gains more than it costs."""
SMALL = 64 * 2**20
"""Bytes of weights up to which it may copy them: more do not fit the caches, and reading them takes the time."""


@contextmanager
def weights_by_input(model: nn.Module, rows: int, steps: int) -> Iterator[None]:
    """Inside the block the matrices of a small model lie in memory input by input, for the products of a few rows.

    Products of a few rows take longer with matrices that lie output by output, as `nn.Linear` keeps them. The
    values and what hooks see are the same. Where nothing is gained, nothing is done: one row, few steps, a large model,
    another device.

    Args:
        model: what is called inside; its parameters are as before after the block.
        rows: sequences in a batch.
        steps: forward passes that read one token of each.
    """
    weights = {m.weight for m in model.modules() if isinstance(m, nn.Linear)}
    laid_out = {w: w.data for w in weights if w.device.type == "cpu" and w.is_contiguous()}
    if not 2 <= rows <= 32 or steps < WORTH_LAYING_OUT or sum(w.nbytes for w in laid_out) > SMALL:
        laid_out = {}
    try:
        with torch.inference_mode(False):
            for w, data in laid_out.items():
                w.data = data.t().contiguous().t()
        yield
    finally:
        for w, data in laid_out.items():
            w.data = data
