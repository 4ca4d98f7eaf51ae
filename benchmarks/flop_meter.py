"""What counting FLOPs costs: trainings of 200 steps with the meter and without, interleaved rounds.

    python benchmarks/flop_meter.py [--rounds 9]

Goal: at most 1.01x. The first step of each batch shape is counted, with a second backward pass, so what counts is how
many steps share that cost. Every round trains both ways in an order that rotates; the ratio is formed within the round,
of processor time, which other work on the machine changes less. "self" divides two trainings without the meter, and
says how well a ratio can be told from 1 here. As it says not well enough, "count" is what a training of one step costs
more with the meter, in many pairs, as a share of 200 steps.
"""

import argparse
import contextlib
import statistics
import time
from collections.abc import Callable
from unittest.mock import patch

import torch
from torch import nn

from glassbook.measure.flops import Counting, Meter
from glassbook.nets import LM, LMConfig
from glassbook.train import next_token, train

STEPS = 200


def language_model(steps: int = STEPS) -> float:
    """Processor seconds of a training of a small language model, two blocks of width 64."""
    torch.manual_seed(0)
    model = LM(LMConfig(512, 64, 2, 2, 2, 128, 128))
    ids = torch.randint(0, 512, (8, 128))
    start = time.process_time()
    train(model, next_token(), lambda step: {"input_ids": ids}, steps=steps, lr=1e-3)
    return time.process_time() - start


def pictures(steps: int = STEPS) -> float:
    """The same of a small convolutional network on 16 pictures of 32 x 32."""
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(3, 32, 3, padding=1), nn.ReLU(), nn.Conv2d(32, 64, 3, 2, padding=1), nn.ReLU(), nn.Flatten(),
        nn.Linear(64 * 16 * 16, 10),
    )  # fmt: skip
    batch = {"x": torch.rand(16, 3, 32, 32), "y": torch.randint(0, 10, (16,))}
    start = time.process_time()
    train(
        model, lambda net, b: (nn.functional.cross_entropy(net(b["x"]), b["y"]), {}), lambda step: batch,
        steps=steps, lr=1e-3,
    )  # fmt: skip
    return time.process_time() - start


def uncounted():
    """Trainings in it count nothing."""
    return patch.object(Meter, "step", lambda self, kind: contextlib.nullcontext(Counting(None)))


def one_step(work: Callable[[int], float], counted: bool) -> float:
    with contextlib.nullcontext() if counted else uncounted():
        return work(1)


def main() -> None:
    """Print the median ratio and its range for each training."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9, help="at least 7 for a median to mean something")
    options = parser.parse_args()
    ways = {"counted": contextlib.nullcontext, "not counted": uncounted, "not counted again": uncounted}
    for work in (language_model, pictures):
        work()
        seconds: dict[str, list[float]] = {name: [] for name in ways}
        for r in range(options.rounds):
            names = list(ways)
            for name in names[r % 3 :] + names[: r % 3]:
                with ways[name]():
                    seconds[name].append(work())
        print(f"{work.__name__}, {STEPS} steps: {statistics.median(seconds['not counted']):.2f} s")
        for label, name in (("meter", "counted"), ("self", "not counted again")):
            ratios = sorted(a / b for a, b in zip(seconds[name], seconds["not counted"], strict=True))
            print(f"  {label:6s} {statistics.median(ratios):6.4f}  ({ratios[0]:.3f} - {ratios[-1]:.3f})")
        more = sorted(one_step(work, counted=True) - one_step(work, counted=False) for _ in range(10 * options.rounds))
        shares = [1 + at / statistics.median(seconds["not counted"]) for at in more]
        low, middle, high = (shares[len(shares) * i // 4] for i in (1, 2, 3))
        print(f"  count  {middle:6.4f}  (quartiles {low:.4f} - {high:.4f})")


if __name__ == "__main__":
    main()
