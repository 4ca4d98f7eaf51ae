"""Feature pages for a whole dictionary beside harvesting the activations that they are made from.

The built-in model reads documents of the Reserve; a round harvests one site to disk, then makes the feature dashboard
from what lies there. Each round's ratio is of neighbours in time; the median over rounds is reported. The memory is
that of a separate process that makes the dashboard, above what it had with model and dictionary open; it is measured on
all tokens and on a quarter of them, which must not differ by more than a tenth.

    python benchmarks/feature_pages.py [--tokens 1000000] [--width 2048] [--rounds 3]
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from glassbook.data.tokens import training_rows
from glassbook.data.world import World
from glassbook.features import Dictionary, TopK, fit
from glassbook.features.dashboard import build_dashboard
from glassbook.nets import LanguageModel, open_model
from glassbook.trace import Recording, record

SITE, LENGTH, TARGET, FLAT = "blocks.3.out", 256, 2.0, 1.1


def text(lm: LanguageModel, tokens: int) -> Tensor:
    """Documents of the Reserve one after the other, [n, LENGTH] ids."""
    assert lm.tokenizer is not None
    rows = [training_rows(World(), lm.tokenizer, i, 16, LENGTH, seed=1000) for i in range(-(-tokens // (16 * LENGTH)))]
    return torch.from_numpy(np.concatenate(rows))


def harvest(lm: LanguageModel, ids: Tensor, folder: Path) -> Recording:
    return record(lm.model, [{"input_ids": batch} for batch in ids.split(16)], [SITE], folder)


def child(folder: str, dictionary: str, threads: int) -> None:
    """Make the dashboard and print the memory that it took, in bytes."""
    torch.set_num_threads(threads)
    lm, d, recording = open_model("builtin"), Dictionary.load(dictionary), Recording(folder)
    before, peak, done = held(), 0, threading.Event()

    def watch() -> None:
        nonlocal peak
        while not done.wait(0.01):
            peak = max(peak, held())

    watcher = threading.Thread(target=watch)
    watcher.start()
    build_dashboard(d, (recording, SITE), lm, Path(folder) / "dashboard")
    done.set()
    watcher.join()
    print(json.dumps(peak - before))


def held() -> int:
    """Bytes of this process that are its own: not the mapped pages of the recording, which any other may have back."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("RssAnon"))


def memory(folder: Path, dictionary: Path, threads: int) -> int:
    words = [sys.executable, __file__, "--child", str(folder), str(dictionary), "--threads", str(threads)]
    return json.loads(subprocess.run(words, check=True, capture_output=True, text=True).stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tokens", type=int, default=1_000_000)
    parser.add_argument("--width", type=int, default=2048)
    parser.add_argument("--k", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=300, help="of learning, so that features are of many densities")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(*options.child, options.threads)
        return
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    lm = open_model("builtin")
    ids = text(lm, options.tokens)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        small = harvest(lm, ids[: len(ids) // 4], folder / "quarter")
        d = Dictionary(small.dim(SITE), options.width, TopK(options.k))
        fit(d, (small, SITE), steps=options.steps, batch=2048, lr=2e-3)
        d.save(folder / "d.safetensors")
        ratios = []
        for i in range(options.rounds):
            began = time.perf_counter()
            recording = harvest(lm, ids, folder / f"round-{i}")
            harvested = time.perf_counter()
            build_dashboard(d, (recording, SITE), lm, folder / f"dashboard-{i}")
            took, dashboard = harvested - began, time.perf_counter() - harvested
            ratios.append(dashboard / took)
            print(f"round {i + 1}: harvest {took:.1f} s, dashboard {dashboard:.1f} s, ratio {dashboard / took:.2f}")
        size = (folder / "dashboard-0" / "features.sqlite").stat().st_size
        peaks = [memory(folder / part, folder / "d.safetensors", options.threads) for part in ("quarter", "round-0")]
    ratio, growth = statistics.median(ratios), peaks[1] / peaks[0]
    print(f"{options.width} features over {ids.numel():,} tokens; dashboard of {size / 1e6:.1f} MB")
    print(f"dashboard / harvest: {ratio:.2f} (target <= {TARGET}): {'met' if ratio <= TARGET else 'MISSED'}")
    print(f"peak memory of the dashboard: {peaks[1] / 1e6:.0f} MB, of a quarter of the tokens {peaks[0] / 1e6:.0f} MB")
    print(f"growth {growth:.2f} (target <= {FLAT}): {'met' if growth <= FLAT else 'MISSED'}")


if __name__ == "__main__":
    main()
