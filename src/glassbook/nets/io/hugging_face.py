"""Models and tokenizers of transformers, which is imported nowhere else, and only when one is opened.

transformers warns on many harmless occasions and fails in many ways; here it is silent, and every failure to open
something is one `GlassbookError`.
"""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from logging import CRITICAL
from pathlib import Path
from typing import Any

import torch
from torch import nn

from glassbook.errors import GlassbookError
from glassbook.nets.tokenizer import TransformersTokenizer, one_line

_MODEL_FILES = ["*.json", "*.safetensors", "*.model", "*.txt"]
_TOKENIZER_FILES = ["tokenizer*", "*.model", "vocab*", "merges.txt", "special_tokens_map.json", "config.json"]


@contextmanager
def quiet() -> Iterator[None]:
    """No warnings and no progress bars of transformers inside; its settings are put back afterwards."""
    from transformers.utils import logging

    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity(CRITICAL)
    logging.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()


def from_pretrained(auto: Any, folder: Path, kind: str, dtype: torch.dtype = torch.float32) -> tuple[Any, list[str]]:
    """A model, and the parameters that the files lack; no code is run, nothing is downloaded.

    The folder's generation settings are not read.

    Args:
        auto: one of transformers' AutoModel classes.
        folder: with config.json and safetensors.
        kind: what the model should be, for the message.
        dtype: of its parameters.

    Raises:
        GlassbookError: transformers cannot open it, or a parameter has another shape.
    """
    from safetensors import SafetensorError
    from transformers import GenerationConfig

    try:
        with quiet():
            model, info = auto.from_pretrained(
                folder,
                use_safetensors=True,
                trust_remote_code=False,
                local_files_only=True,
                dtype=dtype,
                generation_config=GenerationConfig(),
                ignore_mismatched_sizes=True,  # reported below by name
                output_loading_info=True,
            )
    except SafetensorError as error:
        raise GlassbookError(f"{folder}: its safetensors are truncated or corrupt ({one_line(error)})") from error
    except (OSError, ValueError, KeyError, RuntimeError, ImportError) as error:
        raise GlassbookError(f"{folder} cannot be opened as {kind}: {one_line(error)}") from error
    if info["mismatched_keys"]:
        name, got, wanted = sorted(info["mismatched_keys"])[0]
        raise GlassbookError(f"{folder}: {name} has shape {tuple(got)}, but config.json asks for {tuple(wanted)}")
    return model, info["missing_keys"]


def load_model(folder: Path, ends: Sequence[int] = (), dtype: torch.dtype = torch.float32) -> nn.Module:
    """A causal language model from a transformers folder, in eval mode; nothing is downloaded.

    Args:
        folder: with config.json and safetensors.
        ends: ids of the tokens that end a text, the only generation settings that the model gets.
        dtype: of its parameters.

    Raises:
        GlassbookError: transformers cannot open it, or some of its parameters are not in the files.
    """
    from transformers import AutoModelForCausalLM

    model, missing = from_pretrained(AutoModelForCausalLM, folder, "a language model", dtype)
    # transformers fills what is missing with random numbers; such a model would run and mean nothing
    if missing:
        raise GlassbookError(
            f"{folder}: the weights lack {min(missing)}; they are incomplete, or no causal language model"
        )
    model.generation_config.eos_token_id = list(ends) or None
    return model.eval()


def load_tokenizer(folder: Path) -> TransformersTokenizer:
    """A tokenizer from a transformers folder; nothing is downloaded. GlassbookError if it cannot be opened."""
    from transformers import AutoTokenizer

    try:
        with quiet():
            return TransformersTokenizer(
                AutoTokenizer.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
            )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, ImportError) as error:
        raise GlassbookError(f"{folder}: its tokenizer cannot be opened: {one_line(error)}") from error


def wrap_tokenizer(core: Any, bos: int | None, eos: int | None, pad: int | None) -> TransformersTokenizer:
    """A bare `tokenizers.Tokenizer` as one of transformers, with the special ids of the model's config."""
    from transformers import PreTrainedTokenizerFast

    with quiet():
        return TransformersTokenizer(PreTrainedTokenizerFast(tokenizer_object=core), bos, eos, pad)


def download(hub_id: str, tokenizer_only: bool = False) -> Path:
    """The folder of a model on the Hugging Face hub: from the cache, or downloaded into it.

    Pickled weights are never downloaded.

    Args:
        hub_id: "owner/name", or "name" for the oldest models.
        tokenizer_only: leave the weights where they are.

    Raises:
        GlassbookError: there is no such model, it needs a login, or the hub cannot be reached and it is not cached.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError, RepositoryNotFoundError

    wanted = _TOKENIZER_FILES if tokenizer_only else _MODEL_FILES
    try:
        # "*" also matches "/", and subfolders hold the same weights in other formats
        return Path(snapshot_download(hub_id, allow_patterns=wanted, ignore_patterns=["*/*", "consolidated*"]))
    except RepositoryNotFoundError as error:
        raise GlassbookError(
            f"{hub_id}: no such file or folder, and the Hugging Face hub has no open model of this name"
        ) from error
    except LocalEntryNotFoundError as error:
        raise GlassbookError(
            f"{hub_id}: no such file or folder; as a Hugging Face model it is not in the cache, "
            "and the hub cannot be reached"
        ) from error
    except (HfHubHTTPError, OSError, ValueError) as error:
        raise GlassbookError(f"{hub_id} cannot be fetched from the Hugging Face hub: {one_line(error)}") from error
