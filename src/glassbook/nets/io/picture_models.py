"""Our models of pictures as a config and weights: which kinds there are, and what is checked before one is built."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any, Literal, NamedTuple, cast

import torch
from pydantic import ValidationError, validate_call
from torch import Tensor, nn

from glassbook.errors import GlassbookError
from glassbook.nets.autoencoder import VAE, Autoencoder, PictureConfig
from glassbook.nets.conv import CifarResNet, resnet_cifar
from glassbook.nets.efficientnet import EfficientNetLite
from glassbook.nets.gan import GAN, pictures_gan
from glassbook.nets.picture_model import PictureModel, Task
from glassbook.nets.tokenizer import one_line


class Kind(NamedTuple):
    """A network of ours that models of pictures have."""

    network: type[nn.Module]
    task: Task
    build: Callable[..., nn.Module]
    """The network from its settings, which are checked against the types of its arguments."""
    settings: Callable[[Any], dict[str, Any]]
    """The settings of a network."""


def _efficientnet_lite(classes: int) -> EfficientNetLite:
    return EfficientNetLite(classes)


def _autoencoder(size: int, channels: int, code: int, kind: Literal["conv", "mlp"], width: int) -> Autoencoder:
    return Autoencoder(PictureConfig(size=size, channels=channels, code=code, kind=kind, width=width))


def _vae(
    size: int,
    channels: int,
    code: int,
    kind: Literal["conv", "mlp"],
    width: int,
    pixels: Literal["bernoulli", "normal"],
) -> VAE:
    return VAE(PictureConfig(size=size, channels=channels, code=code, kind=kind, width=width), pixels)


KINDS: dict[str, Kind] = {
    "glassbook-autoencoder": Kind(Autoencoder, "autoencode", _autoencoder, lambda m: asdict(m.config)),
    "glassbook-vae": Kind(VAE, "autoencode", _vae, lambda m: {**asdict(m.config), "pixels": m.pixels}),
    "glassbook-gan": Kind(GAN, "generate", pictures_gan, lambda m: asdict(m.config)),
    "glassbook-resnet": Kind(CifarResNet, "classify", resnet_cifar, lambda m: {"depth": m.depth, "classes": m.classes}),
    "glassbook-efficientnet-lite": Kind(
        EfficientNetLite, "classify", _efficientnet_lite, lambda m: {"classes": m.classes}
    ),
}
"""`model_type` of a config.json -> what it is."""


def describe(pm: PictureModel) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """config.json and the weights of a model of pictures.

    Raises:
        GlassbookError: its network is none of `KINDS`, or makes no pictures.
    """
    found = next((name for name, kind in KINDS.items() if type(pm.model) is kind.network), None)
    if found is None or getattr(pm.model, "config", found) is None:
        raise GlassbookError(
            f"a {type(pm.model).__name__} cannot be saved as a model of pictures; these can: "
            + ", ".join(kind.network.__name__ for kind in KINDS.values())
        )
    config = {
        "model_type": found,
        "task": pm.task,
        "network": KINDS[found].settings(pm.model),
        "pictures": {
            "size": pm.size,
            "channels": pm.channels,
            "mean": list(pm.mean),
            "std": list(pm.std),
            "classes": list(pm.classes),
        },
    }
    return config, {name: value.detach().contiguous() for name, value in pm.model.state_dict().items()}


def restore(name: str, config: Mapping[str, Any], state: Mapping[str, Tensor]) -> PictureModel:
    """The model of pictures of a config.json and its weights, in eval mode and in the dtype of the weights.

    Nothing is allocated for sizes that the config names before the weights have shown them.

    Args:
        name: what it is opened as.
        config: its `model_type` is one of `KINDS`.
        state: the weights by name.

    Raises:
        GlassbookError: a setting that the network does not have, or weights of another network.
    """
    kind = KINDS[config["model_type"]]
    network, pictures = config.get("network"), config.get("pictures")
    if not isinstance(network, dict) or not isinstance(pictures, dict):
        raise GlassbookError('config.json of a model of pictures needs the objects "network" and "pictures"')
    try:
        with torch.device("meta"):
            model = validate_call(kind.build)(**network)
        pm = validate_call(_read)(model, name, kind.task, **pictures)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise GlassbookError(f"config.json: {where}: {first['msg']} (it is {first['input']!r:.80})") from error
    except (RuntimeError, TypeError, OverflowError, ValueError) as error:  # sizes that no tensor has
        raise GlassbookError(f"config.json names sizes that no network can have ({one_line(error)})") from error
    for size, seen in (("size", pm.size), ("channels", pm.channels)):
        if (own := getattr(getattr(model, "config", None), size, seen)) != seen:
            raise GlassbookError(
                f"config.json says {size} {own} of the network and {seen} of the pictures; they differ"
            )
    if kind.task == "classify" and len(pm.classes) != (logits := cast(Any, model).classes):
        raise GlassbookError(f"config.json names {len(pm.classes)} classes for {logits} logits; fix it")
    wanted = {key: tuple(value.shape) for key, value in model.state_dict().items()}
    for key in sorted(wanted.keys() | state.keys()):
        shape, given = wanted.get(key), tuple(state[key].shape) if key in state else None
        if shape != given:
            raise GlassbookError(
                f"the weights are not those of this config.json: {key} has shape {given}, and {shape} is wanted"
            )
    model.load_state_dict(dict(state), assign=True)
    model.eval()
    return pm


def _read(
    model: Any,
    name: str,
    task: Task,
    *,
    size: int,
    channels: int,
    mean: tuple[float, ...] = (),
    std: tuple[float, ...] = (),
    classes: tuple[str, ...] = (),
) -> PictureModel:
    """A model of pictures from what its config.json says; the types are checked."""
    return PictureModel(model, name, task, size, channels, classes, mean, std)
