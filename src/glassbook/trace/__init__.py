"""Look inside any torch module, and change what flows, with hooks only: trace, sites, roles, record, blocks."""

from glassbook.trace.forward import At
from glassbook.trace.names import Site, blocks, sites
from glassbook.trace.reading import fingerprint
from glassbook.trace.recording import Recording, record
from glassbook.trace.roles import Roles, RoleTrace, explicit_attention, roles
from glassbook.trace.tracer import Trace, allow_identity, trace

__all__ = [
    "At",
    "Recording",
    "RoleTrace",
    "Roles",
    "Site",
    "Trace",
    "allow_identity",
    "blocks",
    "explicit_attention",
    "fingerprint",
    "record",
    "roles",
    "sites",
    "trace",
]
