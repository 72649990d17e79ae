"""What `src/chart/tests/oracle.rs` expects, by numpy, scipy and statsmodels: run lengths by Markov chains, not by integral
equations; constants by the distribution of the range; intervals and the fit of an AR(1) by other people's code.

    python3 tests/oracles/charts.py        (numpy 2.4.6, scipy 1.17.1, statsmodels 0.15.0 printed what stands in the test)
"""

import numpy as np
import scipy
import statsmodels
from scipy import integrate, stats
from statsmodels.tsa.ar_model import AutoReg
from statsmodels.tsa.arima_process import ArmaProcess

print("numpy", np.__version__, "scipy", scipy.__version__, "statsmodels", statsmodels.__version__)
phi_, cdf = stats.norm.pdf, stats.norm.cdf


def range_moment(n, power):
    """Of the range of n normal readings, by its density."""
    density = lambda x, w: n * (n - 1) * phi_(x) * phi_(x + w) * (cdf(x + w) - cdf(x)) ** (n - 2)
    return integrate.dblquad(lambda x, w: w**power * density(x, w), 0, 14, -9, 9, epsabs=1e-11, epsrel=1e-11)[0]


print("n, c4, d2, d3")
for n in (2, 3, 5, 10, 25):
    c4 = stats.chi(n - 1).mean() / np.sqrt(n - 1)
    d2 = range_moment(n, 1)
    print((n, *(round(float(u), 8) for u in (c4, d2, np.sqrt(range_moment(n, 2) - d2**2)))))


