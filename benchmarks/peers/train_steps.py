"""One library's training steps, done on request, so that libraries of different environments can take turns.

Started by benchmarks/dictionary_peers.py with the Python of the library's environment; the protocol is one JSON object
a line: {"make": {...}} builds a dictionary, {"steps": n} trains it and answers with the seconds, {"score": true}
with explained variance, L0 and dead share on held-out rows.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import torch
from safetensors.torch import load_file


class Glassbook:
    def __init__(self, rule, d, width, k, batch, steps, lr, seed, sample):
        from glassbook.features import BatchTopK, Dictionary, JumpReLU, ReLU, TopK
        from glassbook.features.sae_trainer import SAETrainer
        from glassbook.features.train import bf16_selection

        torch.manual_seed(seed)
        code = {"topk": TopK(k), "batchtopk": BatchTopK(k), "relu": ReLU(), "jumprelu": JumpReLU(l0=k)}[rule]
        self.d = Dictionary(d, width, code)
        fast = bf16_selection("auto", torch.device("cpu"))
        self.trainer, self.steps = SAETrainer(self.d, lr, 1 / 32, max(1, steps // 10), fast), steps
        self.trainer.setup(sample, "mean")

    def step(self, x, i):
        warmup = self.trainer.sparsity_warmup((i + 1) / self.steps)
        self.trainer.step(x, self.trainer.lr * rate(i, self.steps), i, warmup)

    def codes(self, x):
        assert self.trainer.normalizer is not None
        x = self.trainer.normalizer.normalize(x)
        z = self.d.encode(x)
        return z, self.d.decode(z) / self.trainer.normalizer.scale_out + self.trainer.normalizer.centre_out


class Sparsify:
    def __init__(self, rule, d, width, k, batch, steps, lr, seed, sample):
        from sparsify import SparseCoder
        from sparsify.config import SparseCoderConfig

        assert rule == "topk"
        torch.manual_seed(seed)
        self.sae = SparseCoder(d, SparseCoderConfig(num_latents=width, k=k))
        self.sae.b_dec.data = sample.mean(0)  # as its trainer does
        self.adam, self.lr, self.steps = torch.optim.Adam(self.sae.parameters(), lr=lr), lr, steps

    def step(self, x, i):
        self.adam.param_groups[0]["lr"] = self.lr * rate(i, self.steps)
        self.sae(x).fvu.backward()
        self.sae.remove_gradient_parallel_to_decoder_directions()
        self.adam.step()
        self.adam.zero_grad()
        self.sae.set_decoder_norm_to_unit_norm()

    def codes(self, x):
        out = self.sae(x)
        z = torch.zeros(len(x), self.sae.num_latents).scatter_(1, out.latent_indices, out.latent_acts)
        return z, out.sae_out


class DictionaryLearning:
    def __init__(self, rule, d, width, k, batch, steps, lr, seed, sample):
        from dictionary_learning.trainers import batch_top_k, jumprelu, standard, top_k

        common = {"steps": steps, "activation_dim": d, "dict_size": width, "layer": 0, "lm_name": "none", "seed": seed}
        common |= {"device": "cpu", "lr": lr, "warmup_steps": max(1, steps // 20), "decay_start": int(0.8 * steps)}
        ramp = {"sparsity_warmup_steps": max(1, steps // 20)}
        self.trainer = {
            "topk": lambda: top_k.TopKTrainer(k=k, **common),
            "batchtopk": lambda: batch_top_k.BatchTopKTrainer(k=k, **common),
            "relu": lambda: standard.StandardTrainerAprilUpdate(l1_penalty=0.5, **ramp, **common),
            "jumprelu": lambda: jumprelu.JumpReluTrainer(target_l0=float(k), **ramp, **common),
        }[rule]()
        self.rule = rule

    def step(self, x, i):
        self.trainer.update(i, x)

    def codes(self, x):
        how = {"use_threshold": False} if self.rule in ("topk", "batchtopk") else {}
        z = self.trainer.ae.encode(x, **how)
        return z, self.trainer.ae.decode(z)


class SAELens:
    def __init__(self, rule, d, width, k, batch, steps, lr, seed, sample):
        from sae_lens.config import LoggingConfig, SAETrainerConfig
        from sae_lens.saes import batchtopk_sae, jumprelu_sae, standard_sae, topk_sae
        from sae_lens.training.sae_trainer import SAETrainer

        torch.manual_seed(seed)
        base = {"d_in": d, "d_sae": width, "device": "cpu", "dtype": "float32"}
        ramp = max(1, steps // 20)
        kind, config, settings = {
            "topk": (
                topk_sae.TopKTrainingSAE,
                topk_sae.TopKTrainingSAEConfig,
                {"k": k, "use_sparse_activations": False},
            ),
            "batchtopk": (batchtopk_sae.BatchTopKTrainingSAE, batchtopk_sae.BatchTopKTrainingSAEConfig, {"k": k}),
            "relu": (
                standard_sae.StandardTrainingSAE,
                standard_sae.StandardTrainingSAEConfig,
                {"l1_coefficient": 5.0, "l1_warm_up_steps": ramp},
            ),
            "jumprelu": (
                jumprelu_sae.JumpReLUTrainingSAE,
                jumprelu_sae.JumpReLUTrainingSAEConfig,
                {"l0_coefficient": 1.0, "l0_warm_up_steps": ramp},
            ),
        }[rule]
        self.sae = kind(config(**base, **settings))
        self.trainer = SAETrainer(
            cfg=SAETrainerConfig(
                total_training_samples=steps * batch, train_batch_size_samples=batch, lr=lr, device="cpu",
                lr_end=lr / 10, lr_warm_up_steps=max(1, steps // 20), lr_decay_steps=steps // 5,
                dead_feature_window=max(1, steps // 10), logger=LoggingConfig(log_to_wandb=False),
            ),
            sae=self.sae, data_provider=iter([]),
        )  # fmt: skip

    def step(self, x, i):
        self.trainer._train_step(sae=self.sae, sae_in=x)
        self.trainer.n_training_steps += 1

    def codes(self, x):
        z = self.sae.encode(x)
        z = z.to_dense() if z.is_sparse else z
        return z, self.sae.decode(z)


class Matmul:
    """The encoder's product alone, which no step can do without."""

    def __init__(self, rule, d, width, k, batch, steps, lr, seed, sample):
        self.W, self.out = torch.randn(width, d), torch.empty(batch, width)

    def step(self, x, i):
        torch.mm(x, self.W.T, out=self.out)


