"""Every mode gives the gradient it says: that of Full, or of the replicas within a window."""

import pytest
import torch
from catalogue import CELLS

from throughtime import GRU, LSTM, RNN, LeakyRNN, Recurrent
from throughtime.bptt import Checkpointed, Full, Truncated, backward, mode, replicas, stream
from throughtime.errors import OptionError, ShapeError
from throughtime.layers import direction as over_time

T, B = 7, 4
LENGTHS = {"all": None, "ragged": torch.tensor([T, 0, 1, 5])}


class Setting:
    """A network, a head on every step and on all final states, and one batch."""

    def __init__(self, cell, direction="forward", lengths=None, **options):
        torch.manual_seed(0)
        self.layers = [Recurrent(cell, 3, 4, direction=direction, **options)]
        width = self.layers[0].output_size
        self.head = torch.nn.Linear(width, 2)
        self.lengths = lengths
        self.x, self.target = torch.randn(T, B, 3), torch.randn(T, B, 2)

    @property
    def parameters(self):
        modules = torch.nn.ModuleList([*self.layers, self.head])
        return dict(modules.named_parameters())

    def read(self, total, y, start):
        error = (self.head(y) - self.target[start : start + len(y)]).square().sum()
        return error if total is None else total + error

    def loss(self, total, state):
        ends = (
            s
            for layers in state
            for directions in layers
            for named in directions
            for s in named.values()
        )
        return total + sum(s.sin().sum() for s in ends)

    def gradient(self, how, **options):
        for p in self.parameters.values():
            p.grad = None
        options = {"read": self.read, "loss": self.loss, "lengths": self.lengths} | options
        value, state = backward(how, self.layers, self.x, **options)
        gradients = {n: p.grad for n, p in self.parameters.items() if p.grad is not None}
        return value, state, gradients


def close(got, want, tolerance=1e-10):
    assert {*got} == {*want}
    for name, g in got.items():
        error = float((g - want[name]).abs().max() / want[name].abs().max().clamp(min=1.0))
        assert error < tolerance, (name, error)


def test_full_is_autograd():
    s = Setting(LSTM, "both", LENGTHS["ragged"], layers=2)
    value, state, got = s.gradient(Full())
    y, last = s.layers[0](s.x, lengths=s.lengths)
    loss = s.loss(s.read(None, y, 0), [last])
    names, parameters = zip(*s.parameters.items(), strict=True)
    close(got, dict(zip(names, torch.autograd.grad(loss, parameters), strict=True)))
    assert float(value) == loss.item()
    assert torch.equal(state[0][1][1]["C"], last[1][1]["C"])


@pytest.mark.parametrize("direction", ["forward", "backward", "both"])
@pytest.mark.parametrize("name", CELLS)
def test_checkpointed_is_full(name, direction):
    s = Setting(CELLS[name], direction, LENGTHS["ragged"], layers=2)
    s.layers[0].eval()  # noise is drawn step by step in one case, segment by segment in the other
    value, state, want = s.gradient(Full())
    for how in (Checkpointed(), Checkpointed(5)):
        again, last, got = s.gradient(how)
        close(got, want)
        assert abs(float(again - value)) < 1e-10 * abs(float(value))
        assert torch.allclose(last[0][1][0]["h"], state[0][1][0]["h"])


@pytest.mark.parametrize("name", CELLS)
def test_truncated_at_the_whole_length_is_full(name):
    s = Setting(CELLS[name], "forward", LENGTHS["ragged"], layers=2)
    s.layers[0].eval()
    _, _, want = s.gradient(Full())
    for how in (Truncated(T), Truncated(9, every=3)):
        close(s.gradient(how)[2], want)


def test_several_recurrents_in_a_row():
    s = Setting(LSTM)
    s.layers = [s.layers[0], Recurrent(GRU, 4, 4, layers=2)]
    _, _, want = s.gradient(Full())
    close(s.gradient(Checkpointed(3))[2], want)
    close(s.gradient(Checkpointed(1))[2], want)
    close(s.gradient(Checkpointed(100))[2], want)
    close(s.gradient(Truncated(12, every=4))[2], want)
    close(s.gradient(Truncated(20, every=1))[2], want)


