"""Tokenizers: their interface, our own byte-level BPE, and those of transformers."""

from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from tokenizers import Tokenizer as Core
from tokenizers import decoders, models, pre_tokenizers, trainers
from tokenizers.pre_tokenizers import ByteLevel

from glassbook.data.tokens import Encoder
from glassbook.errors import GlassbookError

SPECIALS = ("<bos>", "<eos>", "<pad>")


class Tokenizer(Encoder, Protocol):
    """The interface of a `LanguageModel`'s tokenizer."""

    @property
    def pad(self) -> int | None:
        """Id of the token that fills up a batch, if there is one."""
        ...

    @property
    def prefix(self) -> Sequence[int]:
        """Ids of what is put before a text: `bos` alone, or several tokens that begin with it; [] for nothing."""
        ...

    def __len__(self) -> int:
        """Number of tokens, specials included."""
        ...

    @property
    def added(self) -> int:
        """How many of them were added by name to those that text is made of."""
        ...

    def special(self, id: int) -> bool:
        """Whether a token of `encode` is a special one, which stands for no text."""
        ...

    def decode(self, ids: Sequence[int]) -> str:
        """The text of token ids; special tokens are left out."""
        ...

    def token(self, id: int) -> str:
        """One token as a person should see it, its leading space included; specials by their name."""
        ...

    def save(self, folder: Path) -> None:
        """Write the tokenizer's files into an existing folder."""
        ...


class BPE:
    """Our own tokenizer: byte-level BPE without normalisation, so any text comes back exactly.

    A special's name written in a text (`"<eos>"`) is read as those characters, never as the special token.

    Args:
        core: a `tokenizers.Tokenizer` with a byte-level BPE.
    """

    def __init__(self, core: Core) -> None:
        self._core = core
        core.no_padding()
        core.no_truncation()
        core.encode_special_tokens = True  # the name promises the opposite: specials are encoded as plain text
        self.bos: int | None = core.token_to_id("<bos>")
        self.eos: int | None = core.token_to_id("<eos>")
        self.pad: int | None = core.token_to_id("<pad>")
        self.prefix: Sequence[int] = [] if self.bos is None else [self.bos]

    @classmethod
    def load(cls, file: Path) -> "BPE":
        """Read a tokenizer.json; GlassbookError if it is none."""
        return cls(read_core(file))

    def __len__(self) -> int:
        return self._core.get_vocab_size()

    @property
    def added(self) -> int:
        """Tokens added to those that training found."""
        return len(self) - self._core.get_vocab_size(with_added_tokens=False)

    def encode(self, text: str) -> list[int]:
        """The text's token ids; no special tokens are added."""
        return self._core.encode(text, add_special_tokens=False).ids

    def special(self, id: int) -> bool:
        """False: a text never gives a special token here."""
        return False

    def decode(self, ids: Sequence[int]) -> str:
        """The text of token ids, specials left out; bytes that are no UTF-8 become U+FFFD."""
        return self._core.decode(list(ids), skip_special_tokens=True)

    def token(self, id: int) -> str:
        """One token's text; a special's name; for part of a character, the bytes' stand-ins."""
        return readable(self._core.id_to_token(id), self._core.decode([id]), id)

    def offsets(self, text: str) -> list[tuple[int, int]]:
        """For each id of `encode(text)`, the characters [start, end) of the text it stands for."""
        return self._core.encode(text, add_special_tokens=False).offsets

    def save(self, folder: Path) -> None:
        """Write tokenizer.json."""
        self._core.save(str(folder / "tokenizer.json"))


class TransformersTokenizer:
    """A tokenizer of transformers.

    Names of special tokens in a text are read as those tokens: chat models are prompted that way.

    `bos` is the token that the tokenizer itself puts before a text. Many name a token of the beginning that their
    models never saw there: SmolLM2, Qwen and BLOOM are given none. A token that both begins and ends texts stood
    between those that the model was trained on, as in GPT-2 and Pythia, and is put first although their tokenizers do
    not.

    Args:
        tokenizer: a `PreTrainedTokenizer`.
        bos, eos, pad: ids to use where the tokenizer itself names none (from the model's config).
    """

    def __init__(self, tokenizer: Any, bos: int | None = None, eos: int | None = None, pad: int | None = None) -> None:
        self.tokenizer = tokenizer
        named: int | None = bos if tokenizer.bos_token_id is None else tokenizer.bos_token_id
        self.eos: int | None = eos if tokenizer.eos_token_id is None else tokenizer.eos_token_id
        self.pad: int | None = pad if tokenizer.pad_token_id is None else tokenizer.pad_token_id
        put_first = _put_first(tokenizer)
        if not put_first and named is not None and named == self.eos:
            put_first = [named]
        self.prefix: Sequence[int] = put_first
        self.bos: int | None = next(iter(put_first), None)

    def __len__(self) -> int:
        return len(self.tokenizer)

    @property
    def added(self) -> int:
        """Tokens added to those of the vocabulary: placeholders of images, marks of a chat, ..."""
        return len(self) - self.tokenizer.vocab_size

    def encode(self, text: str) -> list[int]:
        """The text's token ids; no special tokens are added."""
        return self.tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]

    def special(self, id: int) -> bool:
        """Whether a token is one of the specials, which stand for no text."""
        return id in self._specials

    @cached_property
    def _specials(self) -> frozenset[int]:
        added = getattr(self.tokenizer, "added_tokens_decoder", {})
        return frozenset(self.tokenizer.all_special_ids) | {id for id, token in added.items() if token.special}

    def decode(self, ids: Sequence[int]) -> str:
        """The text of token ids, specials left out."""
        return self.tokenizer.decode(list(ids), skip_special_tokens=True, clean_up_tokenization_spaces=False)

    def token(self, id: int) -> str:
        """One token's text; a special's name."""
        try:
            piece = self.tokenizer.convert_ids_to_tokens(id)
        except (IndexError, OverflowError):  # transformers' kinds of tokenizer differ in what they do with such an id
            piece = None
        text = "" if piece is None else self.tokenizer.decode([id], clean_up_tokenization_spaces=False)
        return readable(piece, text, id)

    def offsets(self, text: str) -> list[tuple[int, int]]:
        """For each id of `encode(text)`, the characters [start, end) of the text it stands for.

        Raises:
            GlassbookError: the tokenizer is one of transformers' slow ones, which do not keep track.
        """
        if not self.tokenizer.is_fast:
            raise GlassbookError(
                f"{type(self.tokenizer).__name__} does not tell where its tokens are; use its tokenizer.json"
            )
        return self.tokenizer(text, add_special_tokens=False, return_offsets_mapping=True, verbose=False)[
            "offset_mapping"
        ]

    def save(self, folder: Path) -> None:
        """Write the files transformers keeps a tokenizer in."""
        self.tokenizer.save_pretrained(folder)


