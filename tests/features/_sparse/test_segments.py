"""Segment sums and sampled products against their definition; the kernels in Triton's interpreter, where installed."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from glassbook.features._sparse import segments

INTERPRETED = os.environ.get("TRITON_INTERPRET") == "1"


def ways():
    if not INTERPRETED:
        return [segments]
    from glassbook.features._sparse import kernels

    return [kernels]


def csr(seed, sizes, d, rows=11):
    g = torch.Generator().manual_seed(seed)
    counts = torch.tensor(sizes)
    n = int(counts.sum())
    offsets = counts.cumsum(0) - counts
    segment = torch.repeat_interleave(torch.arange(len(sizes)), counts)
    index = torch.randint(rows, (n,), generator=g)
    return index, offsets, segment, torch.randn(n, generator=g), torch.randn(rows, d, generator=g), g


def check(seed, sizes, d, tolerance=1e-5):
    index, offsets, segment, weight, table, g = csr(seed, sizes, d)
    a = torch.randn(len(sizes), d, generator=g)
    near = {"atol": tolerance, "rtol": tolerance}
    wanted = torch.zeros(len(sizes), d).index_add_(0, segment, weight[:, None] * table[index])
    for way in ways():
        torch.testing.assert_close(way.segment_sum(index, offsets, weight, table), wanted, **near)
        torch.testing.assert_close(way.sddmm(a, table, index, offsets), (a[segment] * table[index]).sum(1), **near)


SIZES = st.lists(st.integers(0, 5), min_size=1, max_size=6)


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 1000), sizes=SIZES, d=st.sampled_from([1, 3, 16, 21]))
def test_sums_are_the_definition(seed, sizes, d):
    check(seed, sizes, d)


def test_wide_rows_take_several_blocks():
    check(1, [3, 0, 2], 1100, 1e-3)


@pytest.mark.skipif(INTERPRETED, reason="is what this starts")
@pytest.mark.skipif(importlib.util.find_spec("triton") is None, reason="needs Triton: pip install 'glassbook[gpu]'")
def test_the_kernels_pass_these_tests_in_the_interpreter():
    env = {**os.environ, "TRITON_INTERPRET": "1"}  # read when Triton is imported, hence another process
    order = [sys.executable, "-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider", str(Path(__file__))]
    done = subprocess.run(order, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert done.stdout.startswith("..ss")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_uses_the_kernels():
    index, offsets, _, weight, table, _ = (
        t.cuda() if isinstance(t, torch.Tensor) else t for t in csr(1, [3, 0, 2], 40)
    )
    assert segments._kernels(table) is not None
    torch.testing.assert_close(
        segments.segment_sum(index, offsets, weight, table).cpu(),
        segments.segment_sum(index.cpu(), offsets.cpu(), weight.cpu(), table.cpu()),
        atol=1e-5,
        rtol=1e-5,
    )
