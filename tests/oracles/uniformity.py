"""What `src/verdict/uniformity` expects: variances between and within batches, and effects of lots, by numpy and scipy.

    python3 tests/oracles/uniformity.py       (numpy 2.4.6, scipy 1.17.1, statsmodels 0.15.0 printed what stands in the tests)

Variances by the formulas as they are printed, with explicit quantiles. Effects of lots by explicit inverses of the covariance,
and each lot as a fixed effect by generalized least squares without it among the random ones: no Cholesky's factor, no formula of
Sherman and Morrison. Where there is no drift and a batch is of one lot, the restricted likelihood and the predictions are also
those of statsmodels' MixedLM, which the script holds them to.
"""

import numpy as np
import statsmodels.api as sm
from scipy import stats
from scipy.stats import chi2, f as F

A = 0.025


def mls(ms1, n1, ms2, n2):
    q = lambda p, n: chi2.ppf(p, n) / n
    g1, g2 = 1 - 1 / q(1 - A, n1), 1 - 1 / q(1 - A, n2)
    h1, h2 = 1 / q(A, n1) - 1, 1 / q(A, n2) - 1
    u, l = F.ppf(1 - A, n1, n2), F.ppf(A, n1, n2)
    g12 = ((u - 1) ** 2 - g1**2 * u**2 - h2**2) / u
    h12 = ((1 - l) ** 2 - h1**2 * l**2 - g2**2) / l
    d = ms1 - ms2
    below = g1**2 * ms1**2 + h2**2 * ms2**2 + g12 * ms1 * ms2
    above = h1**2 * ms1**2 + g2**2 * ms2**2 + h12 * ms1 * ms2
    return max(0, d - np.sqrt(max(0, below))), max(0, d + np.sqrt(max(0, above)))


def wave(i, j):
    return np.sin(1.7 * i * i + 0.3 * i) * 2 + np.sin(0.9 * j + 2.1 * i) + 0.5 * np.cos(3.1 * i * j)


# Positions: 12 batches of 2 to 5 results.
groups = [np.array([50 + wave(i, j) for j in range(2 + i % 4)]) for i in range(12)]
k = np.array([len(g) for g in groups])
ss = sum(((g - g.mean()) ** 2).sum() for g in groups)
n2 = (k - 1).sum()
msw = ss / n2
h = len(k) / (1 / k).sum()
vm = np.var([g.mean() for g in groups], ddof=1)
lo, hi = mls(vm * h, len(k) - 1, msw, n2)
print("positions between", vm - msw / h, np.sqrt(lo / h), np.sqrt(hi / h))
print("positions within", msw, *np.sqrt([n2 * msw / chi2.ppf(1 - A, n2), n2 * msw / chi2.ppf(A, n2)]))
print("means", vm, *np.sqrt([11 * vm / chi2.ppf(1 - A, 11), 11 * vm / chi2.ppf(A, 11)]))

# Sections that resemble their neighbours: 10 batches of 20 to 29.
sections = [np.array([wave(i, 0.2 * j) for j in range(20 + i)]) for i in range(10)]
c = sum(((g[1:] - g.mean()) * (g[:-1] - g.mean())).sum() for g in sections)
s = sum(((g - g.mean()) ** 2).sum() for g in sections)
k = np.array([len(g) for g in sections])
rho = np.clip((c / s + 1 / k.mean()) / (1 - 3 / k.mean()), 0, 0.95)


def worth(n):
    # The variance of the mean, by the whole table of correlations.
    return n * n / (rho ** np.abs(np.subtract.outer(np.arange(n), np.arange(n)))).sum()


w = np.array([worth(n) for n in k])
left = k * (1 - 1 / w)
v = np.array([((g - g.mean()) ** 2).sum() for g in sections]) / left


def pool(v, weight):
    m = (weight * v).sum() / weight.sum()
    n = len(v)
    e = ((weight * (v - m)) ** 2).sum() / weight.sum() ** 2 * n / (n - 1)
    return m, 2 * m * m / e


within, df = pool(v, left)
h = len(k) / (1 / w).sum()
vm = np.var([g.mean() for g in sections], ddof=1)
lo, hi = mls(vm * h, 9, within, df)
print("sections correlation", rho)
print("sections between", vm - within / h, np.sqrt(lo / h), np.sqrt(hi / h))
print("sections within", within, *np.sqrt([df * within / chi2.ppf(1 - A, df), df * within / chi2.ppf(A, df)]))

