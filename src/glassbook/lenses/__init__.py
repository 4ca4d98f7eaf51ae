"""What a stream says to other eyes: the final layer's (logit and tuned lens), or another model's (stitching)."""

from glassbook.lenses.lens import TunedLens, fit_tuned_lens, logit_lens
from glassbook.lenses.stitch import Stitch, stitch

__all__ = ["Stitch", "TunedLens", "fit_tuned_lens", "logit_lens", "stitch"]
