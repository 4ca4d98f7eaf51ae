import math
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from glassbook.nets.autoencoder import VAE, PictureConfig
from glassbook.train import next_token
from glassbook.train.objectives import denoising, negative_elbo


class Fixed(nn.Module):
    """Always says the same logits."""

    def __init__(self, logits):
        super().__init__()
        self.logits = logits

    def forward(self, input_ids, attention_mask=None):
        return SimpleNamespace(logits=self.logits)


def test_uniform_logits_cost_the_log_of_the_vocabulary():
    loss, metrics = next_token()(Fixed(torch.zeros(2, 5, 7)), {"input_ids": torch.randint(7, (2, 5))})
    assert loss.item() == pytest.approx(math.log(7))
    assert metrics["weight"].item() == 8


def test_the_target_is_the_next_token_and_the_last_logits_are_not_used():
    ids = torch.tensor([[0, 2, 1]])
    logits = torch.full((1, 3, 4), -50.0)
    logits[0, 0, 2] = logits[0, 1, 1] = 50.0
    logits[0, 2, 3] = 1000.0
    loss, metrics = next_token(accuracy=True)(Fixed(logits), {"input_ids": ids})
    assert loss.item() == pytest.approx(0.0, abs=1e-6)
    assert metrics["accuracy"].item() == 1.0


def test_only_the_tokens_of_the_loss_mask_count():
    ids = torch.tensor([[0, 1, 1, 1]])
    logits = torch.zeros(1, 4, 2)
    logits[0, 2] = torch.tensor([0.0, 50.0])  # predicts position 3 surely
    mask = torch.tensor([[1, 0, 0, 1]])
    loss, metrics = next_token()(Fixed(logits), {"input_ids": ids, "loss_mask": mask})
    assert loss.item() == pytest.approx(0.0, abs=1e-6)
    assert metrics["weight"].item() == 1


@pytest.mark.parametrize("real", [[0, 0, 1, 1, 1], [1, 1, 1, 0, 0]])
def test_pads_neither_predict_nor_are_predicted(real):
    ids, real = torch.zeros(1, 5, dtype=torch.long), torch.tensor([real])
    _, metrics = next_token()(Fixed(torch.zeros(1, 5, 2)), {"input_ids": ids, "attention_mask": real})
    assert metrics["weight"].item() == 2


def test_nothing_to_predict_is_zero_and_not_nan():
    batch = {"input_ids": torch.zeros(1, 3, dtype=torch.long), "loss_mask": torch.zeros(1, 3)}
    loss, metrics = next_token(accuracy=True)(Fixed(torch.zeros(1, 3, 2)), batch)
    assert (loss.item(), metrics["weight"].item(), metrics["accuracy"].item()) == (0.0, 0.0, 0.0)


def test_denoising_compares_with_the_clean_picture():
    batch = {"pixel_values": torch.ones(2, 1, 2, 2), "corrupted": torch.zeros(2, 1, 2, 2)}
    loss, _ = denoising()(nn.Identity(), batch)
    assert float(loss) == 1
    loss, _ = denoising()(nn.Identity(), batch | {"corrupted": torch.ones(2, 1, 2, 2)})
    assert float(loss) == 0


def test_the_negative_elbo_is_the_sum_of_its_parts_and_weighs_the_divergence():
    torch.manual_seed(0)
    vae = VAE(PictureConfig(size=4, channels=1, code=3, kind="mlp", width=8))
    batch = {"pixel_values": torch.rand(5, 1, 4, 4).round(), "noise": torch.randn(5, 3)}
    for beta in (0.0, 1.0, 4.0):
        loss, parts = negative_elbo(beta)(vae, batch)
        assert loss.item() == pytest.approx(float(parts["reconstruction"] + beta * parts["kl"]), rel=1e-5)
        warming, _ = negative_elbo(beta)(vae, {**batch, "warmth": torch.tensor(0.25)})
        assert warming.item() == pytest.approx(float(parts["reconstruction"] + beta / 4 * parts["kl"]), rel=1e-5)
