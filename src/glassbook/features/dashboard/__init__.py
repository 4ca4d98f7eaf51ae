"""Feature dashboards: top activating examples, token attributions, logit effects and names, written in one pass.

`build_dashboard` writes the store of a run, `notebook.runs.feature_dashboard.FeatureDashboard` reads it without torch.
Automated interpretation (names and their scores) is in `autointerp`, a language model behind an API in `endpoint`.
"""

from glassbook.features.dashboard.build import build_dashboard

__all__ = ["build_dashboard"]
