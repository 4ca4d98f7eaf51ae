"""Sparse coding of photographs: Olshausen and Field's experiment, compared with PCA and scikit-learn."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from glassbook.errors import extra
from glassbook.experiments import kit
from glassbook.experiments.base import Outputs, Sabotage, experiment
from glassbook.notebook import Claim, Run

if TYPE_CHECKING:
    import torch
    from torch import Tensor


@experiment(
    terms=["Sparse coding", "Dictionary learning"],
    source="Olshausen and Field 1996, doi:10.1038/381607a0; Mairal et al. 2010, arXiv:0908.0050",
)
@dataclass(frozen=True, kw_only=True)
class SparseCoding:
    """Are the dictionary elements of photographs local and oriented, like receptive fields?"""

    size: int = 12
    """Width and height of a patch, in pixels."""
    atoms: int = 192
    """Elements of the dictionary; a patch has fewer dimensions, for its mean is taken off."""
    l1: float = 1.5
    """Weight of the penalty on the codes; whitened patches have a variance of 1 in each pixel."""
    patches: int = 100_000
    """Patches to learn from."""
    steps: int = 1000
    """Mini-batches, for scikit-learn too."""
    batch_size: int = 512
    """Patches in one."""
    sabotage: Literal["none", "pixels-shuffled", "phases-scrambled", "components"] = "none"
    """What is broken on purpose."""

    claims = (
        Claim("elements-are-gabors",
              "Most dictionary elements of natural images are oriented and local; with scrambled phases they are not",
              "gabor_share", ">=", 0.6, control="scrambled_gabor_share <= 0.3",
              sabotages=("pixels-shuffled", "phases-scrambled")),
        Claim("elements-beat-components",
              "Dictionary elements of natural images are oriented and local far more often than principal components",
              "gabor_share_beyond_pca", ">=", 0.4, no_control="the metric itself compares with the baseline",
              sabotages=("pixels-shuffled", "components")),
        Claim("objective-matches-sklearn",
              "Online dictionary learning reaches an objective no worse than scikit-learn's",
              "objective_over_sklearn", "<=", 1.01, no_control="the metric itself compares with the baseline",
              sabotages=("pixels-shuffled",)),
        Claim("code-is-cheaper",
              "At equal error, a sparse code needs at most 60 % as many active numbers as PCA with the largest kept",
              "active_over_pca", "<=", 0.6, control="explained_variance >= 0.5",
              sabotages=("pixels-shuffled", "components"),
              explanation="The components are chosen anew for each patch, the best code that an orthogonal basis has; "
                          "the L1 penalty shrinks the coefficients of the sparse code and spreads them over elements "
                          "that resemble each other"),
    )  # fmt: skip
    sabotages = (
        Sabotage("pixels-shuffled", "The dictionary is learnt from patches whose pixels are shuffled",
                 {"sabotage": "pixels-shuffled"}),
        Sabotage("phases-scrambled", "The dictionary is learnt from patches whose phases are scrambled",
                 {"sabotage": "phases-scrambled"}),
        Sabotage("components", "Principal components of other patches stand in for the dictionary",
                 {"sabotage": "components"}),
    )  # fmt: skip
    outputs = Outputs(images=("elements", "components", "scrambled"))

    @classmethod
    def quick(cls) -> SparseCoding:
        """Small patches, few steps."""
        return cls(size=8, atoms=40, patches=2_000, steps=20, batch_size=128)

    def run(self, run: Run) -> None:
        """Learn the dictionary, look at its elements, and compare it with scrambled phases, PCA and scikit-learn."""
        import torch

        from glassbook.data.patches import photograph_patches
        from glassbook.features import evaluate
        from glassbook.features.classical import Lasso, learn_atoms, pca
        from glassbook.features.classical.gabor import is_gabor

        generator = run.rng("photographs").torch()
        x = photograph_patches(self.patches + 4096, self.size, generator=generator)
        x, test = x[:-4096], x[-4096:]
        patches, scrambled = x, scramble_phases(x, self.size, generator)
        if self.sabotage == "phases-scrambled":
            patches = scramble_phases(x, self.size, generator)
        if self.sabotage == "pixels-shuffled":
            patches = x.gather(1, torch.rand(x.shape, generator=generator).argsort(1))
        code = Lasso(self.l1)
        how: dict[str, Any] = {"steps": self.steps, "batch": self.batch_size, "seed": run.rng("atoms").seed}
        ours = learn_atoms(patches, self.atoms, code, **how, **kit.loop_options(run, "photographs"))
        # The same power at every frequency of every patch, but no edges: only higher than second-order statistics go.
        noise = learn_atoms(scrambled, self.atoms, code, **how, **kit.loop_options(run, "scrambled"))
        components = pca(x[::2], self.size**2 - 1)
        if self.sabotage == "components":
            ours = pca(x[1::2], self.size**2 - 1)
        scores = evaluate(ours, test)
        needed = components_for(scores.explained_variance, components.encode(test))
        gabors = {name: is_gabor(d.W_dec, self.size)
                  for name, d in (("ours", ours), ("pca", components), ("scrambled", noise))}  # fmt: skip
        objective = self._objective(test, ours.W_dec)
        sklearn_objective = kit.stage(
            run, "scikit-learn", lambda: self._scikit_learn(x, test, run.rng("scikit-learn").seed)
        )
        run.result(
            gabor_share=gabors["ours"],
            pca_gabor_share=gabors["pca"],
            gabor_share_beyond_pca=gabors["ours"] - gabors["pca"],
            scrambled_gabor_share=gabors["scrambled"],
            explained_variance=scores.explained_variance,
            l0=scores.l0,
            dead_share=scores.dead,
            active_over_pca=scores.l0 / needed,
            objective=objective,
            objective_over_sklearn=objective / sklearn_objective,
        )
        run.image("elements", _mosaic(ours.W_dec, self.size))
        run.image("components", _mosaic(components.W_dec, self.size))
        run.image("scrambled", _mosaic(noise.W_dec, self.size))

    def _objective(self, x: Tensor, atoms: Tensor) -> float:
        from glassbook.features.classical import fista, lasso_objective

        return lasso_objective(x, fista(x, atoms, self.l1), atoms, self.l1)

    def _scikit_learn(self, x: Tensor, test: Tensor, seed: int) -> float:
        """The objective of scikit-learn's dictionary on held-out patches."""
        import torch

        with extra("baselines"):
            from sklearn.decomposition import MiniBatchDictionaryLearning

        learner = MiniBatchDictionaryLearning(
            self.atoms,
            alpha=self.l1,  # pyright: ignore[reportArgumentType]
            batch_size=self.batch_size,
            max_iter=max(1, self.steps * self.batch_size // len(x)),
            max_no_improvement=None,  # pyright: ignore[reportArgumentType]
            tol=0.0,
            fit_algorithm="cd",
            random_state=seed % 2**32,
        )
        learner.fit(x.numpy())
        return self._objective(test, torch.from_numpy(learner.components_).float())


def scramble_phases(x: Tensor, size: int, generator: torch.Generator) -> Tensor:
    """Patches [n, size * size] with their power at every frequency, and the phases of white noise."""
    import torch

    noise = torch.fft.rfft2(torch.randn(len(x), size, size, generator=generator))
    power = torch.fft.rfft2(x.reshape(-1, size, size)).abs()
    return torch.fft.irfft2(torch.polar(power, noise.angle()), s=(size, size)).reshape(x.shape)


def components_for(wanted: float, z: Tensor) -> float:
    """How many principal components a patch needs to explain `wanted` of the variance, on average, if of all codes z
    [n, components] of all patches the largest are kept."""
    square = z.square().flatten().sort(descending=True).values.double()
    explained = square.cumsum(0) / square.sum()
    return (int((explained < wanted).sum()) + 1) / len(z)


def _mosaic(atoms: Tensor, size: int) -> bytes:
    """Elements as a picture, the most used first in rows; grey is zero."""
    import numpy as np

    with extra("baselines"):
        from PIL import Image

    n = len(atoms)
    across = int(np.ceil(np.sqrt(n * 1.6)))
    down = -(-n // across)
    sheet = np.full((down * (size + 1) + 1, across * (size + 1) + 1), 255, np.uint8)
    for i, atom in enumerate(atoms.numpy().reshape(n, size, size)):
        row, column = divmod(i, across)
        value = 127.5 + 127.5 * atom / max(abs(atom).max(), 1e-9)
        y, x = row * (size + 1) + 1, column * (size + 1) + 1
        sheet[y : y + size, x : x + size] = value.round().astype(np.uint8)
    picture = Image.fromarray(sheet).resize((sheet.shape[1] * 3, sheet.shape[0] * 3), Image.Resampling.NEAREST)
    png = io.BytesIO()
    picture.save(png, "PNG")
    return png.getvalue()
