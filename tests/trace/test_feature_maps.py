"""Every site of our picture networks: what has axes of a picture is rows of pixels, what has not is rows of codes."""

import pytest
import torch

from glassbook.nets import PictureModel
from glassbook.nets.autoencoder import VAE, Autoencoder, PictureConfig
from glassbook.nets.conv import resnet_cifar
from glassbook.nets.efficientnet import EfficientNetLite
from glassbook.nets.gan import pictures_gan
from glassbook.steer import Vector, steer
from glassbook.trace import collect, sites, trace

WHOLE = ("in", "out")
"""The sites of the network itself, in which there are convolutions and more."""
CONV = PictureConfig(size=16, channels=3, code=5, width=4)
MODELS = {
    "vae": lambda: PictureModel(VAE(CONV), "vae", "autoencode", 16, 3),
    "autoencoder": lambda: PictureModel(Autoencoder(CONV), "ae", "autoencode", 16, 3),
    "resnet": lambda: PictureModel(resnet_cifar(8), "resnet", "classify", 16, 3, tuple("abcdefghij")),
    "efficientnet": lambda: PictureModel(EfficientNetLite(2), "net", "classify", 32, 3, ("a", "b")),
    "gan": lambda: PictureModel(pictures_gan(8, 1, 6, 4), "gan", "generate", 8, 1),
}


@pytest.mark.parametrize("kind", MODELS)
@torch.no_grad()
def test_every_site_gives_rows(kind):
    torch.manual_seed(0)
    pm = MODELS[kind]()
    pm.model.eval()
    batch = pm.example()
    found = [s for s in sites(pm.model, **batch) if s.name not in WHOLE]
    assert any(len(site.shape) == 4 for site in found)
    for site in found:
        with torch.random.fork_rng(), trace(pm.model, read=site.name) as t:
            pm.model(**batch)
        with torch.random.fork_rng():
            acts = collect(pm.model, [batch], site.name)
        x = t[site.name]
        want = x.permute(0, 2, 3, 1).flatten(0, 2) if x.dim() == 4 else x
        assert torch.equal(acts.read(site.name), want)
        assert acts.grid == (tuple(x.shape[2:]) if x.dim() == 4 else ())


@pytest.mark.parametrize("site", ["code.out", "encoder.0.out", "decoder.5.out"])
@torch.no_grad()
def test_a_conv_vae_is_steered(site):
    torch.manual_seed(0)
    pm = MODELS["vae"]()
    images = torch.randint(256, (2, 3, 16, 16), dtype=torch.uint8)
    with trace(pm.model, read=site) as t:
        pm.model(**pm.batch(images))
    v = torch.randn(t[site].shape[1])
    with steer(pm.model, Vector({site: v})), trace(pm.model, read=site) as steered:
        pm.model(**pm.batch(images))
    torch.testing.assert_close(steered[site], t[site] + v.reshape(-1, *[1] * (t[site].dim() - 2)))
