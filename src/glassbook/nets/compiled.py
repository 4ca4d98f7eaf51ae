"""A transformer compiled by hand, whose induction circuit is known: methods that find circuits are tested on it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

import torch

from glassbook.nets.blocks import Block
from glassbook.nets.transformer import LM, LMConfig

VOCAB, HEAD_DIM, HEADS, THETA = 32, 64, 4, 1e6
CONST, TOKEN, BEFORE, NEXT = 0, slice(1, 33), slice(33, 65), slice(65, 97)
"""Places in the residual stream: a constant, the token, the token before it, and what comes next."""
SLOW = 14
"""Rotary pairs from here on hardly rotate within a row; those before tell positions apart."""


def compile_induction(noise: float = 0.02, seed: int = 0, context: int = 128, match: float = 2.0) -> LM:
    """A two-layer `LM` that completes repetitions by an induction circuit.

    Head 0.0 attends one position back and notes the token that it finds there. Head 1.0 looks for positions that
    noted the present token, and says the token that stands there. All other heads and both MLPs are random and small:
    they write into the whole stream and take no part.

    Args:
        noise: standard deviation of the random weights, in the units of the written ones (1).
        seed: of the random weights.
        context: longest row.
        match: size of the queries' and keys' weights of head 1.0. Much larger ones make its attention all or nothing,
            where gradients vanish.

    Returns:
        The model, with a vocabulary of 32. Its circuit are the edges input -> 0.0 v, 0.0 -> 1.0 k, input -> 1.0 q,
        input -> 1.0 v, 1.0 -> logits (and input -> 0.0 q and k, which carry a constant).

    Source: the circuit of Elhage et al. 2021, "A mathematical framework for transformer circuits".
    """
    d = HEADS * HEAD_DIM
    model = LM(LMConfig(VOCAB, d, 2, HEADS, HEADS, d_hidden=64, context=context, rope_theta=THETA, tied=False))
    g = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, p in model.named_parameters():
            if "norm" not in name:
                p.copy_(noise * torch.randn(p.shape, generator=g))
        eye = torch.eye(VOCAB)
        model.embed.weight.zero_()
        model.embed.weight[:, CONST] = 1.0
        model.embed.weight[:, TOKEN] = eye
        model.head.weight.zero_()
        model.head.weight[:, NEXT] = 3 * eye
        first, second = (block.attn for block in cast(Iterable[Block], model.blocks))
        for attn in (first, second):
            for projection in (attn.q, attn.k, attn.v):
                projection.weight[:HEAD_DIM] = 0.0
            attn.o.weight[:, :HEAD_DIM] = 0.0
        # Both are constant before they are rotated; rotated back by one position, they agree best at a distance of one.
        angle = THETA ** -(torch.arange(SLOW) / (HEAD_DIM / 2))
        half = HEAD_DIM // 2
        first.k.weight[:SLOW, CONST] = 6.0
        first.q.weight[:SLOW, CONST] = 6.0 * angle.cos()
        first.q.weight[half : half + SLOW, CONST] = -6.0 * angle.sin()
        first.v.weight[:VOCAB, TOKEN] = eye
        first.o.weight[BEFORE, :VOCAB] = eye / 8
        # Each token has one slow channel, which is where queries and keys are compared.
        slow = torch.cat([torch.arange(SLOW, half), torch.arange(half + SLOW, HEAD_DIM)])[:VOCAB]
        second.q.weight[slow, TOKEN] = match * eye
        second.k.weight[slow, BEFORE] = match * eye
        second.v.weight[:VOCAB, TOKEN] = eye
        second.o.weight[NEXT, :VOCAB] = eye
    return model.eval()
