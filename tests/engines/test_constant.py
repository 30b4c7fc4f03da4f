"""The mark of a constant result is the one that torch sets."""

import torch

from throughtime.engines.constant import assume_constant_result


def test_it_is_the_mark_that_torch_sets():
    def ours():
        return 1

    def torchs():
        return 1

    assert assume_constant_result(ours) is ours
    assert torch.compiler.assume_constant_result(torchs) is torchs
    assert vars(ours) == vars(torchs) != {}
