"""Which axis holds the features: proved, or refused in one line; never guessed from sizes that happen to agree."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
import transformers as T
from torch import nn

from glassbook.circuits import SAESite, Task, attribute, feature_effects, patch
from glassbook.errors import GlassbookError
from glassbook.features import Dictionary, ReLU
from glassbook.steer import Ablate, Clamp, Vector, first, steer
from glassbook.trace import collect
from glassbook.trace.layout import layout
from glassbook.trace.sites import places

C = 8
V = torch.linspace(-1, 1, C)


class Pictures(nn.Module):
    """As wide and as high as it has channels, so that a vector of them fits every axis."""

    def __init__(self) -> None:
        super().__init__()
        self.enter = nn.Conv2d(3, C, 3, padding=1)
        self.block = nn.Sequential(nn.Conv2d(C, C, 3, padding=1), nn.GroupNorm(2, C), nn.ReLU())
        self.act, self.pool = nn.GELU(), nn.AdaptiveAvgPool2d(1)
        self.scale = Scale()
        self.norm, self.head = nn.LayerNorm(C), nn.Linear(C, 5)

    def forward(self, pixel_values):
        x = self.scale(self.block(self.act(self.enter(pixel_values))))
        return self.head(self.norm(self.pool(x).flatten(1)))


class Scale(nn.Module):
    """A module of a kind that nobody knows, with a weight."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(C, 1, 1))

    def forward(self, x):
        return x * self.weight


