"""What `src/models/multiway/tests.rs` expects, by numpy: batches along a recipe.

    python3 tests/oracles/multiway.py        (numpy 2.4.6 printed what stands in the test)

By the singular values of the unfolded batches, and by the normal distribution itself: scores are their expectation
given all rows so far, with the covariance of those rows, which onspec never makes.
"""

import numpy as np

POOLED, LEAST, SMOOTHING, COMPONENTS = 0.1, 0.01, 0.1, 2


def batches(n):
    """Three columns: one rises to a level of its own, one follows its slope, one wanders by itself. Unequal lengths."""
    state, out = 1, []

    def noise():
        nonlocal state
        total = 0.0
        for _ in range(4):
            state = (1664525 * state + 1013904223) % 2**32
            total += state / 2**32
        return total - 2.0

    for batch in range(n):
        level, speed = 10.0 + noise(), 1.0 + 0.1 * noise()
        own, rows = 0.0, []
        for k in range(18 + (5 * batch) % 7):
            own = 0.8 * own + noise()
            share = min(k * speed / 15.0, 1.0)
            slope = level if share < 1.0 else 0.0
            rows.append([level * share + 0.2 * noise(), slope + 0.3 * noise(), own])
        out.append(np.array(rows))
    return out


made = batches(13)
fitted, new = made[:12], made[12].copy()
new[4, 1] = np.nan
new[10:, 2] += 3.0
K = sorted(len(b) for b in fitted)[6]
J, I = 3, 12
x = np.full((I, K, J), np.nan)
for i, b in enumerate(fitted):
    x[i, : len(b)] = b[:K]
there = np.isfinite(x)
n = there.sum(0)
m = np.nanmean(x, 0)
left, total = np.zeros(J), np.zeros(J)
for i in range(I):
    others = np.nanmean(np.delete(x, i, 0), 0)
    left += np.nansum((x[i] - others) ** 2, 0)
    total += np.nansum((x[i] - np.nanmean(x, (0, 1))) ** 2, 0)
print("positions", K, "explained", repr(float(np.maximum(1 - left / total, 0).mean())))


def steadied(v):
    near = np.array([v[max(k - 1, 0) : k + 2].mean(0) for k in range(K)])
    return (1 - POOLED) * near + POOLED * v.mean(0)


s = np.sqrt(steadied(np.nanvar(x, 0, ddof=1)))
z = np.where(there, (x - m) / s, 0.0).reshape(I, K * J)
u, d, vt = np.linalg.svd(z, full_matrices=False)
p = vt[:COMPONENTS].T
lam = d[:COMPONENTS] ** 2 / (I - 1)
e = (z - z @ p @ p.T).reshape(I, K, J)
e[~there] = np.nan
sigma = steadied(np.nanmean(e**2, 0) * I / (I - 1 - COMPONENTS)) + LEAST
rho = np.nansum(e[:, 1:] * e[:, :-1]) / np.nansum(e[:, 1:] ** 2)
inflation = (1 + rho) / (1 - rho)
print("variances of scores", [float(v) for v in lam], "inflation", repr(float(inflation)))

square, mean, total = np.ones(J), np.zeros(J), np.zeros(J)
for k in range(min(K, len(new))):
    row = ((new[: k + 1] - m[: k + 1]) / s[: k + 1]).ravel()
    seen = np.isfinite(row)
    ps, noise = p[: row.size][seen], inflation * sigma[: k + 1].ravel()[seen]
    covariance = ps @ np.diag(lam) @ ps.T + np.diag(noise)
    t = np.diag(lam) @ ps.T @ np.linalg.solve(covariance, row[seen])
    off = np.nan_to_num((row - p[: row.size] @ t)[-J:] / np.sqrt(sigma[k]))
    square += SMOOTHING * (off**2 - square)
    mean += SMOOTHING * (off - mean)
    total += off
    if k in (0, 4, 12, K - 1):
        values = [(t * t / lam).sum(), square.mean(), (mean**2).mean(), (total**2).mean() / (k + 1)]
        print(k, [float(v) for v in values])