def _put_first(tokenizer: Any) -> list[int]:
    """Ids of the tokens that a tokenizer of transformers puts before a text (GLM has two); [] if it puts none there."""
    plain, full = (tokenizer("a", add_special_tokens=add, verbose=False)["input_ids"] for add in (False, True))
    where = next((i for i in range(len(full)) if full[i : i + len(plain)] == plain), 0)
    return full[:where]


def train_bpe(texts: Iterable[str], vocab_size: int) -> BPE:
    """Learn a byte-level BPE.

    Args:
        texts: documents; the iterator is read once.
        vocab_size: tokens in all: 3 specials (ids 0, 1, 2), 256 bytes, and the most useful merges.

    Returns:
        The tokenizer. It is smaller than vocab_size if the texts hold no more pairs to merge.

    Raises:
        GlassbookError: no room for the bytes.

    Source: Sennrich et al. 2016, arXiv:1508.07909; on bytes as in GPT-2.
    """
    smallest = len(SPECIALS) + 256
    if vocab_size < smallest:
        raise GlassbookError(f"a byte-level BPE needs a vocab_size of at least {smallest}, not {vocab_size}")
    core = _byte_level(models.BPE())
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=list(SPECIALS),
        initial_alphabet=ByteLevel.alphabet(),
        show_progress=False,
    )
    core.train_from_iterator(texts, trainer)
    return BPE(core)


def byte_tokenizer(vocab: int) -> BPE:
    """A tokenizer whose ids are the bytes of UTF-8 themselves; specials follow as far as the vocabulary has room.

    Args:
        vocab: tokens of the model: 256 bytes, then <bos>, <eos>, <pad> if it has 257, 258, 259 or more.

    Raises:
        GlassbookError: the model has fewer than 256 tokens.
    """
    if vocab < 256:
        raise GlassbookError(f'a model of {vocab} tokens cannot read bytes; tokenizer="bytes" needs at least 256')
    # ByteLevel shows the bytes that print as themselves and moves the others, in order, to U+0100 and up
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    moved = iter(range(0x100, 0x200))
    pieces = {chr(byte if byte in printable else next(moved)): byte for byte in range(256)}
    core = _byte_level(models.BPE(vocab=pieces, merges=[]))
    core.add_special_tokens(list(SPECIALS[: vocab - 256]))
    return BPE(core)


def read_core(file: Path) -> Core:
    """Read a tokenizer.json of the tokenizers library; GlassbookError if it is none."""
    try:
        return Core.from_str(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise GlassbookError(f"{file}: cannot be read as a tokenizer ({error})") from error
    except Exception as error:  # the library raises nothing more specific
        raise GlassbookError(f"{file} is not a tokenizer.json ({one_line(error)})") from error


def is_ours(core: Core) -> bool:
    """Whether a tokenizer.json has our specials, all three."""
    return all(core.token_to_id(special) is not None for special in SPECIALS)


def readable(piece: str | None, text: str, id: int) -> str:
    """How to show one token, from its entry in the vocabulary and its decoded text.

    Raises:
        GlassbookError: no token has this id.
    """
    if piece is None:
        raise GlassbookError(f"there is no token with id {id} in this tokenizer")
    if "\u2581" in piece:  # sentencepiece's space: a single token's decoded text would lose it
        return piece.replace("\u2581", " ")
    return piece if "\ufffd" in text or not text else text


def one_line(error: BaseException) -> str:
    """The first sentence of an error's message, at most 200 characters."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0].split(". ")[0][:200].rstrip(" .:")


def _byte_level(model: models.BPE) -> Core:
    core = Core(model)
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    return core
