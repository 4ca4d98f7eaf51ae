"""Standard names for the parts of transformers (residual stream, attention, MLP, logits), proved on the model."""

from glassbook.trace.roles.blocks import blocks, residual_site
from glassbook.trace.roles.final import Readout, final, frozen_norm
from glassbook.trace.roles.roles import Roles, RoleTrace, explicit_attention, roles
from glassbook.trace.roles.self_test import Check, self_test

__all__ = [
    "Check",
    "Readout",
    "RoleTrace",
    "Roles",
    "blocks",
    "explicit_attention",
    "final",
    "frozen_norm",
    "residual_site",
    "roles",
    "self_test",
]
