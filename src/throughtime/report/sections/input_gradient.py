"""What of the gradient of the loss reaches the input: a part of the gradients through time."""

from typing import Any

import plotly.graph_objects as go
import torch
from torch import Tensor

from throughtime.data import Batch
from throughtime.report import given
from throughtime.report.rounding import thinned
from throughtime.report.sections.moment import InputGradient, Moments
from throughtime.report.shares import DASH_OF, one_percent, visible
from throughtime.report.style import figure, line
from throughtime.report.words import in_steps
from throughtime.tasks import Task
from throughtime.training import Model
from throughtime.training.model import recurrent


def measure(model: Model, batch: Batch, task: Task) -> InputGradient:
    norms = _gradient(model, batch, task).norm(dim=-1).cpu()  # (T, B)
    lengths = model.read_lengths(batch.lengths).cpu()
    backward = all(layer.direction == "backward" for layer in recurrent(model))
    t = torch.arange(len(norms))[:, None]
    at = t.expand_as(norms) if backward else lengths - 1 - t
    share = norms.gather(0, at.clamp(min=0)).where(t < lengths, torch.nan)
    largest = share.nan_to_num().amax(0)
    mean = (share / largest.clamp(min=torch.finfo(share.dtype).tiny)).nanmean(1)
    mean = mean[: int(lengths.min())]
    enough = (mean >= 0.01).nonzero()
    places = thinned(len(mean))
    relative: Any = mean[places]
    return {
        "at_input": {"lag": places, "relative": relative},
        "reach": int(enough[-1]) + 1 if len(enough) else 0,
        "from": "beginning" if backward else "end",
    }


def _gradient(model: Model, batch: Batch, task: Task) -> Tensor:
    """Of the loss with respect to what the recurrent layers are given, `(T, B, I)`: numbers in
    units of their spread, categories as they are learned."""
    inputs: list[Tensor] = []

    def cut(module: object, given: object, encoded: Tensor) -> Tensor:
        inputs.append(encoded.detach().requires_grad_())
        return inputs[0]

    hook = model.encoder.register_forward_hook(cut)
    try:
        loss = task.loss(model(batch.x, batch.lengths), batch)
    finally:
        hook.remove()
    (gradient,) = torch.autograd.grad(loss, inputs)
    return gradient


def how_far(after: InputGradient, steps: int) -> list[str]:
    """How many of so many steps the gradient of the loss reaches at the input."""
    says = [
        "The gradient of the loss at the input of each step, all layers and directions together."
    ]
    if nothing_arrives(after):
        return [*says, "It is 0 at every step: what the network says does not depend on them."]
    if after["reach"] >= steps:
        return [*says, f"It reaches all {steps} steps with 1% of its largest value or more."]
    return [
        *says,
        f"{in_steps(after['reach'])} from the {after['from']} of a sequence it is below 1% of its "
        f"largest value, and stays there for the other {steps - after['reach']}.",
    ]


def nothing_arrives(moment: InputGradient) -> bool:
    """Whether the gradient at the input is 0 at every step."""
    return not any(moment["at_input"]["relative"])


def at_input(measured: Moments) -> go.Figure:
    """What of the gradient of the loss reaches the input of each step.

    **Raises:** as every figure, `CallError` for anything but what `measure` or `kept` returned.
    """
    given.measured("at_input", measured, "before", "after")
    drawn = figure(320)
    for k, (when, dash) in enumerate(DASH_OF.items()):
        moment = measured[when]
        if moment:
            curve = moment["at_input"]
            shares = visible(curve["relative"])
            drawn.add_trace(line(curve["lag"], shares, f"{when} training", 1 - k, dash=dash))
    one_percent(drawn)
    drawn.update_xaxes(title=f"steps from the {measured['after']['from']} of the sequence")
    drawn.update_yaxes(title="share of the largest")
    return drawn
