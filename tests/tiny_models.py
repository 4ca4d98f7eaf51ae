"""Small models of many families of transformers, with random weights loud enough that layers and positions matter."""

from pathlib import Path
from typing import Any

import torch
import transformers

from glassbook.nets import LM, LanguageModel, LMConfig, save_model, train_bpe
from glassbook.nets.tokenizer import TransformersTokenizer

TOKENIZER = train_bpe(["the cat sat on the mat and the dog ran over the hill to the river"] * 4, 300)
"""Ours: <bos> 0, <eos> 1, <pad> 2."""
VOCAB, CONTEXT = len(TOKENIZER), 64

_SPECIALS = {"vocab_size": VOCAB, "bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 2}
_SIZES = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "max_position_embeddings": CONTEXT}
_OLD = {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": CONTEXT}
_BART = {"d_model": 32, "max_position_embeddings": CONTEXT} | {
    f"{side}_{what}": n
    for side in ("encoder", "decoder")
    for what, n in (("layers", 2), ("attention_heads", 4), ("ffn_dim", 48))
}
_KINDS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "bart decoder": ("BartForCausalLM", "BartConfig", _BART),
    "bert": ("BertLMHeadModel", "BertConfig", _SIZES | {"intermediate_size": 48}),
    "biogpt": ("BioGptForCausalLM", "BioGptConfig", _SIZES | {"intermediate_size": 48}),
    "bloom": ("BloomForCausalLM", "BloomConfig", {"hidden_size": 32, "n_layer": 2, "n_head": 4}),
    "cohere": ("CohereForCausalLM", "CohereConfig", _SIZES | {"intermediate_size": 48, "num_key_value_heads": 2}),
    "ctrl": ("CTRLLMHeadModel", "CTRLConfig", _OLD | {"dff": 48}),
    "electra": ("ElectraForCausalLM", "ElectraConfig", _SIZES | {"intermediate_size": 48, "embedding_size": 32}),
    "gemma2": (
        "Gemma2ForCausalLM",
        "Gemma2Config",
        _SIZES | {"intermediate_size": 48, "num_key_value_heads": 2, "head_dim": 8},
    ),
    "gemma3": (
        "Gemma3ForCausalLM",
        "Gemma3TextConfig",
        _SIZES | {"intermediate_size": 48, "num_key_value_heads": 2, "head_dim": 8},
    ),
    "gpt2": ("GPT2LMHeadModel", "GPT2Config", _OLD),
    "gpt_bigcode": ("GPTBigCodeForCausalLM", "GPTBigCodeConfig", _OLD),
    "gpt_neo": (
        "GPTNeoForCausalLM",
        "GPTNeoConfig",
        {"hidden_size": 32, "num_layers": 2, "num_heads": 4, "max_position_embeddings": CONTEXT}
        | {"attention_types": [[["global", "local"], 1]], "intermediate_size": 48},
    ),
    "gpt_neox": ("GPTNeoXForCausalLM", "GPTNeoXConfig", _SIZES | {"intermediate_size": 48}),
    "gptj": ("GPTJForCausalLM", "GPTJConfig", _OLD | {"rotary_dim": 8}),
    "granite": ("GraniteForCausalLM", "GraniteConfig", _SIZES | {"intermediate_size": 48, "num_key_value_heads": 2}),
    "llama": ("LlamaForCausalLM", "LlamaConfig", _SIZES | {"intermediate_size": 48, "num_key_value_heads": 2}),
    "mamba": ("MambaForCausalLM", "MambaConfig", {"hidden_size": 32, "num_hidden_layers": 2, "state_size": 4}),
    "minicpm3": (
        "MiniCPM3ForCausalLM",
        "MiniCPM3Config",
        _SIZES
        | {"intermediate_size": 48, "num_key_value_heads": 4, "dim_model_base": 8, "q_lora_rank": 16, "kv_lora_rank": 8}
        | {"qk_nope_head_dim": 4, "qk_rope_head_dim": 4, "v_head_dim": 8},
    ),
    "mistral": ("MistralForCausalLM", "MistralConfig", _SIZES | {"intermediate_size": 48, "num_key_value_heads": 2}),
    "mixtral": (
        "MixtralForCausalLM",
        "MixtralConfig",
        _SIZES | {"intermediate_size": 48, "num_key_value_heads": 2, "num_local_experts": 4},
    ),
    "mpt": ("MptForCausalLM", "MptConfig", {"d_model": 32, "n_layers": 2, "n_heads": 4, "max_seq_len": CONTEXT}),
    "openai-gpt": ("OpenAIGPTLMHeadModel", "OpenAIGPTConfig", _OLD),
    "opt": ("OPTForCausalLM", "OPTConfig", _SIZES | {"ffn_dim": 48, "word_embed_proj_dim": 32}),
    "phi": ("PhiForCausalLM", "PhiConfig", _SIZES | {"intermediate_size": 48}),
    "prophetnet": (
        "ProphetNetForCausalLM",
        "ProphetNetConfig",
        {"hidden_size": 32, "num_decoder_layers": 2, "num_decoder_attention_heads": 4, "decoder_ffn_dim": 48}
        | {"num_encoder_layers": 2, "max_position_embeddings": CONTEXT, "ngram": 2},
    ),
    "recurrent_gemma": (
        "RecurrentGemmaForCausalLM",
        "RecurrentGemmaConfig",
        _SIZES
        | {"num_hidden_layers": 3, "intermediate_size": 48, "lru_width": 32}
        | {"num_key_value_heads": 2, "head_dim": 8, "attention_window_size": 8},
    ),
    "camembert": ("CamembertForCausalLM", "CamembertConfig", _SIZES | {"intermediate_size": 48}),
    "data2vec-text": ("Data2VecTextForCausalLM", "Data2VecTextConfig", _SIZES | {"intermediate_size": 48}),
    "roberta-prelayernorm": (
        "RobertaPreLayerNormForCausalLM",
        "RobertaPreLayerNormConfig",
        _SIZES | {"intermediate_size": 48},
    ),
    "xlm-roberta": ("XLMRobertaForCausalLM", "XLMRobertaConfig", _SIZES | {"intermediate_size": 48}),
    "roberta": ("RobertaForCausalLM", "RobertaConfig", _SIZES | {"intermediate_size": 48}),
    "roformer": ("RoFormerForCausalLM", "RoFormerConfig", _SIZES | {"intermediate_size": 48}),
    "rwkv": ("RwkvForCausalLM", "RwkvConfig", {"hidden_size": 32, "num_hidden_layers": 2, "context_length": CONTEXT}),
    "xglm": (
        "XGLMForCausalLM",
        "XGLMConfig",
        {"d_model": 32, "num_layers": 2, "attention_heads": 4, "ffn_dim": 48, "max_position_embeddings": CONTEXT},
    ),
    "xlm": ("XLMWithLMHeadModel", "XLMConfig", {"emb_dim": 32, "n_layers": 2, "n_heads": 4}),
    "xlnet": ("XLNetLMHeadModel", "XLNetConfig", {"d_model": 32, "n_layer": 2, "n_head": 4, "d_inner": 48}),
}


