"""What a model calls the positions of a text."""

import inspect

from torch import nn

from glassbook.nets.transformer import LM


def first_position(model: nn.Module) -> int | None:
    """The position id of a text's first token; None if the model takes no `position_ids` and counts by itself."""
    if isinstance(model, LM) or "position_ids" not in inspect.signature(model.forward).parameters:
        return None
    # RoBERTa's kin keep the places up to that of the pads free
    tables = (part for name, part in model.named_modules() if name.endswith("position_embeddings"))
    pad = next((table.padding_idx for table in tables if isinstance(table, nn.Embedding)), None)
    return 0 if pad is None else pad + 1
