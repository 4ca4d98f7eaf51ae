"""What a network computes: patching, attribution and circuits over an opened model."""

from glassbook.circuits.charts import circuit_chart, effects_chart, lens_chart, patches_chart, pattern_chart
from glassbook.circuits.edges import Circuit, edge_scores, faithfulness_curve
from glassbook.circuits.features import ERROR, Edge, FeatureCircuit, Node, Part, feature_effects
from glassbook.circuits.graph import Graph, Reader, Writer
from glassbook.circuits.heads import Head, copying_loss, head_means, head_scores, repeated_tokens, without_heads
from glassbook.circuits.lens import TunedLens, direct_attribution, fit_tuned_lens, frozen_norm, logit_lens
from glassbook.circuits.patching import Effects, Spot, attribute, head_sites, patch
from glassbook.circuits.task import Metric, Task, frozen, logit_difference
from glassbook.circuits.universality import Stitch, stitch

__all__ = [
    "ERROR",
    "Circuit",
    "Edge",
    "Effects",
    "FeatureCircuit",
    "Graph",
    "Head",
    "Metric",
    "Node",
    "Part",
    "Reader",
    "Spot",
    "Stitch",
    "Task",
    "TunedLens",
    "Writer",
    "attribute",
    "circuit_chart",
    "copying_loss",
    "direct_attribution",
    "edge_scores",
    "effects_chart",
    "faithfulness_curve",
    "feature_effects",
    "fit_tuned_lens",
    "frozen",
    "frozen_norm",
    "head_means",
    "head_scores",
    "head_sites",
    "lens_chart",
    "logit_difference",
    "logit_lens",
    "patch",
    "patches_chart",
    "pattern_chart",
    "repeated_tokens",
    "stitch",
    "without_heads",
]
