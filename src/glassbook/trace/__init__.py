"""Look inside any torch module, and change what flows, with hooks only.

`trace` reads and edits activations at `sites`; `record` keeps them on disk, `Harvest` streams them; `roles/` gives the
parts of transformers their standard names, proved on the model.
"""

from glassbook.trace.at import At
from glassbook.trace.record import Recording, record
from glassbook.trace.rows import fingerprint
from glassbook.trace.sites import Site, sites
from glassbook.trace.stream import Harvest
from glassbook.trace.tracer import Trace, allow_identity, trace

__all__ = [
    "At",
    "Harvest",
    "Recording",
    "Site",
    "Trace",
    "allow_identity",
    "fingerprint",
    "record",
    "sites",
    "trace",
]
