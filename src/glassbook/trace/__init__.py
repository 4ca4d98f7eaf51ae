"""Forward hooks on any torch module: read activations, and edit them while they flow.

`trace` reads and edits activations at `sites`; `read_sites` reads those of one call. `collect` keeps them in memory,
`record` on disk, and `ActivationStream` feeds a training with them. `roles/` gives the parts of transformers their
standard names, proved on the model.
"""

from glassbook.trace.at import At
from glassbook.trace.collect import Activations, collect
from glassbook.trace.record import Recording, record
from glassbook.trace.rows import fingerprint, read_sites
from glassbook.trace.sites import Site, sites
from glassbook.trace.stream import ActivationStream
from glassbook.trace.tracer import Trace, allow_identity, trace

__all__ = [
    "ActivationStream",
    "Activations",
    "At",
    "Recording",
    "Site",
    "Trace",
    "allow_identity",
    "collect",
    "fingerprint",
    "read_sites",
    "record",
    "sites",
    "trace",
]
