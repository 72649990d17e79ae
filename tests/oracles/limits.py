"""What limits that are foreseen from few data let pass, by six ways of foreseeing them: a plain quantile; an exponential tail whose
mean is not known; a generalised Pareto tail by maximum likelihood (SPOT; Siffer et al. 2017), with and without rules of refusal; and
one whose shape is drawn towards nought, by its mode, and as what is foreseen over all shapes and scales (`src/models/pareto.rs`).

    python3 tests/oracles/limits.py [PLANTS [FIRST]]     (numpy 2.4.6, scipy 1.17.1; 200 plants from seed 1; some minutes)

Batches: what one reaches is a draw from a distribution that is known, so each limit's rate is exact. Frames: three sums of
squares of autoregressive numbers of several kinds, smoothed as a monitor's are; the greatest of their ratios to a level. A limit's rate is its share
of 200,000 other rows, and there are a quarter as many plants. How far shapes are drawn was chosen on seeds from 9001 on. A line tells the mean rate over plants with its error, how much plants differ (a
standard deviation, over the rate asked for), in how many of them the stated range holds, in how many the rate is below its begin, and where it
ends on the mean.
"""

import sys
from functools import cached_property

import numpy as np
from scipy import stats
from scipy.signal import lfilter

PLANTS = int(sys.argv[1]) if len(sys.argv) > 1 else 200
FIRST = int(sys.argv[2]) if len(sys.argv) > 2 else 1
DRAWN = float(sys.argv[3]) if len(sys.argv) > 3 else 0.2
PEAKS_AT_LEAST, SHAPE_MOST, SHAPES = 20, 0.5, np.linspace(-0.5, 0.5, 21)
DEGREES, WEIGHTS, SHARE, GAP = (25, 150, 50), (0.1, 0.03), 0.1, 10


def log_likelihood(shape, scale, y):
    """Of excesses under a generalised Pareto distribution; shape and scale may be arrays, the last axis is y's."""
    shape, scale = np.broadcast_arrays(np.asarray(shape, float)[..., None], np.asarray(scale, float)[..., None])
    z = y / scale
    with np.errstate(all="ignore"):
        inner = 1 + shape * z
        each = np.where(np.abs(shape) < 1e-9, z, (1 + 1 / np.where(shape == 0, 1, shape)) * np.log(np.where(inner > 0, inner, np.nan)))
    total = -(np.log(scale) + each).sum(-1)
    return np.where(np.isnan(total), -np.inf, total)


def survival(shape, scale, x):
    with np.errstate(all="ignore"):
        inner = np.maximum(1 + shape * x / scale, 0)
        return np.where(np.abs(shape) < 1e-9, np.exp(-x / scale), inner ** (-1 / np.where(shape == 0, 1, shape)))


def grimshaw(y):
    """The profile of θ = shape/scale looked at on a fine grid and refined; shapes from −1 on."""
    top, mean = y.max(), y.mean()
    grid = np.concatenate([-(1 - np.geomspace(1e-6, 1, 200)[:-1]) / top, np.geomspace(1e-6, 200, 300) / mean])
    def profile(theta):
        shape = np.log1p(theta[:, None] * y).mean(1)
        with np.errstate(all="ignore"):
            value = -len(y) * (np.log(shape / theta) + shape + 1)
        return np.where(shape < -1, -np.inf, value), shape
    value, shape = profile(grid)
    best = int(np.nanargmax(value))
    low, high = grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)]
    fine = np.linspace(low, high, 201)
    fine = fine[np.abs(fine) > 1e-12]
    value, shape = profile(fine)
    best = int(np.nanargmax(value))
    exponential = -len(y) * (np.log(mean) + 1)
    if exponential >= value[best]:
        return 0.0, mean
    return shape[best], shape[best] / fine[best]


def level(shape, scale, far):
    """What is passed by one excess in `far`."""
    return scale * (np.log(far) if abs(shape) < 1e-9 else (far**shape - 1) / shape)


