"""SABA, AmIGO and StocBiO in JAX: derivatives by JAX, any number of outer iterations inside one compiled call.

The batches are given; each use of a level's data reads the next of them. As in benchmark_bilevel the cross product is a
dense vector of the upper level, SABA's tables begin at zero and weigh the last batch with its own rows alone.
"""
import jax
import jax.numpy as jnp
import numpy as np

from peer import W2, Data, Work
from peer_jax import BATCH, cross_entropy

# Lower step, upper step, outer iterations that are compared.
STEPS = {
    'w1': dict(saba=(0.125, 0.125, 1000), amigo=(0.125, 0.125 / 0.1 ** 0.5, 1000), stocbio=(0.125, 0.125, 1000)),
    'w2': dict(saba=(0.1, 100.0, 300), amigo=(0.001, 100.0, 300), stocbio=(0.01, 1000.0, 300)),
}
INNER = 10


class Problem:
    """g(w, x, start) and f(w, x, start) on batches of n and m rows, and where they begin."""

    def __init__(self, g, f, n, m, w0, x0, lower, upper):
        self.g, self.f, self.n, self.m, self.w0, self.x0, self.lower, self.upper = g, f, n, m, w0, x0, lower, upper
        self.gradient = jax.grad(g)

    def start(self, batches, cursor, rows):
        number = batches[cursor % len(batches)]
        return number, jnp.minimum(BATCH * number, rows - BATCH)

    def inner(self, cursor):
        return self.start(self.lower, cursor, self.n)

    def outer(self, cursor):
        return self.start(self.upper, cursor, self.m)

    def product(self, w, x, v, start):
        return jax.jvp(lambda w: self.gradient(w, x, start), (w,), (v,))[1]

    def cross(self, w, x, v, start):
        return jax.vjp(lambda x: self.gradient(w, x, start), x)[1](v)[0]


def single(problem, rho, gamma):
    """SABA."""
    slots, others = -(-problem.n // BATCH), -(-problem.m // BATCH)

    def share(number, slots, rows):
        return jnp.where(number == slots - 1, (rows % BATCH or BATCH) / rows, BATCH / rows)

    def correct(new, table, average, number, weight):
        change = new - table[number]
        return change + average, table.at[number].set(new), average + weight * change

    @jax.jit
    def run(count, state):
        def step(k, state):
            w, v, x, tables, averages = state
            (i, s), (j, t) = problem.inner(k), problem.outer(k)
            gradient, product = jax.jvp(lambda w: problem.gradient(w, x, s), (w,), (v,))
            upper_w, upper_x = jax.grad(problem.f, argnums=(0, 1))(w, x, t)
            new = [gradient, product, problem.cross(w, x, v, s), upper_w, upper_x]
            found = [
                correct(a, table, average, *((i, share(i, slots, problem.n)) if index < 3 else
                                             (j, share(j, others, problem.m))))
                for index, (a, table, average) in enumerate(zip(new, tables, averages))]
            d = [f[0] for f in found]
            return (w - rho * d[0], v - rho * (d[1] + d[3]), x - gamma * (d[2] + d[4]),
                    [f[1] for f in found], [f[2] for f in found])

        return jax.lax.fori_loop(0, count, step, state)

    w, x = problem.w0, problem.x0
    shapes = [(slots, w), (slots, w), (slots, x), (others, w), (others, x)]
    tables = [jnp.zeros((rows,) + a.shape, a.dtype) for rows, a in shapes]
    return run, (w, jnp.zeros_like(w), x, tables, [jnp.zeros_like(a) for _, a in shapes])


def double(problem, rho, gamma, warm):
    """AmIGO (steps on v from the last one) and StocBiO (a Neumann series)."""

    @jax.jit
    def run(count, state):
        def step(k, state):
            w, v, x = state
            cursor = k * (2 * INNER + 1)

            def descend(i, w):
                return w - rho * problem.gradient(w, x, problem.inner(cursor + i)[1])

            w = jax.lax.fori_loop(0, INNER, descend, w)
            upper_w, upper_x = jax.grad(problem.f, argnums=(0, 1))(w, x, problem.outer(k)[1])

            def start(i):
                return problem.inner(cursor + INNER + i)[1]

            if warm:
                v = jax.lax.fori_loop(
                    0, INNER, lambda i, v: v - rho * (problem.product(w, x, v, start(i)) + upper_w), v)
            else:
                def term(i, pair):
                    p, total = pair
                    p = p - rho * problem.product(w, x, p, start(i))
                    return p, total + p

                v = rho * jax.lax.fori_loop(0, INNER, term, (-upper_w, -upper_w))[1]
            cross = problem.cross(w, x, v, problem.inner(cursor + 2 * INNER)[1])
            return w, v, x - gamma * (cross + upper_x)

        return jax.lax.fori_loop(0, count, step, state)

    return run, (problem.w0, jnp.zeros_like(problem.w0), problem.x0)


def cut(a, start):
    return jax.lax.dynamic_slice_in_dim(a, start, BATCH)


def logistic(folder, dtype):
    d = Data(folder, 'w1', dtype)
    X, y, V, u = (jnp.array(d[k]) for k in ('Xtr', 'ytr', 'Xva', 'yva'))

    def loss(w, X, y, start):
        return jnp.mean(jax.nn.softplus(-cut(y, start) * (cut(X, start) @ w)))

    return Problem(
        lambda w, x, start: loss(w, X, y, start) + 0.5 * jnp.sum(jnp.exp(x) * w * w),
        lambda w, x, start: loss(w, V, u, start), len(X), len(V), jnp.array(d['inner0']), jnp.array(d['outer0']),
        jnp.array(d['batches_inner']), jnp.array(d['batches_outer']))


def cleaning(folder, dtype):
    d = Data(folder, 'w2', dtype)
    X, V = jnp.array(d['Xtr']), jnp.array(d['Xva'])
    Y, U = (jnp.array(np.eye(10)[d[k]], dtype) for k in ('ytr', 'yva'))

    def g(W, x, start):
        losses = cross_entropy(cut(X, start) @ W, cut(Y, start))
        return jnp.mean(jax.nn.sigmoid(cut(x, start)) * losses) + W2['reg'] * jnp.sum(W * W)

    def f(W, x, start):
        return jnp.mean(cross_entropy(cut(V, start) @ W, cut(U, start)))

    return Problem(
        g, f, len(X), len(V), jnp.zeros((784, 10), dtype), jnp.full(len(X), -2.0, dtype),
        jnp.array(d['batches_inner']), jnp.array(d['batches_outer']))


def works(folder, dtype):
    problems = {}

    def work(workload, method):
        if workload not in problems:
            problems[workload] = dict(w1=logistic, w2=cleaning)[workload](folder, dtype)
        rho, gamma, compared = STEPS[workload][method]
        problem = problems[workload]
        run, start = (single(problem, rho, gamma) if method == 'saba'
                      else double(problem, rho, gamma, warm=method == 'amigo'))

        def results():
            w, _, x = run(compared, start)[:3]
            return dict(y=w, x=x)

        return Work(lambda count: jax.block_until_ready(run(count, start)), results)

    return {f'{workload}.{method}': lambda workload=workload, method=method: work(workload, method)
            for workload in STEPS for method in STEPS[workload]}
