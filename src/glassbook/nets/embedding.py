"""Text embeddings by any local model that transformers opens, averaged over its tokens."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from glassbook.errors import GlassbookError
from glassbook.nets.io.hugging_face import from_pretrained, load_tokenizer


class TextEmbedder:
    """Maps texts to unit vectors: the mean of the last layer's states over the tokens (Reimers & Gurevych 2019).

    Args:
        folder: a transformers folder (config.json, safetensors, tokenizer), such as a sentence-transformers model's.

    Raises:
        GlassbookError: the folder holds no such model, or its weights are incomplete.
    """

    def __init__(self, folder: str | Path) -> None:
        from transformers import AutoModel

        folder = Path(folder).expanduser()
        if not (folder / "config.json").is_file():
            raise GlassbookError(f"{folder} holds no embedding model (no config.json); name a transformers folder")
        model, lacking = from_pretrained(AutoModel, folder, "an embedding model")
        self._tokenizer = load_tokenizer(folder).tokenizer
        # A pooler on top is not used here and often not saved.
        if missing := sorted(name for name in lacking if "pooler" not in name):
            raise GlassbookError(f"{folder}: the weights lack {missing[0]}; they are incomplete")
        if self._tokenizer.pad_token is None:
            self._tokenizer.pad_token = self._tokenizer.eos_token or self._tokenizer.unk_token
        self._model: torch.nn.Module = model.eval()
        self._length = min(512, getattr(model.config, "max_position_embeddings", 512))
        self.width: int = model.config.hidden_size

    @torch.inference_mode()
    def embed(self, texts: Sequence[str], batch: int = 32) -> Tensor:
        """Unit vectors [n, width] of texts; what exceeds the model's context (at most 512 tokens) is cut off."""
        out = torch.zeros(len(texts), self.width)
        # Texts of like length together: padding is wasted work.
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
        for start in range(0, len(order), batch):
            rows = order[start : start + batch]
            inputs = self._tokenizer(
                [texts[i] or " " for i in rows],
                padding=True,
                truncation=True,
                max_length=self._length,
                return_tensors="pt",
            )
            inputs.pop("token_type_ids", None)
            states = self._model(**inputs).last_hidden_state
            real = inputs["attention_mask"][:, :, None].float()
            mean = (states * real).sum(1) / real.sum(1).clamp_min(1)
            out[rows] = torch.nn.functional.normalize(mean, dim=1)
        return out
