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
from glassbook.trace import ActivationStream, collect, record, trace
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


PROVED = ["enter.out", "block.in", "block.out", "block.1.out", "block.2.out", "pool.in"]


def changes(site):
    """A vector, an ablation, a clamp, and what each does to a row of features."""
    d = Dictionary(C, 16, ReLU())
    unit = V / V.norm()

    def clamped(x):
        return x + (1.0 - d.encode(x)[..., 3:4]) * d.direction(3)

    return [
        (Vector({site: V}), lambda x: x + V),
        (Ablate(Vector({site: V})), lambda x: x - (x @ unit)[..., None] * unit),
        (Clamp(d, {3: 1.0}, site), clamped),
    ]


@pytest.mark.parametrize("site", PROVED)
@torch.no_grad()
def test_a_feature_map_as_wide_as_it_has_channels_is_steered_along_its_channels(pictures, site):
    with trace(pictures, read=site) as t:
        pictures(**PICTURE)
    assert t[site].shape == (2, C, C, C)
    for v, changed in changes(site):
        with steer(pictures, v), trace(pictures, read=site) as steered:
            pictures(**PICTURE)
        want = changed(t[site].permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        torch.testing.assert_close(steered[site], want)


@pytest.mark.parametrize("site", [site for site in SITES if site not in PROVED])
def test_what_is_not_proved_to_be_a_feature_map_is_refused(pictures, site):
    for v, _ in changes(site):
        with pytest.raises(GlassbookError, match="convolutions") as problem, steer(pictures, v):
            pictures(**PICTURE)
        assert "\n" not in str(problem.value)
    with pytest.raises(GlassbookError, match=r"\[batch, tokens, d\]"):
        collect(pictures, [PICTURE], site)


@pytest.mark.parametrize("site", PROVED)
@torch.no_grad()
def test_the_rows_of_a_feature_map_are_its_pixels(pictures, site, tmp_path):
    images = torch.randn(3, 3, C, 6)  # wider than high would do as well
    batches = [{"pixel_values": images[:2]}, {"pixel_values": images[2:]}]
    with trace(pictures, read=site) as t:
        pictures(pixel_values=images)
    for kept in (collect(pictures, batches, site), record(pictures, batches, site, tmp_path / "kept")):
        assert kept.grid == tuple(kept.header["grid"]) == (C, 6)
        sequence, position = kept.index()
        at = t[site][sequence, :, position // 6, position % 6]
        torch.testing.assert_close(kept.read(site), at)
        assert torch.equal(torch.stack([sequence, position]), torch.cartesian_prod(torch.arange(3), torch.arange(48)).T)
        assert bool((kept.tokens() == -1).all())


def test_pictures_of_two_sizes_are_not_one_recording(pictures):
    batches = [{"pixel_values": torch.randn(1, 3, C, width)} for width in (C, 6)]
    with pytest.raises(GlassbookError, match="8 x 8 pixels, then of 8 x 6"):
        collect(pictures, batches, "block.out")


@torch.no_grad()
def test_a_clamp_that_changes_no_code_changes_no_bit(pictures):
    d = Dictionary(C, 16, ReLU())
    torch.nn.init.constant_(d.b_enc, -100.0)  # no feature is active
    with trace(pictures, read="block.out") as plain:
        want = pictures(**PICTURE)
    with steer(pictures, Clamp(d, {3: 0.0, 5: 0.0}, "block.out")), trace(pictures, read="block.out") as clamped:
        assert torch.equal(pictures(**PICTURE), want)
    assert torch.equal(clamped["block.out"], plain["block.out"])


def test_a_vector_of_another_width_than_the_channels_is_refused():
    model = nn.Sequential(nn.Conv2d(3, 5, 3, padding=1), nn.ReLU()).eval()
    with (
        pytest.raises(GlassbookError, match="8 dimensions, the activations have 5"),
        steer(model, Vector({"0.out": V})),
    ):
        model(torch.randn(1, 3, C, C))


def test_a_feature_map_streams_as_rows_of_pixels(pictures):
    stream = ActivationStream(pictures, lambda n: PICTURE, "block.out", batch=16, pool=128)
    assert stream.header["grid"] == [C, C]
    assert stream(0).shape == (16, C)


class Heads(nn.Module):
    """Attention over the pixels of a picture, with as many heads as anything else."""

    def __init__(self) -> None:
        super().__init__()
        self.qk, self.pattern, self.values, self.o = nn.Linear(C, 2 * C), nn.Identity(), nn.Identity(), nn.Linear(C, C)

    def forward(self, patches):
        q, k = self.qk(patches).unflatten(-1, (2, C, 1)).unbind(2)
        pattern = self.pattern((q.transpose(1, 2) @ k.permute(0, 2, 3, 1)).softmax(-1))
        v = self.values(patches.unflatten(-1, (C, 1)).transpose(1, 2))
        return self.o((pattern @ v).transpose(1, 2).flatten(2))


@pytest.mark.parametrize(("site", "what"), [("pattern.out", "attention patterns"), ("values.in", "values of heads")])
def test_attention_patterns_are_refused_by_name(site, what):
    model, inputs = Heads().eval(), {"patches": torch.randn(2, C, C)}
    d = 1 if site == "values.in" else C
    with pytest.raises(GlassbookError, match=what):
        collect(model, [inputs], site)
    with pytest.raises(GlassbookError, match=what), steer(model, Vector({site: torch.ones(d)})):
        model(**inputs)


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
        *("channels", "channels", "channels", "channels", "channels", "unknown", "channels", "unknown")
    ]
    assert known(pictures, "out") == "mixed"
    space = {"vocab_size": 61, "hidden_size": 16, "state_size": 4, "num_hidden_layers": 1}
    mamba = T.MambaForCausalLM(T.MambaConfig(**space))
    assert known(mamba, "backbone.layers.0.out") == "mixed"
    assert known(mamba, "backbone.layers.0.norm.out") == known(mamba, "backbone.norm_f.in") == "rows"  # tried out
    vit, _ = build("vit")
    block = "layers.0"
    for site in (f"{block}.mlp.fc1.out", "layernorm.out"):
        assert known(vit, site) == "rows"
    for site in (f"{block}.out", f"{block}.mlp.out"):
        assert known(vit, site) == "tokens"
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
        assert known(model, "*.embed*.out" if kind == "llama" else "out") == ("rows" if kind == "llama" else "tokens")
    transformer = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 8, batch_first=True), 2)
    assert known(transformer, "layers.0.dropout1.out") == "tokens"


def test_what_stands_beside_a_part_of_a_sequence_tells_its_axes():
    model = nn.Sequential(
        nn.Linear(4, 32), nn.ReLU(), nn.Unflatten(1, (8, 2, 2)), nn.Identity(), nn.ConvTranspose2d(8, 3, 2), nn.Tanh(),
        nn.Flatten(), nn.Linear(27, 2), nn.Sequential(nn.ReLU()),
    )  # fmt: skip
    want = {
        "1.out": "rows",
        "2.in": "rows",
        "2.out": "channels",
        "3.in": "channels",
        "5.out": "channels",
        "6.in": "channels",
        "6.out": "rows",
        "8.0.out": "unknown",  # nothing in its own sequence tells
    }
    assert {place.name: layout(model, place) for place in places(model, want)} == want


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
