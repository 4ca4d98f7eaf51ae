"""Denoising autoencoder: does it remove noise better than filters, and does what it removes point uphill?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from glassbook import charts
from glassbook.experiments import kit
from glassbook.experiments.base import Outputs, Sabotage, at_least, experiment
from glassbook.notebook import Claim, Run

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

VINCENT = "Vincent 2011, doi:10.1162/NECO_a_00142"


@experiment(
    terms=["Denoising auto-encoder"],
    source=f"Vincent et al. 2008; {VINCENT}",
    data=["mnist"],
    minutes=4,
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
    frame_width: int = 32
    """Channels of the denoiser of frames, at the full size and at half of it."""
    mixing: int = 512
    """Units of its layer that sees a whole digit."""
    steps: int = 3000
    """Optimiser steps on digits."""
    batch_size: int = 32
    """Digits in a step."""
    lr: float = 4e-3
    """Peak learning rate of what removes noise."""
    frames: int = 12_000
    """Frames of the Reserve to learn from, of 32 x 32 pixels."""
    frame_steps: int = 4200
    """Optimiser steps on frames."""
    frame_batch: int = 16
    """Frames in a step."""
    code: int = 400
    """Units of the hidden layer and dimensions of the code of the autoencoders whose codes are compared."""
    narrow_code: int = 40
    """Dimensions of the code of a third one, which copies, and principal components beside them."""
    code_steps: int = 1600
    """Optimiser steps of each of them."""
    code_batch: int = 64
    """Digits in each of these."""
    code_lr: float = 2e-3
    """Peak learning rate of them."""
    labels: int = 100
    """Labelled digits that a probe of the code learns from."""
    draws: int = 12
    """Draws of them."""
    point_steps: int = 2000
    """Optimiser steps of the model of points in the plane."""
    dev: int = 400
    """Digits that settings of filters and probes are chosen by; of frames half as many, of stations of their own."""
    test: int = 3_000
    """Digits to judge by; of frames half as many."""

    sabotage: Literal["none", "other-targets", "no-noise"] = "none"
    """What is broken on purpose."""

    claims = (
        Claim("beats-filters",
              "On digits a U-Net's answers are at least 3 dB nearer to the clean ones than those of the best of seven "
              "filters", "gain_over_filters_db", ">=", 3, control="best_filter_over_blur_db >= 0.5",
              sabotages=("other-targets",),
              explanation="The best two filters are strong: a linear one that may take the noise for less than it is, "
                          "and the mean of all digits that the network learns from, weighted by likeness. In the time "
                          "of this experiment the network sees each digit less than twice"),
        Claim("beats-filters-on-frames",
              "On frames of unseen stations a U-Net's answers are at least 1.5 dB nearer than those of the "
              "best of seven filters", "frames_gain_over_filters_db", ">=", 1.5,
              control="frames_best_filter_over_blur_db >= 0.5", sabotages=("other-targets",),
              explanation="Patches with gains for their principal components, the best of the filters, are a stronger "
                          "rival than the linear filter, which the bound was set for"),
        Claim("noise-makes-codes",
              "A probe of few labels reads the code of an autoencoder better if that removed noise: by two in a "
              "hundred than codes of those which copied, wide and narrow, of an untrained one, principal components "
              "and pixels",
              "probe_gain", ">=", 0.02, control="shuffled_probe <= 0.15", sabotages=("no-noise",)),
        Claim("residual-is-score",
              "What a denoiser of points adds to one is the variance of the noise times the gradient of the log "
              "density of noisy points, for little and for much noise", "worst_score_error", "<=", 0.1,
              control="best_rival_error >= 0.15", source=VINCENT, sabotages=("other-targets",)),
    )  # fmt: skip
    sabotages = (
        Sabotage("other-targets", "It learns to rebuild another picture (or point) of the batch",
                 {"sabotage": "other-targets", "steps": 400, "frame_steps": 400, "code_steps": 1}),
        Sabotage("no-noise", "No noise is added to the digits that codes are learnt from",
                 {"sabotage": "no-noise", "steps": 1, "frame_steps": 1, "point_steps": 1}),
    )  # fmt: skip
    outputs = Outputs(charts=("gain", "field"), tables=("codes", "gain", "scores"), images=("digits", "frames"))

    def __post_init__(self) -> None:
        at_least(1e-3, sigma=self.sigma, frames_sigma=self.frames_sigma)
        at_least(2, dev=self.dev, test=self.test)
        at_least(1, labels=self.labels, draws=self.draws, frames=self.frames, narrow_code=self.narrow_code)

    @classmethod
    def quick(cls) -> DenoisingAutoencoder:
        """Small models and few pictures."""
        few: dict[str, Any] = {"steps": 20, "frame_steps": 10, "code_steps": 20, "point_steps": 20}
        return cls(
            width=2, frame_width=2, mixing=8, code=4, narrow_code=2, frames=300, dev=60, test=200, draws=2, **few
        )

    def run(self, run: Run) -> None:
        """Digits, then frames, then points in the plane."""
        from glassbook.experiments.latent import _points as plane
        from glassbook.experiments.latent._denoising import PSNR, frames, over_filters
        from glassbook.experiments.latent._digits import Digits, digits, drawn
        from glassbook.experiments.latent._probes import probes

        known, test = digits("train"), drawn(run, digits("test"), self.test)
        train, dev = (Digits(*(of[part] for of in known)) for part in (slice(-self.dev), slice(-self.dev, None)))
        on_digits = self._against_filters(run, "digits", train.images, dev.images, test.images)
        sizes = {"train": self.frames, "dev": self.dev // 2, "test": self.test // 2}
        on_frames = self._against_filters(run, "frames", *(frames(run, part, n) for part, n in sizes.items()))
        run.table("gain", on_digits + on_frames)
        run.chart("gain", charts.bars(on_digits + on_frames, PSNR, "method", "pictures", format=".1f"))
        gain, frames_gain = over_filters(on_digits), over_filters(on_frames)
        few = Digits(*(of[:20_000] for of in train))
        codes = self._codes(run, train.images)
        right, shuffled = probes(run, codes, few, dev, test, self.labels, self.draws)
        run.table("codes", [{"code": name, "right": share} for name, share in right.items()])
        run.result(
            denoised_db=next(row[PSNR] for row in on_digits if row["method"] == "denoiser"),
            gain_over_filters_db=gain["denoiser"], best_filter_over_blur_db=-gain["blur"],
            frames_gain_over_filters_db=frames_gain["denoiser"], frames_best_filter_over_blur_db=-frames_gain["blur"],
            probe_right=right["denoiser"], plain_probe_right=right["plain"], probe_gain=kit.lead(right, "denoiser"),
            shuffled_probe=shuffled,
            **plane.scores(run, self.point_steps, self.sabotage == "other-targets"),
        )  # fmt: skip

    def _codes(self, run: Run, images: Tensor) -> dict[str, Callable[[Tensor], Tensor]]:
        """The code of an autoencoder that removed noise, of the same one that copied, and what else they are beside."""
        import torch

        from glassbook.experiments.latent._denoising import components, trained
        from glassbook.nets.autoencoder import Autoencoder, PictureConfig

        def autoencoder(name: str, code: int, sigma: float) -> Autoencoder:
            return trained(
                run, name, images, lambda: Autoencoder(config(code)), sigma, self.code_batch, False,
                steps=self.code_steps, lr=self.code_lr,
            )  # fmt: skip

        def config(code: int) -> PictureConfig:
            return PictureConfig(size=images.shape[-1], channels=1, code=code, kind="mlp", width=self.code)

        torch.manual_seed(run.rng("weights").seed)
        untrained = Autoencoder(config(self.code))
        return {
            "denoiser": autoencoder(
                "code of noisy digits", self.code, 0.0 if self.sabotage == "no-noise" else self.sigma
            ).encode,
            "plain": autoencoder("code of digits", self.code, 0.0).encode,
            "plain and narrow": autoencoder("narrow code of digits", self.narrow_code, 0.0).encode,
            "untrained": untrained.encode,
            "principal components": components(images[:20_000], self.narrow_code),
            "pixels": lambda x: x,
        }

    def _against_filters(
        self, run: Run, label: Literal["digits", "frames"], train: Tensor, dev: Tensor, test: Tensor
    ) -> list[dict[str, Any]]:
        """PSNR of test pictures, noisy and after each method; the settings that filters have are chosen by dev ones."""
        from glassbook.experiments.latent._denoising import compared, trained
        from glassbook.nets.denoiser import Denoiser, DenoiserConfig

        # Noise of digits hides what only the whole of one tells; frames have little noise and fine detail.
        w, more, mixing, steps, batch, sigma = (
            (self.width, (1, 4, 8), self.mixing, self.steps, self.batch_size, self.sigma)
            if label == "digits"
            else (self.frame_width, (1, 1), 0, self.frame_steps, self.frame_batch, self.frames_sigma)
        )
        variance, widths = float(train.var()), tuple(w * times for times in more)
        config = DenoiserConfig(
            size=train.shape[-1], channels=train.shape[1], widths=widths, mixing=mixing,
            kept=variance / (variance + sigma**2),
        )  # fmt: skip
        broken = self.sabotage == "other-targets"
        made = trained(run, label, train, lambda: Denoiser(config), sigma, batch, broken, steps=steps, lr=self.lr)
        return compared(run, label, made, train, dev, test, sigma)
