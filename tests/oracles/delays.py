"""What `src/models/delays/tests.rs` expects, by numpy, scipy and statsmodels: autoregressions by statsmodels' recursion,
correlations by the Fourier transform.

    python3 tests/oracles/delays.py        (numpy 2.4.6, scipy 1.17.1, statsmodels 0.15.0 printed what stands in the test)

Two stretches of rows, between which nothing follows: a tag, and a quality tag that follows it seven rows later.
"""

import numpy as np
import scipy
import scipy.signal
import statsmodels
from scipy.stats import norm
from statsmodels.tsa.stattools import levinson_durbin

print("numpy", np.__version__, "scipy", scipy.__version__, "statsmodels", statsmodels.__version__)
ORDER_MAX, BARTLETT_LAGS, FARTHEST, ROWS, LAGS = 30, 60, 4.0, 901, 200


def chance(state):
    """About normal, from a linear congruential generator."""
    while True:
        total = 0.0
        for _ in range(12):
            state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
            total += (state >> 32) / 2**32
        yield total - 6.0


def wander(seed, phi):
    value, found, source = 0.0, [], chance(seed)
    for _ in range(ROWS):
        value = phi * value + next(source)
        found.append(value)
    return np.array(found)


def covariances(parts, lags):
    rows = sum(map(len, parts))
    return np.array([sum(part[: len(part) - k] @ part[k:] for part in parts) / rows for k in range(lags + 1)])


def white(name, series):
    parts = [part - part.mean() for part in (series[:500], series[501:])]
    rows = sum(map(len, parts))
    known = covariances(parts, ORDER_MAX)
    criteria = [rows * np.log(known[0])]
    weights = [np.zeros(0)]
    for order in range(1, ORDER_MAX + 1):
        variance, found, *_ = levinson_durbin(known[: order + 1], nlags=order, isacov=True)
        weights.append(found)
        criteria.append(rows * np.log(variance) + 2 * order)
    order = int(np.argmin(criteria))
    whitened = []
    for part in parts:
        # The first rows have too little before them.
        rest = scipy.signal.lfilter(np.concatenate([[1.0], -weights[order]]), 1.0, part)
        whitened.append(rest[order:])
    every = np.concatenate(whitened)
    # Of an even number the upper of the two in the middle.
    median = np.sort(abs(every))[len(every) // 2]
    scale = min(np.sqrt((every**2).mean()), median / norm.ppf(0.75))
    whitened = [np.concatenate([np.zeros(order), np.clip(part / scale, -FARTHEST, FARTHEST)]) for part in whitened]
    rest = covariances(whitened, BARTLETT_LAGS)
    print(f"{name}: order {order}, first weight {weights[order][0]:.9f}, left at lag 1 {rest[1] / rest[0]:.9f}")
    return whitened, rest


def correlation(first, second, lag):
    """By the Fourier transform; at a lag above 0 the first comes before the second."""
    total, pairs = 0.0, 0
    for a, b in zip(first, second):
        size = 2 * len(a)
        product = np.fft.irfft(np.conj(np.fft.rfft(a, size)) * np.fft.rfft(b, size), size)
        total += product[lag % size]
        pairs += max(len(a) - abs(lag), 0)
    return total / pairs, pairs


tag, noise = wander(1, 0.8), wander(2, 0.9)
quality = noise.copy()
quality[7:] += 0.8 * tag[:-7]
(first, of_first), (second, of_second) = white("tag", tag), white("quality", quality)
widened = max(1.0, 1.0 + 2.0 * np.sum(of_first[1:] / of_first[0] * of_second[1:] / of_second[0]))
scale = np.sqrt(of_first[0] * of_second[0])
for lag in (-40, 0, 7, 8, 150):
    found, pairs = correlation(first, second, lag)
    print(f"lag {lag}: {found / scale:.9f}, error {np.sqrt(widened / pairs):.9f}")
for tries in (401, 1441, 129 * 1441):
    print(f"beyond {tries}: {norm.isf(0.005 / tries):.9f}")