@pytest.mark.parametrize("steps, every", [(4, 4), (4, 2), (3, 1), (6, 3)])
def test_truncated_is_the_sum_over_the_replicas_in_the_window(steps, every):
    s = Setting(GRU, lengths=LENGTHS["ragged"])
    (layer,) = s.layers
    s.loss = lambda total, state: total
    got = s.gradient(Truncated(steps, every))[2]
    want = {
        n: torch.zeros_like(p) for n, p in layer.directions[0][0].named_parameters() if "." not in n
    }
    for a in range(0, T, every):
        b, since = min(a + every, T), max(0, a + every - steps)

        def term(a=a, b=b):
            return s.read(None, layer(s.x[:b], lengths=s.lengths.clamp(max=b))[0][a:], a)

        (of_term,) = replicas(layer, term)
        for t in range(since, b):
            for name, gradient in of_term.at(t).items():
                want[name] = want[name] + gradient
    close({n.removeprefix("0.directions.0.0."): got[f"0.directions.0.0.{n}"] for n in want}, want)


def test_a_final_state_goes_back_from_the_end_of_its_own_sequence():
    s = Setting(RNN, lengths=torch.tensor([2, 3, 5, 7]))
    s.read, s.loss = (lambda *_: None), (lambda total, state: state[0][0][0]["h"].sum())
    got = s.gradient(Truncated(2))[2]
    (layer,) = s.layers
    (of_term,) = replicas(layer, lambda: layer(s.x, lengths=s.lengths)[1][0][0]["h"].sum())
    assert got["0.directions.0.0.transition_h"].abs().max() > 0
    alone = []
    for b, n in enumerate(s.lengths.tolist()):
        (of_term,) = replicas(layer, lambda b=b, n=n: layer(s.x[:n, b : b + 1])[0][-1].sum())
        since = (n - 1) // 2 * 2
        alone.append(sum(of_term.at(t)["transition_h"] for t in range(since, n)))
    close({"w": got["0.directions.0.0.transition_h"]}, {"w": sum(alone)})


def test_the_state_is_carried_from_call_to_call():
    s = Setting(LSTM)
    whole = s.gradient(Truncated(4))
    for p in s.parameters.values():
        p.grad = None
    state, total = None, 0.0
    for a in range(0, T, 4):
        value, state = backward(
            Truncated(4), s.layers, s.x[a : a + 4], state=state,
            read=lambda total, y, start, a=a: s.read(total, y, a + start),
            loss=s.loss if a + 4 >= T else lambda total, state: total,
        )  # fmt: skip
        total += float(value)
    assert abs(total - float(whole[0])) < 1e-9
    close({n: p.grad for n, p in s.parameters.items()}, whole[2])


def test_dropout_is_the_same_when_a_segment_is_run_again():
    """Else the gradient would not be that of the loss: compared with finite differences."""
    s = Setting(LeakyRNN(0.5, noise=0.3, activation="tanh"), layers=2, dropout=0.5, zoneout=0.2)
    weight = s.layers[0].directions[0][0].transition_h
    for how in (Checkpointed(3), Truncated(12, every=4)):
        values = []
        for shift in (0.0, 1e-6):
            with torch.no_grad():
                weight[0, 1] += shift
            torch.manual_seed(3)
            value, _, by_name = s.gradient(how)
            values.append(float(value))
        slope = (values[1] - values[0]) / 1e-6
        assert abs(slope - float(by_name["0.directions.0.0.transition_h"][0, 1])) < 1e-4 * abs(
            slope
        )


@pytest.mark.parametrize(
    "options", [{"dropout": 0.5}, {"zoneout": 0.3}, {"dropout": 0.5, "direction": "both"}], ids=str
)
def test_every_mode_leaves_the_generator_where_full_does(options):
    """What is drawn again backward is not drawn a second time for whoever comes after."""
    s = Setting(LSTM, layers=2, **options)
    modes = [Full(), Checkpointed(3)]
    modes += [Truncated(4, every=2)] if s.layers[0].direction == "forward" else []
    after = []
    for how in modes:
        torch.manual_seed(3)
        s.gradient(how)
        after.append(torch.get_rng_state())
    torch.manual_seed(3)
    assert not torch.equal(torch.get_rng_state(), after[0]), "something is drawn"
    assert all(torch.equal(state, after[0]) for state in after)


