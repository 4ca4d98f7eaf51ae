# ruff: noqa: E402 (threads are set before NumPy is imported)
"""Tokens a second of run.py, which is NumPy alone, beside torch's generate: the built-in model at batch 1.

    python benchmarks/two_files.py [--rounds 5] [--tokens 64]

Goal: at least half as many tokens as our generate, which is the fastest way that there is here to run this model with
torch (`generation.py`). Both continue the same prompt greedily, have to write the same tokens, and have one thread,
which is what our generate takes for a model of this size. Files of 32 bits, of 8, and the wider one that llama2.c's
run.c reads. Each round runs all of them once, in an order that turns; ratios are formed within it.
"""

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"  # NumPy reads it once, when it is imported

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch

from glassbook.nets import LM, open_language_model
from glassbook.nets.inference import decoding
from glassbook.nets.io import run
from glassbook.nets.io.two_files import read_vocabulary, write_two_files

PROMPT = "One day"
TORCH = "torch"
KINDS = {"32 bits": {}, "8 bits": {"q8": True}, "for run.c": {"for_c": True}}


def ways(tokens: int) -> dict[str, Callable[[], list[int]]]:
    """The generations that are timed, by name; each gives the new ids, numbered as the model numbers them."""
    lm = open_language_model("builtin")
    model = lm.model
    assert isinstance(model, LM)
    order, prompt = read_vocabulary(lm).order, lm.encode(PROMPT)

    def with_torch() -> list[int]:
        with decoding(model, 1):
            return model.generate(torch.tensor([prompt]), max_new_tokens=tokens)[0, len(prompt) :].tolist()

    def with_numpy(files: dict[str, bool]) -> Callable[[], list[int]]:
        with tempfile.TemporaryDirectory() as folder:
            write_two_files(lm, folder, **files)
            runner = run.Model(str(Path(folder) / "model.bin"))
            ids = run.Tokenizer(str(Path(folder) / "tokenizer.bin"), runner.vocab).encode(PROMPT)
        return lambda: [order[id] for id in run.generate(runner, ids, tokens)]

    found = {TORCH: with_torch} | {name: with_numpy(files) for name, files in KINDS.items()}
    if any(found[name]() != with_torch() for name in ("32 bits", "for run.c")):
        raise SystemExit("run.py writes other tokens than torch: the two are not the same model")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description="tokens a second")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--tokens", type=int, default=64)
    options = parser.parse_args()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} before")
    timed = ways(options.tokens)
    names, seconds = list(timed), {name: list[float]() for name in timed}
    for i in range(options.rounds):
        for name in names[i % len(names) :] + names[: i % len(names)]:
            start = time.perf_counter()
            timed[name]()
            seconds[name].append(time.perf_counter() - start)
    for name, found in seconds.items():
        ratios = sorted(theirs / s for theirs, s in zip(seconds[TORCH], found, strict=True))
        speed = statistics.median(options.tokens / s for s in found)
        spread = f"x {statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})"
        print(f"{name:10} {speed:7.0f} tokens/s, {spread}", flush=True)


if __name__ == "__main__":
    main()
