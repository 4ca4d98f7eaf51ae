"""What a network computes: patching, attribution and circuits over an opened model."""

from glassbook.circuits.direct import direct_attribution
from glassbook.circuits.edges import Circuit, edge_scores, faithfulness_curve
from glassbook.circuits.features import ERROR, Edge, FeatureCircuit, Node, Part, feature_effects
from glassbook.circuits.graph import Graph, Reader, Writer
from glassbook.circuits.heads import Head, copying_loss, head_means, head_scores, repeated_tokens, without_heads
from glassbook.circuits.patching import Effects, Spot, attribute, patch
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
    "Task",
    "Writer",
    "attribute",
    "copying_loss",
    "direct_attribution",
    "edge_scores",
    "faithfulness_curve",
    "feature_effects",
    "frozen",
    "head_means",
    "head_scores",
    "logit_difference",
    "patch",
    "repeated_tokens",
    "without_heads",
]
