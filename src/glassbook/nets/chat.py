"""Prompts of chat models: what a person says, in the form that the model was tuned on.

`chat_prompt` writes a prompt, `encode_conversation` a conversation to train on. A model without a chat template gets
ours from `as_chat_model`, which appends the three marks of a conversation to its vocabulary (`grow_vocabulary`).
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

import torch
from torch import Tensor, nn

from glassbook.errors import GlassbookError
from glassbook.nets.language_model import LanguageModel
from glassbook.nets.tokenizer import BPE, TransformersTokenizer, is_ours, one_line
from glassbook.nets.transformer import LM

Messages = Sequence[Mapping[str, str]]
"""A conversation: {"role": "user" or "assistant", "content": its text} each, the user first, then in turns."""
USER, ASSISTANT, END = MARKS = ("<|user|>", "<|assistant|>", "<|end|>")
"""What our chat template puts before what the user says, before the answer and behind it."""
TEMPLATE = (
    "{{ bos_token or '' }}{% for m in messages %}"
    "{% if m.role != ('user', 'assistant')[loop.index0 % 2] %}"
    "{{ raise_exception('user and assistant must take turns, the user first') }}{% endif %}"
    "{{ '<|' + m.role + '|>' + m.content }}{% if m.role == 'assistant' %}{{ '<|end|>' }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)
"""Our chat template, in transformers' language of templates."""


def chat_prompt(lm: LanguageModel, messages: str | Sequence[Mapping[str, str]], system: str | None = None) -> str:
    """The text after which a chat model answers, by the chat template of its tokenizer.

    Args:
        lm: a chat model; its answer is `lm.generate([chat_prompt(lm, "Who wrote Hamlet?")])`.
        messages: what the user says, or a conversation: {"role": "user" or "assistant", "content": its text} each.
        system: the system message before it; None leaves it to the template.

    Raises:
        GlassbookError: the tokenizer has no chat template, or the template refuses the conversation.
    """
    said = [{"role": "user", "content": messages}] if isinstance(messages, str) else [dict(m) for m in messages]
    if system is not None:
        said.insert(0, {"role": "system", "content": system})
    tokenizer: Any = getattr(lm.tokenizer, "tokenizer", None)
    if not can_chat(lm):
        raise GlassbookError(f"{lm.name} has no chat template; it continues texts, so do not ask it as a chat")
    try:  # transformers renders templates in a sandbox
        return tokenizer.apply_chat_template(said, tokenize=False, add_generation_prompt=True)
    except Exception as problem:  # a template raises what it likes
        raise GlassbookError(f"the chat template of {lm.name} refuses this: {one_line(problem)}") from problem


def can_chat(lm: LanguageModel) -> bool:
    """Whether the model's tokenizer has a chat template."""
    return bool(getattr(getattr(lm.tokenizer, "tokenizer", None), "chat_template", None))


def encode_conversation(lm: LanguageModel, messages: Messages) -> tuple[list[int], list[int]]:
    """A conversation as tokens, with what a chat model is to learn of it.

    Args:
        lm: a chat model.
        messages: the conversation; it ends with an answer.

    Returns:
        Token ids [T], and the loss mask [T]: 1 on the answers and on what ends each of them, else 0.

    Raises:
        GlassbookError: the roles do not take turns, a text is empty or holds a special token of the model, there is
            no chat template, or it refuses the conversation.
    """
    check_conversation(lm, messages)
    text, answers = _rendered(lm, messages), list[tuple[int, int]]()
    for i in range(1, len(messages), 2):
        before = chat_prompt(lm, messages[:i])
        until = _rendered(lm, messages[: i + 1]).rstrip()
        if not (text.startswith(until) and until.startswith(before)):
            raise GlassbookError(
                f"the chat template of {lm.name} writes what was said before in another way after each answer, so "
                "that one text cannot hold the whole conversation; give it conversations of one question each"
            )
        answers.append((len(before), len(until)))
    ids, places = lm.encode(text), cast(TransformersTokenizer, lm.tokenizer).offsets(text)
    mask = [0] * (len(ids) - len(places))
    mask += [int(any(begin < end and stop > start for start, end in answers)) for begin, stop in places]
    return ids, mask


