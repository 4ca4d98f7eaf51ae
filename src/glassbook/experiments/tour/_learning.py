"""Dictionary of a tour: learnt in front of the reader, and scored beside random directions and the shipped one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from glassbook.experiments import kit
from glassbook.experiments.tour import corpus

if TYPE_CHECKING:
    from torch import Tensor

    from glassbook.experiments.tour.corpus import Corpus
    from glassbook.features import Coder, Dictionary, Scores
    from glassbook.nets import LanguageModel
    from glassbook.notebook import Run


def dictionary(
    run: Run, lm: LanguageModel, site: str, text: Corpus, small: bool
) -> tuple[Dictionary, list[Coder], int]:
    """A dictionary that trains within two minutes on two cores, two random rivals, and the tokens it was given."""
    from glassbook.features import TopK

    acts = kit.collect(run, "learn", lm, corpus.batches(lm, text.learn), site)
    d, batch_size = acts.dim(site), min(512 if small else 2048, acts.n)
    width = min(256, 4 * d) if small else min(2048, 8 * d)
    rule = TopK(min(8, d // 4))
    # The wider the stream, the fewer the steps: a step costs about four times its encoder's multiplications.
    steps = 30 if small else int(min(400, max(200, 1.5e12 / (d * width * batch_size))))
    sae = kit.train_sae(run, "dictionary", (acts, site), d, width, rule, steps=steps, batch_size=batch_size,
                        seed=run.rng("dictionary").seed, log_every=5)  # fmt: skip
    sae.save(run.artifact(kit.DICTIONARY), site=site, model=lm.name, tokens=acts.n)
    names = ("random dictionary", "another random dictionary")
    random: list[Coder] = [kit.frozen_random(acts.read(site), width, rule.k, run.rng(name)) for name in names]
    return sae, random, acts.n


def scores(
    run: Run, lm: LanguageModel, site: str, batches: Sequence[Any], activations: Tensor, coders: Mapping[str, Coder]
) -> dict[str, Scores]:
    """Scores of each dictionary, and of the shipped one if the model is the built-in one."""
    from glassbook.features import evaluate

    if lm.name == "builtin":
        coders = {**coders, "shipped": kit.open_dictionary(run, "builtin")}
    special = kit.special_ids(lm)
    return {
        name: evaluate(coder, activations, model=lm.model, site=site, batches=batches, skip=special)
        for name, coder in coders.items()
    }


def numbers(scores: Scores, rival: Scores) -> dict[str, float]:
    """Results of the run: the learnt dictionary, and the random directions beside it."""
    return {
        **scores.numbers(),
        "dead_share": scores.dead,
        "random_explained_variance": rival.explained_variance,
        "unexplained_over_random": (1 - scores.explained_variance) / max(1 - rival.explained_variance, 1e-9),
        "random_ce_recovered": rival.ce_recovered,
        "ce_lost_over_random": (1 - scores.ce_recovered) / max(1 - rival.ce_recovered, 1e-9),
    }