@pytest.mark.parametrize("steps, every", [(3, 3), (6, 3), (12, 3), (4, 2)])
def test_stream(steps, every):
    """With weights that stand still, the window's replicas; the state goes on over windows.

    A window without a reset gives None: resets of the windows before it still hold.
    """
    s = Setting(LSTM)
    (layer,) = s.layers
    resets = torch.zeros(T, B, dtype=torch.bool)
    resets[0] = resets[5, 1] = True
    windows = []
    for a in range(0, T, every):
        marks = resets[a : a + every]
        windows.append((s.x[a : a + every], marks if marks.any() else None,
                        s.target[a : a + every]))  # fmt: skip
    assert {marks is None for _, marks, _ in windows} == {True, False}
    losses = []
    values = stream(Truncated(steps, every), layer, windows,
                   lambda y, target: (s.head(y) - target).square().sum())  # fmt: skip
    for k, value in enumerate(values):
        a, b = k * every, min((k + 1) * every, T)

        def term(a=a, b=b):
            y, _ = layer(s.x[:b], resets=resets[:b])
            return s.read(None, y[a:], a)

        (wanted,) = replicas(layer, term)
        since = max(0, a + every - steps)
        for name, p in layer.directions[0][0].named_parameters():
            if "." not in name:
                close({name: p.grad}, {name: sum(wanted.at(t)[name] for t in range(since, b))})
        losses.append(float(value))
        for p in s.parameters.values():
            p.grad = None
    whole = s.read(None, layer(s.x, resets=resets)[0], 0)
    assert abs(sum(losses) - whole.item()) < 1e-9


def test_stream_after_a_step_of_the_optimiser():
    """The window before is run again from the state that was kept, with the weights of now."""
    s = Setting(GRU)
    (layer,) = s.layers
    optimiser = torch.optim.SGD(layer.parameters(), lr=0.1)
    windows = [(s.x[a : a + 2], None, s.target[a : a + 2]) for a in range(0, 6, 2)]
    values = stream(Truncated(4, every=2), layer, windows,
                   lambda y, target: (s.head(y) - target).square().sum())  # fmt: skip
    begins, parameters = [None], dict(layer.named_parameters())
    for k, value in enumerate(values):
        since = max(0, k - 1)
        y, state = layer(s.x[2 * since : 2 * k + 2], begins[since])
        begins.append([[{name: h.detach() for name, h in state[0][0].items()}]])
        loss = s.read(None, y[-2:], 2 * k)
        want = torch.autograd.grad(loss, list(parameters.values()), allow_unused=True)
        assert torch.allclose(value, loss.detach(), rtol=1e-12)
        for (name, p), g in zip(parameters.items(), want, strict=True):
            assert torch.allclose(p.grad, g, rtol=1e-9, atol=1e-12), name
            assert bool(g.any()) == (k < 2 or "initial" not in name)
        optimiser.step()
        optimiser.zero_grad()
    assert k == 2


def test_modes_by_name():
    for text in ("full", "truncated:50", "truncated:50:25", "checkpointed", "checkpointed:10"):
        assert str(mode(text)) == text
        assert mode(mode(text)) == mode(text)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: mode("half"), "bptt is 'half'; expected full, truncated:STEPS"),
        (lambda: mode("truncated"), "bptt is 'truncated'; .* Write truncated:50"),
        (lambda: mode("truncated:x"), "bptt is 'truncated:x'"),
        (lambda: mode("full:3"), "bptt is 'full:3'"),
        (lambda: mode(3), "bptt is 3; expected"),
        (lambda: mode("truncated:0"), "steps is 0; expected a whole number, 1 or more"),
        (lambda: Truncated(5, every=2), "every is 2 with steps=5; .* Give steps=6"),
        (lambda: Truncated(5, every=7), "every is 7 with steps=5; .* Give steps=7"),
        (lambda: Truncated(True), "steps is True; expected"),
        (
            lambda: Checkpointed(0),
            "segments is 0; expected a whole number, 1 or more. Leave",
        ),
    ],
)
def test_bad_modes(types_unchecked, make, says):
    with pytest.raises(OptionError, match=says):
        make()


