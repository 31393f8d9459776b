"""JAX: derivatives by JAX, whole loops inside one compiled call, so that nothing of Python or of dispatch is measured."""
import jax
import jax.numpy as jnp
import numpy as np

from peer import W1_ETA, W2, W3, W4, W5, W6, Data, Work, direction
from peer_numpy import train

BATCH = 64


def conjugate_gradients(A, b, steps):
    def step(carry, _):
        x, r, p, rr = carry
        Ap = A(p)
        a = rr / jnp.vdot(p, Ap)
        r = r - a * Ap
        new = jnp.vdot(r, r)
        return (x + a * p, r, r + (new / rr) * p, new), None

    return jax.lax.scan(step, (jnp.zeros_like(b), b, b, jnp.vdot(b, b)), None, length=steps)[0][0]


def cross_entropy(Z, Y):
    return -jnp.sum(Y * jax.nn.log_softmax(Z, axis=1), axis=1)


class Level:
    """Steps, products and outer iterations of g(y, x) and f(y), compiled once for any count."""

    def __init__(self, g, y0, x0, eta, f=None):
        self.y0, self.x0, self.f = y0, x0, f
        self.v0 = jnp.array(direction(y0.shape), y0.dtype)
        gradient = jax.grad(g)

        @jax.jit
        def steps(count, y, x):
            return jax.lax.fori_loop(0, count, lambda _, y: y - eta * gradient(y, x), y)

        @jax.jit
        def products(count, y, x, v):
            # The linearisation is shared by ten products; its residuals depend on the loop's counter, so that they
            # are not moved out of it.
            def ten(index, v):
                here = y + 0.0 * index.astype(y.dtype)
                _, product = jax.linearize(lambda y: gradient(y, x), here)
                return jax.lax.fori_loop(0, jnp.minimum(10, count - 10 * index), lambda _, v: v - eta * product(v), v)

            return jax.lax.fori_loop(0, (count + 9) // 10, ten, v)

        def outer(y, x, T, K):
            y = jax.lax.scan(lambda y, _: (y - eta * gradient(y, x), None), y, None, length=T)[0]
            value, b = jax.value_and_grad(f)(y)
            _, product = jax.linearize(lambda y: gradient(y, x), y)
            v = conjugate_gradients(lambda p: eta * product(p), b, K)
            return y, value, -eta * jax.vjp(lambda x: gradient(y, x), x)[1](v)[0]

        self.steps, self.products, self.outer = steps, products, jax.jit(outer, static_argnums=(2, 3))

    def step_work(self):
        def run(count):
            return self.steps(count, self.y0, self.x0).block_until_ready()

        return Work(run, lambda: dict(y=run(10)))

    def product_work(self):
        def run(count):
            return self.products(count, self.y0, self.x0, self.v0).block_until_ready()

        return Work(run, lambda: dict(v=run(10)))

    def outer_work(self, constants):
        def run(count):
            for _ in range(count):
                jax.block_until_ready(self.outer(self.y0, self.x0, constants['T'], constants['K']))

        def results():
            y, x, values = self.y0, self.x0, []
            for _ in range(constants['outer']):
                y, value, hypergradient = self.outer(y, x, constants['T'], constants['K'])
                values.append(float(value))
                x = x - constants['upper_step'] * hypergradient
            return dict(values=np.array(values), hypergradient=hypergradient, y=y, x=x)

        return Work(run, results)


def logistic(folder, dtype):
    d = Data(folder, 'w1', dtype)
    X, y = jnp.array(d['Xtr']), jnp.array(d['ytr'])
    return Level(
        lambda w, x: jnp.mean(jax.nn.softplus(-y * (X @ w))) + 0.5 * jnp.sum(jnp.exp(x) * w * w),
        jnp.array(d['inner0']), jnp.array(d['outer0']), W1_ETA)


def logistic_batches(folder, dtype):
    d = Data(folder, 'w1', dtype)
    X, y, batches = jnp.array(d['Xtr']), jnp.array(d['ytr']), jnp.array(d['batches_inner'])
    w0, x0 = jnp.array(d['inner0']), jnp.array(d['outer0'])

    def g(w, x, start):
        Xb, yb = jax.lax.dynamic_slice_in_dim(X, start, BATCH), jax.lax.dynamic_slice_in_dim(y, start, BATCH)
        return jnp.mean(jax.nn.softplus(-yb * (Xb @ w))) + 0.5 * jnp.sum(jnp.exp(x) * w * w)

    gradient = jax.grad(g)

    @jax.jit
    def steps(count, w, x):
        return jax.lax.fori_loop(
            0, count, lambda k, w: w - W1_ETA * gradient(w, x, BATCH * batches[k % len(batches)]), w)

    def run(count):
        return steps(count, w0, x0).block_until_ready()

    return Work(run, lambda: dict(y=run(10)))


def soba(folder, dtype):
    d = Data(folder, 'w1', dtype)
    X, y, V, yv = (jnp.array(d[k]) for k in ('Xtr', 'ytr', 'Xva', 'yva'))
    lower, upper = jnp.array(d['batches_inner']), jnp.array(d['batches_outer'])
    w0, x0 = jnp.array(d['inner0']), jnp.array(d['outer0'])

    def loss(w, X, y, start):
        Xb, yb = jax.lax.dynamic_slice_in_dim(X, start, BATCH), jax.lax.dynamic_slice_in_dim(y, start, BATCH)
        return jnp.mean(jax.nn.softplus(-yb * (Xb @ w)))

    def g(w, x, start):
        return loss(w, X, y, start) + 0.5 * jnp.sum(jnp.exp(x) * w * w)

    @jax.jit
    def run(count, w, v, x, a, b):
        def step(k, state):
            w, v, x = state
            s, t = BATCH * lower[k % len(lower)], BATCH * upper[k % len(upper)]
            (gw, hv) = jax.jvp(lambda w: jax.grad(g)(w, x, s), (w,), (v,))
            cross = jax.vjp(lambda x: jax.grad(g)(w, x, s), x)[1](v)[0]
            go = jax.grad(loss)(w, V, yv, t)
            r = (1 / jnp.sqrt(k + 1.0)).astype(w.dtype)
            return w - a * r * gw, v - a * r * (hv + go), x - b * r * cross

        return jax.lax.fori_loop(0, count, step, (w, v, x))

    def works(a, b, count):
        w, v, x = jax.block_until_ready(run(count, w0, jnp.zeros_like(w0), x0, a, b))
        return dict(y=w, v=v, x=x)

    return Work(lambda count: works(1e-3, 1e-3, count), lambda: works(0.03125, 3.125, 1000))


def cleaning(folder, dtype):
    d = Data(folder, 'w2', dtype)
    X, V = jnp.array(d['Xtr']), jnp.array(d['Xva'])
    Y, Yv = (jnp.array(np.eye(10)[d[k]], dtype) for k in ('ytr', 'yva'))
    return Level(
        lambda W, x: jnp.mean(jax.nn.sigmoid(x) * cross_entropy(X @ W, Y)) + W2['reg'] * jnp.sum(W * W),
        jnp.zeros((784, 10), dtype), jnp.full(len(X), -2.0, dtype), W2['eta'],
        lambda W: jnp.mean(cross_entropy(V @ W, Yv)))


def cleaning_batches(folder, dtype):
    d = Data(folder, 'w2', dtype)
    X, Y, batches = jnp.array(d['Xtr']), jnp.array(np.eye(10)[d['ytr']], dtype), jnp.array(d['batches_inner'])
    W0, x0, eta = jnp.zeros((784, 10), dtype), jnp.full(len(X), -2.0, dtype), W2['batch_eta']
    v0 = jnp.array(direction((784, 10)), dtype)

    def g(W, x, start):
        Xb, Yb, xb = (jax.lax.dynamic_slice_in_dim(a, start, BATCH) for a in (X, Y, x))
        return jnp.mean(jax.nn.sigmoid(xb) * cross_entropy(Xb @ W, Yb)) + W2['reg'] * jnp.sum(W * W)

    gradient = jax.grad(g)

    @jax.jit
    def steps(count, W, x):
        def step(k, W):
            return W - eta * gradient(W, x, jnp.minimum(BATCH * batches[k % len(batches)], len(X) - BATCH))

        return jax.lax.fori_loop(0, count, step, W)

    @jax.jit
    def products(count, W, x, v):
        def step(k, v):
            start = jnp.minimum(BATCH * batches[k % len(batches)], len(X) - BATCH)
            return v - eta * jax.jvp(lambda W: gradient(W, x, start), (W,), (v,))[1]

        return jax.lax.fori_loop(0, count, step, v)

    def run(count):
        return steps(count, W0, x0).block_until_ready()

    def run_products(count):
        return products(count, W0, x0, v0).block_until_ready()

    return Work(run, lambda: dict(y=run(10))), Work(run_products, lambda: dict(v=run_products(10)))


def text(folder, dtype):
    d = Data(folder, 'w3', dtype)
    n, m, p, k = map(int, d['shape'])

    def product(name, rows):
        # Rows are sorted: a gather and a segment sum, differentiable, without a dense X.
        row = jnp.array(np.repeat(np.arange(rows), np.diff(d[f'{name}_indptr'])), jnp.int32)
        column, value = jnp.array(d[f'{name}_indices']), jnp.array(d[f'{name}_data'])
        return lambda W: jax.ops.segment_sum(
            value[:, None] * W[column], row, num_segments=rows, indices_are_sorted=True)

    train, validation = product('tr', n), product('va', m)
    Y, Yv = (jnp.array(np.eye(k)[d[q]], dtype) for q in ('ytr', 'yva'))
    return Level(
        lambda W, x: jnp.mean(cross_entropy(train(W), Y)) + 0.5 * jnp.mean(jnp.exp(x)[:, None] * W * W),
        jnp.zeros((p, k), dtype), jnp.zeros(p, dtype), W3['eta'],
        lambda W: jnp.mean(cross_entropy(validation(W), Yv)))


def ridge(folder, dtype):
    d = Data(folder, 'w4', dtype)
    X, y, V, yv = (jnp.array(d[k]) for k in ('Xtr', 'ytr', 'Xva', 'yva'))
    return Level(
        lambda w, x: 0.5 / len(X) * jnp.sum((X @ w - y) ** 2) + 0.5 * jnp.sum(jnp.exp(x) * w * w),
        jnp.zeros(500, dtype), jnp.full(500, -2.0, dtype), W4['eta'],
        lambda w: 0.5 / len(V) * jnp.sum((V @ w - yv) ** 2))


def equilibrium(folder, dtype):
    d = Data(folder, 'w5', dtype)
    A, U = jnp.array(d['A0']), jnp.array(d['Xtr'] @ d['B0'] + d['c0'])
    z0, z1, b = jnp.zeros_like(U), jnp.full_like(U, 0.1), jnp.full_like(U, 0.01)

    def map_(z):
        return jnp.tanh(z @ A + U)

    @jax.jit
    def steps(count, z):
        return jax.lax.fori_loop(0, count, lambda _, z: map_(z), z)

    @jax.jit
    def products(count, v):
        def ten(index, v):
            _, pull = jax.vjp(map_, z1 + 0.0 * index.astype(z1.dtype))
            return jax.lax.fori_loop(0, jnp.minimum(10, count - 10 * index), lambda _, v: pull(v)[0] + b, v)

        return jax.lax.fori_loop(0, (count + 9) // 10, ten, v)

    def run(count):
        return steps(count, z0).block_until_ready()

    def run_products(count):
        return products(count, z0).block_until_ready()

    return Work(run, lambda: dict(z=run(10))), Work(run_products, lambda: dict(v=run_products(10)))


def training(folder, dtype):
    d = Data(folder, 'w5', dtype)
    start = [jnp.array(d[f'{name}0']) for name in 'ABcVd']
    X, Y = jnp.array(d['Xtr']), jnp.array(np.eye(10)[d['ytr']], dtype)

    @jax.jit
    def iteration(parameters):
        A, B, c, V, e = parameters
        U = X @ B + c
        z = jax.lax.fori_loop(0, W5['T'], lambda _, z: jnp.tanh(z @ A + U), jnp.zeros_like(U))
        loss, (b, gV, ge) = jax.value_and_grad(
            lambda z, V, e: jnp.mean(cross_entropy(z @ V + e, Y)), argnums=(0, 1, 2))(z, V, e)
        _, pull = jax.vjp(lambda z, A, B, c: jnp.tanh(z @ A + X @ B + c), z, A, B, c)
        v = jax.lax.fori_loop(0, W5['K'], lambda _, v: pull(v)[0] + b, jnp.zeros_like(b))
        return loss, list(pull(v)[1:]) + [gV, ge]

    def run(count):
        for _ in range(count):
            jax.block_until_ready(iteration(start))

    return Work(run, lambda: train(lambda parameters: iteration([jnp.array(p) for p in parameters]), start))


def robust_ridge(folder, dtype):
    d = Data(folder, 'w6', dtype)
    X, y, V, yv = (jnp.array(d[k]) for k in ('Xtr', 'ytr', 'Xva', 'yva'))
    n, p = X.shape

    def loss(theta, P):
        return jnp.sum((y - (X + P) @ theta) ** 2) / n

    slope = jax.grad(lambda theta, P, x: loss(theta, P) + jnp.exp(x) / p * jnp.sum(theta * theta))

    def weights(P, x):
        def step(theta, _):
            return theta - W6['lower_step'] * slope(theta, P, x), None

        return jax.lax.scan(step, jnp.zeros(p, dtype), None, length=W6['T1'])[0]

    noise_slope = jax.grad(lambda P, x: W6['c'] / (n * p) * jnp.sum(P * P) - loss(weights(P, x), P))

    def upper(x):
        def step(P, _):
            return P - W6['noise_step'] * noise_slope(P, x), None

        P = jax.lax.scan(step, jnp.zeros((n, p), dtype), None, length=W6['T2'])[0]
        theta = weights(P, x)
        return jnp.sum((yv - V @ theta) ** 2) / len(V), (theta, P)

    iteration = jax.jit(jax.value_and_grad(upper, has_aux=True))
    start = jnp.array(0, dtype)

    def run(count):
        for _ in range(count):
            jax.block_until_ready(iteration(start))

    def results():
        x, values = start, []
        for _ in range(W6['outer']):
            (value, (theta, P)), hypergradient = iteration(x)
            values.append(float(value))
            x = x - W6['upper_step'] * hypergradient
        return dict(
            values=np.array(values), hypergradient=np.array([hypergradient]), x=np.array([x]), noise=P, y=theta)

    return Work(run, results)


def works(folder, dtype):
    made = {}

    def once(maker):
        if maker not in made:
            made[maker] = maker(folder, dtype)
        return made[maker]

    return {
        'w1.soba': lambda: once(soba), 'w1.step.batch': lambda: once(logistic_batches),
        'w1.step': lambda: once(logistic).step_work(), 'w1.hv': lambda: once(logistic).product_work(),
        'w2.step.batch': lambda: once(cleaning_batches)[0], 'w2.hv.batch': lambda: once(cleaning_batches)[1],
        'w2.step': lambda: once(cleaning).step_work(), 'w2.hv': lambda: once(cleaning).product_work(),
        'w2.outer': lambda: once(cleaning).outer_work(W2),
        'w3.step': lambda: once(text).step_work(), 'w3.hv': lambda: once(text).product_work(),
        'w3.outer': lambda: once(text).outer_work(W3),
        'w4.step': lambda: once(ridge).step_work(), 'w4.hv': lambda: once(ridge).product_work(),
        'w4.outer': lambda: once(ridge).outer_work(W4),
        'w5.step': lambda: once(equilibrium)[0], 'w5.hv': lambda: once(equilibrium)[1],
        'w5.outer': lambda: once(training),
        'w6.outer': lambda: once(robust_ridge),
    }
