"""Which attributes of the world the features detect, beside the best neuron and a random dictionary."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from glassbook.cli.tour.story import Detected
from glassbook.features.detect import both_signs, detect

if TYPE_CHECKING:
    from glassbook.cli.tour.learning import Recorded, Truth


def detect_attributes(d: Any, control: Any, recorded: Recorded, truth: Truth) -> list[Detected]:
    """The best feature, neuron and random feature for every attribute, as `features.detect` finds them.

    Neurons are those of the block's MLP and the axes of the residual stream, whichever detects better.
    """
    x = recorded.activations
    found = detect(
        {
            "dictionary": (d.encode, x),
            "random": (control.encode, x),
            "neurons": (both_signs, truth.neurons),
            "axes": (both_signs, x),
        },
        truth.sentence,
        truth.labels,
    )
    neuron = torch.maximum(found["neurons"].auroc, found["axes"].auroc)
    return [
        Detected(
            kind,
            value,
            feature=int(found["dictionary"].best[i]),
            auroc=float(found["dictionary"].auroc[i]),
            neuron=float(neuron[i]),
            random=float(found["random"].auroc[i]),
        )
        for i, (kind, value) in enumerate(truth.attributes)
        if not bool(found["dictionary"].auroc[i].isnan())
    ]
