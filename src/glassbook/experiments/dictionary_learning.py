"""Learn a sparse dictionary of a language model's activations, and hold its features against the world's truth."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass

from glassbook.experiments.base import experiment
from glassbook.notebook import Claim, Run


@experiment(
    terms=["Dictionary learning", "Sparse autoencoder", "Feature", "Monosemanticity"],
    source="Gao et al. 2024, arXiv:2406.04093; Bricken et al. 2023",
)
@dataclass(frozen=True, kw_only=True)
class DictionaryLearning:
    """Do the features that a sparse autoencoder finds mean what the world means?"""

    layer: int = 3
    """Block whose output is taken apart."""
    width: int = 2048
    """Features in the dictionary."""
    k: int = 32
    """Features active on a token."""
    tokens: int = 400_000
    """Tokens of activations recorded to learn from."""
    steps: int = 1500
    """Optimiser steps."""
    batch: int = 4096
    """Activations in a step."""
    lr: float = 2e-3
    """Peak learning rate of Adam."""
    held_out: int = 1200
    """Documents to score on: half choose each attribute's feature, half report it."""
    model: str = "builtin"
    """Language model to open."""

    claims = (
        Claim(
            "Thirty-two features a token explain the activations",
            "explained_variance",
            ">=",
            0.85,
            control="random_explained_variance <= 0.6",
        ),
        Claim("No more than thirty-two features are active on a token", "l0", "<=", 32),
        Claim(
            "The model hardly notices when it reads the reconstruction",
            "ce_recovered",
            ">=",
            0.95,
            control="random_ce_recovered <= 0.8",
        ),
        Claim("Few features are dead", "dead_share", "<=", 0.05),
        Claim("Most attributes of the world have a feature that detects them", "attributes_detected", ">=", 0.8),
        Claim("Features detect clearly more attributes than neurons do", "detected_beyond_neurons", ">=", 0.1),
        Claim("Features detect clearly more attributes than random directions", "detected_beyond_random", ">=", 0.1),
    )

    @classmethod
    def quick(cls) -> DictionaryLearning:
        """A small dictionary of few tokens, in seconds."""
        return cls(width=256, k=8, tokens=8_000, steps=30, batch=512, held_out=40)

    def run(self, run: Run) -> None:
        """Record, learn, score by reconstruction and by the truth; keep the dictionary as an artifact."""
        import torch

        from glassbook.data.tokens import labelled, take, training_rows
        from glassbook.data.world import World
        from glassbook.features import Dictionary, TopK, evaluate, fit
        from glassbook.nets import open_model
        from glassbook.trace import blocks, record

        lm, world = open_model(self.model), World()
        site = f"{blocks(lm.model)[self.layer]}.out"
        specials = {i for i in (lm.tokenizer.bos, lm.tokenizer.eos, lm.tokenizer.pad) if i is not None}
        rows, length = 16, min(256, lm.context)
        batches = [
            {"input_ids": torch.from_numpy(training_rows(world, lm.tokenizer, step, rows, length, seed=-1000 - run.seed))}
            for step in range(-(-self.tokens // (rows * length)))
        ]
        with tempfile.TemporaryDirectory() as folder:
            recording = record(lm.model, batches, [site], f"{folder}/activations", skip=specials)
            torch.manual_seed(run.seed)
            d = Dictionary(d_in=recording.dim(site), width=self.width, code=TopK(self.k))
            fit(d, (recording, site), steps=self.steps, batch=self.batch, lr=self.lr, seed=run.seed, run=run)
        d.save(run.artifact("dictionary.safetensors"), site=site, model=lm.name)
