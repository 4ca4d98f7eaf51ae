"""Small random models of many kinds, each with an input; transformers' from configs, so nothing is downloaded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import pytest
import torch
import torch.nn.functional as F
import transformers
from torch import Tensor, nn

from glassbook.nets import LM, LMConfig

VOCAB = 61


def language_model(kind: str) -> nn.Module:
    """A causal language model with weights large enough that its greedy tokens vary."""
    torch.manual_seed(0)
    if kind == "ours":
        model: nn.Module = LM(LMConfig(VOCAB, 32, 3, 4, 2, 64, context=64))
    elif kind == "gpt2":
        model = transformers.GPT2LMHeadModel(
            transformers.GPT2Config(
                vocab_size=VOCAB, n_positions=64, n_embd=32, n_layer=3, n_head=4, bos_token_id=0, eos_token_id=None
            )
        )
    elif kind == "llama":
        model = transformers.LlamaForCausalLM(transformers.LlamaConfig(**_llama_like()))
    else:
        model = transformers.MixtralForCausalLM(
            transformers.MixtralConfig(**_llama_like(), num_local_experts=4, num_experts_per_tok=2)
        )
    with torch.no_grad():
        for p in model.parameters():
            if p.dim() == 2:
                p.mul_(6)
    return model.eval()


def _llama_like() -> dict[str, int | None]:
    return {
        "vocab_size": VOCAB,
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 64,
        "bos_token_id": 0,
        "eos_token_id": None,
    }


class BasicBlock(nn.Module):
    """The residual block of a CIFAR ResNet, in the in-place style of the published code."""

    def __init__(self, channels_in: int, channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU(inplace=True)
        self.grow = channels - channels_in

    def forward(self, x: Tensor) -> Tensor:
        out = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        if self.grow:
            x = F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.grow // 2, self.grow // 2))
        out += x
        return self.relu(out)


class ResNet20(nn.Module):
    """ResNet-20 for CIFAR-10 (He et al. 2015), with the parameter names of the published weights."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        widths = (16, 32, 64)
        for i, width in enumerate(widths):
            first = BasicBlock(widths[max(i - 1, 0)], width, 2 if i else 1)
            rest = [BasicBlock(width, width, 1) for _ in range(2)]
            setattr(self, f"layer{i + 1}", nn.Sequential(first, *rest))
        self.linear = nn.Linear(64, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.bn1(self.conv1(x)))
        x = self.layer3(self.layer2(self.layer1(x)))
        return self.linear(x.mean((2, 3)))


class Coded(NamedTuple):
    mean: Tensor
    log_variance: Tensor


@dataclass(frozen=True)
class Reconstruction:
    count: int
    image: Tensor
    code: Coded

    def __post_init__(self) -> None:
        assert self.count == 1, "built anew instead of copied"
        object.__setattr__(self, "count", 2)


class Encoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3, 2, 1)

    def forward(self, x: Tensor) -> Coded:
        h = self.conv(x).flatten(1)
        return Coded(h[:, :8], h[:, 8:16])


class VAE(nn.Module):
    """A convolutional VAE whose parts give a named tuple, a dict with a list, and a frozen dataclass."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder, self.middle, self.decoder = Encoder(), Middle(), nn.Linear(8, 64)

    def forward(self, x: Tensor) -> Reconstruction:
        code = self.encoder(x)
        z = self.middle({"codes": [code.mean], "note": "kept"})["codes"][0]
        return Reconstruction(1, self.decoder(z).tanh().view(-1, 1, 8, 8), code)


class Middle(nn.Module):
    def forward(self, inputs: dict) -> dict:
        return inputs | {"codes": [x + 1 for x in inputs["codes"]]}


class UNet(nn.Module):
    """A denoiser as diffusion models have it: skips across, the time step added in, attention at the bottom."""

    def __init__(self) -> None:
        super().__init__()
        self.time = nn.Sequential(nn.Linear(8, 16), nn.SiLU(), nn.Linear(16, 16))
        self.enter = nn.Conv2d(3, 8, 3, padding=1)
        self.down = nn.ModuleList([nn.Conv2d(8, 16, 3, 2, 1), nn.Conv2d(16, 16, 3, 2, 1)])
        self.attn = nn.MultiheadAttention(16, 2, batch_first=True)
        self.up = nn.ModuleList([nn.ConvTranspose2d(32, 16, 2, 2), nn.ConvTranspose2d(32, 8, 2, 2)])
        self.leave = nn.Conv2d(16, 3, 3, padding=1)

    def forward(self, sample: Tensor, timestep: Tensor, return_dict: bool = True) -> dict | tuple:
        turns = timestep[:, None].float() * 10.0 ** -torch.arange(4)
        t = self.time(torch.cat([turns.sin(), turns.cos()], 1))[:, :, None, None]
        x = self.enter(sample)
        skips = [x]
        for layer in self.down:
            x = F.silu(layer(x)) + t
            skips.append(x)
        rows = x.flatten(2).mT
        x = x + self.attn(rows, rows, rows)[0].mT.view_as(x)
        for layer in self.up:
            x = F.silu(layer(torch.cat([x, skips.pop()], 1)))
        x = self.leave(torch.cat([x, skips.pop()], 1))
        return {"sample": x} if return_dict else (x,)


def any_model(kind: str) -> tuple[nn.Module, dict]:
    """A model in eval mode and the keyword arguments of one call."""
    torch.manual_seed(0)
    ids = torch.randint(1, VOCAB, (2, 7))
    if kind in ("ours", "gpt2", "llama", "mixtral"):
        return language_model(kind), {"input_ids": ids}
    if kind == "vit":
        config = transformers.ViTConfig(
            hidden_size=32,
            num_hidden_layers=2,
            num_attention_heads=4,
            intermediate_size=64,
            image_size=16,
            patch_size=4,
        )
        return transformers.ViTModel(config).eval(), {"pixel_values": torch.randn(2, 3, 16, 16)}
    if kind == "resnet":
        return ResNet20().eval(), {"x": torch.randn(2, 3, 32, 32)}
    if kind == "unet":
        return UNet().eval(), {"sample": torch.randn(2, 3, 8, 8), "timestep": torch.tensor([3, 700])}
    if kind == "vae":
        return VAE().eval(), {"x": torch.randn(2, 1, 8, 8)}
    return nn.GRU(5, 6, num_layers=2, batch_first=True).eval(), {"input": torch.randn(2, 4, 5)}


KINDS = ("ours", "gpt2", "llama", "mixtral", "vit", "resnet", "unet", "vae", "gru")


@pytest.fixture(params=KINDS)
def example(request) -> tuple[nn.Module, dict]:
    return any_model(request.param)


@pytest.fixture
def build():
    """build(kind) -> (model, keyword arguments)."""
    return any_model


@pytest.fixture(params=["ours", "gpt2", "llama", "mixtral"])
def lm(request) -> nn.Module:
    return language_model(request.param)


@pytest.fixture
def layers():
    """layers(model) -> its residual blocks' names; each family's, written out."""
    return lambda model: {
        "LM": "blocks",
        "GPT2LMHeadModel": "transformer.h",
        "LlamaForCausalLM": "model.layers",
        "MixtralForCausalLM": "model.layers",
    }[type(model).__name__]


@pytest.fixture
def hooks():
    """hooks(model) -> how many forward hooks hang on it."""
    return lambda model: sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in model.modules())
