"""A training step of a dictionary beside its encoder's matmul alone, which no step can do without.

Interleaved rounds in one process; medians of each round's ratio. The dense step is the same mathematics (TopK, unit
decoder, fused Adam) left to autograd. Afterwards both learn the same toy activations for the same number of steps.

    python benchmarks/dictionary_step.py [--rounds 9] [--quality-steps 60]
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import linear

from glassbook.data.toy import sharkey_world
from glassbook.features import BatchTopK, Dictionary, JumpReLU, Matryoshka, ReLU, TopK
from glassbook.features.normalize import ActivationNormalizer
from glassbook.features.sae_trainer import SAETrainer
from glassbook.features.sparsity import SparsityRule
from glassbook.features.train import bf16_selection
from glassbook.measure.reconstruction import explained_variance

D, WIDTH, K, BATCH = 512, 8192, 32, 4096
TARGET, AGAINST_DENSE = 1.5, 2.0
RULES: dict[str, SparsityRule] = {
    "TopK": TopK(K),
    "BatchTopK": BatchTopK(K),
    "Matryoshka BatchTopK": Matryoshka(BatchTopK(K), (512, 2048, WIDTH)),
    "JumpReLU": JumpReLU(l0=K),
    "ReLU, half of it active": ReLU(),
}


class Dense:
    """The usual step: every product dense, gradients by autograd."""

    def __init__(self, d: Dictionary, sample: Tensor) -> None:
        self.d, self.normalizer = d, ActivationNormalizer.measure(d, sample, sample, "mean")
        self.adam = torch.optim.Adam(list(d.parameters()), lr=1e-3, eps=6.25e-10, fused=True)

    def __call__(self, x: Tensor, step: int) -> None:
        d = self.d
        x = self.normalizer.normalize(x)
        values, indices = linear(x - d.b_dec, d.W_enc, d.b_enc).topk(K, sorted=False)
        z = x.new_zeros(len(x), d.width).scatter(1, indices, values.relu())
        loss = (x - (z @ d.W_dec + d.b_dec)).square().mean()
        loss.backward()
        with torch.no_grad():
            g = d.W_dec.grad
            assert g is not None
            g -= (g * d.W_dec).sum(1, keepdim=True) * d.W_dec
            self.adam.step()
            self.adam.zero_grad()
            d.W_dec /= d.W_dec.norm(dim=1, keepdim=True)

    def end(self) -> Dictionary:
        """The dictionary, for raw activations."""
        self.normalizer.fold_into_weights(self.d)
        return self.d


class Ours:
    """The step of `fit`."""

    def __init__(self, rule: SparsityRule, sample: Tensor, fast: bool) -> None:
        self.trainer = SAETrainer(new(rule), lr=1e-3, aux=1 / 32, dead_after=10**9, fast=fast)
        self.trainer.setup(sample, "mean")

    def __call__(self, x: Tensor, step: int) -> None:
        self.trainer.step(x, 1e-3, step)

    def end(self) -> Dictionary:
        """The dictionary, for raw activations."""
        self.trainer.finalize()
        return self.trainer.d


def new(rule: SparsityRule) -> Dictionary:
    torch.manual_seed(0)
    return Dictionary(D, WIDTH, rule)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--quality-steps", type=int, default=60)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--cpu-time", action="store_true", help="time of one thread, for a machine that is not quiet")
    options = parser.parse_args()
    torch.set_num_threads(1 if options.cpu_time else options.threads)
    clock = time.thread_time if options.cpu_time else time.perf_counter

    world = sharkey_world(2048, D, active=16.0, decay=0.999, generator=torch.Generator().manual_seed(31))
    _, x = world.sample(BATCH, torch.Generator().manual_seed(32))
    w, out = torch.randn(WIDTH, D), torch.empty(BATCH, WIDTH)
    steps: dict[str, Callable[[Tensor, int], object]] = {
        "encoder matmul": lambda x, _: torch.mm(x, w.T, out=out),
        "dense autograd": Dense(new(TopK(K)), x),
        **{name: Ours(rule, x, fast=False) for name, rule in RULES.items()},
    }
    fast = bf16_selection("auto", torch.device("cpu"))
    if fast:
        steps |= {f"{name}, bf16 selection": Ours(rule, x, fast=True) for name, rule in RULES.items()}
    times: dict[str, list[float]] = {name: [] for name in steps}
    for round_ in range(options.rounds + 1):
        for name, step in steps.items():
            start = clock()
            step(x, round_)
            if round_:  # the first round warms up
                times[name].append(clock() - start)
    base, dense = times["encoder matmul"], times["dense autograd"]
    print(f"d={D}, width {WIDTH}, k={K}, batch {BATCH}; {torch.get_num_threads()} thread(s), {options.rounds} rounds")
    for name, seconds in times.items():
        to_matmul = statistics.median(t / b for t, b in zip(seconds, base, strict=True))
        to_dense = statistics.median(b / t for t, b in zip(seconds, dense, strict=True))
        rate = BATCH / statistics.median(seconds)
        print(
            f"{name:40s} {1e3 * statistics.median(seconds):8.1f} ms  {to_matmul:5.2f} x matmul"
            f"  {to_dense:5.2f} x faster than dense  {rate:9.0f} rows/s"
        )
        if name == ("TopK, bf16 selection" if fast else "TopK"):
            verdict = "met" if to_matmul <= TARGET and to_dense >= AGAINST_DENSE else "MISSED"
    print(f"targets for `fit` as it comes (<= {TARGET} x matmul, >= {AGAINST_DENSE} x faster than dense): {verdict}")
    quality(world, options.quality_steps, fast)


def quality(world, steps: int, fast: bool) -> None:
    """Held-out explained variance after the same steps on the same batches."""
    _, held_out = world.sample(BATCH, torch.Generator().manual_seed(33))
    scores = {}
    for name in ["dense autograd", "TopK", *(["TopK, bf16 selection"] if fast else [])]:
        step = Dense(new(TopK(K)), held_out) if name == "dense autograd" else Ours(TopK(K), held_out, name != "TopK")
        for i in range(steps):
            step(world.sample(BATCH // 4, torch.Generator().manual_seed(1000 + i))[1], i)
        with torch.no_grad():
            scores[name] = explained_variance(held_out, step.end()(held_out))
    spread = max(scores.values()) - min(scores.values())
    shown = ", ".join(f"{name} {score:.4f}" for name, score in scores.items())
    print(f"held-out explained variance after {steps} steps: {shown}; spread {spread:.4f} (at most 0.005)")


if __name__ == "__main__":
    main()
