import torch

from glassbook.data.patches import photograph_patches


def test_patches_are_centred_scaled_and_white():
    x = photograph_patches(4000, 8, generator=torch.Generator().manual_seed(0))
    assert x.shape == (4000, 64)
    assert x.mean(1).abs().max() < 1e-4
    assert abs(float(x.std()) - 1) < 1e-3
    # Neighbouring pixels of a photograph agree almost perfectly; whitened ones hardly do.
    image = x.view(-1, 8, 8)
    beside = torch.corrcoef(torch.stack([image[:, :, :-1].flatten(), image[:, :, 1:].flatten()]))[0, 1]
    assert abs(float(beside)) < 0.5


def test_the_generator_decides():
    a, b, c = (photograph_patches(50, 6, generator=torch.Generator().manual_seed(s)) for s in (0, 0, 1))
    assert torch.equal(a, b)
    assert not torch.equal(a, c)