@pytest.mark.parametrize(
    ("how", "options", "says"),
    [
        (Truncated(3), {"direction": "backward"}, "direction='backward'; .* Use Full"),
        (Truncated(3), {"direction": "both"}, "direction='both'; .* a window does not have"),
        (Full(), {"batch_first": True}, "batch_first; expected time first"),
    ],
)
def test_what_a_mode_cannot_do(how, options, says):
    s = Setting(LSTM, **options)
    with pytest.raises(OptionError, match=says):
        s.gradient(how)


@pytest.mark.parametrize("lengths", LENGTHS)
@pytest.mark.parametrize("direction", ["forward", "backward", "both"])
def test_resets_between_segments(direction, lengths):
    s = Setting(LSTM, direction, LENGTHS[lengths], layers=2)
    with torch.no_grad():
        for p in s.layers[0].parameters():
            p.add_(torch.randn_like(p))  # initial states that are not 0
    resets = torch.rand(T, B) < 0.4
    value, state, want = s.gradient(Full(), resets=resets)
    for segments in (2, 3, T):
        again, last, got = s.gradient(Checkpointed(segments), resets=resets)
        close(got, want)
        assert abs(float(again - value)) < 1e-10
        assert torch.allclose(last[0][1][-1]["C"], state[0][1][-1]["C"])


MASKS = {"variational_dropout": 0.4, "weight_drop": 0.4}


@pytest.mark.parametrize("options", [{k: v} for k, v in MASKS.items()] + [MASKS], ids=str)
@pytest.mark.parametrize("direction", ["forward", "both"])
@pytest.mark.parametrize("cell", [LSTM(projection=3), GRU()], ids=repr)
def test_pieces_share_the_masks_of_a_sequence(cell, direction, options):
    s = Setting(cell, direction, LENGTHS["ragged"], layers=2, **options)

    def gradient(how):
        torch.manual_seed(5)
        return s.gradient(how)[2]

    want = gradient(Full())
    close(gradient(Checkpointed(3)), want)
    if direction == "forward":
        close(gradient(Truncated(9, every=3)), want)
    s.layers[0].eval()
    assert not torch.allclose(gradient(Full())["0.directions.1.0.initial.h0"],
                              want["0.directions.1.0.initial.h0"])  # fmt: skip


def test_masks_of_a_stream_are_drawn_for_each_window(monkeypatch):
    s = Setting(GRU, variational_dropout=0.4)
    drawn, draw = [], over_time.draw
    monkeypatch.setattr(over_time, "draw", lambda *a: drawn.append(draw(*a)) or drawn[-1])
    windows = [(s.x[a : a + 2], None, None) for a in range(0, 6, 2)]
    assert len(list(stream(Truncated(4, every=2), s.layers[0], windows, lambda y, _: y.sum()))) == 3
    assert len(drawn) == 6, "of x and of h"


def test_what_is_read_may_begin_late_grow_and_have_its_own_dtype():
    s = Setting(LSTM)

    def late(total, y, start):
        y = y[max(0, 3 - start) :].double()
        return total if not len(y) else y if total is None else torch.cat([total, y])

    s.layers[0].float()
    options = {"read": late, "loss": lambda total, state: total.square().sum()}
    s.x, s.lengths = s.x.float(), None
    want = s.gradient(Full(), **options)[2]
    for how in (Checkpointed(4), Truncated(T)):
        close(s.gradient(how, **options)[2], want, 1e-5)


