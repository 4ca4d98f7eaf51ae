"""Tokens a second: our generate against transformers' on the same weights, alone and beside two busy processes.

    python benchmarks/generation.py [--rounds 5] [--tokens 40]

Goal: at least 1.5 times as many tokens as transformers' generate, plain and steered, at batch 1 and 8, on an idle and
on a busy machine. The model is the built-in one; transformers opens it as a Llama, and has to write the same tokens.
Ours takes as many threads as the work is worth (nets/inference.py), transformers what torch takes by itself, and one
thread in a row of its own. Each round runs all of them once, in an order that turns; ratios are formed within it.
"""

import argparse
import multiprocessing
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from glassbook.nets import LM, open_model, save_model
from glassbook.nets.inference import decoding
from glassbook.nets.io.hugging_face import quiet
from glassbook.steer import Vector, steer
from glassbook.trace.roles import residual_site

PROMPT, BUSY = 16, 2
PEER = "transformers"
"""The row that the others are compared with."""


@contextmanager
def busy_processes(n: int) -> Iterator[None]:
    started = [multiprocessing.Process(target=spin, daemon=True) for _ in range(n)]
    for process in started:
        process.start()
    try:
        yield
    finally:
        for process in started:
            process.kill()
            process.join()


def spin() -> None:
    while True:
        pass


@contextmanager
def threads(n: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(n)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def ways(rows: int, tokens: int) -> dict[str, Callable[[], Any]]:
    """The generations that are timed, by name; each gives the ids [rows, PROMPT + tokens]."""
    from transformers import AutoModelForCausalLM

    lm = open_model("builtin")
    assert isinstance(lm.model, LM)
    ours = lm.model
    with tempfile.TemporaryDirectory() as folder, quiet():
        save_model(lm, Path(folder) / "model")
        theirs: Any = AutoModelForCausalLM.from_pretrained(Path(folder) / "model").eval()
    theirs.generation_config.eos_token_id = None  # all texts are equally long
    ids = torch.randint(3, lm.vocab, (rows, PROMPT), generator=torch.Generator().manual_seed(0))
    mask = torch.ones_like(ids)
    site = residual_site(ours, ours.config.n_layers // 2, "in")
    v = Vector({site: torch.randn(ours.config.d_model, generator=torch.Generator().manual_seed(0))})

    def plain() -> Any:
        with decoding(ours, rows):
            return ours.generate(ids, mask, max_new_tokens=tokens)

    def steered() -> Any:
        with decoding(ours, rows), steer(lm, v, coeff=1.0):
            return ours.generate(ids, mask, max_new_tokens=tokens)

    def transformers() -> Any:
        return theirs.generate(
            input_ids=ids, attention_mask=mask, max_new_tokens=tokens, do_sample=False, pad_token_id=0
        )

    def one_thread() -> Any:
        with threads(1):
            return transformers()

    if not torch.equal(plain(), transformers()):
        raise SystemExit("transformers writes other tokens: the two are not the same model")
    return {"ours": plain, "ours, steered": steered, PEER: transformers, "transformers, one thread": one_thread}


def measure(rows: int, tokens: int, rounds: int) -> dict[str, list[float]]:
    """Seconds of each way, round by round."""
    timed = ways(rows, tokens)
    names = list(timed)
    found: dict[str, list[float]] = {name: [] for name in names}
    for i in range(rounds):
        for name in names[i % len(names) :] + names[: i % len(names)]:
            start = time.perf_counter()
            timed[name]()
            found[name].append(time.perf_counter() - start)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description="tokens a second")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--tokens", type=int, default=40)
    options = parser.parse_args()
    print(f"{os.cpu_count()} cores, {torch.get_num_threads()} threads, load {os.getloadavg()[0]:.1f} before")
    for busy in (0, BUSY):
        with busy_processes(busy):
            for rows in (1, 8):
                found = measure(rows, options.tokens, options.rounds)
                for name, seconds in found.items():
                    speed = statistics.median(rows * options.tokens / s for s in seconds)
                    ratios = sorted(theirs / s for theirs, s in zip(found[PEER], seconds, strict=True))
                    spread = f"({ratios[0]:.2f} to {ratios[-1]:.2f})"
                    print(
                        f"{busy} busy processes, batch {rows}: {name:25} {speed:7.0f} tokens/s, "
                        f"x {statistics.median(ratios):.2f} {spread}",
                        flush=True,
                    )


if __name__ == "__main__":
    main()
