"""What tracing costs: each way of reading or editing against the plain forward, GPT-2 shapes, interleaved rounds.

    python benchmarks/trace_overhead.py [--rounds 15] [--large]

Goals: one read at most 1.05x at 8x128 and 1.08x at 1x8. Every round times all ways once, in an order that rotates, and
the ratio is formed within the round, so that other work on the machine hits them alike; the median over rounds counts.
At 1x8 a forward takes milliseconds, so each timing is the mean of several calls.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import torch
from peers.trace_ways import gpt2
from torch import Tensor, nn

from glassbook.trace import At, allow_identity, sites, trace


def ways(model: nn.Module, ids: Tensor, layers: int) -> dict[str, Callable[[], None]]:
    """The calls that are timed, by name; the first is the one that the others are divided by."""
    middle, early = f"transformer.h.{layers // 2}", f"transformer.h.{layers // 4}.out"

    def plain() -> None:
        model(ids)

    def traced(**how) -> Callable[[], None]:
        def call() -> None:
            with trace(model, **how):
                model(ids)

        return call

    def raw_hook() -> None:
        kept = []
        handle = model.get_submodule(middle).register_forward_hook(lambda m, a, out: kept.append(out))
        model(ids)
        handle.remove()

    def double(x: Tensor, at: At) -> Tensor:
        return 2 * x

    def same(x: Tensor, at: At) -> Tensor:
        return x

    return {
        "plain": plain,
        "raw hook, 1 read": raw_hook,
        "1 read": traced(read=f"{middle}.out"),
        "all layers": traced(read="transformer.h.*.out"),
        "everything, every site": traced(read=[site.name for site in sites(model, ids)]),
        f"stop after {early}": traced(read=early, stop=True),
        "1 edit (2x)": traced(edit={f"{middle}.out": double}),
        "1 edit (identity)": traced(edit={f"{middle}.out": allow_identity(same)}),
        f"{layers} edits (2x)": traced(edit={"transformer.h.*.out": double}),
    }


def measure(calls: dict[str, Callable[[], None]], rounds: int, repeat: int) -> dict[str, list[float]]:
    """Seconds for one call of each way, one entry for each round."""
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    names = list(calls)
    for call in calls.values():
        call()
    for r in range(rounds):
        for name in names[r % len(names) :] + names[: r % len(names)]:
            start = time.perf_counter()
            for _ in range(repeat):
                calls[name]()
            seconds[name].append((time.perf_counter() - start) / repeat)
    return seconds


def main() -> None:
    """Print a table for each shape."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15, help="at least 7 for a median to mean something")
    parser.add_argument("--large", action="store_true", help="12x768 with GPT-2's vocabulary as well (minutes)")
    options = parser.parse_args()
    torch.manual_seed(0)
    shapes = [(4, 256, 1000, 1, 8, 20), (4, 256, 1000, 8, 128, 1)]
    if options.large:
        shapes.append((12, 768, 50257, 8, 128, 1))
    for layers, width, vocab, batch, length, repeat in shapes:
        model, ids = gpt2(layers, width, vocab), torch.randint(vocab, (batch, length))
        with torch.no_grad():
            seconds = measure(ways(model, ids, layers), options.rounds, repeat)
        plain = seconds["plain"]
        print(f"\nGPT-2 {layers}x{width}, batch {batch}x{length}: plain {1e3 * statistics.median(plain):.2f} ms")
        for name, found in seconds.items():
            ratios = sorted(x / p for x, p in zip(found, plain, strict=True))
            print(f"  {name:32s} {statistics.median(ratios):6.3f}  ({ratios[0]:.3f} - {ratios[-1]:.3f})")


if __name__ == "__main__":
    main()