class Tail:
    def __init__(self, u, y, share):
        self.u, self.y, self.share = u, np.asarray(y, float), share

    def exponential(self, rate):
        """What is foreseen of a new excess, (1 + x/S)^−C with the sum S of C excesses."""
        count, total = len(self.y), self.y.sum()
        far = max(self.share / rate, 1) ** (1 / count) - 1
        of = lambda p: self.share * np.exp(-far * stats.gamma.ppf(p, count))
        return self.u + total * far, (min(of(0.99), rate), max(of(0.01), rate))

    def likeliest(self, rate, refuse, n):
        """By maximum likelihood; refused, as exponential."""
        if len(self.y) < 5 or self.y.max() <= 0:
            return self.exponential(rate)
        shape, scale = grimshaw(self.y)
        if refuse and (len(self.y) < PEAKS_AT_LEAST or shape > SHAPE_MOST or rate < 1 / (20 * n)):
            return self.exponential(rate)
        x = level(shape, scale, max(self.share / rate, 1))
        return self.u + x, self.asymptotic(shape, scale, x, rate)

    def asymptotic(self, shape, scale, x, rate):
        """Log of the rate at x, by the information about shape and scale."""
        n, s = len(self.y), max(shape, -0.45)
        cov = np.array([[(1 + s) ** 2, -scale * (1 + s)], [-scale * (1 + s), 2 * scale**2 * (1 + s)]]) / n
        h = 1e-5
        log = lambda a, b: np.log(max(float(survival(np.float64(a), np.float64(b), x)), 1e-12))
        g = np.array([(log(shape + h, scale) - log(shape - h, scale)) / 2 / h, (log(shape, scale * (1 + h)) - log(shape, scale * (1 - h))) / 2 / h / scale])
        sd = np.sqrt(max(g @ cov @ g, 0))
        return rate * np.exp(-2.33 * sd), min(rate * np.exp(2.33 * sd), 1)

    @cached_property
    def posterior(self):
        """Weights of shapes and scales: shapes normal about nought and within bounds, logs of scales anyhow."""
        n, mean = len(self.y), self.y.mean()
        width = 6 / np.sqrt(n) + 0.3
        shapes = SHAPES[:, None]
        scales = mean * np.exp(np.linspace(-width, width * 1.3, 49))[None, :] * (1 - shapes)
        log = log_likelihood(np.broadcast_to(shapes, scales.shape), scales, self.y) - shapes**2 / 2 / DRAWN**2
        weight = np.exp(log - log.max())
        return np.broadcast_to(shapes, scales.shape).ravel(), scales.ravel(), (weight / weight.sum()).ravel()

    def drawn(self, rate, foreseen):
        """The shape drawn towards nought: its mode with its scale, or what is foreseen over all of them."""
        if self.y.max() <= 0:
            return self.exponential(rate)
        shapes, scales, weight = self.posterior
        far = max(self.share / rate, 1)
        if foreseen:
            low, high = 0.0, self.y.sum() * 50
            for _ in range(36):
                middle = (low + high) / 2
                low, high = (middle, high) if (weight * survival(shapes, scales, middle)).sum() > 1 / far else (low, middle)
            x = (low + high) / 2
        else:
            best = weight.argmax()
            x = level(shapes[best], scales[best], far)
        rates = self.share * survival(shapes, scales, x)
        order = np.argsort(rates)
        sums = np.cumsum(weight[order])
        of = lambda p: rates[order][min(np.searchsorted(sums, p), len(sums) - 1)]
        return self.u + x, (min(of(0.01), rate), max(of(0.99), rate))


def ways(tail, values, rate, n):
    place = min(len(values), int(np.ceil((len(values) + 1) * (1 - rate) - 1e-9))) - 1
    return {
        "quantile": (np.sort(values)[place], (np.nan, np.nan)),
        "exponential": tail.exponential(rate),
        "ml": tail.likeliest(rate, False, n),
        "ml, refusing": tail.likeliest(rate, True, n),
        "drawn, mode": tail.drawn(rate, False),
        "drawn, foreseen": tail.drawn(rate, True),
    }


class Mixed:
    """Nine batches of ten, and one of a greater spread."""

    def rvs(self, n, random):
        some = random.random(n) < 0.1
        return np.where(some, stats.gamma(8, scale=2 / 8).rvs(n, random_state=random), stats.gamma(16, scale=1 / 16).rvs(n, random_state=random))

    def sf(self, x):
        return 0.9 * stats.gamma(16, scale=1 / 16).sf(x) + 0.1 * stats.gamma(8, scale=2 / 8).sf(x)


class Of:
    def __init__(self, law):
        self.law, self.sf = law, law.sf

    def rvs(self, n, random):
        return self.law.rvs(n, random_state=random)