# Lots.
n = 30
soft, hard = 7, 4
Z = np.zeros((n, soft + hard))
for b in range(n):
    for stream, per, first, part in ((soft, 4.6, 0, 0.4), (hard, 8.3, soft, 0.6)):
        for lot in range(stream):
            Z[b, first + lot] += part * max(0.0, min(b + 1, (lot + 1) * per) - max(b, lot * per))
Z /= Z.sum(1, keepdims=True)
t = np.cumsum([3600.0 + 600 * np.sin(i) for i in range(n)])
y = np.array([100 + 2 * np.sin(5.3 * i * i) + 3 * np.sin(0.15 * i) for i in range(n)])
y = y + Z @ np.array([7 * np.sin(2.3 * lot) for lot in range(soft + hard)])
gap = np.sort(np.diff(t))[(n - 1) // 2]
one = np.ones((n, 1))


def model(u, d, tau, Z, y):
    K = np.exp(-np.abs(np.subtract.outer(t, t)) / gap / tau) if tau else 0
    n = len(y)
    V = np.eye(n) + u * Z @ Z.T + d * K
    Vi = np.linalg.inv(V)
    xx = (one.T @ Vi @ one)[0, 0]
    P = Vi - Vi @ one @ one.T @ Vi / xx
    s2 = y @ P @ y / (n - 1)
    ll = -0.5 * ((n - 1) * np.log(s2) + np.linalg.slogdet(V)[1] + np.log(xx))
    return ll, s2, P, V


grid = [(u, d, tau) for d, tau in [(0, None)] + [(d, tau) for tau in (3, 10, 30) for d in (0.25, 1, 4)] for u in (0, 0.1, 0.3, 1, 3, 10, 30)]
fits = [model(*g, Z, y) for g in grid]
ll = np.array([f[0] for f in fits])
weight = np.exp(ll - ll.max())
weight /= weight.sum()
best = int(ll.argmax())
print("lots best", grid[best], "deviations", np.sqrt(grid[best][0] * fits[best][1] * (Z**2).sum() / n), np.sqrt(grid[best][1] * fits[best][1]), np.sqrt(fits[best][1]))
q = stats.t.ppf(0.975, n - 1)
for lot in range(Z.shape[1]):
    z = Z[:, lot]
    blup = np.array([g[0] * z @ f[2] @ y for g, f in zip(grid, fits)])
    pev = np.array([f[1] * (g[0] - g[0] ** 2 * z @ f[2] @ z) for g, f in zip(grid, fits)])
    m = (weight * blup).sum()
    e = np.sqrt((weight * (pev + (blup - m) ** 2)).sum())
    share = z[z >= 0.1].mean()
    u, d, tau = grid[best]
    V = model(u, d, tau, np.delete(Z, lot, 1), y)[3]
    X = np.column_stack([one, z])
    Vi = np.linalg.inv(V)
    C = np.linalg.inv(X.T @ Vi @ X)
    beta = C @ X.T @ Vi @ y
    r = y - X @ beta
    s2 = r @ Vi @ r / (n - 2)
    p = 2 * stats.t.sf(abs(beta[1]) / np.sqrt(s2 * C[1, 1]), n - 2)
    print(f"({m * share:.9}, {(m - q * e) * share:.9}, {(m + q * e) * share:.9}, {p:.9}),")

# Without drift and with whole lots it is a one-way layout, which statsmodels knows.
whole = np.eye(6)[np.arange(n) // 5]
theirs = sm.MixedLM(y, one, groups=np.arange(n) // 5).fit(reml=True)
ratio = theirs.cov_re[0, 0] / theirs.scale
top = model(ratio, 0, None, whole, y)
near = [model(ratio * r, 0, None, whole, y)[0] for r in (0.98, 1.02)]
assert top[0] >= max(near), "the likelihood is greatest where theirs is"
ours = ratio * whole.T @ top[2] @ y
assert np.allclose(ours, [theirs.random_effects[g].iloc[0] for g in range(6)], rtol=1e-4), "so are the predictions"
print("statsmodels agrees:", abs(top[1] / theirs.scale - 1) < 1e-4)
