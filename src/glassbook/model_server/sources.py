"""Sources of the steering panel as vectors, and what reads their features in a text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch

from glassbook.errors import GlassbookError
from glassbook.experiments import evidence
from glassbook.features import Coder, Dictionary, check_use
from glassbook.model_server.available import dictionary_of, file_of
from glassbook.nets import LanguageModel
from glassbook.notebook import Notebook
from glassbook.notebook.runs.feature_dashboard import FeatureDashboard
from glassbook.steer import Vector, actadd, feature, in_norms, mean_difference
from glassbook.steer.spec import ActAddSource, AnySource, ContrastSource, FeatureSource
from glassbook.trace import read_sites


@dataclass(frozen=True)
class Detector:
    """A feature that texts are read for.

    Args:
        coder: its dictionary.
        index: which feature.
        site: where the dictionary reads.
        largest: its largest recorded activation.
    """

    coder: Coder
    index: int
    site: str
    largest: float

    def read(self, lm: LanguageModel, ids: Sequence[int]) -> list[float]:
        """The feature's activation at each token of a text under the plain model, as a share of the largest."""
        x = read_sites(lm.model, {"input_ids": torch.tensor([list(ids)], device=lm.device)}, [self.site])[self.site][0]
        values = self.coder.encode(x.float())[..., self.index]
        return (values.clamp(min=0) / self.largest).tolist()


class Opened(NamedTuple):
    """A source, ready to steer with: what strength 1 adds; of a feature what reads it in texts, if it was ever active.

    `notes` says, a line each, what differs between this use of a feature's dictionary and its training.
    """

    vector: Vector
    detector: Detector | None = None
    notes: tuple[str, ...] = ()


def opened(notebook: Notebook, lm: LanguageModel, source: AnySource) -> Opened:
    """What a source is in a model.

    Args:
        notebook: whose runs hold the features and the vectors.
        lm: the model that is steered.
        source: the source.

    Raises:
        GlassbookError: there is no such run, feature, vector or site, or it belongs to another model.
    """
    if isinstance(source, ActAddSource):
        return Opened(actadd(lm, source.plus, source.minus, source.site))
    if isinstance(source, ContrastSource):
        return Opened(in_norms(lm, mean_difference(lm, source.plus, source.minus, source.site, token="mean")))
    if not isinstance(source, FeatureSource):
        return Opened(Vector.load(file_of(notebook.run(source.run), source.artifact)))
    record = evidence.run(notebook, source.run)
    dashboard = FeatureDashboard(record.folder)
    header, largest = dashboard.header, dashboard.feature(source.index).max
    site, dictionary = header.get("site"), dictionary_of(record, header.get("dictionary"))
    if dictionary is None or not isinstance(site, str):
        raise GlassbookError(
            f"the feature dashboard of run {record.id} names no dictionary and site to steer with; run it again"
        )
    d = Dictionary.load(dictionary)
    notes = check_use(d, lm, site, writes=d.transcodes)
    # In units of the largest recorded activation, a scale that needs no knowledge of the model. A feature that was
    # never active is taken as it is. A transcoder reads another site than the one that its features are added at.
    detector = None if d.transcodes or not largest else Detector(d.eval(), source.index, site, largest)
    return Opened(feature(d, source.index, site) * (largest or 1.0), detector, tuple(notes))
