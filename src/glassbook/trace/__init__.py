"""Look inside any torch module, and change what flows, with hooks only: `trace` and the `sites` that there are."""

from glassbook.trace.at import At
from glassbook.trace.names import Site, sites
from glassbook.trace.tracer import Trace, allow_identity, trace

__all__ = ["At", "Site", "Trace", "allow_identity", "sites", "trace"]
