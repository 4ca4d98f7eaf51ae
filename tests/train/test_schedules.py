import pytest

from glassbook.train import constant, cosine, linear


def test_cosine_known_answers():
    factor = cosine(warmup=10, floor=0.1)
    assert [factor(s, 110) for s in (0, 4, 9)] == pytest.approx([0.1, 0.5, 1.0])
    assert factor(10, 110) == pytest.approx(1.0)
    assert factor(60, 110) == pytest.approx(0.55)  # half way: the mean of peak and floor
    assert factor(110, 110) == pytest.approx(0.1)


def test_linear_known_answers():
    factor = linear(warmup=10, share=0.5, floor=0.0)
    assert [factor(s, 100) for s in (4, 20, 50, 75, 100)] == pytest.approx([0.5, 1.0, 1.0, 0.5, 0.0])


def test_constant_known_answers():
    assert [constant()(s, 100) for s in (0, 99)] == [1.0, 1.0]
    assert [constant(warmup=4)(s, 100) for s in (0, 1, 3, 50)] == [0.25, 0.5, 1.0, 1.0]


@pytest.mark.parametrize("schedule", [constant(warmup=3), cosine(warmup=3), linear(warmup=3), linear(share=1.0)])
def test_factors_stay_within_zero_and_one_and_after_the_peak_never_rise(schedule):
    for steps in (1, 4, 50):
        factors = [schedule(s, steps) for s in range(steps)]
        assert all(0 < f <= 1 for f in factors)
        after = factors[factors.index(max(factors)) :]
        assert after == sorted(after, reverse=True)
