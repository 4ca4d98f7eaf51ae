"""Opening and saving models: the built-in model, llama2.c files, folders, ids of the hub, and models of pictures."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import torch
from tokenizers import Tokenizer as Core
from torch import Tensor, nn

from glassbook import extensions
from glassbook.assets.builtin import BUILTIN_MODELS
from glassbook.data import registry
from glassbook.data.packages import PACKAGES
from glassbook.errors import GlassbookError
from glassbook.nets.io.llama import config_to_llama, lm_from_llama, state_to_llama, unsupported
from glassbook.nets.io.llama2c import read_llama2c
from glassbook.nets.io.llama2c_tokenizer import Llama2cTokenizer
from glassbook.nets.io.picture_models import KINDS, describe, restore
from glassbook.nets.io.pictures_from_torch import cifar_resnet
from glassbook.nets.io.placement import place, read_device, read_dtype
from glassbook.nets.language_model import LanguageModel
from glassbook.nets.picture_model import PictureModel
from glassbook.nets.proof import proved
from glassbook.nets.tokenizer import BPE, Tokenizer, byte_tokenizer, is_ours, one_line, read_core
from glassbook.nets.transformer import LM
from glassbook.notebook.files import replacing, write_atomic

LOADERS: extensions.Group = "glassbook.models"
_PICKLES = (".bin", ".pt", ".pth", ".pkl", ".ckpt")
_NO_PICKLES = "pickled weights can run code when they are opened, so only safetensors (and llama2.c .bin) are read"
_TOKENIZER_FILES = ("tokenizer.json", "vocab.json", "vocab.txt", "tokenizer.model", "spiece.model")


def open_model(
    name: str | Path,
    tokenizer: str | Path | Tokenizer | None = None,
    dtype: str | torch.dtype = torch.float32,
    device: str | torch.device = "cpu",
) -> LanguageModel | PictureModel:
    """Open a model of text or of pictures, whichever it is (`open_language_model`, `open_picture_model`).

    Raises:
        GlassbookError: one line, whatever is wrong with the name or the files.
    """
    path = model_path(name)
    if not _of_pictures(name, path):
        return _open_text(name, path, tokenizer, dtype, device)
    if tokenizer is not None:
        raise GlassbookError(f"{name} is a picture model, which reads no text; leave the tokenizer out")
    return _open_pictures(name, path, dtype, device)


def open_picture_model(
    name: str | Path, dtype: str | torch.dtype = torch.float32, device: str | torch.device = "cpu"
) -> PictureModel:
    """Open a model of pictures in eval mode, in float32 and on the CPU unless told otherwise.

    Args:
        name: "builtin-vae" (the VAE of camera-trap frames that ships with Glassbook); a folder that `save_model` wrote;
            what `glassbook get` brings ("efficientnet-lite0"); or one of `data.registry.MODELS` ("resnet20-cifar10"),
            whose files are in the dataset resnet-cifar10.
        dtype: "float32", "bfloat16" or "float16", of weights and activations.
        device: "cpu", "cuda", "cuda:1", "mps", ...

    Raises:
        GlassbookError: one line, whatever is wrong with the name or the files, or a model of text.
    """
    path = model_path(name)
    if not _of_pictures(name, path):
        raise GlassbookError(f"{name} is no picture model; `glassbook open {name}` shows what it is")
    return _open_pictures(name, path, dtype, device)


def _open_pictures(name: str | Path, path: Path, dtype: str | torch.dtype, device: str | torch.device) -> PictureModel:
    dtype, device = read_dtype(dtype), read_device(device)
    try:
        if str(name) in registry.MODELS:
            pm = cifar_resnet(str(name), path)
        else:
            pm = restore(str(name), read_json(path / "config.json"), _read_state(path))
    except GlassbookError as error:
        raise GlassbookError(f"{path}: {error}") from error
    return replace(pm, model=place(pm.model.to(dtype), device))


def _of_pictures(name: str | Path, path: Path) -> bool:
    """Whether what a name opens is a model of pictures: one of those that we know by name, or a folder of our own."""
    if str(name) in registry.MODELS:
        return True
    return (path / "config.json").is_file() and read_json(path / "config.json").get("model_type") in KINDS


def open_language_model(
    name: str | Path,
    tokenizer: str | Path | Tokenizer | None = None,
    dtype: str | torch.dtype = torch.float32,
    device: str | torch.device = "cpu",
) -> LanguageModel:
    """Open a language model in eval mode, in float32 and on the CPU unless told otherwise.

    A folder in the layout of transformers' Llama opens as our `LM` where it can be one, anything else as the model of
    transformers, once it has shown that it does not see later tokens. Code that comes with a model is never run. Of
    a folder's generation settings only the tokens that end a text count.

    Args:
        name: "builtin" (the model of the Reserve that ships with Glassbook); what `glassbook get` brings ("smollm2");
            a llama2.c .bin; a folder with
            config.json and safetensors; a file or folder that a loader of another package knows (entry-point group
            ``glassbook.models``); or the id of a model on the Hugging Face hub, the only case that may download.
        tokenizer: what to use instead of the tokenizer beside the model: a tokenizer.json, a llama2.c tokenizer .bin,
            a folder, a hub id, "bytes" (ids are UTF-8's bytes), or a `Tokenizer`.
        dtype: "float32", "bfloat16" or "float16", of weights and activations.
        device: "cpu", "cuda", "cuda:1", "mps", ...

    Raises:
        GlassbookError: one line, whatever is wrong with the name or the files, a device that is not there, or a
            model of pictures.
    """
    path = model_path(name)
    if _of_pictures(name, path):
        raise GlassbookError(f"{name} is a picture model; `glassbook look FILE --model {name}` shows what it sees")
    return _open_text(name, path, tokenizer, dtype, device)


def _open_text(
    name: str | Path,
    path: Path,
    tokenizer: str | Path | Tokenizer | None,
    dtype: str | torch.dtype,
    device: str | torch.device,
) -> LanguageModel:
    dtype, device = read_dtype(dtype), read_device(device)
    try:
        config = {} if path.is_file() else read_json(path / "config.json")
        ends = _end_tokens(path, config)
        model = _load_file(path).to(dtype) if path.is_file() else _load_folder(path, config, ends, dtype)
        lm = LanguageModel(model, None, str(name), ends)
    except GlassbookError as refused:
        lm, config = _open_with_plugin(path, refused), {}
        if dtype != torch.float32:  # without a wish it stays as its loader made it
            lm.model.to(dtype)
    if tokenizer is not None:
        found = _open_tokenizer(tokenizer, lm.vocab, config)
    else:
        found = lm.tokenizer or _tokenizer_beside(path, lm.vocab, config)
    # A folder says itself what belongs together, and placeholders that no text holds are often added to a tokenizer.
    own = tokenizer is None and path.is_dir()
    if found is not None and not own and (surplus := len(found) - lm.vocab) > 0 and surplus > found.added:
        raise GlassbookError(
            f"the tokenizer has {len(found)} tokens but {name} knows only {lm.vocab}; pass the one it was trained with"
        )
    lm = replace(lm, model=place(lm.model, device), tokenizer=found, name=str(name))
    return lm if isinstance(lm.model, LM) else proved(lm)


def model_path(name: str | Path) -> Path:
    """The file or folder that `open_model(name)` reads, which a run that depends on it records:

        run.uses("model", name, path=model_path(name))

    Raises:
        GlassbookError: there is no such model.
    """
    if str(name) in BUILTIN_MODELS:
        return _builtin(str(name))
    path = Path(name).expanduser()
    if path.exists():
        return path
    if (published := registry.MODELS.get(str(name))) is not None:
        return registry.find(published.dataset).paths()[published.file]
    package = PACKAGES.get(str(name))
    if package is not None and package.kind == "model":
        if not package.here:
            raise GlassbookError(f"{name} is not on this machine yet; get it: glassbook get {name}")
        if not (package.folder / "config.json").is_file():  # an older version left weights alone there
            raise GlassbookError(f"{package.folder} holds no config.json; remove it, then: glassbook get {name}")
        return package.folder
    return _fetch(str(name))


def save_model(lm: LanguageModel | PictureModel, folder: str | Path) -> None:
    """Write a model, and its tokenizer if it has one, into a folder that `open_model` opens: nothing is pickled.

    A model of pictures is written as config.json and model.safetensors; transformers opens models of text too. Our `LM`
    is written as a transformers Llama (config.json, model.safetensors, tokenizer files), in the dtype its
    parameters have: for half the size, save a copy that was put through `.half()`. Each file is whole or not there.

    Args:
        lm: our `LM`, a model of transformers, or one of our models of pictures.
        folder: made if it does not exist; files of the same names are replaced.
    """
    from safetensors.torch import save_file

    folder = Path(folder).expanduser()
    if isinstance(lm, PictureModel):
        config, state = describe(lm)  # what cannot be saved leaves no folder behind
        folder.mkdir(parents=True, exist_ok=True)
        with replacing(folder / "model.safetensors") as file:
            save_file(state, file, metadata={"format": "pt"})
        _write_json(folder / "config.json", config)
        return
    folder.mkdir(parents=True, exist_ok=True)
    if lm.tokenizer is not None:
        lm.tokenizer.save(folder)
    if not isinstance(lm.model, LM):
        from glassbook.nets.io.hugging_face import quiet

        with quiet():
            cast(Any, lm.model).save_pretrained(folder)
        return
    t = lm.tokenizer
    specials = {"bos": t.bos, "eos": t.eos, "pad": t.pad} if t is not None else {}
    # transformers refuses ids that the model has no row for
    known: dict[str, Any] = {role: id for role, id in specials.items() if id is not None and 0 <= id < lm.vocab}
    if ends := [id for id in lm.ends if 0 <= id < lm.vocab]:
        known["eos"] = ends[0] if len(ends) == 1 else ends
    state = {name: value.contiguous() for name, value in state_to_llama(lm.model).items()}
    with replacing(folder / "model.safetensors") as file:
        save_file(state, file, metadata={"format": "pt"})
    dtype = next(iter(state.values())).dtype
    _write_json(folder / "config.json", config_to_llama(lm.model.config, **known, dtype=dtype))
    if isinstance(t, BPE):
        # without this transformers would take a Llama's own rules of splitting for ours
        names = {f"{role}_token": t.token(id) for role, id in specials.items() if id is not None}
        settings = {"tokenizer_class": "PreTrainedTokenizerFast", "clean_up_tokenization_spaces": False}
        _write_json(folder / "tokenizer_config.json", {**settings, **names})


def _builtin(name: str) -> Path:
    folder = BUILTIN_MODELS[name]
    if not (folder / "config.json").is_file():
        raise GlassbookError(f"this copy of Glassbook came without the model {name}; install it again")
    return folder


def _fetch(name: str, tokenizer_only: bool = False) -> Path:
    """What is no path here may be a hub id, if it looks like one."""
    if not re.fullmatch(r"\w[\w.-]*(/\w[\w.-]*)?", name) or name.endswith((*_PICKLES, ".safetensors", ".json")):
        raise GlassbookError(f"{name}: no such file or folder")
    from glassbook.nets.io.hugging_face import download

    return download(name, tokenizer_only)


def _load_file(file: Path) -> nn.Module:
    """A llama2.c model."""
    with file.open("rb") as stream:
        start = stream.read(4)
    # a zip archive (torch.save since 1.6), or a pickle of protocol 2 and later
    if start == b"PK\x03\x04" or start[:1] == b"\x80" or file.suffix in _PICKLES[1:]:
        raise GlassbookError(f"{file} is a pickle: {_NO_PICKLES}")
    if file.suffix != ".bin":
        raise GlassbookError(f"{file} is no llama2.c .bin; to open safetensors give the folder they are in")
    return read_llama2c(file)


def _open_with_plugin(path: Path, refused: GlassbookError) -> LanguageModel:
    """The model by the first loader of another package that knows it; if none does, the reasons of all."""
    problems = [str(refused)]
    for name in extensions.entries(LOADERS):
        try:
            lm = extensions.call(LOADERS, name, path)
        except GlassbookError as error:
            problems.append(str(error))
        else:
            if lm is not None:
                return lm
    raise GlassbookError("; ".join(problems)) from refused


def _load_folder(folder: Path, config: Mapping[str, Any], ends: Sequence[int], dtype: torch.dtype) -> nn.Module:
    """The model of a folder with this config.json: our LM if it can be one, otherwise transformers' model."""
    if not any(folder.glob("*.safetensors")):
        pickles = sorted(path.name for path in folder.iterdir() if path.suffix in _PICKLES)
        why = f"only {pickles[0]}: {_NO_PICKLES}" if pickles else "so there are no weights to open"
        raise GlassbookError(f"{folder} holds no safetensors, {why}")
    _check_sizes(folder, config)
    if config.get("is_encoder_decoder"):
        raise GlassbookError(
            f"{folder} cannot be opened as a language model: it is an encoder-decoder, which reads two texts"
        )
    if unsupported(config) is None:
        try:
            return lm_from_llama(config, _read_state(folder)).to(dtype)
        except GlassbookError as error:
            raise GlassbookError(f"{folder}: {error}") from error
    from glassbook.nets.io.hugging_face import load_model

    return load_model(folder, ends, dtype)


_LAYERS, _WIDTH = ("num_hidden_layers", "n_layer", "n_layers"), ("hidden_size", "n_embd", "d_model")
_SIZES = (*_LAYERS, *_WIDTH, "vocab_size", "num_attention_heads", "n_head", "n_heads")
"""What configs of transformers call their sizes."""


def _check_sizes(folder: Path, config: Mapping[str, Any]) -> None:
    """GlassbookError if a config names sizes that are none, or that files of this size cannot hold.

    So nothing is allocated that is not there. A layer takes 64 bytes of a header alone, a parameter at least one bit;
    what is small is left to clearer errors.
    """
    given = {**config, **(config.get("text_config") or {})}
    sizes = {key: given[key] for key in _SIZES if given.get(key) is not None}
    for key, n in sizes.items():
        if type(n) is not int or n < 1:
            raise GlassbookError(f"{folder}: config.json says that {key} is {n!r}; it must be a whole number from 1 on")
    held = sum(file.stat().st_size for file in folder.glob("*.safetensors"))
    layers, width = (max(sizes.get(key, 1) for key in keys) for keys in (_LAYERS, _WIDTH))
    vocab = sizes.get("vocab_size", 1)
    if layers > 1000 + held // 64 or width * vocab > 2**20 + 8 * held:
        raise GlassbookError(
            f"{folder}: config.json promises {layers:,} layers and {vocab:,} tokens of width {width:,}, which weights "
            f"of {held:,} bytes cannot hold; it belongs to other files"
        )


def _end_tokens(path: Path, config: Mapping[str, Any]) -> tuple[int, ...]:
    """Ids of the tokens that end a text: those of a folder's generation_config.json, or else of its config.json.

    Chat models often have several, and their tokenizer names only one.

    Raises:
        GlassbookError: the file is not valid, or names something that is no id.
    """
    file = path / "generation_config.json"
    for settings in (read_json(file) if file.is_file() else {}, config):
        ends = settings.get("eos_token_id")
        ids = ends if isinstance(ends, list) else [] if ends is None else [ends]
        if not all(type(id) is int for id in ids):
            raise GlassbookError(f"{path}: eos_token_id is {ends!r}; it must be a token id or a list of them")
        if ids:
            return tuple(ids)
    return ()


def _read_state(folder: Path) -> dict[str, Tensor]:
    """All tensors of a folder's safetensors: one file, or the shards its index names."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    index = folder / "model.safetensors.index.json"
    names = ["model.safetensors"]
    if index.is_file() and not (folder / names[0]).is_file():
        names = sorted(set(read_json(index).get("weight_map", {}).values()))
    state: dict[str, Tensor] = {}
    for name in names:
        try:
            state |= load_file(folder / name)
        except FileNotFoundError as error:
            raise GlassbookError(f"{name} is missing") from error
        except (SafetensorError, OSError) as error:
            raise GlassbookError(f"{name} is truncated or corrupt ({one_line(error)})") from error
    return state


def _tokenizer_beside(path: Path, vocab: int, config: Mapping[str, Any]) -> Tokenizer | None:
    """The tokenizer in a model's folder, or next to its llama2.c file; None if there is none."""
    if path.is_file():
        names = (path.with_name(f"tok{vocab}.bin"), path.with_name("tokenizer.bin"))
        return next((Llama2cTokenizer.load(file) for file in names if file.is_file()), None)
    if (path / "tokenizer.bin").is_file():
        return Llama2cTokenizer.load(path / "tokenizer.bin")
    if not any((path / name).is_file() for name in _TOKENIZER_FILES):
        return None
    if (path / "tokenizer.json").is_file():
        core = read_core(path / "tokenizer.json")
        if is_ours(core) or not (path / "tokenizer_config.json").is_file():
            return _from_tokenizer_json(core, config)
    from glassbook.nets.io.hugging_face import load_tokenizer

    return load_tokenizer(path)


def _open_tokenizer(tokenizer: str | Path | Tokenizer, vocab: int, config: Mapping[str, Any]) -> Tokenizer:
    """The tokenizer that the user named."""
    if not isinstance(tokenizer, (str, Path)):
        return tokenizer
    if str(tokenizer) == "bytes":
        return byte_tokenizer(vocab)
    path = Path(tokenizer).expanduser()
    if path.is_file():
        return Llama2cTokenizer.load(path) if path.suffix == ".bin" else _from_tokenizer_json(read_core(path), config)
    if not path.exists():
        path = _fetch(str(tokenizer), tokenizer_only=True)
    found = _tokenizer_beside(path, vocab, config)
    if found is None:
        raise GlassbookError(f"{path} holds no tokenizer; looked for {', '.join(_TOKENIZER_FILES)}")
    return found


def _from_tokenizer_json(core: Core, config: Mapping[str, Any]) -> Tokenizer:
    """A tokenizer.json by itself; if it is not ours, the model's config tells which tokens are special."""
    if is_ours(core):
        return BPE(core)
    from glassbook.nets.io.hugging_face import wrap_tokenizer

    eos = config.get("eos_token_id")
    eos = eos[0] if isinstance(eos, list) else eos
    return wrap_tokenizer(core, config.get("bos_token_id"), eos, config.get("pad_token_id"))


def read_json(file: Path) -> dict[str, Any]:
    """A JSON object; GlassbookError if the file is missing or holds none."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise GlassbookError(f"{file.parent} has no {file.name}; give the folder of a model") from error
    except (OSError, ValueError) as error:
        raise GlassbookError(f"{file} is not valid JSON ({one_line(error)})") from error
    if not isinstance(content, dict):
        raise GlassbookError(f"{file} is not a JSON object")
    return content


def _write_json(file: Path, content: Mapping[str, Any]) -> None:
    write_atomic(file, (json.dumps(content, indent=2) + "\n").encode())
