"""MNIST for these experiments, and the convolutional network that reads made digits."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from glassbook.data.pictures import mnist
from glassbook.experiments import kit
from glassbook.notebook import Run


class Digits(NamedTuple):
    """Pictures [N, 1, 28, 28] with values from 0 to 1, and which digit each is, [N]."""

    images: Tensor
    labels: Tensor


def digits(part: str, most: int | None = None) -> Digits:
    """MNIST's "train" or "test" part, or its first pictures."""
    found = mnist(part)
    return Digits(found.images[:most].float() / 255, found.labels[:most])


def drawn(run: Run, of: Digits, n: int) -> Digits:
    """n of the digits; a seed's own, because writers of the first ones are neater than those of the last."""
    rows = torch.randperm(len(of.images), generator=run.rng("which digits").torch())[:n]
    return Digits(of.images[rows], of.labels[rows])


class Reader(nn.Module):
    """Classifier of digits [B, 1, 28, 28] in two convolutions; `features` [B, 64] are what its last layer reads."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(),
            nn.MaxPool2d(2), nn.Flatten(), nn.Linear(32 * 7 * 7, 64), nn.ReLU(),
        )  # fmt: skip
        self.head = nn.Linear(64, 10)

    def forward(self, pixel_values: Tensor) -> Tensor:
        """Logits [B, 10]."""
        return self.head(self.features(pixel_values))

    @torch.no_grad()
    def read(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """(features [N, 64], probabilities [N, 10]) of pictures with values from 0 to 1."""
        features = torch.cat([self.features(part) for part in pictures.split(1000)])
        return features, self.head(features).softmax(1)


def reader(run: Run, train: Digits, steps: int) -> Reader:
    """The reader, trained on MNIST as it is."""
    return kit.fit_classifier(
        run, "reader", Reader, train.images, train.labels, batch_size=128, steps=steps, lr=2e-3,
        seed=run.rng("reader").seed,
    )  # fmt: skip


def accuracy(model: Reader, test: Digits) -> float:
    """Share of the digits that it reads right."""
    return float((model.read(test.images)[1].argmax(1) == test.labels).double().mean())