def _rendered(lm: LanguageModel, messages: Messages) -> str:
    """A whole conversation by the model's chat template, without the place where an answer would begin."""
    if not can_chat(lm):
        raise GlassbookError(f"{lm.name} has no chat template")
    tokenizer: Any = cast(TransformersTokenizer, lm.tokenizer).tokenizer
    try:
        return tokenizer.apply_chat_template([dict(m) for m in messages], tokenize=False)
    except Exception as problem:  # a template raises what it likes
        raise GlassbookError(f"the chat template of {lm.name} refuses this: {one_line(problem)}") from problem


def check_conversation(lm: LanguageModel, messages: Messages) -> None:
    """GlassbookError, saying why, if these are no messages that a chat model can be trained on.

    A text with the name of a special token could end a turn or begin another one, so it is refused.
    """
    if not messages:
        raise GlassbookError("there is no message")
    for i, message in enumerate(messages):
        role, text, due = message.get("role"), message.get("content"), ("user", "assistant")[i % 2]
        if role != due:
            raise GlassbookError(
                f"message {i + 1} is of {role!r}, where {due!r} must come: they take turns, user first"
            )
        if not isinstance(text, str) or not text.strip():
            raise GlassbookError(f"message {i + 1}, of the {role}, is empty")
        check_text(lm, text, f"message {i + 1}")
    if len(messages) % 2:
        raise GlassbookError("the last message is of the user; a conversation to learn from ends with an answer")


def check_text(lm: LanguageModel, text: str, what: str = "the message") -> None:
    """GlassbookError if a text holds the name of a special token of the model, which would be read as that token."""
    tokenizer: Any = getattr(lm.tokenizer, "tokenizer", None)
    if tokenizer is None:
        return
    added = getattr(tokenizer, "added_tokens_decoder", {}).values()
    specials = {*tokenizer.all_special_tokens, *(token.content for token in added if token.special)}
    if found := sorted(name for name in specials if name in text):
        raise GlassbookError(f"{what} holds {found[0]!r}, which marks a part of a conversation")


def as_chat_model(lm: LanguageModel) -> LanguageModel:
    """A model that can be put questions to: itself if it has a chat template, else a copy with our template and marks.

    The copy has still to be fine-tuned: it has never seen the marks.

    Raises:
        GlassbookError: no tokenizer, or one that takes no new tokens.
    """
    if can_chat(lm):
        return lm
    grown = grow_vocabulary(lm, MARKS)
    tokenizer = cast(TransformersTokenizer, grown.tokenizer)
    tokenizer.tokenizer.chat_template = TEMPLATE
    end = tokenizer.encode(END)[0]
    ends = tuple(dict.fromkeys([*lm._ends(), end]))
    if not isinstance(grown.model, LM):
        cast(Any, grown.model).generation_config.eos_token_id = list(ends)
    return replace(grown, ends=ends)


def grow_vocabulary(lm: LanguageModel, names: Sequence[str]) -> LanguageModel:
    """A copy of a model that knows some special tokens more; all others keep their ids, and their embeddings.

    A new token's rows, in the embedding and in an untied head, are the mean of those there are: nothing about it is
    known, and the model's other outputs hardly change (Hewitt 2021). A tokenizer of ours becomes one of transformers,
    which reads the names of special tokens in a text as those tokens; it cuts all other text as before.

    Args:
        lm: our `LM` or a model of transformers.
        names: of the new tokens.

    Raises:
        GlassbookError: no tokenizer, or one that takes no new tokens, or a name that is a token already.
    """
    tokenizer = _growing(lm)
    have = set(tokenizer.tokenizer.get_vocab())
    if taken := [name for name in names if name in have]:
        raise GlassbookError(f"{lm.name} has a token {taken[0]!r} already")
    known = len(tokenizer)
    from transformers import AddedToken

    tokenizer.tokenizer.add_tokens([AddedToken(name, special=True, normalized=False) for name in names])
    grown = TransformersTokenizer(tokenizer.tokenizer, tokenizer.bos, tokenizer.eos, tokenizer.pad)
    new = cast("list[int]", grown.tokenizer.convert_tokens_to_ids(list(names)))
    model = _with_rows(lm.model, max(lm.vocab, len(grown)))
    with torch.no_grad():
        for weight in _embeddings(model):
            weight[new] = weight[:known].float().mean(0).to(weight.dtype)
    return replace(lm, model=model, tokenizer=grown)


