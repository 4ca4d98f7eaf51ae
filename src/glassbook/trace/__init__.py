"""Forward hooks on any torch module: read activations, and edit them while they flow.

`trace` reads and edits activations at `sites`. `collect` takes them into memory, `record` onto disk, `Harvest` streams
them into a training. `roles/` gives the parts of transformers their standard names, proved on the model.
"""

from glassbook.trace.at import At
from glassbook.trace.collect import Activations, collect
from glassbook.trace.record import Recording, record
from glassbook.trace.rows import fingerprint
from glassbook.trace.sites import Site, sites
from glassbook.trace.stream import Harvest
from glassbook.trace.tracer import Trace, allow_identity, trace

__all__ = [
    "Activations",
    "At",
    "Harvest",
    "Recording",
    "Site",
    "Trace",
    "allow_identity",
    "collect",
    "fingerprint",
    "record",
    "sites",
    "trace",
]
