"""A language model as two files, parameters and a program: model.bin with its vocabulary tokenizer.bin, and run.py.

run.py is `nets/io/run.py` as it is and needs NumPy alone. Where llama2.c can be the model, its C programs run the same
files: run.c version 0, runq.c version 2. Their tokenizer.bin merges by score, best first, which gives the ids of a
byte-level BPE if the score is minus the rank of the merge. What they do not have stands behind their part of the file,
which they do not read: how text is split into words, special tokens, and which two tokens a merge joins.

Not carried: templates of chats (a prompt may hold their text), generation settings other than the tokens that end a
text, normalisation of text and rules of splitting other than GPT-2's (such models are refused).
"""

import json
import struct
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import Tensor

from glassbook.errors import GlassbookError
from glassbook.nets.io import run
from glassbook.nets.io.llama import unsupported
from glassbook.nets.io.llama2c import fits_llama2c, write_llama2c
from glassbook.nets.io.llama2c_tokenizer import RULES
from glassbook.nets.language_model import LanguageModel
from glassbook.nets.tokenizer import TransformersTokenizer, byte_tokenizer
from glassbook.nets.transformer import LM
from glassbook.notebook.files import disk_errors, replacing

MODEL, TOKENIZER, RUNNER = "model.bin", "tokenizer.bin", "run.py"
_NO_MERGE = -1e9
"""Score of a token that no merge makes."""
_NEVER = 65535


@dataclass(frozen=True)
class Vocabulary:
    """The tokens of a model in the order of its files.

    Attributes:
        order: what the model calls each token.
        pieces: the bytes of each; of a special token its name, or the line break that run.c prints for it.
        scores: minus the rank of the merge that makes it.
        for_c: whether run.c can read text with it: <unk>, beginning, end and the 256 bytes come first.
        rules: what only run.py reads; None for sentencepiece's, where there is nothing that run.c does not know.
    """

    order: list[int]
    pieces: list[bytes]
    scores: list[float]
    for_c: bool
    rules: "Rules | None" = None

    def to_bytes(self) -> bytes:
        """The content of tokenizer.bin."""
        tokens = zip(self.pieces, self.scores, strict=True)
        entries = [struct.pack("<fi", score, len(piece)) + piece for piece, score in tokens]
        return b"".join(
            [struct.pack("<i", max(map(len, self.pieces))), *entries, self.rules.to_bytes() if self.rules else b""]
        )


@dataclass(frozen=True)
class Rules:
    """How a byte-level BPE reads text; ids are those of the files.

    Attributes:
        begin: what is put before a text.
        ends: what ends one.
        special: tokens that stand for no text.
        named: tokens whose name in a text is read as the token.
        digits: each digit is a word by itself.
        cuts: for each token, the bytes of the first of the two that its merge joins; 65,535 if no merge makes it.
    """

    begin: Sequence[int]
    ends: Sequence[int]
    special: Sequence[int]
    named: Sequence[int]
    digits: bool
    cuts: Sequence[int]

    def to_bytes(self) -> bytes:
        """What stands in tokenizer.bin behind the tokens."""
        lists = (self.begin, self.ends, self.special, self.named, [self.digits])
        packed = [struct.pack(f"<{len(ids) + 1}i", len(ids), *ids) for ids in lists]
        return b"".join([RULES, *packed, struct.pack(f"<{len(self.cuts)}H", *self.cuts)])


