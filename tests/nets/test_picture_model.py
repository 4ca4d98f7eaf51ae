import numpy as np
import pytest
import torch
from torch import nn

from glassbook.errors import GlassbookError
from glassbook.nets import PictureModel
from glassbook.nets.autoencoder import VAE, Autoencoder, PictureConfig
from glassbook.nets.gan import pictures_gan

GREY = PictureConfig(size=16, channels=1, code=5, width=4)


class Flat(nn.Sequential):
    """Two logits of 8 x 8 pixels."""

    def __init__(self, channels: int) -> None:
        super().__init__(nn.Flatten(), nn.Linear(channels * 64, 2))

    def forward(self, pixel_values: torch.Tensor) -> torch.Tensor:
        return super().forward(pixel_values)


def classifier(channels: int = 3, **settings) -> PictureModel:
    torch.manual_seed(0)
    return PictureModel(Flat(channels).eval(), "net", "classify", 8, channels, ("cat", "dog"), **settings)


def pictures(*shape: int) -> torch.Tensor:
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(1))


def test_pixels_are_normalised_channel_by_channel():
    pm = classifier(mean=(0.5, 0.25, 0.0), std=(0.5, 1.0, 2.0))
    images = pictures(2, 3, 8, 8)
    got = pm.batch(images)["pixel_values"]
    for c, (mean, std) in enumerate(zip(pm.mean, pm.std, strict=True)):
        torch.testing.assert_close(got[:, c], (images[:, c] / 255 - mean) / std)


@pytest.mark.parametrize("shape", [(8, 8), (16, 12), (9, 31), (5, 7), (1, 40)])
@pytest.mark.parametrize(("channels", "given"), [(1, 1), (1, 3), (3, 1), (3, 3)])
def test_pictures_of_any_size_and_colour_become_those_that_it_takes(shape, channels, given):
    pixels = classifier(channels).batch(pictures(2, given, *shape))["pixel_values"]
    assert pixels.shape == (2, channels, 8, 8)
    assert 0 <= float(pixels.min()) <= float(pixels.max()) <= 1


def test_the_middle_of_a_wide_picture_is_looked_at():
    image = torch.zeros(1, 3, 8, 24, dtype=torch.uint8)
    image[..., 8:16] = 255
    assert bool((classifier().batch(image)["pixel_values"] == 1).all())


def test_files_are_read_as_their_pixels_are(tmp_path):
    Image = pytest.importorskip("PIL.Image")
    images = pictures(2, 3, 8, 8)
    for i, image in enumerate(images):
        Image.fromarray(image.permute(1, 2, 0).numpy()).save(tmp_path / f"{i}.png")
    pm = classifier()
    got = pm.batch([tmp_path / "0.png", str(tmp_path / "1.png")])
    torch.testing.assert_close(got["pixel_values"], pm.batch(images)["pixel_values"])


@pytest.mark.parametrize(
    "images",
    [
        torch.zeros(1, 3, 8, 8),
        torch.full((1, 3, 8, 8), float("nan")),
        torch.zeros(3, 8, 8, dtype=torch.uint8),
        torch.zeros(1, 4, 8, 8, dtype=torch.uint8),
        torch.zeros(0, 3, 8, 8, dtype=torch.uint8),
        torch.zeros(1, 3, 0, 8, dtype=torch.uint8),
        [],
        ["nowhere.png"],
    ],
)
def test_what_is_no_picture_is_refused_in_one_line(images):
    with pytest.raises(GlassbookError) as refused:
        classifier().batch(images)
    assert "\n" not in str(refused.value)


def test_probabilities_are_the_softmax_of_the_logits():
    pm, images = classifier(), pictures(3, 3, 8, 8)
    with torch.no_grad():
        want = pm.model(**pm.batch(images)).softmax(1)
    torch.testing.assert_close(pm.probabilities(images), want)
    torch.testing.assert_close(want.sum(1), torch.ones(3))


@pytest.mark.parametrize("network", [Autoencoder(GREY), VAE(GREY), VAE(GREY, "normal")])
def test_a_reconstruction_is_the_decoded_code(network):
    pm, images = PictureModel(network.eval(), "net", "autoencode", 16, 1), pictures(2, 1, 16, 16)
    codes = pm.encode(images)
    assert codes.shape == (2, pm.latents) == (2, 5)
    want = (network(**pm.batch(images)).clamp(0, 1) * 255).round().byte()
    assert torch.equal(pm.reconstruct(images), want)
    assert torch.equal(pm.decode(codes), want)


def test_a_gan_makes_bytes_of_noise():
    gan = pictures_gan(size=8, noise=6, width=4).eval()
    pm = PictureModel(gan, "gan", "generate", 8, 1, mean=(0.5,), std=(0.5,))
    codes = torch.randn(3, 6)
    with torch.no_grad():
        want = ((gan.decode(codes) + 1) / 2 * 255).round().byte()
    assert torch.equal(pm.decode(codes), want)
    assert pm.model(**pm.example()).shape == (1, 1, 8, 8)


@pytest.mark.parametrize(
    ("pm", "call"),
    [
        (classifier(), lambda pm: pm.encode(pictures(1, 3, 8, 8))),
        (classifier(), lambda pm: pm.decode(torch.zeros(1, 5))),
        (PictureModel(VAE(GREY), "vae", "autoencode", 16, 1), lambda pm: pm.probabilities(pictures(1, 1, 16, 16))),
        (PictureModel(VAE(GREY), "vae", "autoencode", 16, 1), lambda pm: pm.decode(torch.zeros(1, 4))),
        (PictureModel(VAE(GREY), "vae", "autoencode", 16, 1), lambda pm: pm.decode(torch.full((1, 5), np.nan))),
        (PictureModel(pictures_gan(8), "gan", "generate", 8, 1), lambda pm: pm.batch(pictures(1, 1, 8, 8))),
    ],
)
def test_what_a_model_cannot_do_is_told_in_one_line(pm, call):
    with pytest.raises(GlassbookError, match=r"^[^\n]*$"):
        call(pm)


@pytest.mark.parametrize(
    "settings",
    [
        {"size": 0},
        {"size": 10**6},
        {"channels": 2},
        {"mean": (0.5,)},
        {"std": (1.0, 0.0, 1.0)},
        {"classes": ()},
    ],
)
def test_sizes_that_no_picture_has_are_refused(settings):
    with pytest.raises(GlassbookError, match="net"):
        PictureModel(**{**vars(classifier()), **settings})


def test_half_precision_reads_half():
    pm = classifier()
    pm.model.half()
    assert pm.batch(pictures(1, 3, 8, 8))["pixel_values"].dtype == torch.float16
