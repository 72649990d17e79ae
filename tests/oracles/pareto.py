"""What `src/models/pareto/tests.rs` expects, by scipy: the density of `scipy.stats.genpareto`, summed over shapes and integrated over
scales, and the likeliest distribution by `genpareto.fit`.

    python3 tests/oracles/pareto.py        (numpy 2.4.6, scipy 1.17.1 printed what stands in the test)

Excesses are quantiles of a known distribution at numbers of a linear congruential generator.
"""

import numpy as np
import scipy
from scipy import integrate, optimize, stats

print("numpy", np.__version__, "scipy", scipy.__version__)
SHAPES, SHAPE_SD = np.linspace(-0.5, 0.5, 21), 0.2


def chances(seed, n):
    state, out = seed, []
    for _ in range(n):
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        out.append(((state >> 32) + 0.5) / 2**32)
    return np.array(out)


def likeliest(y):
    """The best of what `fit` finds from several starts, for one alone may stop at a lesser maximum; of five there may be none, for
    beyond a shape of −1 the likelihood grows without bound."""
    fits = [stats.genpareto.fit(y, start, floc=0) for start in (-0.3, 0.05, 0.3, 0.8)]
    fits = [fit for fit in fits if fit[0] > -1]
    if not fits:
        return np.nan, 0, np.nan
    return max(fits, key=lambda fit: stats.genpareto.logpdf(y, fit[0], 0, fit[2]).sum())


def foreseen(y):
    """The mean shape, and the chance that a new excess is above x, as a function of x: by Simpson's rule over 4,001 scales."""
    wide = 8 / np.sqrt(len(y)) + 0.5
    scales = np.linspace(-wide, 1.5 * wide, 4001) + np.log(np.mean(y))
    shapes = SHAPES[:, None]
    log = np.array([stats.genpareto.logpdf(one, shapes, 0, np.exp(scales)) for one in y]).sum(0) - shapes**2 / 2 / SHAPE_SD**2
    weights = np.exp(log - log.max())
    whole = integrate.simpson(weights, x=scales, axis=1).sum()
    mean = lambda of: integrate.simpson(weights * of, x=scales, axis=1).sum() / whole
    return mean(shapes), lambda x: mean(stats.genpareto.sf(x, shapes, 0, np.exp(scales)))


LAWS = [("ends", -0.3), ("exponential", 0.0), ("heavy", 0.25)]
for seed, (name, true) in enumerate(LAWS, 1):
    for n in (5, 20, 50, 400):
        y = stats.genpareto.ppf(chances(seed, n), true)
        mean_shape, beyond = foreseen(y)
        at = [optimize.brentq(lambda x: np.log(beyond(x) / p), 1e-3, 1e3 * y.sum(), rtol=1e-7) for p in (0.2, 0.02)]
        shape, _, scale = likeliest(y)
        ml = stats.genpareto.isf(0.02, shape, 0, scale)
        print(f"({true}, {seed}, {n}, {mean_shape:.4f}, [{at[0]:.5f}, {at[1]:.5f}]),  // likeliest {shape:.4f}, {scale:.4f}: {ml:.4f}; true {stats.genpareto.isf(0.02, true):.4f}", flush=True)

# Student's t of five degrees: twenty thousand, the greatest four hundred of them.
values = np.sort(stats.t(5).ppf(np.sort(chances(7, 20000))[-401:]))
u, y = values[0], values[1:] - values[0]
shape, _, scale = likeliest(y)
q = 1e-4 * 20000 / 400
mean_shape, beyond = foreseen(y)
x = optimize.brentq(lambda x: np.log(beyond(x) / q), 1, 100, rtol=1e-7)
print(f"t5: u {u:.5f}; likeliest {shape:.4f}, {scale:.4f}, limit {u + stats.genpareto.isf(q, shape, 0, scale):.4f}; mean shape {mean_shape:.4f}, limit {u + x:.4f}, of which {stats.t(5).sf(u + x):.2e} are beyond")

# The excesses of the tests of `src/models/calibrate.rs`.
for y, p in (([0.1, 0.2, 0.3, 0.5], 0.02), ([2.0, 3.0], 0.4)):
    beyond = foreseen(np.array(y))[1]
    print(y, p, round(optimize.brentq(lambda x: np.log(beyond(x) / p), 1e-3, 1e3, rtol=1e-9), 5))
