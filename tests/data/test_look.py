"""What is told of sequences before anything is trained."""

import json
from dataclasses import replace

import torch

from throughtime.data import Sequences, Target, look, split
from throughtime.data.source import Source


def test_sequences_from_python():
    data = Sequences.from_list(
        [[[1.0, 5.0, 2.0], [2.0, 5.0, 2.0]], [[3.0, 5.0, 4.0]], [[0.0, 5.0, 9.0]]],
        ["b", "a", "a"],
        channels=["x", "y", "z"],
        targets={"yield": [1.0, None, 3.0]},
        attributes={"who": ["ann", "ann", "bob"]},
    )
    train, test = split(data, 0.3, group="who")
    assert str(look(data, {"training": train, "test": test})).splitlines() == [
        "sequences: 3 sequences of 1 to 2 steps, 4 in all",
        "  labels  label: 2 classes",
        "  yield   target: numbers, 1 to 3, mean 2, 1 of 3 not known",
        "  who     group: 2 in 3 sequences",
        "  x       input: number",
        "  y       input: always the same value, so nothing is learned from it",
        "  z       input: number, the same in all steps of a sequence",
        "  training  2 sequences, 3 steps; labels a 1, b 1; yield 1 to 1, mean 1, 1 of 2 not known",
        "  test      1 sequence, 1 step; labels a 1, b 0; yield 3 to 3, mean 3",
    ]


def test_a_target_of_each_step_and_none_known():
    data = Sequences.from_list([[1.0, 2.0], [3.0]])
    phase = Target(torch.tensor([0, -1, 1]), ("up", "down"), each_step=True)
    level = Target(torch.full((3,), torch.nan), each_step=True)
    data = replace(data, targets={"phase": phase, "level": level})
    seen = look(data, {"test": data})
    assert "  phase  tag: 2 classes, 1 of 3 not known" in seen.lines()
    assert "  level  tag: numbers, no number, 3 of 3 not known" in seen.lines()
    assert seen.parts[0].targets["phase"].classes == {"up": 1, "down": 1}
    assert json.loads(json.dumps(seen.to_dict()))["parts"][0]["targets"]["level"]["mean"] is None


def test_many_channels_and_classes_are_few_lines():
    data = Sequences.from_list(torch.randn(30, 4, 50), [k % 10 for k in range(30)])
    lines = [*look(data, {"training": data}).lines()]
    assert lines[2] == "  c0, c1, c2, c3 and 46 more  input: number"
    assert lines[3] == "  training  30 sequences, 120 steps; 3 of each class" and len(lines) == 4


def test_over_time_the_parts_have_dates_and_what_goes_on_is_told(write):
    rows = "".join(f"{k},2024-01-{k + 1 + s:02d},1,{k % 2}\n" for k in range(9) for s in range(3))
    path = str(write("id,day,a,kind\n" + rows))
    source = Source(path, sequence="id", time="day", label="kind", over_time=True)
    whole = source.whole()
    train, test = source.divide(whole)
    lines = [*look(whole, {"training": train, "test": test}, source).lines()]
    assert "  day   time: daily, none missing" in lines
    assert lines[-4] == "test part: the sequences that begin last, about 20%"
    assert lines[-3].startswith("note: 2 training sequences go on when the first of the test part")
    assert lines[-2].startswith("  training  7 sequences, 21 steps, 2024-01-01 to 2024-01-09; ")
    assert lines[-1] == "  test      2 sequences, 6 steps, 2024-01-08 to 2024-01-11; 0 1, 1 1"
