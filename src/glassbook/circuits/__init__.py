"""Circuit discovery: activation, path and attribution patching, edge and feature circuits, heads, lenses, stitching."""

from glassbook.circuits.charts import circuit_chart, effects_chart
from glassbook.circuits.direct import direct_attribution
from glassbook.circuits.edges import Circuit, edge_scores, faithfulness_curve
from glassbook.circuits.features import ERROR, Edge, FeatureCircuit, Node, SAESite, feature_effects
from glassbook.circuits.graph import Graph, Receiver, Sender
from glassbook.circuits.heads import Head, ablate_heads, copying_loss, head_means, head_scores, repeated_tokens
from glassbook.circuits.jacobian_lens import JACOBIAN_LENS, JacobianLens, fit_jacobian_lens, load_jacobian_lens
from glassbook.circuits.lens import TUNED_LENS, LogitLens, TunedLens, fit_tuned_lens, load_tuned_lens, logit_lens
from glassbook.circuits.patching import Effects, PatchLocation, attribute, patch
from glassbook.circuits.stitch import Stitch, stitch
from glassbook.circuits.task import Metric, Task, frozen, logit_difference

__all__ = [
    "ERROR",
    "JACOBIAN_LENS",
    "TUNED_LENS",
    "Circuit",
    "Edge",
    "Effects",
    "FeatureCircuit",
    "Graph",
    "Head",
    "JacobianLens",
    "LogitLens",
    "Metric",
    "Node",
    "PatchLocation",
    "Receiver",
    "SAESite",
    "Sender",
    "Stitch",
    "Task",
    "TunedLens",
    "ablate_heads",
    "attribute",
    "circuit_chart",
    "copying_loss",
    "direct_attribution",
    "edge_scores",
    "effects_chart",
    "faithfulness_curve",
    "feature_effects",
    "fit_jacobian_lens",
    "fit_tuned_lens",
    "frozen",
    "head_means",
    "head_scores",
    "load_jacobian_lens",
    "load_tuned_lens",
    "logit_difference",
    "logit_lens",
    "patch",
    "repeated_tokens",
    "stitch",
]
