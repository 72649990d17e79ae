"""What `src/models/pca/oracle.rs` expects, by scikit-learn and scipy: components, T² and SPE, limits, contributions.

    python3 tests/oracles/pca.py        (numpy 2.4.6, scipy 1.17.1, scikit-learn 1.9.1 printed what stands in the test)

Otherwise than onspec wherever there is another way: components by a singular value decomposition of the rows, T² by
whitened scores, scores of a row with holes by a ridge regression on the rows, contributions to SPE by putting each
column where it leaves the least, and what is usual of a contribution by its mean over the rows, not by a formula.
"""

import numpy as np
import scipy
import sklearn
from scipy import linalg, stats
from sklearn.decomposition import PCA
from sklearn.linear_model import Ridge
from sklearn.preprocessing import StandardScaler

DRAWS, PARALLEL_ROWS, FARTHEST = 20, 4000, 1000.0
PASSES, ALPHA, SHARE, RIDGE, UP_MOST = 3, 0.001, 0.05, 1e-6, 20.0
print("numpy", np.__version__, "scipy", scipy.__version__, "scikit-learn", sklearn.__version__)


def told(name, values):
    print(name, [float(f"{v:.13g}") for v in np.ravel(values)])


def generator():
    """Four numbers of a congruential generator, about 0."""
    state = 1
    while True:
        total = 0.0
        for _ in range(4):
            state = (1664525 * state + 1013904223) % 2**32
            total += state / 2**32
        yield total - 2.0


def rows(n):
    """Three columns follow a slow course, two a fast one, and one is by itself."""
    noise, out, slow, fast = generator(), [], 0.0, 0.0
    for _ in range(n):
        slow = 0.9 * slow + next(noise)
        fast = 0.3 * fast + next(noise)
        own = [next(noise) for _ in range(6)]
        row = [1000.0 + 5.0 * (slow + 0.3 * own[0]), 990.0 + 4.0 * (slow - 0.2 * fast + 0.4 * own[1])]
        row += [20.0 - 0.5 * (slow + own[2]), 3.0 + 0.1 * (fast + 0.5 * own[3]), 70.0 - 2.0 * (fast + 0.7 * own[4])]
        out.append(row + [0.02 * own[5]])
    return np.array(out)


def wander(n, by, persistence):
    """Columns that wander, and follow one of two courses: three the first, three the second as much as told."""
    noise, out, courses, own = generator(), [], [0.0, 0.0], [0.0] * 6
    for _ in range(n):
        courses = [0.9 * value + next(noise) for value in courses]
        own = [persistence * value + next(noise) for value in own]
        out.append([own[ix] + (4.0 * courses[0] if ix < 3 else by * courses[1]) for ix in range(6)])
    return np.array(out)


def shifts(seed, below):
    """xoshiro256++ by Blackman and Vigna, seeded by splitmix64."""
    mask, state = 2**64 - 1, []
    for ix in range(1, 5):
        z = (seed + ix * 0x9E3779B97F4A7C15) & mask
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & mask
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB & mask
        state.append(z ^ (z >> 31))
    rotated = lambda v, by: (v << by | v >> (64 - by)) & mask
    a, b, c, d = state
    while True:
        yield ((rotated((a + d) & mask, 23) + a) & mask) % below
        c, d, shifted = c ^ a, d ^ b, b << 17 & mask
        a, b, c, d = a ^ d, b ^ c, c ^ shifted, rotated(d, 45)


