"""How often a limit on smoothed statistics is passed, on the mean over plants: a quantile, and the peaks of rises.

    python3 tests/oracles/limits.py     (numpy, scipy; some minutes)

Three sums of squares of autoregressive numbers, smoothed as a monitor's are; the greatest of their ratios to a level. The
limit comes from so many rows and is tried on 20,000 others; a share of 0.5 % is promised.
"""

import numpy as np
from scipy.signal import lfilter

RATE, SHARE, GAP, PLANTS = 0.005, 0.1, 10, 60
DEGREES, WEIGHTS = (25, 150, 50), (0.1, 0.03)
random = np.random.default_rng(1)


def smoothed(rows, phi):
    columns = []
    for degrees in DEGREES:
        noise = random.standard_normal((rows + 100, degrees))
        course = lfilter([np.sqrt(1 - phi * phi)], [1, -phi], noise, axis=0)[100:]
        columns.append((course**2).sum(1))
    measured, start = np.array(columns).T, np.array(DEGREES, float)
    return np.hstack(
        [lfilter([w], [1, w - 1], measured, axis=0, zi=((1 - w) * start)[None, :])[0] for w in WEIGHTS]
    )


def foreseen(ratios):
    u = np.quantile(ratios, 1 - SHARE)
    peaks, last = [], None
    for ix in np.flatnonzero(ratios > u):
        if last is None or ix - last > GAP + 1:
            peaks.append(ratios[ix])
        else:
            peaks[-1] = max(peaks[-1], ratios[ix])
        last = ix
    share = (ratios > u).mean()
    return u + (np.array(peaks) - u).sum() * ((share / RATE) ** (1 / len(peaks)) - 1)


for rows in (500, 2000, 10000):
    for phi in (0.0, 0.5, 0.9):
        quantile, peaks = [], []
        for _ in range(PLANTS):
            seen, new = smoothed(rows, phi), smoothed(20000, phi)
            level = np.quantile(seen, 0.99, axis=0)
            seen, new = (seen / level).max(1), (new / level).max(1)
            place = min(rows, int(np.ceil((rows + 1) * (1 - RATE)))) - 1
            quantile.append((new > np.sort(seen)[place]).mean())
            peaks.append((new > foreseen(seen)).mean())
        print(f"{rows} rows, phi {phi}: quantile {np.mean(quantile):.2%}, peaks {np.mean(peaks):.2%}")
