"""What `src/models/prospects.rs` expects: weights of a logistic regression with a normal prior, by scipy.

    python3 tests/oracles/prospects.py        (numpy 2.4.6, scipy 1.17.1 printed what stands in the test)

By a minimiser that knows nothing of Newton's step: the sum of the logarithmic loss and the prior's.
"""

import numpy as np
from scipy.optimize import minimize

PRIOR = np.array([(-2.5, 0.7), (0.4, 0.4), (3.6, 1.0), (2.8, 1.0), (0.7, 0.5), (1.5, 0.8), (2.0, 0.8)])


def case(ix):
    flag = float(ix % 7 == 0)
    before, earlier = float(ix % 11 == 3), float(ix % 13 == 5)
    soft, score = (ix * 0.37) % 3.0 - 1.0, (ix * 0.21) % 1.4 - 0.8
    limits = (ix * 0.13) % 1.0 * flag
    bad = float((ix % 7 == 0 and ix % 3 != 0) or ix % 11 == 3)
    return [1.0, soft, before, earlier, score, flag, limits], bad


X = np.array([case(ix)[0] for ix in range(60)])
y = np.array([case(ix)[1] for ix in range(60)])


def loss(weights):
    odds = X @ weights
    log_loss = np.sum(np.logaddexp(0.0, odds) - y * odds) / 3.0
    return log_loss + 0.5 * np.sum(((weights - PRIOR[:, 0]) / PRIOR[:, 1]) ** 2)


found = minimize(loss, np.zeros(7), method="BFGS", options={"gtol": 1e-10})
print(", ".join(f"{weight:.8f}" for weight in found.x))
