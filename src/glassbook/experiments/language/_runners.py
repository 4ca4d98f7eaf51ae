"""What a file and run.py compute, beside what torch computes with the model that was written."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

    from glassbook.nets import LM, LanguageModel
    from glassbook.nets.io import run as runner


class Written:
    """A language model, and what run.py makes of its files.

    Args:
        lm: the model.
        swapped: write queries and keys in the order of torch's, as an export that forgets how llama2.c rotates.
        levels: None for float32; else matrices of whole numbers from -levels to levels, 127 for 8 bits.

    Attributes:
        sizes: the name of each file and its bytes.
        tokenizer: of run.py.
    """

    def __init__(self, lm: LanguageModel, swapped: bool = False, levels: int | None = None) -> None:
        from dataclasses import replace

        from glassbook.nets import LM
        from glassbook.nets.io import run as runner
        from glassbook.nets.io.llama2c import write_llama2c
        from glassbook.nets.io.two_files import MODEL, TOKENIZER, read_vocabulary, reordered, write_two_files

        assert isinstance(lm.model, LM)
        self.lm, self.order = lm, read_vocabulary(lm).order
        self.new = {old: new for new, old in enumerate(self.order)}
        written = replace(lm, model=with_swapped_rotary(lm.model)) if swapped else lm
        with TemporaryDirectory() as name:
            folder = Path(name)
            self.sizes = write_two_files(written, folder, q8=levels is not None)
            if levels is not None:
                model = reordered(lm.model, self.order)
                write_llama2c(model, folder / MODEL, version=2, own=True, levels=levels)
            self.model: runner.Model = runner.Model(str(folder / MODEL))
            self.tokenizer: runner.Tokenizer = runner.Tokenizer(str(folder / TOKENIZER), self.model.vocab)

    def logits(self, ids: Sequence[int]) -> np.ndarray:
        """[T, vocab] logits after each of the model's ids, both numbered as the model numbers its tokens."""
        import numpy as np

        found = np.empty((len(ids), self.model.vocab), np.float32)
        for position, id in enumerate(ids):
            found[position, self.order] = self.model.forward(self.new[id], position)
        return found

    def greedy(self, prompt: Sequence[int], n: int) -> list[int]:
        """The `n` likeliest tokens after a prompt; the end of a text is a token as any other."""
        from glassbook.nets.io.run import generate

        return [self.order[id] for id in generate(self.model, [self.new[id] for id in prompt], n)]

    def bits_per_byte(self, texts: Sequence[str]) -> float:
        """What the tokens of texts cost, in bits for each byte of UTF-8; what is put before a text costs nothing."""
        import numpy as np

        nats, length = 0.0, 0
        for text in texts:
            ids = self.tokenizer.encode(text)
            for position, following in enumerate(ids[1:]):
                logits = self.model.forward(ids[position], position).astype(np.float64)
                if position >= len(self.tokenizer.begin) - 1:
                    largest = logits.max()
                    nats += float(largest + np.log(np.exp(logits - largest).sum()) - logits[following])
            length += len(text.encode())
        return nats / (math.log(2) * length)


def with_swapped_rotary(model: LM) -> LM:
    """The same model, but rows of queries and keys stand so that a file of llama2.c gets them in torch's order."""
    from glassbook.nets import LM

    c, state = model.config, dict(model.state_dict())
    for name, w in state.items():
        if name.endswith(("attn.q.weight", "attn.k.weight")):
            state[name] = w.view(-1, c.head_dim // 2, 2, c.d_model).transpose(1, 2).reshape(w.shape)
    other = LM(c)
    other.load_state_dict(state)
    return other.eval()


def torch_logits(lm: LanguageModel, ids: Sequence[int]) -> np.ndarray:
    """[T, vocab] logits of the model itself."""
    import torch

    with torch.inference_mode():
        return lm.model(torch.tensor([list(ids)])).logits[0].float().numpy()


def torch_greedy(lm: LanguageModel, prompt: Sequence[int], n: int) -> list[int]:
    """The `n` likeliest tokens after a prompt by the model itself."""
    import torch

    from glassbook.nets import LM

    assert isinstance(lm.model, LM)
    return lm.model.generate(torch.tensor([list(prompt)]), max_new_tokens=n)[0, len(prompt) :].tolist()


def texts_of_reserve(lm: LanguageModel, seed: int, least: int) -> Iterator[tuple[str, list[int]]]:
    """Texts that the model has not seen and their ids: at least so many tokens, and no more than it can read."""
    from glassbook.data.world import World

    for document in World().stream(-1 - seed):
        ids = lm.encode(document.text)
        if least <= len(ids) <= (lm.context or len(ids)):
            yield document.text, ids


def in_common(a: Sequence[int], b: Sequence[int]) -> int:
    """How many tokens two continuations begin with alike."""
    return next((i for i, (x, y) in enumerate(zip(a, b, strict=True)) if x != y), len(a))