def write_two_files(lm: LanguageModel, folder: str | Path, q8: bool = False, for_c: bool = False) -> dict[str, int]:
    """Write model.bin, tokenizer.bin and run.py, all of them or none.

    Args:
        lm: our `LM` with a byte-level BPE that splits as GPT-2 does, or with a tokenizer of llama2.c.
        folder: made if it does not exist; files of the same names are replaced.
        q8: the matrices in 8 bits with a scale for each group of at most 64 numbers.
        for_c: insist on files that llama2.c's run.c (with q8 runq.c) runs too. A model whose rotary base is a root of
            llama2.c's is written wider for that (`widened`).

    Returns:
        the name of each file and its bytes.

    Raises:
        GlassbookError: the model is no dense Llama, its tokenizer cannot be carried, llama2.c cannot run it although
            it should, or the disk refused.
    """
    folder = Path(folder).expanduser()
    model = _dense_llama(lm)
    vocabulary = read_vocabulary(lm)
    if for_c:
        if not vocabulary.for_c:
            raise GlassbookError(
                f"llama2.c cannot read text for {lm.name}: its vocabulary lacks an unknown token, a beginning, an end "
                "or some of the 256 bytes; leave --for-c out"
            )
        model = widened(model)
    own = not (vocabulary.for_c and fits_llama2c(model.config))
    version = 2 if q8 else 1 if own else 0
    model = reordered(model, vocabulary.order)
    files = {TOKENIZER: vocabulary.to_bytes(), RUNNER: Path(run.__file__).read_bytes()}
    if taken := next((path for name in (MODEL, *files) if (path := folder / name).is_dir()), None):
        raise GlassbookError(f"cannot write {taken}: there is a folder of this name; choose another place")
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        with disk_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
        with ExitStack() as whole:
            write_llama2c(model, whole.enter_context(replacing(folder / MODEL)), version, own=own)
            for name, data in files.items():
                whole.enter_context(replacing(folder / name)).write_bytes(data)
    except BaseException:
        for path in made:
            if path.is_dir() and not any(path.iterdir()):
                path.rmdir()
        raise
    return {name: (folder / name).stat().st_size for name in (MODEL, TOKENIZER, RUNNER)}


def _dense_llama(lm: LanguageModel) -> LM:
    if isinstance(lm.model, LM):
        return lm.model
    settings: Any = getattr(lm.model, "config", None)
    config: Mapping[str, Any] = settings.to_dict() if settings is not None else {}
    if any(config.get(key) for key in ("num_local_experts", "num_experts", "n_routed_experts")):
        raise GlassbookError(f"{lm.name} is a mixture of experts; two files hold dense models only")
    reason = unsupported(config) or "its weights do not fit its config"
    raise GlassbookError(f"{lm.name} cannot be written as two files, which hold a Llama: {reason}")


def reordered(model: LM, order: Sequence[int]) -> LM:
    """The same model with other names for its tokens: token i is what `order[i]` was."""
    if list(order) == list(range(model.config.vocab)):
        return model
    rows = torch.tensor(order, device=model.embed.weight.device)
    state = model.state_dict()
    state |= {name: state[name][rows] for name in ("embed.weight", "head.weight")}
    return _with_state(LM(model.config), state)


def widened(model: LM) -> LM:
    """A model that computes the same logits with the rotary base of llama2.c.

    With a base of 1e4 ** (1 / k) a head turns its pairs of channels at the rates that the first of a head k times as
    wide have with 1e4. The others of these get queries and keys of 0; the residual stream and what heads pass on are
    repeated k times, so that norms find the same mean square, and matrices that read them are divided by k.

    Raises:
        GlassbookError: the base is no such root, or the epsilon of the norms is not llama2.c's.
    """
    c = model.config
    if fits_llama2c(c):
        return model
    k = next((k for k in range(2, 9) if abs(c.rope_theta**k / 1e4 - 1) < 1e-6), None)
    if k is None or c.norm_eps != 1e-5:
        raise GlassbookError(
            f"llama2.c lacks what this model needs: it knows only rope_theta 1e4 (its roots can be written wider) and "
            f"norm_eps 1e-5, not {c.rope_theta:g} and {c.norm_eps:g}; leave --for-c out"
        )
    config = replace(c, d_model=k * c.d_model, rope_theta=1e4)
    state = {name: _wider(name, value, c.head_dim, k) for name, value in model.state_dict().items()}
    return _with_state(LM(config), state)


