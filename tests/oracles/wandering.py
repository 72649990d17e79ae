"""What `src/models/differences/unit_root.rs` expects, by statsmodels.

    python3 tests/oracles/wandering.py        (numpy 2.4.6, statsmodels 0.15.0 printed what stands in the test)

A series with a level, one that nearly walks, and two that do: a short one that neither test tells from a level, and a longer
one of which both say that it walks.
"""

import warnings

import numpy as np
import statsmodels
from statsmodels.tsa.adfvalues import mackinnoncrit
from statsmodels.tsa.stattools import adfuller, kpss

print("numpy", np.__version__, "statsmodels", statsmodels.__version__)


def generator():
    """Four numbers of a congruential generator, about 0."""
    state = 1
    while True:
        total = 0.0
        for _ in range(4):
            state = (state * 1664525 + 1013904223) % 2**32
            total += state / 4294967296.0
        yield total - 2.0


def series(keeps, n):
    value, found, source = 0.0, [], generator()
    for _ in range(n):
        value = keeps * value + next(source)
        found.append(value)
    return np.array(found)


warnings.simplefilter("ignore")
for keeps, n in ((0.3, 200), (0.9, 40), (1.0, 60), (1.0, 100)):
    y = series(keeps, n)
    dickey_fuller = adfuller(y, maxlag=1, regression="c", autolag=None)
    t, rows = dickey_fuller[0], dickey_fuller[3]
    limit = mackinnoncrit(N=1, regression="c", nobs=rows)[2]
    statistic = kpss(y, regression="c", nlags=int(4 * (n / 100) ** 0.25))[0]
    print(f"({keeps}, {n}, [{t:.13g}, {limit:.13g}, {statistic:.13g}]),")
