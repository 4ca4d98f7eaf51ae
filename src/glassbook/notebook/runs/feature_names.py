"""Names that people give to features, kept in a run's feature dashboard beside the automatic ones."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from glassbook.errors import GlassbookError
from glassbook.notebook.files import one_writer
from glassbook.notebook.runs.feature_dashboard import FeatureDashboard, Name
from glassbook.notebook.runs.record import RunRecord

PERSON = "person"
"""Source of a name that a person gave."""
LONGEST = 200
"""Characters of such a name."""


def given_by_person(names: Iterable[Name]) -> str:
    """The name that a person gave, "" without one."""
    return next((name.label for name in names if name.source == PERSON), "")


def name_feature(folder: Path, record: RunRecord, index: int, label: str) -> None:
    """Give a feature a person's name, in place of the one that a person gave before; "" takes that away.

    It stands after the automatic names, which have scores that features are sorted by.

    Args:
        folder: the notebook's.
        record: the run.
        index: the feature.
        label: the name.

    Raises:
        GlassbookError: the name is too long or not one line, there is no such feature, the run came with Glassbook, or
            the dashboard cannot be written. It is then as it was.
    """
    label = label.strip()
    if len(label) > LONGEST or not label.isprintable():
        raise GlassbookError(f"the name of a feature is one line of at most {LONGEST} characters; shorten it")
    if record.reference:
        raise GlassbookError(
            f"{record.id} came with Glassbook and stays as it is; run {record.experiment} and name its features"
        )
    with one_writer(folder):
        dashboard = FeatureDashboard(record.folder)
        names = [name for name in dashboard.feature(index).names if name.source != PERSON]
        dashboard.set_names({index: [*names, *([Name(label, PERSON)] if label else [])]})
