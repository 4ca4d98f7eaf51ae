"""Standard names for the parts of transformers, proved on the model before they are given out."""

from glassbook.roles.blocks import blocks
from glassbook.roles.final import final, frozen_norm
from glassbook.roles.roles import Roles, RoleTrace, explicit_attention, roles

__all__ = ["RoleTrace", "Roles", "blocks", "explicit_attention", "final", "frozen_norm", "roles"]