def tiny(kind: str, louder: float = 3.0, seed: int = 0, **change: Any) -> Any:
    """A model of a kind in eval mode, on `TOKENIZER`'s vocabulary.

    Args:
        kind: a key of the table above; "bert decoder" is "bert" with `is_decoder`, and so are all others like it.
        louder: what its matrices are multiplied with.
        seed: of its weights.
        change: settings other than the table's.
    """
    decoder = {"is_decoder": True} if kind.endswith(" decoder") and kind not in _KINDS else {}
    model, config, sizes = _KINDS[kind.removesuffix(" decoder") if decoder else kind]
    torch.manual_seed(seed)
    made = getattr(transformers, model)(getattr(transformers, config)(**_SPECIALS | sizes | decoder | change)).eval()
    for p in made.parameters():
        p.data.mul_(louder if p.dim() >= 2 else 1)
    return made


TEMPLATE = (
    "{% for m in messages %}{% if m.role == 'tool' %}{{ raise_exception('no tools here') }}{% endif %}"
    "[{{ m.role }}] {{ m.content }}\n{% endfor %}{% if add_generation_prompt %}[assistant] {% endif %}"
)


def chat_model(template: str | None = TEMPLATE) -> LanguageModel:
    """A tiny Llama with a chat template, or without one."""
    core = transformers.PreTrainedTokenizerFast(tokenizer_object=TOKENIZER._core, chat_template=template)
    return LanguageModel(tiny("llama"), TransformersTokenizer(core), "chatty")


def save_slow(folder: Path) -> Path:
    """Write a model of ours that takes seconds for 400 tokens (greedily " cat" each), to try what happens meanwhile."""
    torch.manual_seed(0)
    model = LM(LMConfig(VOCAB, d_model=256, n_layers=16, n_heads=4, n_kv_heads=2, d_hidden=512, context=512)).eval()
    save_model(LanguageModel(model, TOKENIZER, "slow"), folder)
    return folder
