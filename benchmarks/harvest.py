"""Streamed activations beside the bare forward pass up to the site; whether memory is flat from 1M to 20M tokens.

    python benchmarks/harvest.py [--rounds 5] [--memory]

The model is GPT-2-shaped with random weights: 12 layers, 768 dimensions, sites after layer 6. The bare pass is the
model with nothing but a hook that ends it there. Rounds in turns, the same batches for both.
"""

from __future__ import annotations

import argparse
import contextlib
import resource
import statistics
import subprocess
import sys
import time

import torch
from peers.trace_ways import gpt2

BATCH, LENGTH, POOL, STEP = 8, 128, 4096, 512


class Enough(Exception):
    pass


def inputs(i: int) -> dict[str, torch.Tensor]:
    g = torch.Generator().manual_seed(i)
    return {"input_ids": torch.randint(0, 50257, (BATCH, LENGTH), generator=g)}


@torch.no_grad()
def compare(rounds: int) -> None:
    from glassbook.trace import ActivationStream

    model = gpt2(12, 768, 50257)
    block = model.transformer.h[6]

    def stop(*_):
        raise Enough

    chunk = POOL // 2
    batches = chunk // (BATCH * LENGTH)
    source = ActivationStream(model, inputs, "transformer.h.6.out", batch=STEP, pool=POOL)
    per_round = source.chunk // STEP
    source(0)
    bare, ours = [], []
    for round_ in range(1, rounds + 1):
        handle = block.register_forward_hook(stop)
        start = time.perf_counter()
        for i in range(batches):
            with contextlib.suppress(Enough):
                model(**inputs(i))
        bare.append(time.perf_counter() - start)
        handle.remove()
        start = time.perf_counter()
        for step in range(round_ * per_round, (round_ + 1) * per_round):
            source(step)
        ours.append(time.perf_counter() - start)
    ratio = statistics.median(o / b for o, b in zip(ours, bare, strict=True))
    speeds = [n / statistics.median(times) for n, times in ((batches * BATCH * LENGTH, bare), (source.chunk, ours))]
    print(f"12 x 768, {BATCH} x {LENGTH}, site after layer 6: bare forward {speeds[0]:.0f} tokens/s,")
    print(f"harvested and shuffled {speeds[1]:.0f} tokens/s: {ratio:.3f} x the time, target 1.1")


def consume(tokens: int) -> None:
    """Stream the activations of so many tokens of the built-in model and print the peak memory."""
    from glassbook.nets import open_model
    from glassbook.trace import ActivationStream
    from glassbook.trace.roles import residual_site

    lm = open_model("builtin")

    def some(i: int) -> dict[str, torch.Tensor]:
        return {"input_ids": torch.randint(4, lm.vocab, (64, 128), generator=torch.Generator().manual_seed(i))}

    source = ActivationStream(lm.model, some, residual_site(lm.model, 0), batch=4096, pool=1 << 17)
    total = torch.zeros(())
    for step in range(tokens // 4096):
        total += source(step)[0, 0].float()
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--consume", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.consume:
        consume(options.consume)
        return
    compare(options.rounds)
    if options.memory:
        peaks = []
        for tokens in (1_000_000, 20_000_000):
            start = time.perf_counter()
            order = [sys.executable, __file__, "--consume", str(tokens)]
            peaks.append(float(subprocess.run(order, capture_output=True, text=True, check=True).stdout))
            print(
                f"{tokens // 10**6:3d}M tokens: peak {peaks[-1]:.0f} MB, {time.perf_counter() - start:.0f} s",
                flush=True,
            )
        print(f"growth {peaks[1] / peaks[0] - 1:+.1%}, target within 10 %")


if __name__ == "__main__":
    main()
