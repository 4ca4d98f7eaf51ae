"""Pictures of what an opened model does, as Vega-Lite charts that a run keeps (`run.chart`) and a page shows."""

from glassbook.views.attention import patches_chart, pattern_chart
from glassbook.views.circuits import circuit_chart, effects_chart
from glassbook.views.lenses import lens_chart

__all__ = ["circuit_chart", "effects_chart", "lens_chart", "patches_chart", "pattern_chart"]
