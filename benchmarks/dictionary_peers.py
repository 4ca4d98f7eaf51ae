"""Training steps beside the peers', taking turns in one run: time, peak memory, and what was learnt.

Every library runs in its own environment and its own process; between its turns it waits. Times are medians over
rounds of each round's ratio. Quality: each side at the best of several learning rates, on the same activations.

    python benchmarks/dictionary_peers.py --peers FOLDER [--rounds 7] [--quality-steps 300] [--seeds 0 1 2]

FOLDER holds virtual environments named sae-lens, eai-sparsify and dictionary-learning; `make peers` makes it as .peers.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from glassbook.data.toy import sharkey_world

WORKER = Path(__file__).parent / "peers" / "train_steps.py"
RULES = {
    "topk": ("sparsify", "dictionary_learning", "sae_lens"),
    "batchtopk": ("dictionary_learning", "sae_lens"),
    "relu": ("dictionary_learning", "sae_lens"),
    "jumprelu": ("dictionary_learning", "sae_lens"),
}


class Worker:
    """A library in its own process."""

    def __init__(self, name: str, python: Path, data: Path, threads: int) -> None:
        env = {**os.environ, "OMP_WAIT_POLICY": "passive", "OMP_NUM_THREADS": str(threads), "WANDB_MODE": "disabled"}
        self.name = name
        self.process = subprocess.Popen(
            [str(python), str(WORKER), name, str(data), str(threads)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=env,
        )  # fmt: skip

    def ask(self, **order: Any) -> dict[str, Any]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.name} ended; run {WORKER} by hand to see why")
        return json.loads(line)

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peers", type=Path, default=Path(".peers"))
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rules", nargs="+", default=list(RULES))
    parser.add_argument("--sizes", nargs="+", default=["512x8192x32x4096", "256x2048x32x2048"])
    parser.add_argument("--quality-steps", type=int, default=0)
    parser.add_argument("--rates", nargs="+", type=float, default=[1e-3, 2e-3, 3e-3, 5e-3, 1e-2])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    options = parser.parse_args()
    folders = {"sparsify": "eai-sparsify", "dictionary_learning": "dictionary-learning", "sae_lens": "sae-lens"}
    pythons = {name: options.peers / folder / "bin" / "python" for name, folder in folders.items()}
    pythons |= {"glassbook": Path(sys.executable), "matmul": Path(sys.executable)}
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "activations.safetensors"
        for size in options.sizes:
            d, width, k, batch = map(int, size.split("x"))
            world = sharkey_world(width // 4, d, active=16.0, decay=0.999, generator=torch.Generator().manual_seed(31))
            g = torch.Generator().manual_seed(32)
            _, train = world.sample(max(16 * batch, 65_536), g)
            _, held = world.sample(8192, g)
            save_file({"train": train, "held_out": held}, data)
            for rule in options.rules:
                names = ["matmul", "glassbook", *RULES[rule]]
                make = {
                    "rule": rule,
                    "d": d,
                    "width": width,
                    "k": k,
                    "batch": batch,
                    "steps": 10**4,
                    "lr": 1e-3,
                    "seed": 0,
                }
                print(f"\n{rule}: d={d}, width {width}, k={k}, batch {batch}, {options.threads} threads")
                steps(names, pythons, data, options, make)
                if options.quality_steps:
                    quality(names[1:], pythons, data, options, make)


def steps(names: list[str], pythons: dict[str, Path], data: Path, options: Any, make: dict[str, Any]) -> None:
    """Seconds a step, in turns."""
    workers = [Worker(name, pythons[name], data, options.threads) for name in names]
    times: dict[str, list[float]] = {name: [] for name in names}
    peak = {}
    for worker in workers:
        worker.ask(make=make)
        worker.ask(steps=2)
    for _ in range(options.rounds):
        for worker in workers:
            got = worker.ask(steps=2)
            times[worker.name].append(got["seconds"] / 2)
            peak[worker.name] = got["step_mb"]
    for worker in workers:
        worker.close()
    base, ours = times["matmul"], times["glassbook"]
    for name, seconds in times.items():
        to_matmul = statistics.median(t / b for t, b in zip(seconds, base, strict=True))
        to_ours = statistics.median(t / o for t, o in zip(seconds, ours, strict=True))
        told = f"{1e3 * statistics.median(seconds):8.1f} ms  {to_matmul:5.2f} x matmul  {to_ours:5.2f} x ours"
        print(f"  {name:20s} {told}  {peak[name]:6.0f} MB above what it held before its first step", flush=True)


def quality(names: list[str], pythons: dict[str, Path], data: Path, options: Any, make: dict[str, Any]) -> None:
    """What each learns in the same number of steps, at its best learning rate."""
    for name in names:
        worker = Worker(name, pythons[name], data, options.threads)
        found = []
        for seed in options.seeds:
            tried = []
            for lr in options.rates if seed == options.seeds[0] else [found[0][0]]:
                worker.ask(make=make | {"steps": options.quality_steps, "lr": lr, "seed": seed})
                worker.ask(steps=options.quality_steps)
                tried.append((lr, worker.ask(score=True)))
            found.append(max(tried, key=lambda pair: pair[1]["explained_variance"]))
        worker.close()
        told = "; ".join(f"EV {s['explained_variance']:.4f} L0 {s['l0']:.1f} dead {s['dead']:.3f}" for _, s in found)
        print(f"  {name:20s} after {options.quality_steps} steps at its best rate {found[0][0]:g}: {told}", flush=True)


if __name__ == "__main__":
    main()
