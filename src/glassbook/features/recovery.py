"""Whether a dictionary found what was there, where the truth is known."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from glassbook.errors import GlassbookError
from glassbook.features.coder import Coder
from glassbook.measure import matched_f1, mcc, mmcs


@dataclass(frozen=True)
class Recovery:
    """Agreement of learnt with true directions.

    Attributes:
        mcc: mean |cos| under one-to-one matching; a truth without a partner counts 0.
        mmcs: mean over truths of the largest cosine; it grows with the dictionary's width.
        f1: of the matched latents as detectors of their truths; NaN unless samples were given.
    """

    mcc: float
    mmcs: float
    f1: float


def recovery(d: Coder, truth: Tensor, *, strengths: Tensor | None = None, x: Tensor | None = None) -> Recovery:
    """Compare a dictionary's decoder with true directions.

    Args:
        d: the dictionary.
        truth: [n, d] true directions.
        strengths: [N, n] how strongly each is present in the samples x; present where above 0.
        x: [N, d] samples, needed with strengths for f1.
    """
    if (strengths is None) != (x is None):
        raise GlassbookError("for F1 give both the samples x and the strengths of the truths in them")
    found, f1 = d.W_dec.detach(), float("nan")
    if strengths is not None and x is not None:
        with torch.no_grad():
            fired = torch.cat([d.encode(piece) > 0 for piece in x.split(1024)])
        f1 = matched_f1(truth, found, strengths > 0, fired)
    return Recovery(mcc(truth, found), mmcs(truth, found), f1)