def _growing(lm: LanguageModel) -> TransformersTokenizer:
    """A tokenizer of transformers that cuts text as the model's does, and may be changed."""
    tokenizer = lm.tokenizer
    if tokenizer is None:
        raise GlassbookError(f"{lm.name} has no tokenizer beside it, and conversations are text; pass one")
    if isinstance(tokenizer, TransformersTokenizer):
        core = getattr(tokenizer.tokenizer, "backend_tokenizer", None)
        if core is None or not is_ours(core):
            own = copy.deepcopy(tokenizer.tokenizer)
            return TransformersTokenizer(own, tokenizer.bos, tokenizer.eos, tokenizer.pad)
    elif isinstance(tokenizer, BPE):
        core = tokenizer._core
    else:
        raise GlassbookError(
            f"the tokenizer of {lm.name} takes no new tokens, which conversations need as marks; "
            "choose a model whose tokenizer is a tokenizer.json"
        )
    from tokenizers import Tokenizer as Core
    from tokenizers.processors import TemplateProcessing
    from transformers import PreTrainedTokenizerFast

    # A file with all three of our specials opens as `BPE`, in which no text gives a special token: one is renamed.
    facts = json.loads(core.to_str())
    for token in facts["added_tokens"]:
        if token["content"] == "<pad>":
            token["content"] = PAD
    facts["model"]["vocab"] = {PAD if name == "<pad>" else name: id for name, id in facts["model"]["vocab"].items()}
    core = Core.from_str(json.dumps(facts))
    roles = {"bos_token": tokenizer.bos, "eos_token": tokenizer.eos, "pad_token": tokenizer.pad}
    names = {role: core.id_to_token(id) for role, id in roles.items() if id is not None}
    if tokenizer.bos is not None:
        begins = f"{names['bos_token']} $A"
        core.post_processor = TemplateProcessing(single=begins, special_tokens=[(names["bos_token"], tokenizer.bos)])
    made = PreTrainedTokenizerFast(tokenizer_object=core, clean_up_tokenization_spaces=False, **names)
    return TransformersTokenizer(made)


PAD = "<|pad|>"
"""Name of our padding token in the tokenizer of a chat model."""


def _with_rows(model: nn.Module, vocab: int) -> nn.Module:
    """A copy of a model with `vocab` rows in its embedding and head; those that are new have any numbers."""
    if not isinstance(model, LM):
        from glassbook.nets.io.hugging_face import quiet

        with quiet():
            grown: Any = copy.deepcopy(model)
            grown.resize_token_embeddings(vocab, mean_resizing=False)
        return grown
    if vocab == model.config.vocab:
        return copy.deepcopy(model)
    grown = LM(replace(model.config, vocab=vocab)).to(next(model.parameters())).train(model.training)
    with torch.no_grad():
        for name, value in model.state_dict().items():
            grown.state_dict()[name][: len(value)].copy_(value)
    return grown


def _embeddings(model: nn.Module) -> list[Tensor]:
    """The matrices that have a row for each token: the embedding and, unless it is the same, the head."""
    if isinstance(model, LM):
        found = [model.embed.weight, model.head.weight]
    else:
        own = cast(Any, model)
        found = [m.weight for m in (own.get_input_embeddings(), own.get_output_embeddings()) if m is not None]
    return found[:1] if len(found) > 1 and found[0] is found[1] else found
