"""What a network computes: patching, attribution and circuits over an opened model."""

from glassbook.circuits.edges import Circuit, edge_scores, faithfulness_curve
from glassbook.circuits.graph import Graph, Reader, Writer
from glassbook.circuits.patching import Effects, Spot, attribute, head_sites, patch
from glassbook.circuits.task import Metric, Task, frozen, logit_difference

__all__ = [
    "Circuit",
    "Effects",
    "Graph",
    "Metric",
    "Reader",
    "Spot",
    "Task",
    "Writer",
    "attribute",
    "edge_scores",
    "faithfulness_curve",
    "frozen",
    "head_sites",
    "logit_difference",
    "patch",
]
