"""Denoising autoencoder: does it remove noise better than filters, and does what it removes point uphill?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from glassbook import charts
from glassbook.experiments import kit
from glassbook.experiments.base import Outputs, Sabotage, experiment
from glassbook.notebook import Claim, Run

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor, nn

    from glassbook.nets.autoencoder import Autoencoder

VINCENT = "Vincent 2011, doi:10.1162/NECO_a_00142"
M = TypeVar("M", bound="nn.Module")


@experiment(
    terms=["Denoising auto-encoder"],
    source=f"Vincent et al. 2008; {VINCENT}",
    data=["mnist"],
    minutes=5,
)
@dataclass(frozen=True, kw_only=True)
class DenoisingAutoencoder:
    """Does a network that learns to remove noise beat the best filters, and does noise make its code better?"""

    sigma: float = 0.5
    """Standard deviation of the noise on digits, whose values lie from 0 to 1."""
    frames_sigma: float = 0.15
    """Standard deviation of the noise on frames of the Reserve."""
    width: int = 6
    """Channels of the denoiser of digits at the full size; there are 4 and 8 times as many at smaller sizes."""
    frame_width: int = 16
    """The same of the denoiser of frames; there are 2 and 4 times as many at smaller sizes."""
    mixing: int = 512
    """Units of its layer that sees a whole digit."""
    steps: int = 2500
    """Optimiser steps on digits."""
    batch_size: int = 64
    """Pictures in a step."""
    lr: float = 2e-3
    """Peak learning rate."""
    frames: int = 12_000
    """Frames of the Reserve to learn from, of 32 x 32 pixels."""
    frame_steps: int = 1600
    """Optimiser steps on frames."""
    code: int = 400
    """Units of the hidden layer and dimensions of the code of the autoencoders whose codes are compared."""
    code_steps: int = 1600
    """Optimiser steps of each of them."""
    labels: int = 100
    """Labelled digits that a probe of the code learns from."""
    draws: int = 20
    """Draws of them."""
    point_steps: int = 6000
    """Optimiser steps of the model of points in the plane."""
    test: int = 5_000
    """Test digits, and as many more to choose filters by; of frames half as many each."""

    sabotage: Literal["none", "other-targets", "no-noise"] = "none"
    """What is broken on purpose."""

    claims = (
        Claim("beats-filters", "On digits it removes noise better than the best of blur, components and linear filter",
              "gain_over_filters_db", ">=", 3, control="mean_image_gain_db <= -3", sabotages=("other-targets",)),
        Claim("beats-filters-on-frames", "On frames of unseen stations it removes noise better than the best filter",
              "frames_gain_over_filters_db", ">=", 1.5, control="frames_mean_image_gain_db <= -3",
              sabotages=("other-targets",)),
        Claim("noise-makes-codes",
              "A probe of few labels reads its code better than that of a plain autoencoder, by two in a hundred",
              "probe_gain", ">=", 0.02, control="shuffled_probe <= 0.15", sabotages=("no-noise",)),
        Claim("residual-is-score",
              "What it adds to a noisy point is the variance of the noise times the gradient of the log density of "
              "noisy points, for little and for much noise", "worst_score_error", "<=", 0.1,
              control="best_rival_error >= 0.2", source=VINCENT, sabotages=("other-targets",)),
    )  # fmt: skip
    sabotages = (
        Sabotage("other-targets", "It learns to rebuild another picture (or point) of the batch",
                 {"sabotage": "other-targets", "steps": 400, "frame_steps": 300, "code_steps": 1}),
        Sabotage("no-noise", "No noise is added to the digits that codes are learnt from",
                 {"sabotage": "no-noise", "steps": 1, "frame_steps": 1, "point_steps": 1}),
    )  # fmt: skip
    outputs = Outputs(charts=("gain", "field"), tables=("gain",), images=("digits", "frames"))

    @classmethod
    def quick(cls) -> DenoisingAutoencoder:
        """Small models and few pictures."""
        few: dict[str, Any] = {"steps": 20, "frame_steps": 10, "code_steps": 20, "point_steps": 20}
        return cls(width=2, frame_width=2, mixing=8, code=4, frames=300, test=200, draws=2, **few)

    def run(self, run: Run) -> None:
        """Digits, then frames, then points in the plane."""
        from glassbook.experiments.latent import _points as plane
        from glassbook.experiments.latent._digits import digits
        from glassbook.experiments.latent._probes import probes

        train, test = digits("train"), digits("test", 2 * self.test)
        found = self._against_filters(run, "digits", train.images, test.images)
        seen, unseen = (self._frames(run, part) for part in ("train", "test"))
        on_frames = self._against_filters(run, "frames", seen, unseen)
        rows = [
            {"pictures": pictures, "method": method, "PSNR, dB": value}
            for pictures, gains in (("digits", found), ("frames", on_frames))
            for method, value in gains.items()
        ]
        run.table("gain", rows)
        run.chart("gain", charts.bars(rows, charts.Axis("PSNR, dB"), "pictures", "method", format=".1f"))
        best, best_frames = (max(gains[f] for f in ("blur", "components", "linear")) for gains in (found, on_frames))
        run.result(
            denoised_db=found["denoiser"], gain_over_filters_db=found["denoiser"] - best,
            mean_image_gain_db=found["mean image"] - best,
            frames_gain_over_filters_db=on_frames["denoiser"] - best_frames,
            frames_mean_image_gain_db=on_frames["mean image"] - best_frames,
            **probes(run, *self._codes(run, train.images), train, test, self.labels, self.draws), 
            **plane.scores(run, self.point_steps, self.sabotage == "other-targets"),
        )  # fmt: skip

    def _trained(self, run: Run, label: str, images: Tensor, make: Callable[[], M], steps: int, sigma: float) -> M:
        """A network that is trained to give clean pictures from those with noise."""
        from glassbook.data.corruption import Gaussian
        from glassbook.data.pictures import shuffled
        from glassbook.train.objectives import denoising

        rows, noise = shuffled(len(images), self.batch_size, run.rng(f"order of {label}").seed), run.rng(label)

        def batch(step: int) -> dict[str, Tensor]:
            clean = images[rows(step)]
            target = clean.roll(1, 0) if self.sabotage == "other-targets" else clean
            return {"pixel_values": target, "corrupted": Gaussian(sigma)(clean, noise.child(str(step)).torch())}

        return kit.train_model(
            run, label, make, denoising(), batch, steps=steps, lr=self.lr, seed=run.rng("weights").seed
        )

    def _codes(self, run: Run, images: Tensor) -> tuple[Autoencoder, Autoencoder]:
        """An autoencoder that removed noise, and the same one that copied."""
        from glassbook.nets.autoencoder import Autoencoder, PictureConfig

        config = PictureConfig(size=images.shape[-1], channels=1, code=self.code, kind="mlp", width=self.code)
        sigma = 0.0 if self.sabotage == "no-noise" else self.sigma
        first, second = (
            self._trained(run, name, images, lambda: Autoencoder(config), self.code_steps, noise)
            for name, noise in (("code of noisy digits", sigma), ("code of digits", 0.0))
        )
        return first, second

    def _against_filters(
        self, run: Run, label: Literal["digits", "frames"], train: Tensor, test: Tensor
    ) -> dict[str, float]:
        """PSNR in dB of the second half of the test pictures, without noise removed and by each method."""
        import torch

        from glassbook.data.corruption import Gaussian
        from glassbook.experiments.latent._filters import filtered
        from glassbook.measure.reconstruction import psnr
        from glassbook.nets.denoiser import Denoiser, DenoiserConfig

        # Noise of digits hides what only the whole of one tells; frames have little noise and fine detail.
        w, more, mixing, steps, sigma = (
            (self.width, (1, 4, 8), self.mixing, self.steps, self.sigma)
            if label == "digits"
            else (self.frame_width, (1, 2, 4), 0, self.frame_steps, self.frames_sigma)
        )
        variance, widths = float(train.var()), tuple(w * times for times in more)
        config = DenoiserConfig(
            size=train.shape[-1], channels=train.shape[1], widths=widths, mixing=mixing,
            kept=variance / (variance + sigma**2),
        )  # fmt: skip
        model = self._trained(run, label, train, lambda: Denoiser(config), steps, sigma)
        noisy = Gaussian(sigma)(test, run.rng(f"test noise of {label}").torch())
        half = len(test) // 2
        clean, dev = test[half:], (test[:half], noisy[:half])
        with torch.no_grad():
            ours = torch.cat([model(part) for part in noisy[half:].split(500)])
        methods = {"noisy": noisy[half:], "mean image": train.mean(0).expand_as(clean)}
        methods |= {**filtered(train[:20_000], dev, noisy[half:], sigma), "denoiser": ours}
        shown = [methods["noisy"][:12], methods["linear"][:12], ours[:12], clean[:12]]
        run.image(label, charts.sheet(torch.cat(shown), columns=12))
        return {method: psnr(clean, pictures) for method, pictures in methods.items()}

    def _frames(self, run: Run, part: str) -> Tensor:
        """Frames [N, 3, 32, 32] of stations to learn from ("train") or of others ("test"), values from 0 to 1."""
        from itertools import islice

        from glassbook.data.world import World
        from glassbook.data.world.frames import draw, split, triggers

        world, rng = World(), run.rng(f"frames, {part}")
        n = self.frames if part == "train" else self.test
        seed = rng.seed if part == "train" else -1 - rng.seed
        scenes = [t.scene(1) for t in islice(triggers(world, seed, split(world)[part]), n)]
        return draw(scenes, 32, rng.torch()).images.float() / 255
