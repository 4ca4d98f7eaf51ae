"""Causality check: a model is opened as a language model once it has shown, by being run, that it is one.

That a class of transformers can be opened proves nothing: BERT opens as a language model and sees the tokens that it is
to predict, and some decoders count or read the pads on the left of a short text.
"""

from dataclasses import replace

import torch
from torch import Tensor, nn

from glassbook.errors import GlassbookError
from glassbook.nets.language_model import LanguageModel
from glassbook.nets.tokenizer import one_line

LENGTH = 8
"""Tokens that the model is run on."""
LEAK, ROUNDING = 1e-4, 1e-3
"""Changes of earlier logits that count as none, and differences between a padded text and the same alone that count as
rounding: both relative to what another token changes at its own place."""
EPS, NOISE = 4, 8
"""In half precision, differences up to `EPS` times the spacing of numbers count as rounding, and changes of earlier
logits up to `NOISE` times what another text in the batch changes, which it does by rounding alone."""


@torch.no_grad()
def proved(lm: LanguageModel) -> LanguageModel:
    """The model, if changing its later tokens does not change earlier logits.

    `pads_left` and `pads_right` say whether a short text beside a longer one has the logits that it has alone.

    Args:
        lm: in eval mode, with no hooks that change what it does.

    Raises:
        GlassbookError: it sees later tokens, or cannot be run on tokens alone.
    """
    length = max(2, min(LENGTH, lm.context or LENGTH))
    known = length // 2
    row = [(lm.vocab // 2 + i) % lm.vocab for i in range(length)]
    other = row[:known] + [(lm.vocab // 4 + i) % lm.vocab for i in range(known, length)]
    one, two = _logits(lm, lm.batch_ids([row, other], pad="right"))
    change = (one - two).abs()
    scale = float(change[known:].max())
    half = rounding(lm.model) > torch.finfo(torch.float32).eps
    noise = max(_noise(lm, row, beside, one) for beside in (row[::-1], other[::-1])) if half else 0.0
    if float(change[:known].max()) > max(LEAK * scale, NOISE * noise):
        raise GlassbookError(
            f"{lm.name} cannot be opened as a language model: its predictions change with later tokens, as those of "
            "masked models (BERT and its kin) do"
        )
    within = max(ROUNDING, EPS * rounding(lm.model))
    batch, alone = [row, row[:known]], _logits(lm, lm.batch_ids([row[:known]]))[0]
    left = _logits(lm, lm.batch_ids(batch, pad="left"))[1, length - known :]
    right = _logits(lm, lm.batch_ids(batch, pad="right"))[1, :known]
    same = [float((padded - alone).abs().max()) <= within * scale for padded in (left, right)]
    return replace(lm, pads_left=same[0], pads_right=same[1])


def _noise(lm: LanguageModel, row: list[int], beside: list[int], logits: Tensor) -> float:
    """By how much the logits of a row differ beside another text: experts that tokens share round otherwise."""
    return float((_logits(lm, lm.batch_ids([row, beside], pad="right"))[0] - logits).abs().max())


def rounding(model: nn.Module) -> float:
    """Relative spacing of numbers in the coarsest weights of a model: 1.2e-7 in float32, 0.0078 in bfloat16."""
    return max((torch.finfo(p.dtype).eps for p in model.parameters() if p.is_floating_point()), default=0.0)


def _logits(lm: LanguageModel, inputs: dict[str, Tensor]) -> Tensor:
    """[B, T, vocab]."""
    from glassbook.nets.io.hugging_face import quiet

    try:
        with quiet():
            return lm.model(**inputs).logits.float()
    except (
        AssertionError,
        AttributeError,
        ImportError,
        IndexError,
        KeyError,
        RuntimeError,
        TypeError,
        ValueError,
    ) as e:
        raise GlassbookError(
            f"{lm.name} cannot be opened as a language model: it does not run on tokens alone ({one_line(e)})"
        ) from e