KINDS = {
    "glassbook": Glassbook,
    "sparsify": Sparsify,
    "dictionary_learning": DictionaryLearning,
    "sae_lens": SAELens,
    "matmul": Matmul,
}


def rate(step: int, steps: int) -> float:
    """Warm-up over a twentieth, then level, down to nothing over the last fifth."""
    return min(1.0, (step + 1) / max(1, steps // 20), max(0.0, (steps - step) / max(1, steps // 5)))


def memory(what: str) -> float:
    """Memory of this process in MB: VmRSS now, VmHWM at its peak (Linux)."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(what))
    return int(line.split()[1]) / 1024


def main() -> None:
    kind, data, threads = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    torch.set_num_threads(threads)
    answer, sys.stdout = sys.stdout, sys.stderr  # libraries print
    files = load_file(data)
    x, held = files["train"], files["held_out"]
    work, done, batch, held_mb = None, 0, 0, 0.0
    for line in sys.stdin:
        order, reply = json.loads(line), {}
        if "make" in order:
            made = order["make"]
            batch, done = made["batch"], 0
            work = KINDS[kind](**made, sample=x[:8192])
            Path("/proc/self/clear_refs").write_text("5")  # the peak from here on
            held_mb = memory("VmRSS")
        elif "steps" in order:
            start = time.perf_counter()
            for i in range(done, done + order["steps"]):
                at = i * batch % (len(x) - batch + 1)
                work.step(x[at : at + batch], i)
            done += order["steps"]
            reply = {"seconds": time.perf_counter() - start}
        elif "score" in order:
            with torch.no_grad():
                parts = [work.codes(part) for part in held.split(1024)]
            z, out = (torch.cat(p) for p in zip(*parts))  # noqa: B905 (Pythons of any age)
            error, spread = (held - out).square().sum(), (held - held.mean(0)).square().sum()
            reply = {
                "explained_variance": float(1 - error / spread),
                "l0": float((z > 0).sum(1).float().mean()),
                "dead": float((~(z > 0).any(0)).float().mean()),
            }
        reply["step_mb"] = memory("VmHWM") - held_mb
        answer.write(json.dumps(reply) + "\n")
        answer.flush()


main()
