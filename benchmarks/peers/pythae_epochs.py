"""A VAE of digits trained by pythae. Started by benchmarks/latent.py with the Python of pythae's environment.

    python pythae_epochs.py DIGITS.npy EPOCHS THREADS

DIGITS.npy holds [N + 10,000, 1, 28, 28] float32 from 0 to 1, the test digits last. Prints one JSON object: seconds of
each epoch, and the ELBO of the test digits.
"""

import json
import sys
import tempfile
import time

import numpy as np
import torch
from pythae.data.datasets import BaseDataset
from pythae.models import VAE, VAEConfig
from pythae.models.base.base_utils import ModelOutput
from pythae.models.nn import BaseDecoder, BaseEncoder
from pythae.trainers import BaseTrainer, BaseTrainerConfig
from pythae.trainers.training_callbacks import TrainingCallback
from torch import nn

digits = torch.from_numpy(np.load(sys.argv[1]))
epochs, threads = int(sys.argv[2]), int(sys.argv[3])
torch.set_num_threads(threads)
torch.manual_seed(0)


class Encoder(BaseEncoder):
    def __init__(self):
        super().__init__()
        self.hidden = nn.Sequential(nn.Flatten(), nn.Linear(784, 400), nn.ReLU())
        self.mean, self.log_variance = nn.Linear(400, 20), nn.Linear(400, 20)

    def forward(self, x):
        h = self.hidden(x)
        return ModelOutput(embedding=self.mean(h), log_covariance=self.log_variance(h))


class Decoder(BaseDecoder):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(20, 400), nn.ReLU(), nn.Linear(400, 784), nn.Sigmoid())

    def forward(self, z):
        return ModelOutput(reconstruction=self.layers(z).reshape(-1, 1, 28, 28))


class Times(TrainingCallback):
    def __init__(self):
        self.seconds = []

    def on_epoch_begin(self, training_config, **kwargs):
        self.start = time.perf_counter()

    def on_epoch_end(self, training_config, **kwargs):
        self.seconds.append(time.perf_counter() - self.start)


config = VAEConfig(input_dim=(1, 28, 28), latent_dim=20, reconstruction_loss="bce")
model = VAE(config, encoder=Encoder(), decoder=Decoder())
times = Times()
train = digits[:-10_000]
with tempfile.TemporaryDirectory() as folder:
    how = BaseTrainerConfig(
        output_dir=folder, num_epochs=epochs, learning_rate=1e-3, per_device_train_batch_size=128, no_cuda=True
    )
    dataset = BaseDataset(train, torch.zeros(len(train)))
    BaseTrainer(model=model, train_dataset=dataset, training_config=how, callbacks=[times]).train()
torch.manual_seed(1)
with torch.no_grad():
    loss = model.eval()({"data": digits[-10_000:]}).loss
print(json.dumps({"seconds": times.seconds, "elbo": -float(loss)}))
