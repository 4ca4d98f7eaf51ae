"""What a network computes: patching, attribution and circuits over an opened model."""

from glassbook.circuits.edges import Circuit, edge_scores, faithfulness_curve
from glassbook.circuits.graph import Graph, Reader, Writer
from glassbook.circuits.heads import Head, copying_loss, head_means, head_scores, repeated_tokens, without_heads
from glassbook.circuits.lens import TunedLens, direct_attribution, fit_tuned_lens, frozen_norm, logit_lens
from glassbook.circuits.patching import Effects, Spot, attribute, head_sites, patch
from glassbook.circuits.task import Metric, Task, frozen, logit_difference
from glassbook.circuits.universality import Stitch, stitch

__all__ = [
    "Circuit",
    "Effects",
    "Graph",
    "Head",
    "Metric",
    "Reader",
    "Spot",
    "Stitch",
    "Task",
    "TunedLens",
    "Writer",
    "attribute",
    "copying_loss",
    "direct_attribution",
    "edge_scores",
    "faithfulness_curve",
    "fit_tuned_lens",
    "frozen",
    "frozen_norm",
    "head_means",
    "head_scores",
    "head_sites",
    "logit_difference",
    "logit_lens",
    "patch",
    "repeated_tokens",
    "stitch",
    "without_heads",
]
