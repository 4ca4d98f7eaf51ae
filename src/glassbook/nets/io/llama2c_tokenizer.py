"""llama2.c's tokenizer.bin: sentencepiece's pieces and scores, merged best score first.

The file is one int32 (the longest piece), then for each token a float32 score, an int32 length and the bytes.
"""

import struct
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from tokenizers import Encoding, models
from tokenizers import Tokenizer as Core

from glassbook.errors import GlassbookError
from glassbook.notebook.files import write_atomic

_FIRST_BYTE = 3  # <unk>, <s> and </s> come first, then the 256 bytes as <0x00> ... <0xFF>
_FIRST_PIECE = _FIRST_BYTE + 256
RULES = b"\xffgbtk"
"""Stands between the tokens of a byte-level BPE and its rules (`two_files`); no text holds these bytes."""


class Llama2cTokenizer:
    """The tokenizer of a llama2.c model.

    As in llama2.c a space is put before the text, and the space at the start of a text is dropped again.
    llama2.c's models are trained on texts separated by <s> and never see </s>, so <s> is the end as well.

    Args:
        pieces: each token's text.
        scores: each token's score; the pair of neighbours whose union scores highest is merged first.

    Raises:
        GlassbookError: two tokens that merges make have one score, so that the order of merges is open.
    """

    bos: int | None = 1
    prefix: Sequence[int] = (1,)
    eos: int | None = 1
    pad: int | None = None
    added: int = 0

    def __init__(self, pieces: Sequence[str], scores: Sequence[float]) -> None:
        self._pieces, self._scores = list(pieces), list(scores)
        # of equal pieces the first counts; specials and bytes are never met as text
        ids = {piece: _FIRST_PIECE + i for i, piece in reversed(list(enumerate(pieces[_FIRST_PIECE:])))}
        merges = [
            (-self._scores[id], piece, (piece[:cut], piece[cut:]))
            for piece, id in ids.items()
            for cut in range(1, len(piece))
            if piece[:cut] in ids and piece[cut:] in ids
        ]
        merges.sort(key=lambda merge: merge[0])
        for (score, piece, _), (next_score, next_piece, _) in pairwise(merges):
            if score == next_score and piece != next_piece:
                raise GlassbookError(
                    f"the tokens {piece!r} and {next_piece!r} have the same score, which leaves the order of merges "
                    "open; export a tokenizer whose scores differ"
                )
        bytes_ = {piece: _FIRST_BYTE + i for i, piece in enumerate(self._pieces[_FIRST_BYTE:_FIRST_PIECE])}
        pairs = [pair for *_, pair in merges]
        self._core = Core(models.BPE(vocab=bytes_ | ids, merges=pairs, byte_fallback=True))
        self._prefix = " " if " " in ids else ""

    @classmethod
    def load(cls, file: Path) -> "Llama2cTokenizer":
        """Read a tokenizer.bin.

        Raises:
            GlassbookError: the file is truncated or is none.
        """
        try:
            data = file.read_bytes()
        except OSError as error:
            raise GlassbookError(f"{file} cannot be read ({error.strerror})") from error
        if RULES in data:
            raise GlassbookError(
                f"{file} was written for run.py, and its tokens are in another order; open the model it was made from"
            )
        pieces: list[str] = []
        scores: list[float] = []
        at = 4
        try:
            longest = struct.unpack_from("<i", data)[0]
            while at < len(data):
                score, length = struct.unpack_from("<fi", data, at)
                piece = data[at + 8 : at + 8 + length]
                if not 0 <= length <= longest or len(piece) < length:
                    raise GlassbookError(f"{file} is truncated or corrupt: token {len(pieces)} is not whole")
                pieces.append(piece.decode("utf-8"))
                scores.append(score)
                at += 8 + length
        except (struct.error, UnicodeDecodeError) as error:
            raise GlassbookError(f"{file} is truncated or corrupt at token {len(pieces)} ({error})") from error
        if pieces[_FIRST_BYTE:_FIRST_PIECE] != [f"<0x{byte:02X}>" for byte in range(256)]:
            raise GlassbookError(f"{file} is not a llama2.c tokenizer: tokens 3 to 258 are not the 256 bytes")
        try:
            return cls(pieces, scores)
        except GlassbookError as error:
            raise GlassbookError(f"{file}: {error}") from error

    def __len__(self) -> int:
        return len(self._pieces)

    def encode(self, text: str) -> list[int]:
        """The text's token ids, without <s>."""
        return self._encoding(text).ids if text else []

    def special(self, id: int) -> bool:
        """False: a text never gives a special token here."""
        return False

    def offsets(self, text: str) -> list[tuple[int, int]]:
        """For each id of `encode(text)`, the characters [start, end) of the text it stands for."""
        shift = len(self._prefix)
        return [(max(0, start - shift), end - shift) for start, end in self._encoding(text).offsets] if text else []

    def decode(self, ids: Sequence[int]) -> str:
        """The text of token ids, <s> and </s> left out, the first space of each text dropped."""
        out = bytearray()
        starts = True
        for id in ids:
            if id in (1, 2):
                starts = True
                continue
            if id >= len(self):  # the model has more ids than there are tokens
                continue
            piece = self._bytes(id)
            out += piece[1:] if starts and piece.startswith(b" ") else piece
            starts = False
        return out.decode("utf-8", errors="replace")

    def token(self, id: int) -> str:
        """One token's text; specials by their name; a byte that is no text by itself as <0xFF>."""
        if not 0 <= id < len(self):
            raise GlassbookError(f"there is no token with id {id} in this tokenizer")
        if id < _FIRST_BYTE:
            return self._pieces[id].strip()  # the file has line breaks around <s> and </s>
        text = self._bytes(id).decode("utf-8", errors="replace")
        return self._pieces[id] if "\ufffd" in text else text

    def save(self, folder: Path) -> None:
        """Write tokenizer.bin."""
        raw = [piece.encode() for piece in self._pieces]
        data = struct.pack("<i", max(map(len, raw)))
        for piece, score in zip(raw, self._scores, strict=True):
            data += struct.pack("<fi", score, len(piece)) + piece
        write_atomic(folder / "tokenizer.bin", data)

    def _encoding(self, text: str) -> Encoding:
        return self._core.encode(self._prefix + text, add_special_tokens=False)

    def _bytes(self, id: int) -> bytes:
        if _FIRST_BYTE <= id < _FIRST_PIECE:
            return bytes([id - _FIRST_BYTE])
        return self._pieces[id].encode()
