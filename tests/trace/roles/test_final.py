"""A norm taken as the linear map that it is at one scale."""

import pytest
import torch

from glassbook.trace.roles import frozen_norm


@pytest.mark.parametrize("norm", [torch.nn.LayerNorm(16), torch.nn.RMSNorm(16, eps=1e-2)])
def test_the_norm_at_a_scale_is_linear_and_exact(norm):
    torch.nn.init.uniform_(norm.weight, 0.5, 2)
    if getattr(norm, "bias", None) is not None:
        torch.nn.init.normal_(norm.bias)
    x, a, b = torch.randn(3, 5, 16)
    with torch.no_grad():
        through, bias = frozen_norm(norm, x)
        torch.testing.assert_close(through(x) + bias, norm(x), rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(through(a) + through(b), through(a + b), rtol=1e-3, atol=1e-4)
        torch.testing.assert_close(through(torch.stack([a, b]))[1], through(b))
