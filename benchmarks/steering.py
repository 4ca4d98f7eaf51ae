"""What steering costs: steered against plain generation, 64 tokens x batch 8, in interleaved rounds.

    python benchmarks/steering.py [--rounds 9]

Goal: a median ratio of at most 1.05. Each round runs plain and steered once, in alternating order; the ratio is formed
within the round. One thread and processor time, so that other work on the machine counts as little as possible.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from contextlib import nullcontext

import torch
from peers.trace_ways import gpt2
from torch import nn

from glassbook.nets import LM, LMConfig
from glassbook.steer import Vector, Where, everywhere, first, from_position, steer
from glassbook.trace.roles import residual_site

VOCAB, WIDTH, LAYERS, HEADS, BATCH, PROMPT, NEW = 512, 256, 4, 4, 8, 16, 64


def models() -> dict[str, nn.Module]:
    """Random models of the same shape; nothing is trained, since only time is measured."""
    ours = LMConfig(VOCAB, WIDTH, LAYERS, HEADS, HEADS, 4 * WIDTH, context=128)
    return {"gpt2 4x256": gpt2(LAYERS, WIDTH, VOCAB), "our LM 4x256": LM(ours).eval()}


def generation(model: nn.Module) -> Callable[[], None]:
    """The call that is timed: greedy, with a cache, prompts of different lengths padded on the left."""
    ids = torch.randint(VOCAB, (BATCH, PROMPT))
    mask = torch.ones(BATCH, PROMPT, dtype=torch.long)
    mask[0, :4] = 0
    extra = {} if isinstance(model, LM) else {"do_sample": False, "pad_token_id": 0}
    return lambda: model.generate(input_ids=ids, attention_mask=mask, max_new_tokens=NEW, **extra)  # type: ignore[operator]


def ratio(model: nn.Module, v: Vector | None, where: Where | None, rounds: int) -> tuple[float, float]:
    """Median of steered / plain over the rounds (without a vector: plain / plain), and the median plain time in s."""
    generate = generation(model)

    def plain() -> float:
        start = time.process_time()
        generate()
        return time.process_time() - start

    def steered() -> float:
        start = time.process_time()
        with nullcontext() if v is None else steer(model, v, coeff=4.0, where=where):
            generate()
        return time.process_time() - start

    plain(), steered()
    found = []
    for i in range(rounds):
        if i % 2:
            s, p = steered(), plain()
        else:
            p, s = plain(), steered()
        found.append((s / p, p))
    return statistics.median(r for r, _ in found), statistics.median(p for _, p in found)


def main() -> None:
    parser = argparse.ArgumentParser(description="cost of steered generation")
    parser.add_argument("--rounds", type=int, default=9)
    rounds = parser.parse_args().rounds
    torch.set_num_threads(1)
    torch.manual_seed(0)
    for name, model in models().items():
        site = residual_site(model, LAYERS // 2, "in")
        direction = Vector({site: torch.randn(WIDTH)})
        pair = Vector({site: torch.randn(5, WIDTH)}, positional=True)
        for what, v, where in (
            ("nothing (noise of the measure)", None, None),
            ("direction, everywhere()", direction, everywhere()),
            ("direction, from_position(1)", direction, from_position(1)),
            ("positional, first()", pair, first()),
        ):
            cost, seconds = ratio(model, v, where, rounds)
            print(f"{name:14} {what:31} x {cost:.3f}   (plain {seconds:.3f} s)", flush=True)


if __name__ == "__main__":
    main()
