"""Steering vector extraction: activation addition, CAA (mean difference), RepE PCA, logistic probe, SAE features."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import torch
from torch import Tensor

from glassbook.errors import GlassbookError
from glassbook.measure.probing import logistic_regression
from glassbook.nets import LanguageModel
from glassbook.steer.vector import Vector
from glassbook.trace.rows import read_rows

BATCH = 32
"""Texts run at once."""


def actadd(lm: LanguageModel, plus: str, minus: str, site: str, pad: str | int = " ") -> Vector:
    """Activation addition: the difference of two prompts' activations, position by position.

    Both prompts are tokenised with BOS, where the tokenizer puts one, and the shorter is padded on the right with
    the token for a space, which is real context (no attention mask). Each is run on its own; the vector is
    activation(plus) - activation(minus) at `site`, for all T positions, neither averaged nor normalised. A shared
    BOS makes row 0 exactly zero (in a mixture of experts up to rounding: its tokens share the experts' products).

    Args:
        lm: the model, in evaluation mode.
        plus: the text to steer towards ("" is allowed on one side).
        minus: the text to steer away from.
        site: where to read and later to add; the published site is a block's input ("blocks.6.in").
        pad: the padding token: a text that is a single token, or a token id.

    Raises:
        GlassbookError: no single token for `pad`, equal prompts, or a prompt beyond the context.

    Source: Turner et al. 2023, Activation Addition, arXiv:2308.10248, Algorithm 1.
    """
    a, b = padded_pair(lm, plus, minus, pad)
    if a == b:
        raise GlassbookError(f"{plus!r} and {minus!r} are the same tokens; give two different prompts")
    rows = _activation(lm, a, site) - _activation(lm, b, site)
    return Vector({site: rows}, positional=True, about={"method": "actadd", "plus": plus, "minus": minus})


def padded_pair(lm: LanguageModel, plus: str, minus: str, pad: str | int = " ") -> tuple[list[int], list[int]]:
    """Token ids of both prompts as texts begin, the shorter padded on the right with the single token `pad`."""
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
) -> Vector:
    """Contrastive activation addition (CAA): mean activation of `plus` texts minus that of `minus` texts.

    Args:
        lm: the model, in evaluation mode.
        plus: texts that show what to steer towards.
        minus: texts that do not.
        site: where to read and later to add.
        token: which token of each text is read: an index (0 is BOS, -1 the last token), or "mean" for the
            mean over its tokens without BOS; every text counts the same.

    Raises:
        GlassbookError: an empty list, or a text that has no such token.

    Source: Rimsky et al. 2023, Steering Llama 2 via Contrastive Activation Addition, arXiv:2312.06681.
    """
    means = [_token_activations(lm, texts, site, token).mean(0).float() for texts in (plus, minus)]
    about = {"method": "mean_difference", "texts": f"{len(plus)} - {len(minus)}", "token": str(token)}
    return Vector({site: (means[0] - means[1])[None]}, about=about)


caa = mean_difference
"""The name of `mean_difference` in its paper."""


def repe_pca(
    lm: LanguageModel,
    plus: Sequence[str],
    minus: Sequence[str],
    site: str,
    token: int | Literal["mean"] = -1,
) -> Vector:
    """RepE: the first principal component of the pairs' differences, without centring.

    A principal component has neither sign nor size. Here it points from `minus` to `plus` and is as long as the mean
    difference is along it, so strengths compare with `mean_difference`.

    Args:
        lm, site, token: as in mean_difference.
        plus, minus: texts in pairs.

    Raises:
        GlassbookError: lists of different lengths; pairs that differ in no direction on the whole.

    Source: Zou et al. 2023, "Representation engineering", arXiv:2310.01405.
    """
    if len(plus) != len(minus):
        raise GlassbookError(
            f"repe_pca needs pairs; give as many texts in both lists, not {len(plus)} and {len(minus)}"
        )
    a, b = (_token_activations(lm, texts, site, token).double() for texts in (plus, minus))
    u = torch.linalg.svd(a - b, full_matrices=False)[2][0]
    return _along(u, a, b, site, {"method": "repe_pca", "pairs": str(len(plus)), "token": str(token)})


def logistic_probe(
    lm: LanguageModel,
    plus: Sequence[str],
    minus: Sequence[str],
    site: str,
    token: int | Literal["mean"] = -1,
    l2: float = 1.0,
) -> Vector:
    """The weight vector of a linear probe (logistic regression) that separates the two lists of texts.

    It is as long as the mean difference is along it, so strengths compare with `mean_difference`.

    Args:
        lm, plus, minus, site, token: as in mean_difference.
        l2: weight of the penalty, for activations scaled to a mean norm of 1.
    """
    a, b = (_token_activations(lm, texts, site, token).double() for texts in (plus, minus))
    x = torch.cat([a, b])
    x = x - x.mean(0)
    x = x / x.norm(dim=1).mean().clamp(min=1e-12)
    weights, _ = logistic_regression(x, torch.arange(len(x))[:, None] < len(a), l2=l2)
    u = weights[0].to(a)
    return _along(u / u.norm().clamp(min=1e-12), a, b, site, {"method": "logistic_probe", "token": str(token)})


def _along(u: Tensor, a: Tensor, b: Tensor, site: str, about: dict[str, str]) -> Vector:
    """The part of the mean difference that lies along u."""
    length = (a.mean(0) - b.mean(0)) @ u
    if float(length.abs()) <= 1e-9:
        raise GlassbookError(f"the two lists do not differ at {site} along this direction; use other texts or sites")
    return Vector({site: (length * u).float()[None]}, about=about)


class FeatureCoder(Protocol):
    """What steering with features needs of a dictionary; every `glassbook.features.Coder` has it."""

    def encode(self, x: Tensor) -> Tensor:
        """Latents [..., F] of activations [..., d]."""
        ...

    def direction(self, i: int) -> Tensor:
        """What feature `i` adds for each unit of its value, [d]."""
        ...


def feature(dictionary: FeatureCoder, index: int, site: str | None = None) -> Vector:
    """Feature `index` of a dictionary as a direction: its decoder row, not normalised.

    Args:
        dictionary: a `glassbook.features.Dictionary`, `Latents`, or anything else with `direction(i)`.
        index: which feature.
        site: where to add it; by default the site that the dictionary was trained on, if it records one.

    Raises:
        GlassbookError: no such feature, or no site.
    """
    site = site or getattr(dictionary, "about", {}).get("site")
    if not site:
        raise GlassbookError("the dictionary does not record its site; give site=..., such as blocks.3.out")
    return Vector({site: dictionary.direction(index)}, about={"method": "feature", "feature": str(index)})


@dataclass(frozen=True)
class Latents:
    """The coordinates of a site as features: the latents of an autoencoder, the neurons of an MLP.

    `feature(Latents(8), 3, "encoder.out")` is the direction of latent 3; `Clamp(Latents(8), {3: 2.0}, "encoder.out")`
    sets it to 2 in whatever is encoded.

    Args:
        width: number of coordinates.
    """

    width: int

    def encode(self, x: Tensor) -> Tensor:
        """x itself, [..., width]."""
        return x

    def direction(self, i: int) -> Tensor:
        """[width]: 1 at `i`."""
        if not 0 <= i < self.width:
            raise GlassbookError(f"there is no latent {i}; choose 0 to {self.width - 1}")
        return torch.eye(self.width)[i]


def random_like(v: Vector, generator: torch.Generator) -> Vector:
    """The control for `v`: Gaussian rows at the same sites, each with the norm of the row it stands for."""
    rows = {}
    for site, real in v.rows.items():
        noise = torch.randn(real.shape, generator=generator, dtype=real.dtype)
        rows[site] = noise * (real.norm(dim=1) / noise.norm(dim=1))[:, None]
    return Vector(rows, v.positional, about={"method": "random"})


def _activation(lm: LanguageModel, ids: list[int], site: str) -> Tensor:
    """Rows [T, d] of one prompt at a site, in float32."""
    return read(lm, {"input_ids": torch.tensor([ids], device=lm.device)}, [site])[site][0].float()


def _token_activations(lm: LanguageModel, texts: Sequence[str], site: str, token: int | Literal["mean"]) -> Tensor:
    """[n, d]: of each text, one token's activation or the mean of all."""
    if isinstance(texts, str) or not texts:
        raise GlassbookError("a direction needs a list of texts on both sides; give at least one each")
    rows = []
    for start in range(0, len(texts), BATCH):
        # Padding on the right leaves every token at its own position, so no model needs position ids.
        inputs = lm.batch(list(texts[start : start + BATCH]), pad="right")
        weights = _token_weights(inputs["attention_mask"], token, bos=len(lm.encode("")))
        x = read(lm, inputs, [site])[site]
        rows.append(torch.einsum("btd,bt->bd", x.double(), weights.double()).cpu())
    return torch.cat(rows)


def _token_weights(attention_mask: Tensor, token: int | Literal["mean"], bos: int) -> Tensor:
    """Weights [B, T] over the tokens of right-padded texts; each row sums to 1."""
    length = attention_mask.sum(1, keepdim=True)
    position = torch.arange(attention_mask.shape[1], device=attention_mask.device)[None]
    if token == "mean":
        mask = (position >= bos) & (position < length)
    else:
        mask = (position == (token if token >= 0 else length + token)) & (position < length)
    count = mask.sum(1, keepdim=True)
    if not bool(count.all()):
        raise GlassbookError(f"a text has no token {token!r}; leave out texts that short")
    return mask / count


def read(lm: LanguageModel, inputs: dict[str, Tensor], sites: Sequence[str]) -> dict[str, Tensor]:
    """Activations [B, T, d] at some sites in one forward pass without gradients.

    Raises:
        GlassbookError: a text beyond the context, or a model in training mode, where dropout would add noise.
    """
    length = inputs["input_ids"].shape[1]
    if lm.context is not None and length > lm.context:
        raise GlassbookError(f"the texts need {length} tokens, the model reads {lm.context}; shorten them")
    return read_rows(lm.model, inputs, sites)
