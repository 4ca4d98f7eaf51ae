"""The ResNets of CIFAR-10 by name, and what the tools of language models do on them."""

import os
from pathlib import Path

import pytest
import torch
from torch.nn.functional import cross_entropy

from glassbook.data.pictures import CIFAR_CLASSES, cifar10, imagenet_classes
from glassbook.data.registry import MODELS
from glassbook.errors import GlassbookError
from glassbook.features import Dictionary, ReLU, TopK, evaluate, fit
from glassbook.nets import open_language_model, open_model, save_model
from glassbook.steer import Clamp, Vector, steer
from glassbook.trace import collect, record, sites, trace

DATA = os.environ.get("GLASSBOOK_DATA")
real = pytest.mark.skipif(
    not DATA or not Path(DATA, "resnet-cifar10").is_dir(), reason="GLASSBOOK_DATA has no resnet-cifar10"
)


@pytest.fixture(scope="module")
def resnet20():
    return open_model("resnet20-cifar10")


@pytest.fixture(scope="module")
def photographs():
    pytest.importorskip("PIL")
    return cifar10("test")


@real
def test_resnet20_is_as_right_as_published(resnet20, photographs):
    """91.7 % on all 10,000 test pictures in the repository's table; on these 1,000 its standard error is .9."""
    right = (resnet20.probabilities(photographs.images).argmax(1) == photographs.labels).float().mean()
    assert resnet20.classes == photographs.classes == CIFAR_CLASSES
    assert float(right) == pytest.approx(0.917, abs=0.01)


@real
def test_all_of_them_open_by_name_and_are_kept_as_folders(tmp_path):
    images = torch.randint(256, (2, 3, 32, 32), dtype=torch.uint8)
    for name, published in MODELS.items():
        pm = open_model(name)
        assert pm.model.depth == published.depth
        save_model(pm, tmp_path / name)
        again = open_model(tmp_path / name)
        assert torch.equal(again.probabilities(images), pm.probabilities(images))
        assert (again.classes, again.mean, again.std) == (pm.classes, pm.mean, pm.std)


@real
def test_they_are_no_language_models():
    with pytest.raises(GlassbookError, match="is a picture model; `glassbook look"):
        open_language_model("resnet20-cifar10")


def test_without_the_data_one_line_says_where_it_belongs(monkeypatch, tmp_path):
    monkeypatch.setenv("GLASSBOOK_DATA", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(GlassbookError, match=r"^[^\n]*put resnet20-12fca82f\.th into \$GLASSBOOK_DATA/resnet-cifar10/"):
        open_model("resnet20-cifar10")


def test_the_classes_of_imagenet_are_a_thousand_names():
    names = imagenet_classes()
    assert len(names) == len(set(names)) == 1000
    assert (names[0], names[281], names[999]) == ("tench", "tabby", "toilet tissue")


@pytest.mark.skipif(not DATA or not Path(DATA, "coral").is_dir(), reason="GLASSBOOK_DATA has no coral")
def test_they_are_in_the_order_of_others():
    others = Path(str(DATA), "coral", "imagenet_labels.txt").read_text().splitlines()[1:]  # behind "background"
    first = [name.partition(",")[0].partition(" (")[0] for name in imagenet_classes()]
    assert first == [name.partition(",")[0] for name in others]


@real
@torch.no_grad()
def test_every_feature_map_of_resnet20_is_rows_of_pixels(resnet20, photographs):
    batch = resnet20.batch(photographs.images[:2])
    maps = [site.name for site in sites(resnet20.model, **batch) if len(site.shape) == 4][1:]  # behind "in"
    assert len(maps) > 80
    for site in maps:
        with trace(resnet20.model, read=site) as t:
            resnet20.model(**batch)
        acts = collect(resnet20.model, [batch], site)
        assert acts.grid == tuple(t[site].shape[2:])
        assert torch.equal(acts.read(site), t[site].permute(0, 2, 3, 1).flatten(0, 2))


SITE = "blocks.6.out"
"""[B, 64, 8, 8]."""


@real
def test_a_dictionary_of_resnet20(resnet20, photographs, tmp_path):
    """Recorded, trained, scored by the loss of the classes, steered and clamped, as of a language model."""
    batches = [resnet20.batch(part) for part in photographs.images[:200].split(50)]
    recording = record(resnet20.model, batches, SITE, tmp_path / "recording")
    assert (recording.grid, recording.n, recording.dim(SITE)) == ((8, 8), 200 * 64, 64)
    d = Dictionary(64, 256, TopK(16))
    fit(d, (recording, SITE), steps=150, batch=512, lr=2e-3)
    labelled = [{**b, "labels": y} for b, y in zip(batches, photographs.labels[:200].split(50), strict=True)]
    scores = evaluate(d, (recording, SITE), model=resnet20.model, site=SITE, batches=labelled)
    with torch.no_grad():
        loss = cross_entropy(resnet20.model(**resnet20.batch(photographs.images[:200])), photographs.labels[:200])
    assert scores.ce_clean == pytest.approx(float(loss), rel=1e-4)
    assert scores.explained_variance > 0.6
    assert scores.ce_recovered > 0.5
    assert scores.ce_mean_ablation > scores.ce_dictionary
    with pytest.raises(GlassbookError, match="need its labels"):
        evaluate(d, (recording, SITE), model=resnet20.model, site=SITE, batches=batches)


@real
@torch.no_grad()
def test_steering_along_the_readout_of_a_class_raises_it(resnet20, photographs):
    images = photographs.images[photographs.labels == 0][:20]  # aeroplanes
    plain = resnet20.probabilities(images)[:, 8].mean()
    ship = resnet20.model.head.weight[8] - resnet20.model.head.weight.mean(0)
    with steer(resnet20.model, Vector({"blocks.8.out": ship}), coeff=2.0):
        assert resnet20.probabilities(images)[:, 8].mean() > plain + 0.3


@real
@torch.no_grad()
def test_a_clamp_of_unchanged_codes_changes_no_bit(resnet20, photographs):
    d = Dictionary(64, 128, ReLU())
    torch.nn.init.constant_(d.b_enc, -1e4)
    want = resnet20.probabilities(photographs.images[:8])
    with steer(resnet20.model, Clamp(d, {3: 0.0}, SITE)):
        assert torch.equal(resnet20.probabilities(photographs.images[:8]), want)
    with steer(resnet20.model, Clamp(d, {3: 30.0}, SITE)):
        assert not torch.equal(resnet20.probabilities(photographs.images[:8]), want)
