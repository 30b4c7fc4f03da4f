"""What holds for each made data set: its seed, its options, its baselines, its name."""

import inspect

import pytest
import torch

from throughtime.data import MADE, read_table, split
from throughtime.data.made.registry import make, said
from throughtime.errors import CallError, OptionError
from throughtime.tasks import Tag


@pytest.fixture(params=MADE.values(), ids=MADE)
def maker(request):
    return request.param


def test_a_seed_gives_the_same_and_another_gives_others(maker):
    assert torch.equal(maker(sequences=5).values, maker(sequences=5, seed=0).values)
    assert not torch.equal(maker(sequences=5).values[:50], maker(sequences=5, seed=1).values[:50])


def test_the_generator_is_its_own(maker):
    torch.manual_seed(3)
    before = torch.get_rng_state()
    maker(sequences=2)
    assert torch.equal(before, torch.get_rng_state())


def test_fewer_are_the_first_of_more(maker):
    few, many = maker(sequences=3), maker(sequences=8)
    assert torch.equal(few.values, many.values[: len(few.values)])
    for name, target in few.targets.items():
        of_many = many.targets[name].values[: len(few.values)]
        assert torch.equal(target.values.nan_to_num(9), of_many.nan_to_num(9))


def test_a_table_of_it_reads_as_the_same(maker, tmp_path):
    data = maker(sequences=12)
    data.to_frame().write_parquet(tmp_path / "made.parquet")
    read = read_table(tmp_path / "made.parquet", sequence="sequence", time="step",
                      tags={n: t.classes for n, t in data.targets.items()})  # fmt: skip
    assert torch.equal(read.values, data.values) and torch.equal(read.offsets, data.offsets)
    assert (read.channels, read.names) == (data.channels, data.names)
    for name, target in data.targets.items():
        assert read.targets[name].classes == target.classes and read.targets[name].each_step
        assert torch.equal(read.targets[name].values.nan_to_num(9), target.values.nan_to_num(9))


def test_its_baselines_are_far_from_perfect(maker):
    train, test = split(maker(sequences=60), 0.3)
    task = Tag.of(train).fitted(train)
    for name, scores in task.baselines(train, test).items():
        assert scores.to_dict()[task.metric.name] < 0.8, name


@pytest.mark.parametrize("value", [0, -1, 1.5, "3", True, None])
def test_counts_are_whole_numbers(maker, value, types_unchecked):
    counts = {"bits", "steps", "answer", "items", "shown", "frequencies", "sequences"}
    for name in counts.intersection(inspect.signature(maker).parameters):
        with pytest.raises(OptionError, match=f"`{maker.__name__}`: {name} is .*; expected a whol"):
            maker(**{name: value})


@pytest.mark.parametrize("value", [-0.1, float("nan"), float("inf"), "0", True])
def test_noise_is_a_number(maker, value, types_unchecked):
    with pytest.raises(OptionError, match=r"noise is .*; expected a number at least 0. Set noise"):
        maker(noise=value)


@pytest.mark.parametrize("value", [-1, 1.0, None, 2**63])
def test_a_seed_is_a_whole_number(maker, value, types_unchecked):
    with pytest.raises(OptionError, match="seed is .*; expected a whole number, 0 or more. Set"):
        maker(seed=value)


@pytest.mark.parametrize(
    ("name", "options"),
    [("flip-flop", {"pulses": 0}), ("flip-flop", {"pulses": 1.1}),
     ("context-integration", {"strength": 0})],
)  # fmt: skip
def test_numbers_have_bounds(name, options):
    with pytest.raises(OptionError, match="expected a number above 0"):
        make(name, options)


def test_an_option_or_a_name_that_does_not_exist(maker):
    with pytest.raises(CallError, match="has no argument 'sequence'; .* Did you mean sequences?"):
        maker(sequence=3)
    with pytest.raises(OptionError, match="expected one of flip-flop, .* Did you mean 'sine'?"):
        make("sines", {})


def test_names_as_the_command_line_has_them():
    assert said("sine", {}) == "sine"
    options = {"delay": (1, 2), "noise": 0.5}
    assert said("delayed-match", options) == "delayed-match(delay=(1, 2), noise=0.5)"
    assert len(make("sine", {"sequences": 2, "steps": 3}).values) == 6