def _wider(name: str, w: Tensor, head_dim: int, k: int) -> Tensor:
    """One parameter of a model that is `k` times as wide."""
    part = name.removesuffix(".weight").split(".", 2)[-1]
    if part in ("norm1", "norm2"):
        return w.repeat(k)
    if part == "norm":
        return w.repeat(k) / k  # the head is the embedding, which is repeated: it must not be divided itself
    if part in ("embed", "head", "mlp.down"):
        return w.repeat(1, k) if part != "mlp.down" else w.repeat(k, 1)
    if part in ("mlp.gate", "mlp.up"):
        return w.repeat(1, k) / k
    if part == "attn.v":
        return w.view(-1, head_dim, w.shape[1]).repeat(1, k, k).flatten(0, 1) / k
    if part == "attn.o":
        return w.view(w.shape[0], -1, head_dim).repeat(k, 1, k).flatten(1) / k
    # q and k: channels i and i + half of a head are a pair, so each half is filled up by itself
    pairs = w.view(-1, 2, head_dim // 2, w.shape[1]).repeat(1, 1, 1, k) / k
    if part == "attn.q":
        pairs = pairs * k**0.5  # wider heads divide by a larger square root
    return torch.cat((pairs, pairs.new_zeros(*pairs.shape[:2], (k - 1) * (head_dim // 2), pairs.shape[3])), 2).flatten(
        0, 2
    )


def _with_state(model: LM, state: Mapping[str, Tensor]) -> LM:
    model.load_state_dict(state)
    return model.eval()


# --- vocabularies -------------------------------------------------------------------------------------------------


def read_vocabulary(lm: LanguageModel) -> Vocabulary:
    """The vocabulary of a model in the order of its files.

    Raises:
        GlassbookError: no tokenizer, or one that run.py cannot be.
    """
    if lm.tokenizer is None:
        raise GlassbookError(f"{lm.name} has no tokenizer, and run.py reads text; pass the one it was trained with")
    with TemporaryDirectory() as folder:
        lm.tokenizer.save(Path(folder))
        if (file := Path(folder) / TOKENIZER).is_file():
            return _sentencepiece(lm, file.read_bytes())
        if not (file := Path(folder) / "tokenizer.json").is_file():
            kind = type(lm.tokenizer).__name__
            raise GlassbookError(f"run.py cannot read text as {lm.name} does: its tokenizer is a {kind}")
        description = json.loads(file.read_text("utf-8"))
    if reason := _unreadable(description):
        raise GlassbookError(f"run.py cannot read text as {lm.name} does: {reason}")
    return _byte_level(lm, description)


def _sentencepiece(lm: LanguageModel, data: bytes) -> Vocabulary:
    """The vocabulary of a tokenizer.bin; ids that only the model has get a name that no text merges to."""
    pieces, scores, at = [], [], 4
    while at < len(data):
        score, length = struct.unpack_from("<fi", data, at)
        pieces.append(data[at + 8 : at + 8 + length])
        scores.append(score)
        at += 8 + length
    pieces += [f"<{id}>".encode() for id in range(len(pieces), lm.vocab)]
    scores += [_NO_MERGE] * (lm.vocab - len(scores))
    return Vocabulary([*range(lm.vocab)], pieces, scores, for_c=True)


def _unreadable(description: Mapping[str, Any]) -> str | None:
    """Why run.py cannot be the tokenizer that a tokenizer.json describes; None if it can."""
    model = description["model"]
    if model["type"] != "BPE":
        return f"its tokenizer is a {model['type']}, not a BPE"
    if description["normalizer"] is not None:
        return f"its tokenizer first changes the text ({description['normalizer']['type']})"
    plain = (
        "dropout",
        "unk_token",
        "continuing_subword_prefix",
        "end_of_word_suffix",
        "byte_fallback",
        "ignore_merges",
    )
    if odd := next((key for key in plain if model.get(key)), None):
        return f"its BPE has the setting {odd}"
    steps = _steps(description)
    digits = {"type": "Digits", "individual_digits": True}
    if steps[:-1] not in ([], [digits]) or steps[-1] != _GPT2:
        return "it does not split text as GPT-2 does"
    marked = ("single_word", "lstrip", "rstrip", "normalized")
    if odd := next(
        (token["content"] for token in description["added_tokens"] if any(token[key] for key in marked)), None
    ):
        return f"its token {odd!r} takes more or less than its name out of a text"
    if len(model["merges"]) > len({"".join(_pair(merge)) for merge in model["merges"]}):
        return "two of its merges make the same token"
    return None


_GPT2 = {"type": "ByteLevel", "add_prefix_space": False, "use_regex": True}


def _steps(description: Mapping[str, Any]) -> list[dict[str, Any]]:
    """How a tokenizer.json splits text, step by step, without what only changes reported offsets."""
    first: dict[str, Any] = description["pre_tokenizer"] or {"type": "none"}
    steps: list[dict[str, Any]] = first["pretokenizers"] if first["type"] == "Sequence" else [first]
    return [{key: value for key, value in step.items() if key != "trim_offsets"} for step in steps]


def _pair(merge: str | Sequence[str]) -> Sequence[str]:
    """The two that a merge joins; older files write them in one string."""
    return merge.split(" ") if isinstance(merge, str) else merge


def _byte_level(lm: LanguageModel, description: Mapping[str, Any]) -> Vocabulary:
    """The vocabulary of a byte-level BPE, in llama2.c's order if it has all that stands first there."""
    assert lm.tokenizer is not None
    stand_ins = byte_stand_ins()
    ids: dict[str, int] = description["model"]["vocab"]
    added = {token["id"]: token for token in description["added_tokens"]}
    merges = [_pair(merge) for merge in description["model"]["merges"]]
    ranks = {ids["".join(pair)]: rank for rank, pair in enumerate(merges)}
    cuts = {ids[a + b]: len(a) for a, b in merges}  # a stand-in is one character for one byte
    text = {id: bytes(stand_ins[c] for c in piece) for piece, id in ids.items() if id not in added}
    first = [lm.tokenizer.pad, lm.tokenizer.bos, lm.tokenizer.eos, *(ids.get(c) for c in stand_ins)]
    start = [id for id in dict.fromkeys(first) if id is not None and id < lm.vocab]
    for_c = len(start) == len(first)
    start = start if for_c else []
    by_rank = sorted(range(lm.vocab), key=lambda id: ranks.get(id, -1 if id in text else len(ranks)))
    order = [*start, *(id for id in by_rank if id not in set(start))] if for_c else [*range(lm.vocab)]
    new = {old: id for id, old in enumerate(order)}
    special = [new[id] for id in order if id not in text and added.get(id, {"special": True})["special"]]
    named = added if isinstance(lm.tokenizer, TransformersTokenizer) else [
        id for id, token in added.items() if not token["special"]
    ]  # fmt: skip
    names = {id: token["content"].encode() for id, token in added.items()} | ({start[0]: b"<unk>"} if for_c else {})
    names |= dict.fromkeys(start[1:3], b"\n")
    ends = lm.ends or [id for id in [lm.tokenizer.eos] if id is not None]
    rules = Rules(
        begin=[new[id] for id in lm.tokenizer.prefix],
        ends=[new[id] for id in ends if id in new],
        special=special,
        named=[new[id] for id in named if id in new],
        digits=len(_steps(description)) == 2,
        cuts=[cuts.get(id, _NEVER) for id in order],
    )
    pieces = [text.get(id) or names.get(id, f"<{id}>".encode()) for id in order]
    scores = [float(-ranks[id]) if id in ranks else _NO_MERGE for id in order]
    return Vocabulary(order, pieces, scores, for_c, rules)


def byte_stand_ins() -> dict[str, int]:
    """The character that a byte-level BPE writes for each byte, in the order of the bytes."""
    with TemporaryDirectory() as folder:
        byte_tokenizer(256).save(Path(folder))
        return json.loads((Path(folder) / "tokenizer.json").read_text("utf-8"))["model"]["vocab"]
