"""Transformer families: which site of a block plays which role (attention, MLP, heads, ...); data, no code."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Family:
    """Sites inside one block, by role; None where the family has no such place.

    Args:
        name: what it is called.
        attn: what attention adds to the stream.
        mlp: what the MLP (or the experts together) adds to it.
        mid: the stream between the two; None where both read the block's input.
        heads: the heads' outputs side by side, before they are mixed.
        pattern: attention probabilities [B, heads, T, T].
        q, k, v: queries, keys and values before any rotation.
        neurons: the MLP's hidden activation.
        router: the router's logits over experts.
        norm1, norm2: the modules that attention and the MLP read the stream through.
        joint: where one product makes queries, keys and values, one after the other.
    """

    name: str
    attn: str
    mlp: str
    mid: str | None
    heads: str
    pattern: str
    q: str | None = None
    k: str | None = None
    v: str | None = None
    neurons: str | None = None
    router: str | None = None
    norm1: str = "input_layernorm"
    norm2: str = "post_attention_layernorm"
    joint: str | None = None

    def sites(self) -> dict[str, str]:
        """Role inside a layer ("attn.{}.heads") -> site inside its block."""
        named = {
            "resid.{}.mid": self.mid,
            "attn.{}.q": self.q,
            "attn.{}.k": self.k,
            "attn.{}.v": self.v,
            "attn.{}.pattern": self.pattern,
            "attn.{}.heads": self.heads,
            "attn.{}.out": self.attn,
            "mlp.{}.router": self.router,
            "mlp.{}.neurons": self.neurons,
            "mlp.{}.out": self.mlp,
        }
        return {role: site for role, site in named.items() if site is not None}


_PROJECTIONS = {"q": "self_attn.q_proj.out", "k": "self_attn.k_proj.out", "v": "self_attn.v_proj.out"}

# The first whose modules are all there is tried; Gemma 2 has every module of a Llama and more, so it comes before.
FAMILIES = (
    Family(
        "Glassbook", "attn.out", "mlp.out", "norm2.in", "attn.o.in", "attn.pattern.out",
        "attn.q.out", "attn.k.out", "attn.v.out", neurons="mlp.down.in", norm1="norm1", norm2="norm2",
    ),
    Family(
        "GPT-2", "attn.out", "mlp.out", "ln_2.in", "attn.c_proj.in", "attn.out#1", neurons="mlp.c_proj.in",
        norm1="ln_1", norm2="ln_2", joint="attn.c_attn",
    ),
    Family(
        "GPT-NeoX", "attention.out", "mlp.out", None, "attention.dense.in", "attention.out#1",
        neurons="mlp.dense_4h_to_h.in",
    ),
    Family(
        "Gemma 2 and 3", "post_attention_layernorm.out", "post_feedforward_layernorm.out",
        "pre_feedforward_layernorm.in", "self_attn.o_proj.in", "self_attn.out#1", **_PROJECTIONS,
        neurons="mlp.down_proj.in", norm2="pre_feedforward_layernorm",
    ),
    Family(
        "Llama, Mistral, Qwen, Gemma", "self_attn.out", "mlp.out", "post_attention_layernorm.in",
        "self_attn.o_proj.in", "self_attn.out#1", **_PROJECTIONS, neurons="mlp.down_proj.in",
    ),
    Family(
        "Mixtral", "self_attn.out", "mlp.out", "post_attention_layernorm.in", "self_attn.o_proj.in",
        "self_attn.out#1", **_PROJECTIONS, router="mlp.gate.out",
    ),
    Family(
        "ViT", "attention.out", "mlp.out", "layernorm_after.in", "attention.o_proj.in", "attention.out#1",
        "attention.q_proj.out", "attention.k_proj.out", "attention.v_proj.out", neurons="mlp.fc2.in",
        norm1="layernorm_before", norm2="layernorm_after",
    ),
)  # fmt: skip
