"""A model's activations as rows, one for each token: recorded on disk, or harvested as they are made."""

from glassbook.activations.harvest import Harvest
from glassbook.activations.reading import fingerprint
from glassbook.activations.recording import Recording, record

__all__ = ["Harvest", "Recording", "fingerprint", "record"]
