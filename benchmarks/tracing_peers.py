"""What looking in and steering cost beside the peers: each library in its own environment, against a plain GPT-2.

Every process times its library's ways and the plain forward (or plain generation of transformers) in turns; processes
run one after the other, and the whole is repeated. Ratios are formed within a round; medians over all rounds count,
and the quartiles beside them say how much of a difference is noise.

    python benchmarks/tracing_peers.py --peers FOLDER [--rounds 7] [--repeats 2] [--large] [--reads]

FOLDER holds virtual environments named nnsight, transformer-lens and repeng; `make peers` makes it as .peers.
Goals: one read at most 1.05x, every layer 1.08x (1.10x for the large shape), stopping after a quarter
of the layers .20x, steered generation 1.05x; and no slower than any peer.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
from pathlib import Path

WORKER = Path(__file__).parent / "peers" / "trace_ways.py"
PEERS = {"nnsight": "nnsight", "transformer_lens": "transformer-lens", "repeng": "repeng"}


def main() -> None:
    """Print a table for each shape."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", type=Path, default=Path(".peers"))
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--repeats", type=int, default=2, help="how often every library has its turn")
    parser.add_argument("--large", action="store_true", help="12 x 768 with GPT-2's vocabulary as well")
    parser.add_argument("--reads", action="store_true", help="no generation, which takes most of the time")
    options = parser.parse_args()
    pythons = {"glassbook": Path(sys.executable)}
    pythons |= {name: options.peers / folder / "bin" / "python" for name, folder in PEERS.items()}
    shapes = [(4, 256, 1000, 1, 8, 20)]
    if options.large:
        shapes.append((12, 768, 50257, 8, 128, 1))
    generation = int(not options.reads)
    for shape in shapes:
        print(f"\nGPT-2 {shape[0]} x {shape[1]}, batch {shape[3]} x {shape[4]}: times the plain run")
        found: dict[str, dict[str, list[float]]] = {}
        for _ in range(options.repeats):
            for name, python in pythons.items():
                numbers = (*shape[:5], options.rounds, shape[5], generation)
                if not generation and name == "repeng":
                    continue  # it does nothing else
                order = [str(python), str(WORKER), name, *map(str, numbers)]
                done = subprocess.run(order, capture_output=True, text=True, check=False)
                if done.returncode:
                    print(f"  {name} did not run: {done.stderr.strip().splitlines()[-1]}")
                    continue
                for way, ratios in json.loads(done.stdout.splitlines()[-1]).items():
                    found.setdefault(way, {}).setdefault(name, []).extend(ratios)
        for way, by_name in found.items():
            for name, ratios in by_name.items():
                low, middle, high = statistics.quantiles(ratios, n=4)
                print(f"  {way:20s} {name:18s} {middle:.3f}  ({low:.3f} - {high:.3f})")


if __name__ == "__main__":
    main()
