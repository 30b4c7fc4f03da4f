"""JAX: `lax.scan` under jit, the product of the input taken out of the loop."""

import os
from typing import Any

import numpy as np
import torch

from throughtime.bench.contestant import Contestant, Prepared
from throughtime.bench.task import Material, Task


class JaxScan(Contestant):
    """The loop that a person writes in JAX, compiled ahead; inference and training.

    XLA reads the number of its threads once, when a process first uses it.
    """

    name, title = "jax", "JAX"
    packages = ("jax",)

    def runs(self, task: Task) -> bool:
        return isinstance(task.cell, str)

    def prepare(self, task: Task, material: Material) -> Prepared:
        os.environ.setdefault("NPROC", str(torch.get_num_threads()))  # XLA's own pool
        os.environ.setdefault("JAX_PLATFORMS", "cpu")
        import jax  # type: ignore

        jax.config.update("jax_enable_x64", True)
        weights = {n: jax.numpy.asarray(w.numpy()) for n, w in material.weights.items()}
        x, dy = (jax.numpy.asarray(t.numpy()) for t in (material.x, material.dy))
        real = None
        if material.lengths is not None:
            real = np.arange(task.shape.T)[:, None, None] < material.lengths.numpy()[None, :, None]
            real = jax.numpy.asarray(real)

        def inference(weights, x, dy):
            return layers(task, weights, x, real)

        def training(weights, x, dy):
            y, pull = jax.vjp(lambda w: layers(task, w, x, real), weights)
            return y, pull(dy)[0]

        function = training if task.training else inference
        compiled = jax.jit(function).lower(weights, x, dy).compile()

        def read(result: Any) -> dict[str, np.ndarray]:
            y, gradients = result if task.training else (result, {})
            return {"y": np.asarray(y), **{n: np.asarray(g) for n, g in gradients.items()}}

        return Prepared(lambda: jax.block_until_ready(compiled(weights, x, dy)), read)


def layers(task: Task, weights: Any, x: Any, real: Any) -> Any:
    """x `(T, B, I)` to `(T, B, D * H)`; `real` `(T, B, 1)` or None says which steps there are."""
    import jax.numpy as jnp  # type: ignore

    for k in range(task.layers):
        directions = [
            one_direction(
                task, [weights[f"{w}_l{k}{direction}"] for w in NAMES], x, real, direction != ""
            )
            for direction in (("", "_reverse") if task.both else ("",))
        ]
        x = jnp.concatenate(directions, -1)
    return x


NAMES = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")


def one_direction(task: Task, weights: list[Any], x: Any, real: Any, reverse: bool) -> Any:
    """One layer in one direction, torch's equations and order of gates."""
    import jax  # type: ignore
    import jax.numpy as jnp  # type: ignore

    w_ih, w_hh, b_ih, b_hh = weights
    gru = task.cell == "gru"  # whose bias of h is inside the reset gate
    heard = x @ w_ih.T + (b_ih if gru else b_ih + b_hh)
    recurrent = w_hh.T

    def step(state, given):
        z, real = given
        h = state[0]
        if gru:
            (r, u, n), (rh, uh, nh) = (jnp.split(v, 3, -1) for v in (z, h @ recurrent + b_hh))
            r, u = jax.nn.sigmoid(r + rh), jax.nn.sigmoid(u + uh)
            new = ((1 - u) * jnp.tanh(n + r * nh) + u * h,)
        elif task.cell == "lstm":
            i, f, g, o = jnp.split(z + h @ recurrent, 4, -1)
            c = jax.nn.sigmoid(f) * state[1] + jax.nn.sigmoid(i) * jnp.tanh(g)
            new = (jax.nn.sigmoid(o) * jnp.tanh(c), c)
        else:
            new = (jnp.tanh(z + h @ recurrent),)
        if real is None:
            return new, new[0]
        new = tuple(jnp.where(real, n, s) for n, s in zip(new, state, strict=True))
        return new, jnp.where(real, new[0], 0)

    start = jnp.zeros((x.shape[1], w_hh.shape[1]), x.dtype)
    states = (start, start) if task.cell == "lstm" else (start,)
    return jax.lax.scan(step, states, (heard, real), reverse=reverse)[1]
