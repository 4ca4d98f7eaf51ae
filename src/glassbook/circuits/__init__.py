"""What a network computes: patching, attribution and circuits over an opened model; logit and tuned lens."""

from glassbook.circuits.attention_charts import patches_chart, pattern_chart
from glassbook.circuits.charts import circuit_chart, effects_chart
from glassbook.circuits.direct import direct_attribution
from glassbook.circuits.edges import Circuit, edge_scores, faithfulness_curve
from glassbook.circuits.features import ERROR, Edge, FeatureCircuit, Node, Part, feature_effects
from glassbook.circuits.graph import Graph, Reader, Writer
from glassbook.circuits.heads import Head, copying_loss, head_means, head_scores, repeated_tokens, without_heads
from glassbook.circuits.lens import TunedLens, fit_tuned_lens, logit_lens
from glassbook.circuits.lens_charts import lens_chart
from glassbook.circuits.patching import Effects, Spot, attribute, patch
from glassbook.circuits.stitch import Stitch, stitch
from glassbook.circuits.task import Metric, Task, frozen, logit_difference

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
    "head_means",
    "head_scores",
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
