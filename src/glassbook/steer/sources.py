"""Where vectors come from: two prompts, two lists of texts, a dictionary's feature, or chance (the control)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

import torch
from torch import Tensor

from glassbook.errors import GlassbookError
from glassbook.nets import LanguageModel
from glassbook.steer.vector import Vector
from glassbook.trace import trace


def actadd(lm: LanguageModel, plus: str, minus: str, site: str, pad: str | int = " ") -> Vector:
    """Activation addition: the difference of two prompts' activations, position by position.

    Both prompts are tokenised with BOS and the shorter is padded on the right with the token for a space,
    which is real context (no attention mask). Each is run on its own; the vector is activation(plus) -
    activation(minus) at `site`, for all T positions, neither averaged nor normalised. Row 0, the shared
    BOS, is exactly zero.

    Args:
        lm: the model, in evaluation mode.
        plus: the text to steer towards ("" is allowed on one side).
        minus: the text to steer away from.
        site: where to read and later to add; the published site is a block's input ("blocks.6.in").
        pad: the padding token: a text that is a single token, or a token id.

    Raises:
        GlassbookError: no BOS, no single token for `pad`, equal prompts, or a prompt beyond the context.

    Source: Turner et al. 2023, Activation Addition, arXiv:2308.10248, Algorithm 1.
    """
    a, b = padded_pair(lm, plus, minus, pad)
    if a == b:
        raise GlassbookError(f"{plus!r} and {minus!r} are the same tokens; give two different prompts")
    rows = _activation(lm, a, site) - _activation(lm, b, site)
    return Vector({site: rows}, positional=True, about={"method": "actadd", "plus": plus, "minus": minus})


def padded_pair(lm: LanguageModel, plus: str, minus: str, pad: str | int = " ") -> tuple[list[int], list[int]]:
    """Token ids of both prompts with BOS, the shorter padded on the right with the single token `pad`."""
    if not lm.encode(""):
        raise GlassbookError("the tokenizer has no BOS, which activation addition aligns at; use mean_difference")
    a, b = lm.encode(plus), lm.encode(minus)
    length = max(len(a), len(b))
    filler = [pad_token(lm, pad)] if len(a) != len(b) else []
    return a + filler * (length - len(a)), b + filler * (length - len(b))


def pad_token(lm: LanguageModel, pad: str | int = " ") -> int:
    """The id of the one token that `pad` is.

    Raises:
        GlassbookError: the tokenizer writes `pad` with several tokens.
    """
    if isinstance(pad, int):
        return pad
    # After another character, because SentencePiece puts a space before every text; alone, in case BPE merges them.
    for ids in (lm.encode("x" + pad, bos=False)[-1:], lm.encode(pad, bos=False)):
        if lm.tokens(ids) == [pad]:
            return ids[0]
    raise GlassbookError(f"the tokenizer has no single token for {pad!r}; name one: pad=<token id>")


def mean_difference(
    lm: LanguageModel,
    plus: Sequence[str],
    minus: Sequence[str],
    site: str,
    token: int | Literal["mean"] = -1,
    batch: int = 32,
) -> Vector:
    """The direction from the mean activation of `minus` texts to that of `plus` texts.

    Args:
        lm: the model, in evaluation mode.
        plus: texts that show what to steer towards.
        minus: texts that do not.
        site: where to read and later to add.
        token: which token of each text is read: an index (0 is BOS, -1 the last token), or "mean" for the
            mean over its tokens without BOS; every text counts the same.
        batch: texts run at once.

    Raises:
        GlassbookError: an empty list, or a text that has no such token.

    Source: Rimsky et al. 2023, Steering Llama 2 via Contrastive Activation Addition, arXiv:2312.06681.
    """
    means = [_mean_activation(lm, texts, site, token, batch) for texts in (plus, minus)]
    about = {"method": "mean_difference", "texts": f"{len(plus)} - {len(minus)}", "token": str(token)}
    return Vector({site: (means[0] - means[1])[None]}, about=about)


class Directions(Protocol):
    """What `feature` needs of a dictionary."""

    def direction(self, i: int) -> Tensor:
        """What feature `i` adds for each unit of its value, [d]."""
        ...


def feature(dictionary: Directions, index: int, site: str) -> Vector:
    """Feature `index` of a dictionary as a direction: its decoder row, not normalised here.

    Args:
        dictionary: a `glassbook.features.Dictionary`, or anything else with `direction(i)`.
        index: which feature.
        site: the site that the dictionary was trained on.

    Raises:
        GlassbookError: no such feature (from the dictionary).
    """
    return Vector({site: dictionary.direction(index)}, about={"method": "feature", "feature": str(index)})


def random_like(v: Vector, generator: torch.Generator) -> Vector:
    """The control for `v`: Gaussian rows at the same sites, each with the norm of the row it stands for."""
    rows = {}
    for site, real in v.rows.items():
        noise = torch.randn(real.shape, generator=generator, dtype=real.dtype)
        rows[site] = noise * (real.norm(dim=1) / noise.norm(dim=1))[:, None]
    return Vector(rows, v.positional, about={"method": "random"})


def _activation(lm: LanguageModel, ids: list[int], site: str) -> Tensor:
    """Rows [T, d] of one prompt at a site."""
    return read(lm, {"input_ids": torch.tensor([ids], device=lm.device)}, [site])[site][0]


def _mean_activation(
    lm: LanguageModel, texts: Sequence[str], site: str, token: int | Literal["mean"], batch: int
) -> Tensor:
    if isinstance(texts, str) or not texts:
        raise GlassbookError("mean_difference needs a list of texts on both sides; give at least one each")
    total: Tensor | None = None
    for start in range(0, len(texts), batch):
        # Padding on the right leaves every token at its own position, so no model needs position ids.
        inputs = lm.batch(list(texts[start : start + batch]), pad="right")
        chosen = _chosen(inputs["attention_mask"], token, bos=len(lm.encode("")))
        x = read(lm, inputs, [site])[site]
        summed = torch.einsum("btd,bt->d", x.double(), chosen.double())
        total = summed if total is None else total + summed
    assert total is not None
    return (total / len(texts)).float()


def _chosen(mask: Tensor, token: int | Literal["mean"], bos: int) -> Tensor:
    """Weights [B, T] over the tokens of right-padded texts; each row sums to 1."""
    length = mask.sum(1, keepdim=True)
    position = torch.arange(mask.shape[1], device=mask.device)[None]
    if token == "mean":
        picked = (position >= bos) & (position < length)
    else:
        picked = (position == (token if token >= 0 else length + token)) & (position < length)
    count = picked.sum(1, keepdim=True)
    if not bool(count.all()):
        raise GlassbookError(f"a text has no token {token!r}; leave texts that short out")
    return picked / count


def read(lm: LanguageModel, inputs: dict[str, Tensor], sites: Sequence[str]) -> dict[str, Tensor]:
    """Activations [B, T, d] at some sites in one forward pass without gradients.

    Raises:
        GlassbookError: a text beyond the context, or a model in training mode, where dropout would add noise.
    """
    length = inputs["input_ids"].shape[1]
    if lm.context is not None and length > lm.context:
        raise GlassbookError(f"the texts need {length} tokens, the model reads {lm.context}; shorten them")
    if lm.model.training:
        raise GlassbookError("the model is in training mode, where dropout adds noise; call eval() on it")
    with torch.no_grad(), trace(lm.model, read=list(sites), stop=True) as t:
        lm.model(**inputs)
    return {site: t[site] for site in sites}
