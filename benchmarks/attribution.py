"""What attribution patching costs: every stream, head and MLP of a GPT-2 at once, against one plain forward pass.

    python benchmarks/attribution.py [--rounds 9] [--large]

Goal: at most 4x. It takes a forward pass on the clean inputs, one on the corrupted, and a backward pass to
the activations.
"""

import argparse
import statistics
import time

import torch
from peers.trace_ways import gpt2

from glassbook.circuits import Task, attribute, logit_difference
from glassbook.trace.roles import roles


def main() -> None:
    """Print the ratio for each shape."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--large", action="store_true", help="12 x 768 with GPT-2's vocabulary as well")
    options = parser.parse_args()
    for layers, width, vocab in [(4, 256, 1000), *([(12, 768, 50257)] if options.large else [])]:
        model = gpt2(layers, width, vocab)
        r, ids = roles(model), torch.randint(vocab, (8, 128))
        other = ids.clone()
        other[:, 5] = (ids[:, 5] + 1) % vocab
        right, wrong = torch.randint(vocab, (2, 8))
        task = Task({"input_ids": ids}, {"input_ids": other}, logit_difference(right, wrong))
        found = [
            f"{kind}.{n}.{end}"
            for n in range(layers)
            for kind, end in (("resid", "in"), ("resid", "mid"), ("attn", "heads"), ("mlp", "out"))
        ]
        sites = [r[role] for role in [*found, f"resid.{layers - 1}.out"]]
        ratios = []
        for i in range(-1, options.rounds):
            took = {}
            for what in ("plain", "attribution") if i % 2 else ("attribution", "plain"):
                start = time.perf_counter()
                if what == "plain":
                    with torch.no_grad():
                        model(input_ids=ids)
                else:
                    attribute(model, task, sites, positions=True)
                took[what] = time.perf_counter() - start
            if i >= 0:
                ratios.append(took["attribution"] / took["plain"])
        print(
            f"GPT-2 {layers} x {width}, {len(sites)} sites x 128 positions: {statistics.median(ratios):.2f}x "
            f"({min(ratios):.2f} - {max(ratios):.2f})"
        )


if __name__ == "__main__":
    main()
