import torch


def test_fresh_memory_is_nan():
    like = torch.zeros(2, 3)
    for fresh in [
        torch.empty(2, 3),
        torch.empty((2, 3), dtype=torch.float64, requires_grad=True),
        torch.empty_like(like),
        torch.empty_strided((2, 3), (3, 1)),
        like.new_empty(2, 3),
        torch.empty(2, dtype=torch.complex64),
    ]:
        assert torch.isnan(fresh).all()


def test_other_dtypes_are_left_alone():
    assert torch.empty(3, dtype=torch.int64).shape == (3,)
