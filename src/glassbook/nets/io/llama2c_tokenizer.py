"""llama2.c's tokenizer.bin: sentencepiece's pieces and scores, merged best score first.

The file is one int32 (the longest piece), then for each token a float32 score, an int32 length and the bytes.
"""

import heapq
import os
import struct
from collections.abc import Sequence
from pathlib import Path

from glassbook.errors import GlassbookError

_FIRST_BYTE = 3  # <unk>, <s> and </s> come first, then the 256 bytes as <0x00> ... <0xFF>
_FIRST_PIECE = _FIRST_BYTE + 256


class Llama2cTokenizer:
    """The tokenizer of a llama2.c model.

    As in llama2.c a space is put before the text, and the space at the start of a text is dropped again.
    llama2.c's models are trained on texts separated by <s> and never see </s>, so <s> is the end as well.

    Args:
        pieces: each token's text.
        scores: each token's score; the pair of neighbours whose union scores highest is merged first.
    """

    bos: int | None = 1
    eos: int | None = 1
    pad: int | None = None

    def __init__(self, pieces: Sequence[str], scores: Sequence[float]) -> None:
        self._pieces, self._scores = list(pieces), list(scores)
        # of equal pieces the first counts; specials and bytes are never met as text
        self._ids = {piece: _FIRST_PIECE + i for i, piece in reversed(list(enumerate(pieces[_FIRST_PIECE:])))}

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
        return cls(pieces, scores)

    def __len__(self) -> int:
        return len(self._pieces)

    def encode(self, text: str) -> list[int]:
        """The text's token ids, without <s>."""
        return [id for id, _, _ in self._merge(text)]

    def offsets(self, text: str) -> list[tuple[int, int]]:
        """For each id of `encode(text)`, the characters [start, end) of the text it stands for."""
        return [(start, end) for _, start, end in self._merge(text)]

    def decode(self, ids: Sequence[int]) -> str:
        """The text of token ids, <s> and </s> left out, the first space of each text dropped."""
        out = bytearray()
        starts = True
        for id in ids:
            if id in (1, 2):
                starts = True
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
        part = folder / "tokenizer.bin.part"
        part.write_bytes(data)
        os.replace(part, folder / "tokenizer.bin")

    def _bytes(self, id: int) -> bytes:
        if _FIRST_BYTE <= id < _FIRST_PIECE:
            return bytes([id - _FIRST_BYTE])
        return self._pieces[id].encode()

    def _merge(self, text: str) -> list[tuple[int, int, int]]:
        """(id, start, end) of each token: characters first, then the best pair again and again.

        A heap keeps the pairs by score, then from the left, which is llama2.c's order without its search of the
        whole text for every merge.
        """
        if not text:
            return []
        tokens = self._characters(text)
        after = [*range(1, len(tokens)), -1]  # the token to the right of each, -1 at the end
        before = list(range(-1, len(tokens) - 1))
        dead = [False] * len(tokens)
        heap: list[tuple[float, int, int, int, int, int]] = []

        def propose(left: int) -> None:
            right = after[left] if left >= 0 else -1
            if right < 0:
                return
            first, second = tokens[left][0], tokens[right][0]
            union = self._ids.get(self._pieces[first] + self._pieces[second])
            if union is not None:
                heapq.heappush(heap, (-self._scores[union], left, right, first, second, union))

        for left in range(len(tokens)):
            propose(left)
        while heap:
            _, left, right, first, second, union = heapq.heappop(heap)
            # stale when either side was merged into something else since
            if dead[left] or dead[right] or tokens[left][0] != first or tokens[right][0] != second:
                continue
            tokens[left] = (union, tokens[left][1], tokens[right][2])
            dead[right] = True
            after[left] = after[right]
            if after[left] >= 0:
                before[after[left]] = left
            propose(before[left])
            propose(left)
        return [token for token, gone in zip(tokens, dead, strict=True) if not gone]

    def _characters(self, text: str) -> list[tuple[int, int, int]]:
        """(id, start, end) of a space and each character; a character without a token becomes its bytes."""
        space = self._ids.get(" ")
        tokens = [] if space is None else [(space, 0, 0)]
        for at, character in enumerate(text):
            id = self._ids.get(character)
            ids = [id] if id is not None else [_FIRST_BYTE + byte for byte in character.encode()]
            tokens += [(id, at, at + 1) for id in ids]
        return tokens