def parallel(z, seed):
    """How many eigenvalues are above those of columns shifted against each other; and how near to it one is."""
    own = np.linalg.svd(z, compute_uv=False) ** 2 / (len(z) - 1)
    thin = z[:: -(-len(z) // PARALLEL_ROWS)]
    by, chance = shifts(seed, len(thin)), []
    for _ in range(DRAWS):
        moved = np.column_stack([np.roll(column, next(by)) for column in thin.T])
        chance.append(np.linalg.svd(moved, compute_uv=False) ** 2 / (len(thin) - 1))
    chance = np.max(chance, axis=0)
    return int(np.cumprod(own > chance).sum()), abs(own - chance).min()


def horn(z):
    """The analysis of columns without autocorrelation, for comparison."""
    random, own = np.random.default_rng(1), np.linalg.eigvalsh(np.corrcoef(z.T))[::-1]
    chance = [np.linalg.eigvalsh(np.corrcoef(random.standard_normal(z.shape).T))[::-1] for _ in range(100)]
    return int(np.cumprod(own > np.quantile(chance, 0.95, axis=0)).sum())


def box(residual, alpha):
    """χ² with the mean and the variance of Σ λ χ²(1)."""
    mean, variance = sum(residual), 2 * sum(residual**2)
    return stats.chi2(2 * mean**2 / variance, scale=variance / (2 * mean)).ppf(1 - alpha)


def reach(covariance):
    """Two deviations above the mean of the cube root of χ² with that mean and variance, about normal."""
    values = linalg.eigvalsh(covariance)
    freedom = sum(values) ** 2 / sum(values**2)
    root = stats.norm(1 - 2 / (9 * freedom), np.sqrt(2 / (9 * freedom))).ppf(stats.norm.cdf(2))
    return sum(values) * root**3


def jackson_mudholkar(residual, alpha):
    """(SPE / θ1) to the power h0 is about normal."""
    one, two, three = (sum(residual**k) for k in (1, 2, 3))
    h0 = 1 - 2 * one * three / (3 * two**2)
    about = stats.norm(1 + two * h0 * (h0 - 1) / one**2, np.sqrt(2 * two) * h0 / one)
    return (h0, one * about.ppf(1 - alpha) ** (1 / h0)) if h0 > 0.001 else (h0, box(residual, alpha))


def phase_two(n, a, alpha):
    return a * (n - 1) * (n + 1) / (n * (n - a)) * stats.f(a, n - a).ppf(1 - alpha)


def phase_one(n, a, alpha):
    return (n - 1) ** 2 / n * stats.beta(a / 2, (n - a - 1) / 2).ppf(1 - alpha)


class Fit:
    def __init__(self, x, components=None, least=0.0, seed=1):
        self.scaler = StandardScaler().fit(x)
        # scikit-learn divides by N, onspec by N − 1.
        self.scaler.scale_ = np.maximum(self.scaler.scale_ * np.sqrt(len(x) / (len(x) - 1)), least)
        self.x, self.z = x, self.scaler.transform(x)
        a = components or max(parallel(self.z, seed)[0], 1)
        self.all = PCA(svd_solver="full").fit(self.z)
        self.pca = PCA(a, svd_solver="full").fit(self.z)
        self.white = PCA(a, svd_solver="full", whiten=True).fit(self.z)
        self.a, self.eigenvalues = a, self.all.explained_variance_

    def standardised(self, x):
        return np.clip(self.scaler.transform(x), -FARTHEST, FARTHEST)

    def t2(self, z):
        return (self.white.transform(z) ** 2).sum(1)

    def left(self, z):
        return z - self.pca.inverse_transform(self.pca.transform(z))

    def spe(self, z):
        return (self.left(z) ** 2).sum(1)

    def loadings(self):
        """Of which the greatest is positive."""
        p = self.pca.components_.T
        return p * np.sign(p[abs(p).argmax(0), range(self.a)])

    def spe_contributions(self, z):
        """How much less SPE is once a column is put where it leaves the least."""
        moved = [self.left(z + unit) - self.left(z) for unit in np.eye(z.shape[1])]
        e = self.left(z)
        put = [e - np.outer(e @ by[0] / (by[0] @ by[0]), by[0]) for by in moved]
        return np.column_stack([self.spe(z) - (rest**2).sum(1) for rest in put])

    def t2_contributions(self, z):
        """By the inverse of the covariance of the model's part of the rows: its root, or itself with one component."""
        covariance = np.cov(self.pca.inverse_transform(self.pca.transform(self.z)).T)
        if self.a == 1:
            return z * (z @ linalg.pinvh(covariance, rtol=1e-9))
        values, vectors = linalg.eigh(covariance)
        # The root of what is rounding is none.
        values, vectors = values[values > 1e-9], vectors[:, values > 1e-9]
        return (z @ (vectors / np.sqrt(values)) @ vectors.T) ** 2

    def over_usual(self, contributions, z):
        """Over the mean of the rows; N − 1, as for their variances."""
        return contributions(z) / (contributions(self.z).sum(0) / (len(self.z) - 1))

    def with_holes(self, z, known):
        """Scores by a ridge regression of the rows' scores on the columns that are there."""
        ridge = Ridge(alpha=RIDGE * (len(self.z) - 1), fit_intercept=False, solver="svd")
        ridge.fit(self.z[:, known], self.pca.transform(self.z))
        t = ridge.predict(z[:, known])
        model = self.pca.inverse_transform(t)
        e = np.zeros_like(z)
        e[:, known] = (z - model)[:, known]
        t2 = (t**2 / self.eigenvalues[: self.a]).sum(1)
        weights = (self.pca.components_**2).sum(0)
        # How far SPE goes in the fitted rows, as they are and with these holes.
        part = np.eye(len(known)) - self.pca.components_.T[known] @ ridge.coef_
        rest = self.z[:, known] @ part.T
        left = rest.T @ rest / (len(self.z) - 1) + RIDGE * part @ part.T
        up = reach(np.cov(self.left(self.z).T)) / reach(left)
        return t, t2, (e**2).sum(1) * min(up, UP_MOST), e, model, weights[known].sum() / weights.sum()


def cleaned(x, seed=1):
    """Passes that leave out what is far outside."""
    kept, counts = np.arange(len(x)), []
    for _ in range(PASSES):
        fit = Fit(x[kept], seed=seed)
        z = fit.standardised(x[kept])
        inside = fit.t2(z) <= phase_one(len(kept), fit.a, ALPHA)
        inside &= fit.spe(z) <= box(fit.eigenvalues[fit.a :], ALPHA)
        if inside.all() or inside.sum() < len(x) - int(SHARE * len(x)):
            break
        kept = kept[inside]
        counts.append(len(kept))
    return Fit(x[kept], seed=seed), kept, counts


made = rows(606)
x, new = made[:600], made[600:].copy()
new[1, 3] += 0.4
new[2, :3] += [15.0, 12.0, -1.5]
new[3, 5] = 1e6
fit = Fit(x)
z = fit.standardised(new)
print("FIT: components", fit.a, "of seed 1; plain Horn", horn(fit.z))
told("means", fit.scaler.mean_)
told("deviations", fit.scaler.scale_)
told("eigenvalues", fit.eigenvalues)
told("loadings", fit.loadings())
told("explained", fit.pca.explained_variance_ratio_.sum())
told("T²", fit.t2(z))
told("SPE", fit.spe(z))
told("residual of row 1", fit.left(z)[1])

print("CONTRIBUTIONS over what is usual, row 1 and row 2")
for name, contributions in (("SPE", fit.spe_contributions), ("T²", fit.t2_contributions)):
    for row in (1, 2):
        told(f"{name} {row}", fit.over_usual(contributions, z)[row])
assert np.allclose(fit.t2_contributions(z).sum(1), fit.t2(z)), "they sum to T²"
one = Fit(x, components=1)
told("T² of one component 2", one.over_usual(one.t2_contributions, z)[2])

print("HOLES: T², SPE, coverage; scores; residual; contributions to T² and SPE; what the model takes the holes for")
for holes in ([1], [0, 4], [1, 2, 3, 4, 5]):
    known = [ix for ix in range(6) if ix not in holes]
    t, t2, spe, e, model, coverage = (v[2] if np.ndim(v) else v for v in fit.with_holes(z, known))
    told(f"{holes}", [t2, spe, coverage])
    told("  scores", t * np.sign(fit.pca.components_[range(fit.a), abs(fit.pca.components_).argmax(1)]))
    told("  residual", e)
    told("  T² parts", fit.over_usual(fit.t2_contributions, np.array([model]))[0])
    usual = (fit.left(fit.z) ** 2).sum(0) / (len(x) - 1)
    told("  SPE parts", e**2 / usual)
    told("  holes", model[holes])

print("LEAST DEVIATION: the last column three times what it did, the first a half")
least = np.zeros(6)
least[5], least[0] = 3 * fit.scaler.scale_[5], 0.5 * fit.scaler.scale_[0]
least = np.array([float(f"{v:.6g}") for v in least])
wide = Fit(x, least=least)
z_wide = wide.standardised(new)
told("least", least)
print("components", wide.a)
told("eigenvalues", wide.eigenvalues)
told("T²", wide.t2(z_wide))
told("SPE", wide.spe(z_wide))
usual = (wide.left(wide.z) ** 2).sum(0) / (len(x) - 1) + 1 - np.var(wide.z, axis=0, ddof=1)
told("SPE parts 1", wide.left(z_wide)[1] ** 2 / usual)
told("T² parts 1", wide.over_usual(wide.t2_contributions, z_wide)[1])

print("CLEANING: rows kept after each pass")
spoiled = x.copy()
for row, by in ((50, 100.0), (150, 5.0), (250, 1.0), (350, 0.4)):
    spoiled[row : row + 2, 3] += by
for row in (410, 411, 412):
    spoiled[row, :3] += [-30.0, -25.0, 3.0]
clean, kept, counts = cleaned(spoiled)
print(len(kept), counts, "left out", sorted(set(range(600)) - set(kept.tolist())), "components", clean.a)
told("eigenvalues", clean.eigenvalues)
told("T²", clean.t2(clean.standardised(new)))
told("SPE", clean.spe(clean.standardised(new)))
spoiled[420:450, 3] += 4.0
clean, kept, counts = cleaned(spoiled)
print("more than may be:", len(kept), counts)

print("COMPONENTS BY SEED, 0 to 23: rows; plain Horn; the least that an eigenvalue is off")
for n, by, persistence in ((300, 0.8, 0.95), (4500, 1.0, 0.99)):
    w = wander(n, by, persistence)
    w = (w - w.mean(0)) / w.std(0, ddof=1)
    found = [parallel(w, seed) for seed in range(24)]
    print(n, by, persistence, [a for a, _ in found], horn(w), min(near for _, near in found))

print("LIMITS: n, a, alpha, phase one, phase two")
for n, a, alpha in ((20, 1, 0.05), (20, 6, 0.001), (600, 2, 0.001), (5000, 12, 0.01), (200000, 30, 0.0001)):
    told((n, a, alpha), [phase_one(n, a, alpha), phase_two(n, a, alpha)])
print("alpha, Box, Jackson and Mudholkar, h0")
for name, residual in (
    ("own", np.array([float(f"{v:.13g}") for v in fit.eigenvalues[fit.a :]])),
    ("one great", np.array([0.9] + [0.01] * 40)),
    ("one great of many", np.array([0.9] + [0.01] * 200)),
    ("two", np.array([0.6, 0.6])),
):
    for alpha in (0.05, 0.01, 0.0001):
        h0, jm = jackson_mudholkar(residual, alpha)
        told((name, alpha), [box(residual, alpha), jm, h0])