# What a batch reaches.
LAWS = {
    "bounded": Of(stats.beta(2, 3, loc=0.5)),
    "normal": Of(stats.norm(1, 0.15)),
    "gumbel": Of(stats.gumbel_r(1, 0.1)),
    "lognormal": Of(stats.lognorm(0.5)),
    "frechet": Of(stats.genextreme(-0.2, 1, 0.1)),
    "mixed": Mixed(),
}


def tell(name, rate, rows):
    print(f"{name}: {100 * rate:g} % asked for", flush=True)
    for way in rows[0]:
        rates, low, high = np.array([row[way] for row in rows]).T
        below, held = rates < low, (low <= rates) & (rates <= high)
        error = rates.std() / np.sqrt(len(rates))
        text = f"    {way:16}{100 * rates.mean():7.3f} ± {100 * error:5.3f}   spread {rates.std() / rate:5.2f}"
        print(text + ("" if np.isnan(high).any() else f"   holds in {100 * held.mean():3.0f} %, below in {100 * below.mean():3.0f}, to {100 * high.mean():6.2f}"), flush=True)


def batches():
    for law, of in LAWS.items():
        for n in (10, 20, 40, 60):
            for one_in in (20, 50, 100):
                if n >= one_in - 1:
                    continue
                rate, rows = 1 / one_in, []
                for plant in range(PLANTS):
                    random = np.random.default_rng([FIRST + plant, n])
                    values = np.sort(of.rvs(n, random))
                    u, upper = values[n // 2 - 1], values[n // 2 :]
                    tail = Tail(u, upper - u, len(upper) / n)
                    row = {}
                    for way, (limit, (low, high)) in ways(tail, values, rate, n).items():
                        true = float(of.sf(limit))
                        row[way] = (true, low, high)
                    rows.append(row)
                tell(f"batches, {law}, {n} of them", rate, rows)


INNOVATIONS = {
    "normal": lambda random, size: random.standard_normal(size),
    "student": lambda random, size: random.standard_t(5, size) / np.sqrt(5 / 3),
    "bounded": lambda random, size: random.uniform(-np.sqrt(3), np.sqrt(3), size),
    "mixed": None,
}


def smoothed(random, rows, phi, innovations):
    """Of mixed ones a fiftieth of the time, for fifty rows, all go a third further."""
    burn, columns = 100, []
    spells = np.repeat(random.random((rows + burn) // 50 + 1) < 0.02, 50)[: rows + burn]
    for degrees in DEGREES:
        size = (rows + burn, degrees)
        if innovations == "mixed":
            noise = random.standard_normal(size) * np.where(spells, 4 / 3, 1)[:, None]
        else:
            noise = INNOVATIONS[innovations](random, size)
        course = lfilter([np.sqrt(1 - phi * phi)], [1, -phi], noise, axis=0)[burn:]
        columns.append((course**2).sum(1))
    measured, start = np.array(columns).T, np.array(DEGREES, float)
    return np.hstack([lfilter([w], [1, w - 1], measured, axis=0, zi=((1 - w) * start)[None, :])[0] for w in WEIGHTS])


def of_frames(ratios):
    u = np.quantile(ratios, 1 - SHARE)
    peaks, last = [], None
    for ix in np.flatnonzero(ratios > u):
        if last is None or ix - last > GAP + 1:
            peaks.append(ratios[ix])
        else:
            peaks[-1] = max(peaks[-1], ratios[ix])
        last = ix
    return Tail(u, np.array(peaks) - u, (ratios > u).mean())


def frames():
    for innovations in INNOVATIONS:
        for phi in (0.0, 0.5, 0.9):
            random = np.random.default_rng([FIRST, 77])
            others = np.vstack([smoothed(random, 20000, phi, innovations) for _ in range(10)])
            for n in (500, 2000, 5000):
                rows = {0.005: [], 0.0002: []}
                for plant in range(max(PLANTS // 4, 1)):
                    seen = smoothed(np.random.default_rng([FIRST + plant, n]), n, phi, innovations)
                    levels = np.quantile(seen, 0.99, axis=0)
                    ratios, new = (seen / levels).max(1), np.sort((others / levels).max(1))
                    tail = of_frames(ratios)
                    for rate, told in rows.items():
                        row = {}
                        for way, (limit, (low, high)) in ways(tail, ratios, rate, n).items():
                            true = 1 - np.searchsorted(new, limit, side="right") / len(new)
                            row[way] = (true, low, high)
                        told.append(row)
                for rate, told in rows.items():
                    tell(f"frames, {innovations}, phi {phi}, {n} of them", rate, told)


if __name__ == "__main__":
    batches()
    frames()
