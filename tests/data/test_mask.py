"""Sequences some of whose steps are not real."""

import dataclasses
import math

import pytest
import torch

from throughtime.data import Scaler, Sequences, Streams, Target, collate
from throughtime.data.fingerprint import fingerprint
from throughtime.errors import DataError

NAN = math.nan
ARRAYS = [[[NAN], [1.0], [2.0]], [[3.0], [9.0]], [[4.0], [9.0], [9.0], [5.0]]]
MASKS = [[False, True, True], [True, False], [True, False, False, True]]


def masked() -> Sequences:
    made = Sequences.from_list(ARRAYS, ["a", "b", "a"], masks=MASKS)
    steps = {
        "phase": Target(torch.arange(9) % 2, ("down", "up"), each_step=True),
        "level": Target(torch.arange(9.0), each_step=True),
    }
    return dataclasses.replace(
        made, targets=made.targets | steps, times=[f"t{n}" for n in range(9)], rows=torch.arange(9)
    )


def test_what_is_masked_may_be_anything():
    made = masked()
    assert made.mask.tolist() == [m for mask in MASKS for m in mask]
    assert "9 rows, 4 of them masked" in repr(made)
    anything = made.values.masked_fill(~made.mask[:, None], torch.inf)
    made = dataclasses.replace(made, values=anything)
    with pytest.raises(DataError, match="sequence 0 .'0'., step 0, channel 'c0' has inf"):
        dataclasses.replace(made, mask=None)


def test_a_batch_has_zeros_and_unknown_targets_there():
    batch = collate(masked(), torch.tensor([2, 0]))
    assert batch.mask.tolist() == [[True, False], [False, True], [False, True], [True, False]]
    assert batch.x[..., 0].tolist() == [[4, 0], [0, 1], [0, 2], [5, 0]]
    assert batch.lengths.tolist() == [4, 3]
    assert batch.targets["phase"].tolist() == [[1, -1], [-1, 1], [-1, 0], [0, -1]]
    assert batch.targets["level"].isnan().tolist() == (~batch.mask).tolist()
    piece = batch.to("cpu").piece(1, 2)
    assert piece.mask.tolist() == [[False, True], [False, True]]
    assert collate(masked().real_steps(), torch.tensor([0])).mask is None


def test_the_real_steps_by_themselves():
    real = masked().real_steps()
    assert real.mask is None and real.lengths.tolist() == [2, 1, 2]
    assert real.values[:, 0].tolist() == [1, 2, 3, 4, 5]
    assert real.targets["level"].values.tolist() == [1, 2, 3, 5, 8]
    assert real.labels.tolist() == [0, 1, 0] and real.times == ["t1", "t2", "t3", "t5", "t8"]
    assert real.rows.tolist() == [1, 2, 3, 5, 8]
    assert real.real_steps() is real


def test_selected_sequences_keep_their_masks():
    chosen = masked().select([2, 0])
    assert chosen.mask.tolist() == MASKS[2] + MASKS[0]


def test_scaling_and_streams_see_real_steps_only():
    assert Scaler.fit(masked()).mean.item() == 3.0
    windows = list(Streams(masked(), 1, 5))
    assert [w.x[:, 0, 0].tolist() for w in windows] == [[1, 2, 3, 4, 5]]
    assert windows[0].resets[:, 0].tolist() == [True, False, True, True, False]


def test_a_mask_is_part_of_the_data():
    made = dataclasses.replace(masked(), values=masked().values.nan_to_num())
    other = dataclasses.replace(made, mask=~made.mask.roll(4) | made.mask)
    prints = {
        fingerprint(made),
        fingerprint(other),
        fingerprint(dataclasses.replace(made, mask=None)),
    }
    assert len(prints) == 3 and fingerprint(made) == fingerprint(dataclasses.replace(made))


@pytest.mark.parametrize("masks, said", [
    (MASKS[:2], "Sequences: masks has 2; expected 3. Give one for each"),
    ([*MASKS[:2], [True]], r"mask of sequence 2 has shape \(1,\) and torch.bool; expected \(4,\)"),
    ([*MASKS[:2], [1, 0, 0, 1]], "the mask of sequence 2 has shape .* torch.int64; expected"),
    ([MASKS[0], [False, False], MASKS[2]], "sequence 1 .'1'. has no real step in its mask; expe"),
])  # fmt: skip
def test_masks_that_do_not_fit(masks, said):
    with pytest.raises(DataError, match=said):
        Sequences.from_list(ARRAYS, masks=masks)


def test_a_mask_of_another_kind():
    with pytest.raises(
        DataError, match=r"mask has shape \(9,\) and torch.float32; expected \(9,\)"
    ):
        dataclasses.replace(masked(), mask=torch.ones(9))
