"""What `src/models/movers/tests.rs` expects, by numpy: how far columns are from what the others tell of them.

    python3 tests/oracles/movers.py        (numpy 2.4.6 printed what stands in the test)

By the normal distribution itself, without the precision matrix that onspec goes by: a column's expectation and
variance given others are those of a regression on them.
"""

import numpy as np

RIDGE = 0.01
# The covariance of four standardised columns, the first three of which go together.
S = np.array([
    [1.0, 0.8, 0.6, 0.1],
    [0.8, 1.0, 0.7, 0.0],
    [0.6, 0.7, 1.0, -0.2],
    [0.1, 0.0, -0.2, 1.0],
]) + RIDGE * np.eye(4)
Z = np.array([2.5, -0.5, 0.3, 1.0])


def given(columns, others):
    """Expectation of columns given the values of others, and the covariance that is left."""
    gain = S[np.ix_(columns, others)] @ np.linalg.inv(S[np.ix_(others, others)])
    left = S[np.ix_(columns, columns)] - gain @ S[np.ix_(others, columns)]
    return gain @ Z[others], left


def off(columns):
    others = [ix for ix in range(4) if ix not in columns]
    expected, left = given(columns, others)
    return Z[columns] - expected, left


for column in range(4):
    deviation, variance = off([column])
    print(f"residual of {column}, in its deviations: {deviation[0] / np.sqrt(variance[0, 0]):.9f}")
both, left = off([0, 3])
print(f"0 and 3 left out together: {both[0]:.9f} {both[1]:.9f}, variances {left[0, 0]:.9f} {left[1, 1]:.9f}")
