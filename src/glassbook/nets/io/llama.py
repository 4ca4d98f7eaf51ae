"""Conversion between our LM and transformers' LlamaForCausalLM.

Both keep the two halves of a head's rotary channels in the same order, so this is renaming and nothing else.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from glassbook.errors import GlassbookError
from glassbook.nets.transformer import LM, LMConfig

_NAMES = {
    "embed": "model.embed_tokens",
    "norm": "model.norm",
    "head": "lm_head",
    "norm1": "input_layernorm",
    "norm2": "post_attention_layernorm",
    "attn.q": "self_attn.q_proj",
    "attn.k": "self_attn.k_proj",
    "attn.v": "self_attn.v_proj",
    "attn.o": "self_attn.o_proj",
    "mlp.gate": "mlp.gate_proj",
    "mlp.up": "mlp.up_proj",
    "mlp.down": "mlp.down_proj",
}


def unsupported(config: Mapping[str, Any]) -> str | None:
    """Why our LM cannot be the model that a config of transformers describes; None if it can.

    Args:
        config: the content of a config.json.
    """
    if config.get("model_type") != "llama":
        return f"it is a {config.get('model_type')} model"
    if config.get("hidden_act", "silu") != "silu":
        return f"its activation is {config['hidden_act']}"
    if config.get("attention_bias") or config.get("mlp_bias"):
        return "it has biases"
    if config.get("quantization_config"):
        return "it is quantised"
    # transformers 5 writes rope_parameters, older versions rope_scaling, with "type" in the oldest
    ropes = [config.get(key) or {} for key in ("rope_parameters", "rope_scaling")]
    if any(rope.get("rope_type", rope.get("type", "default")) != "default" for rope in ropes):
        return "it scales its rotary positions"
    width, heads = config.get("hidden_size", 4096), config.get("num_attention_heads", 32)
    if width % (2 * heads) or (config.get("head_dim") or width // heads) != width // heads:
        return "its heads do not add up to its width"
    return None


def config_from_llama(config: Mapping[str, Any]) -> LMConfig:
    """Our configuration from the content of a Llama config.json (missing keys have transformers' defaults).

    Raises:
        GlassbookError: the model is none that our LM can be.
    """
    if reason := unsupported(config):
        raise GlassbookError(f"this config does not fit our LM: {reason}")
    heads = config.get("num_attention_heads", 32)
    # transformers 5 keeps the base in rope_parameters, also under its old name; older versions keep it at the top
    ropes = (config.get("rope_parameters") or {}, config.get("rope_scaling") or {}, config)
    theta = next((rope["rope_theta"] for rope in ropes if rope.get("rope_theta") is not None), 1e4)
    return LMConfig(
        vocab=config.get("vocab_size", 32000),
        d_model=config.get("hidden_size", 4096),
        n_layers=config.get("num_hidden_layers", 32),
        n_heads=heads,
        n_kv_heads=config.get("num_key_value_heads") or heads,
        d_hidden=config.get("intermediate_size", 11008),
        context=config.get("max_position_embeddings", 2048),
        rope_theta=theta,
        norm_eps=config.get("rms_norm_eps", 1e-6),
        tied=config.get("tie_word_embeddings", False),
    )


def config_to_llama(
    config: LMConfig,
    bos: int | None = None,
    eos: int | list[int] | None = None,
    pad: int | None = None,
    dtype: torch.dtype = torch.float32,
) -> dict[str, Any]:
    """The content of the config.json with which transformers opens our LM as LlamaForCausalLM.

    Args:
        config: our configuration.
        bos, eos, pad: ids of the special tokens, if there are any.
        dtype: of the weights beside it.
    """
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "vocab_size": config.vocab,
        "hidden_size": config.d_model,
        "intermediate_size": config.d_hidden,
        "num_hidden_layers": config.n_layers,
        "num_attention_heads": config.n_heads,
        "num_key_value_heads": config.n_kv_heads,
        "head_dim": config.head_dim,
        "max_position_embeddings": config.context,
        # in both places: transformers 5 reads the first, older versions and other programs the second
        "rope_parameters": {"rope_type": "default", "rope_theta": config.rope_theta},
        "rope_theta": config.rope_theta,
        "rms_norm_eps": config.norm_eps,
        "tie_word_embeddings": config.tied,
        "hidden_act": "silu",
        "attention_bias": False,
        "mlp_bias": False,
        "bos_token_id": bos,
        "eos_token_id": eos,
        "pad_token_id": pad,
        "dtype": str(dtype).removeprefix("torch."),
    }


def state_to_llama(model: LM) -> dict[str, Tensor]:
    """The model's parameters under transformers' names; a tied head is left out, as transformers does."""
    state = model.state_dict()
    if model.config.tied:
        del state["head.weight"]
    return {_to_llama(name): value for name, value in state.items()}


def lm_from_llama(config: Mapping[str, Any], state: Mapping[str, Tensor]) -> LM:
    """Our LM from a Llama's config and parameters, in float32 and eval mode.

    Args:
        config: the content of config.json.
        state: tensors under transformers' names, those of the core (LlamaModel) too; read, never changed.

    Raises:
        GlassbookError: the configuration is unsupported, or tensors are missing, left over or of a wrong shape.
    """
    sizes, head = config_from_llama(config), state.get("lm_head.weight")
    embedding = state.get("model.embed_tokens.weight", state.get("embed_tokens.weight"))
    if sizes.tied and head is not None and embedding is not None and not torch.equal(head, embedding):
        sizes = replace(sizes, tied=False)  # the weights outrank what config.json says of them
    model = LM(sizes)
    want = {_to_llama(name): name for name in model.state_dict()}
    # old checkpoints also hold the rotary table, which is computed here; a tied head is the embedding
    skip = re.compile(r"rotary_emb\.inv_freq$" + ("|^lm_head\\.weight$" if model.config.tied else ""))
    have = {name: value for name, value in state.items() if not skip.search(name)}
    if "embed_tokens.weight" in have:  # saved from the core, which does not say "model."
        have = {f"model.{name}": value for name, value in have.items()}
    if model.config.tied and "model.embed_tokens.weight" in have:
        have["lm_head.weight"] = have["model.embed_tokens.weight"]
    for name in sorted(want.keys() - have.keys()):
        raise GlassbookError(f"the weights lack {name}; the file is incomplete or belongs to another config.json")
    for name in sorted(have.keys() - want.keys()):
        raise GlassbookError(f"the weights hold {name}, which a Llama does not have; wrong config.json?")
    for name, parameter in model.state_dict().items():
        got = have[_to_llama(name)].shape
        if got != parameter.shape:
            shape = tuple(parameter.shape)
            raise GlassbookError(f"{_to_llama(name)} has shape {tuple(got)}, but config.json asks for {shape}")
    model.load_state_dict({ours: have[theirs] for theirs, ours in want.items()})
    return model.eval()


def _to_llama(name: str) -> str:
    """`blocks.3.attn.q.weight` -> `model.layers.3.self_attn.q_proj.weight`."""
    module = name.removesuffix(".weight")
    if match := re.fullmatch(r"blocks\.(\d+)\.(.+)", module):
        return f"model.layers.{match[1]}.{_NAMES[match[2]]}.weight"
    return f"{_NAMES[module]}.weight"