class Sounds(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.head = nn.Conv1d(3, C, 3, padding=1), nn.Linear(C, 5)

    def forward(self, waves):
        return self.head(self.conv(waves).mean(-1))


PICTURE, WAVE = {"pixel_values": torch.randn(2, 3, C, C)}, {"waves": torch.randn(2, 3, C)}
SITES = ["enter.out", "block.in", "block.out", "block.1.out", "block.2.out", "act.out", "pool.in", "scale.out"]


@pytest.fixture
def pictures():
    torch.manual_seed(0)
    return Pictures().eval()


@pytest.mark.parametrize("site", SITES)
def test_a_convolution_is_never_steered_along_the_wrong_axis(pictures, site):
    d = Dictionary(C, 16, ReLU())
    for v in (Vector({site: V}), Ablate(Vector({site: V})), Clamp(d, {3: 1.0}, site)):
        with pytest.raises(GlassbookError, match="convolutions") as problem, steer(pictures, v):
            pictures(**PICTURE)
        assert "\n" not in str(problem.value)
    with pytest.raises(GlassbookError, match=r"\[batch, tokens, d\]"):
        collect(pictures, [PICTURE], site)


def test_what_follows_the_convolutions_can_be_steered(pictures):
    with torch.no_grad():
        plain = pictures(**PICTURE)
        with steer(pictures, Vector({"norm.out": V})):
            assert torch.allclose(pictures(**PICTURE), plain + V @ pictures.head.weight.T, atol=1e-5)
    assert collect(pictures, [PICTURE], "norm.out").n == 2


def test_sound_is_no_text():
    torch.manual_seed(0)
    model = Sounds().eval()
    with pytest.raises(GlassbookError, match="convolutions"), steer(model, Vector({"conv.out": V})):
        model(**WAVE)
    with pytest.raises(GlassbookError, match="convolutions"):
        collect(model, [WAVE], "conv.out")
    task = Task(WAVE, {"waves": -WAVE["waves"]}, lambda logits: logits[:, 0])
    for way in (patch, attribute):
        for how in ({"heads": 2}, {"positions": True}):
            with pytest.raises(GlassbookError, match="convolutions"):
                way(model, task, ["conv.out"], **how)
        assert way(model, task, ["conv.out"]).values.shape == (1, 2)  # as a whole it has no axes to mistake
    with pytest.raises(GlassbookError, match="convolutions"):
        feature_effects(model, task, [SAESite(Dictionary(C, 16, ReLU()), "conv.out")])


class Mixer(nn.Module):
    """Mixes tokens by a convolution, as the blocks of state-space models do."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.act, self.mlp = nn.Conv1d(C, C, 3, padding=1), nn.SiLU(), nn.Linear(C, C)

    def forward(self, x):
        return x + self.mlp(self.act(self.conv(x.mT)).mT)


class Text(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed, self.head = nn.Embedding(61, C), nn.Linear(C, 61)
        self.layers = nn.ModuleList(Mixer() for _ in range(2))

    def forward(self, input_ids):
        x = self.embed(input_ids)
        for layer in self.layers:
            x = layer(x)
        return self.head(x)


@pytest.mark.parametrize("length", [C, 5])
def test_the_convolution_in_a_language_model(length):
    """A text as long as the model is wide, too: the blocks are steered, the convolution in them is refused."""
    torch.manual_seed(0)
    model, inputs = Text().eval(), {"input_ids": torch.randint(61, (2, length))}
    with torch.no_grad():
        with steer(model, Vector({"layers.1.in": V}), where=first()):
            model(**inputs)
        for site in ("layers.0.conv.in", "layers.0.conv.out", "layers.0.act.out"):
            for where in (None, first()):
                with pytest.raises(GlassbookError, match="convolutions"), steer(model, Vector({site: V}), where=where):
                    model(**inputs)
            with pytest.raises(GlassbookError, match="convolutions"):
                collect(model, [inputs], site)
    for site in ("layers.*.out", "layers.0.mlp.out", "embed.out"):
        assert collect(model, [inputs], site).n == 2 * length


def test_activations_that_are_not_of_the_tokens(build):
    """[batch * tokens, experts]: there are no positions to steer at."""
    model, inputs = build("mixtral")
    v = Vector({"model.layers.1.mlp.gate.out": torch.ones(4)})
    with torch.no_grad(), pytest.raises(GlassbookError, match="has shape"), steer(model, v, where=first()):
        model(**inputs)


def test_layouts_of_known_kinds(build, pictures):
    def known(model, site):
        [place] = places(model, site)
        return layout(model, place)

    assert [known(pictures, site) for site in SITES] == [
        *("channels", "channels", "channels", "channels", "unknown", "unknown", "channels", "unknown")
    ]
    assert known(pictures, "out") == "mixed"
    space = {"vocab_size": 61, "hidden_size": 16, "state_size": 4, "num_hidden_layers": 1}
    mamba = T.MambaForCausalLM(T.MambaConfig(**space))
    assert known(mamba, "backbone.layers.0.out") == "mixed"
    assert known(mamba, "backbone.layers.0.norm.out") == known(mamba, "backbone.norm_f.in") == "rows"  # tried out
    vit, _ = build("vit")
    block = "layers.0"
    for site in (f"{block}.out", f"{block}.mlp.out", f"{block}.mlp.fc1.out", "layernorm.out"):
        assert known(vit, site) == "rows"
    assert known(vit, "embeddings.out") == "mixed"
    unet, _ = build("unet")
    assert known(unet, "attn.out") == "rows"
    assert known(unet, "up.0.out") == "channels"
    convnext = T.ConvNextModel(T.ConvNextConfig(image_size=16, hidden_sizes=[8, 16], depths=[1, 1], num_stages=2))
    assert known(convnext, "embeddings.layernorm.out") == "channels"  # channels first, by its own word
    assert known(convnext, "encoder.stages.0.layers.0.layernorm.out") == "rows"
    assert known(convnext, "encoder.stages.0.layers.0.out") == "mixed"
    for kind in ("ours", "gpt2", "llama"):
        model, _ = build(kind)
        assert known(model, "*.embed*.out" if kind == "llama" else "out") == "rows"
    transformer = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 8, batch_first=True), 2)
    assert known(transformer, "layers.0.dropout1.out") == "rows"


class Weighted(nn.Module):
    """A convolution with weights of its own, and a name that says nothing (as StyleGAN's Conv2dLayer)."""

    def __init__(self, kernel: int, convolve) -> None:
        super().__init__()
        self.weight, self.convolve = nn.Parameter(torch.randn(C, C, *[3] * kernel) * 0.1), convolve

    def forward(self, x):
        return self.convolve(x, self.weight, padding=1)


class Scaled(Weighted):
    """The same with a kernel that is computed from its weights."""

    def forward(self, x):
        return self.convolve(x, self.weight / self.weight.norm(), padding=1)


@pytest.mark.parametrize("kind", [Weighted, Scaled])
def test_a_convolution_is_known_by_its_weights_too(kind):
    torch.manual_seed(0)
    picture = nn.Sequential(kind(2, F.conv2d), nn.ReLU(), nn.Sequential(kind(2, F.conv2d))).eval()
    x = torch.randn(2, C, C, C)
    for site in ("0.in", "0.out", "1.out", "2.out", "2.0.out"):
        with pytest.raises(GlassbookError, match="convolutions"), steer(picture, Vector({site: V})):
            picture(x)
    sound = nn.Sequential(kind(1, F.conv1d), nn.Tanh()).eval()
    for site in ("0.out", "1.out"):
        with pytest.raises(GlassbookError, match="convolutions"), steer(sound, Vector({site: V})):
            sound(torch.randn(2, C, C))


@torch.no_grad()
def test_a_convolution_with_weights_of_its_own_in_a_language_model():
    """A text as long as the model is wide: sizes tell nothing."""
    torch.manual_seed(0)
    model, inputs = Text().eval(), {"input_ids": torch.randint(61, (2, C))}
    for layer in model.layers:
        layer.conv = Weighted(1, F.conv1d)
    with steer(model, Vector({"layers.1.in": V}), where=first()):
        model(**inputs)
    for site in ("layers.0.conv.in", "layers.0.conv.out", "layers.0.act.out"):
        for where in (None, first()):
            with pytest.raises(GlassbookError, match="convolutions"), steer(model, Vector({site: V}), where=where):
                model(**inputs)
        with pytest.raises(GlassbookError, match="convolutions"):
            collect(model, [inputs], site)


@torch.no_grad()
def test_experts_whose_weights_are_one_tensor_are_no_convolution(build):
    model, inputs = build("mixtral")
    assert any(p.dim() == 3 for p in model.parameters())
    for site in ("model.layers.0.out", "model.layers.0.mlp.out", "model.layers.1.mlp.in"):
        with steer(model, Vector({site: torch.ones(model.config.hidden_size)}), where=first()):
            model(**inputs)
