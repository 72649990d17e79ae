"""What `src/models/cva/tests.rs` expects, by numpy: canonical variates through a singular value decomposition.

    python3 tests/oracles/cva.py        (numpy 2.4.6 printed what stands in the test)
"""

import numpy as np

PAST, FUTURE, RIDGE, STATES, INDEPENDENT = 3, 2, 1e-3, 2, 30


def rows(n):
    """Three columns: a slow one, one that follows it a row later, and one by itself."""
    state, out, slow, own = 1, [], 0.0, 0.0

    def noise():
        nonlocal state
        total = 0.0
        for _ in range(4):
            state = (1664525 * state + 1013904223) % 2**32
            total += state / 2**32
        return total - 2.0

    for _ in range(n):
        before = slow
        slow = 0.9 * slow + noise()
        own = -0.5 * own + noise()
        out.append([slow + 0.2 * noise(), before + 0.2 * noise(), own + 0.2 * noise()])
    return np.array(out)


def windows(z):
    n = len(z)
    past = [z[PAST - 1 - lag : n - FUTURE - lag] for lag in range(PAST)]
    future = [z[PAST - 1 + lead : n - FUTURE + lead] for lead in range(1, FUTURE + 1)]
    return np.hstack(past + future)


def inverse_root(s):
    values, vectors = np.linalg.eigh(s + RIDGE * np.eye(len(s)))
    return (vectors / np.sqrt(values)) @ vectors.T


z = rows(400)
q = windows(z)
p = z.shape[1]
centre = q.mean(0)[:p]
c = q - np.tile(centre, PAST + FUTURE)
s = c.T @ c / len(c)
spp, sff, sfp = s[: PAST * p, : PAST * p], s[PAST * p :, PAST * p :], s[PAST * p :, : PAST * p]
white = inverse_root(spp)
_, singular, vt = np.linalg.svd(inverse_root(sff) @ sfp @ white)
v = vt[:STATES].T
b = sfp[:p] @ white @ v
to_state = white @ v
error = s[PAST * p : (PAST + 1) * p, PAST * p : (PAST + 1) * p] - b @ to_state.T @ sfp[:p].T
error = error - sfp[:p] @ to_state @ b.T + b @ (to_state.T @ spp @ to_state) @ b.T
innovation = inverse_root(error)
x, states = c[:, : PAST * p] @ to_state, None
later = np.hstack([c[:, PAST * p : (PAST + 1) * p], c[:, : (PAST - 1) * p]]) @ to_state
rho = (later * x).mean(0) / (x * x).mean(0)
independent = len(c) * (1 - rho) / (1 + rho)
judged = independent >= INDEPENDENT
print("independent values", independent)
print("singular values", singular[:3])

new = rows(412)[400:] + np.array([0.0, 2.0, 0.0]) - centre
state = None
for t, row in enumerate(new):
    e = None if state is None else innovation @ (row - b @ state)
    if t + 1 < PAST:
        continue
    w = white @ np.hstack([new[t - lag] for lag in range(PAST)])
    state = v.T @ w
    rest = w - v @ state
    if e is not None:
        print(t, repr([float((state * judged) @ state), float(rest @ rest), float(e @ e)]))
        print("   columns of the innovation", repr([float(u) for u in e * e]))

held = windows(rows(700)[400:]) - np.tile(centre, PAST + FUTURE)
ahead = held[:, PAST * p : (PAST + 1) * p]
all_states = vt.T
for k in range(4):
    foretold = held[:, : PAST * p] @ white @ all_states[:, :k] @ (sfp[:p] @ white @ all_states[:, :k]).T
    print("error of", k, "states", float(((ahead - foretold) ** 2).sum(1).mean()))