@pytest.mark.parametrize("how", [Full(), Checkpointed(3), Truncated(9, every=3)])
def test_the_input_has_a_gradient_and_what_it_came_from(how):
    s = Setting(LSTM)
    first = torch.nn.Linear(3, 3)
    raw = s.x
    s.x = raw.clone().requires_grad_()
    s.gradient(how)
    y, last = s.layers[0](s.x)
    (want,) = torch.autograd.grad(s.loss(s.read(None, y, 0), [last]), s.x)
    close({"x": s.x.grad}, {"x": want})
    s.x = first(raw)
    y, last = s.layers[0](s.x)
    (want,) = torch.autograd.grad(s.loss(s.read(None, y, 0), [last]), first.weight)
    s.x = first(raw)
    s.gradient(how)
    close({"w": first.weight.grad}, {"w": want})


@pytest.mark.parametrize("how", [Full(), Checkpointed(), Truncated(3)])
@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"lengths": torch.tensor([3])}, r"lengths has shape \(1,\); expected \(4,\)"),
        ({"lengths": torch.tensor([9, 1, 1, 1])}, "lengths has 9; expected 0 to 7"),
        ({"lengths": torch.ones(4)}, "lengths has dtype torch.float.*; expected integers"),
        ({"resets": torch.zeros(3, 4).bool()}, r"resets has shape \(3, 4\); expected \(7, 4\)"),
        ({"resets": torch.zeros(7, 4)}, "resets has dtype torch.float.*; expected bool"),
        ({"state": [({},)]}, r"state has not the form|state\[0\]\[0\] has \[\]"),
        ({"state": []}, "state has 0 parts; expected 1"),
        ({"loss": lambda total, state: torch.ones(2)}, r"loss has \(2,\); expected one number"),
        ({"read": lambda *_: None, "loss": lambda total, _: total}, "loss has NoneType; expected"),
    ],
)
def test_what_does_not_fit(types_unchecked, how, options, says):
    with pytest.raises((OptionError, ShapeError), match=says):
        Setting(LSTM).gradient(how, **options)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda s: backward("full", s.layers, s.x), "mode is 'full'; expected Full"),
        (lambda s: backward(Full(), [], s.x), "layers has 0; expected a Recurrent"),
        (lambda s: backward(Full(), s.head, s.x), "layers has a Linear; expected Recurrents"),
        (lambda s: backward(Full(), s.layers * 2, s.x), "has input_size=3; expected 4"),
        (lambda s: backward(Full(), s.layers, s.x[0]), r"x has shape \(4, 3\); expected"),
        (lambda s: backward(Full(), s.layers, s.x.float()), "x has dtype torch.float32; expected"),
        (lambda s: list(stream(Full(), s.layers, [], None)), "mode is full; expected Truncated"),
        (lambda s: list(stream(Truncated(T), s.layers, [(s.x, None, None)], lambda y, _: y)),
         r"`stream`: loss has \(7, 4, 4\); expected one number"),
        (lambda s: list(stream(Truncated(3), s.layers,
                               [(s.x[:3], torch.zeros(2, B).bool(), None)], None)),
         r"`stream`: resets has shape \(2, 4\); expected \(3, 4\)"),
        (lambda s: list(stream(Truncated(3), s.layers, [(s.x[:3], None, None),
                               (s.x[3:6, :1], None, None)], lambda y, _: y.sum())),
         r"x of a window has shape \(3, 1, 3\); expected \(n, 4, 3\)"),
    ],
)  # fmt: skip
def test_what_is_no_call(types_unchecked, make, says):
    with pytest.raises((OptionError, ShapeError), match=says):
        make(Setting(LSTM))


def test_what_is_read_is_one_tensor():
    s = Setting(LSTM)
    with pytest.raises(OptionError, match="read returns list; expected one tensor or None"):
        s.gradient(Checkpointed(), read=lambda total, y, start: [y])


def test_a_window_of_another_length():
    s = Setting(LSTM)
    windows = [(s.x[:2], None, None), (s.x[2:5], None, None)]
    with pytest.raises(OptionError, match="a window has 2 steps; expected 3|a window has 3 steps"):
        list(stream(Truncated(3), s.layers[0], windows, lambda y, _: y.sum()))
