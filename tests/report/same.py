"""What is drawn beside what was measured."""


def same(shown, values):
    """What is drawn, where anything is: values too small for a logarithmic axis are left out."""
    assert len(shown) == len(values) and any(v is not None for v in shown)
    left_out = [v for v, s in zip(values, shown, strict=True) if s is None and v is not None]
    assert all(v <= 1e-8 * max(v for v in values if v is not None) for v in left_out)
    assert [s for s in shown if s is not None] == [
        v for v, s in zip(values, shown, strict=True) if s is not None
    ]