def ewma_chain(lam, limit, delta, m):
    """Brook and Evans 1972: m (odd) states between the limits; the start is in the middle one."""
    h = limit * np.sqrt(lam / (2 - lam))
    width = 2 * h / m
    at = -h + width * (np.arange(m) + 0.5)
    up = (at[None, :] + width / 2 - (1 - lam) * at[:, None]) / lam - delta
    down = (at[None, :] - width / 2 - (1 - lam) * at[:, None]) / lam - delta
    return np.linalg.solve(np.eye(m) - (cdf(up) - cdf(down)), np.ones(m))[m // 2]


def cusum_chain(k, h, delta, m):
    """The same for one side; state 0 is half as wide, and where the sum rests."""
    width = 2 * h / (2 * m - 1)
    at = width * np.arange(m)
    up = cdf(at[None, :] + width / 2 - at[:, None] + k - delta)
    down = cdf(at[None, :] - width / 2 - at[:, None] + k - delta)
    down[:, 0] = 0
    return np.linalg.solve(np.eye(m) - (up - down), np.ones(m))[0]


def in_the_limit(chain, m):
    """What the chain tends to with ever more states: its error falls with their square."""
    few, many = chain(m), chain(3 * m)
    return many + (many - few) / 8


print("EWMA: lambda, L, delta, ARL")
for lam, limit, delta in ((0.1, 2.814, 0), (0.1, 2.814, 1), (0.05, 2.615, 0.5), (0.2, 2.962, 0), (0.4, 3.054, 2), (0.02, 2.3, 0)):
    print((lam, limit, delta, round(float(in_the_limit(lambda m: ewma_chain(lam, limit, delta, m), 301)), 4)))
print("CUSUM, two-sided: k, h, delta, ARL")
for k, h, delta in ((0.5, 5, 0), (0.5, 5, 1), (0.5, 4, 0), (0.25, 8.0103, 0), (1, 2.5168, 2), (0.5, 4.774, 0.5)):
    sides = [in_the_limit(lambda m: cusum_chain(k, h, d, m), 301) for d in (delta, -delta)]
    print((k, h, delta, round(float(1 / sum(1 / side for side in sides)), 4)))

print("EWMA of an AR(1): phi, lambda, variance")
for phi, lam in ((0.5, 0.2), (0.9, 0.1), (-0.4, 0.3)):
    process = ArmaProcess(np.convolve([1, -(1 - lam)], [1, -phi]), [lam])
    print((phi, lam, round(float(process.acovf(2)[0] * (1 - phi**2)), 8)))

print("Cp = 1: n, interval; Cpk = 1.33: n, interval")
for n in (10, 25, 50, 100, 200, 46.25):
    ends = np.sqrt(stats.chi2(n - 1).ppf([0.025, 0.975]) / (n - 1))
    half = stats.norm.ppf(0.975) * np.sqrt(1 / (9 * n * 1.33**2) + 1 / (2 * (n - 1)))
    print((n, *ends.round(6).tolist(), *(round(float(1.33 * side), 6) for side in (1 - half, 1 + half))))

# Neighbouring moving ranges share a reading: their covariance, by the distribution of two such differences.
both = stats.multivariate_normal([0, 0], [[2, -1], [-1, 2]])
shared = integrate.dblquad(lambda x, y: abs(x * y) * both.pdf([x, y]), -9, 9, -9, 9, epsabs=1e-7, epsrel=1e-7)[0]
d2 = 2 / np.sqrt(np.pi)
print("degrees of freedom of a mean moving range, for each reading", d2**2 / (2 * ((2 - d2**2) + 2 * (shared - d2**2))))


def series(n, phi):
    """An AR(1) about 16 by the noise of a congruential generator."""
    state, value, out = 1, 0.0, []
    for _ in range(n):
        noise = -6.0
        for _ in range(12):
            state = (1664525 * state + 1013904223) % 2**32
            noise += state / 2**32
        value = phi * value + noise
        out.append(16 + 0.1 * value)
    return np.array(out)


x = series(1200, 0.6)
history, later = x[:1000], x[1000:]
fit = AutoReg(history, lags=1).fit()
pairs = len(history) - 1
phi = fit.params[1]
sigma = np.sqrt((fit.resid**2).sum() / (pairs - 2))
c4 = np.exp(np.log(stats.chi(999).mean()) - np.log(999) / 2)
mr = np.abs(np.diff(history)).mean()
print("AR(1): mean, phi, residual sigma, sd / c4, MR / d2", history.mean(), phi, sigma, history.std(ddof=1) / c4, mr / d2)
print("worth", len(history) * (1 - phi) / (1 + phi), "independent points; upper limit of the moving range", mr * (1 + 3 * np.sqrt(2 - d2**2) / d2))
later[50] += 0.6
expected = history.mean() + phi * (later[:-1] - history.mean())
away = (later[1:] - expected) / sigma
print("residuals 0 to 4", away[:5].tolist(), "beyond 3 sigma", [(int(ix) + 1, round(float(away[ix]), 6)) for ix in np.flatnonzero(abs(away) > 3)])
lower, upper = 15.5, 16.4
s, worth = history.std(ddof=1) / c4, len(history) * (1 - phi) / (1 + phi)
pp, ppk = (upper - lower) / (6 * s), min(upper - history.mean(), history.mean() - lower) / (3 * s)
ends = pp * np.sqrt(stats.chi2(worth - 1).ppf([0.025, 0.975]) / (worth - 1))
half = stats.norm.ppf(0.975) * np.sqrt(1 / (9 * worth) + ppk**2 / (2 * (worth - 1)))
outside = cdf((lower - history.mean()) / s) + 1 - cdf((upper - history.mean()) / s)
print("Pp", pp, ends.tolist(), "Ppk", ppk, [float(ppk - half), float(ppk + half)], "Cpm to 16", (upper - lower) / (6 * np.hypot(s, history.mean() - 16)), "ppm", 1e6 * outside)

# Trial limits from m points: x̄ ± t s √(1 + 1/m), and an EWMA with ± L s √(v + 1/m). The rate of a chart, by the errors of
# its own mean and standard deviation: its mean and 95 % interval over charts by a grid of equally likely errors, and the share
# of points that signal in simulated charts.
lam, width = 0.1, 2.701493
v = lam / (2 - lam)
print("trial: m, widened, rate, low, high; of points alone: the same; simulated rate and its standard error")
for m in (25, 40, 99):
    widened = stats.t(m - 1).isf(cdf(-3)) * np.sqrt(1 + 1 / m) / 3
    steps = (np.arange(4000) + 0.5) / 4000
    off = stats.norm.ppf(steps)[:, None] / np.sqrt(m)
    scale = np.sqrt(stats.chi2(m - 1).ppf(steps) / (m - 1))[None, :]
    beyond = lambda limit, sd: cdf((off - limit * scale) / sd) + cdf((-off - limit * scale) / sd)
    point, average = beyond(3 * widened, 1), beyond(widened * width * np.sqrt(v + 1 / m), np.sqrt(v))
    told = lambda rate: [float(f"{u:.4g}") for u in (rate.mean(), *np.quantile(rate, [0.025, 0.975]))]
    random = np.random.default_rng(m)
    history = random.normal(size=(20000, m))
    centre, sigma = history.mean(axis=1), widened * history.std(axis=1, ddof=1)
    z, variance, signals = np.zeros(20000), 0.0, np.zeros(20000)
    for _ in range(400):
        u = (random.normal(size=20000) - centre) / sigma
        z, variance = lam * u + (1 - lam) * z, (1 - lam) ** 2 * variance + lam**2
        signals += (abs(u) > 3).astype(float) + (abs(z) > width * np.sqrt(variance + 1 / m))
    share = signals / 400
    print((m, round(float(widened), 6), told(point + average), told(point), round(float(share.mean()), 5), round(float(share.std() / np.sqrt(20000)), 5)))
