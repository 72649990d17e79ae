"""What `src/models/soft_sensor/oracle.rs` expects, by scikit-learn: PLS of one property.

    python3 tests/oracles/pls.py        (numpy 2.4.6, scikit-learn 1.9.1 printed what stands in the test)

The example of eight rows is that of the domain's reference; the other rows come from a generator that both sides have.
"""

import numpy as np
import sklearn
from sklearn.cross_decomposition import PLSRegression

print("numpy", np.__version__, "scikit-learn", sklearn.__version__)


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
    """Five columns of three courses, and a property of two of these."""
    noise, x, y = generator(), [], []
    for _ in range(n):
        a, b, c = next(noise), next(noise), next(noise)
        own = [next(noise) for _ in range(6)]
        x.append([a + 0.1 * own[0], a - b + 0.2 * own[1], 2 * b + 0.3 * own[2], c + 0.1 * own[3], own[4]])
        y.append(3.0 * a - 2.0 * b + 0.5 * own[5])
    return np.array(x), np.array(y)


def fitted(x, y, components):
    x, y = x - x.mean(0), y - y.mean()
    pls = PLSRegression(n_components=components, scale=False, tol=1e-15).fit(x, y)
    t, w, q = pls.x_scores_, pls.x_weights_, pls.y_loadings_[0]
    explained = q**2 * (t**2).sum(0)
    vip = np.sqrt(len(w) * (w**2 @ explained) / explained.sum())
    return pls, x, vip


def tell(name, x, y, components, new):
    pls, z, vip = fitted(x, y, components)
    told(f"{name} coefficients", pls.coef_)
    told(f"{name} importance", vip)
    row = new - x.mean(0)
    t = row @ pls.x_rotations_
    # Otherwise than onspec: the hat matrix of the scores, and the residual of the row from its scores by least squares.
    told(f"{name} leverage", t @ np.linalg.inv(pls.x_scores_.T @ pls.x_scores_) @ t)
    loadings = np.linalg.lstsq(pls.x_scores_, z, rcond=None)[0]
    left = row - t @ loadings
    told(f"{name} spe", left @ left)
    told(f"{name} predicted", y.mean() + row @ pls.coef_[0])


x, y = rows(40)
for components in (1, 2, 3, 5):
    tell(f"rows, {components}:", x, y, components, np.array([1.0, -0.5, 0.3, 0.8, -0.2]))
