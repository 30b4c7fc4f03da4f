"""Small pieces of sentences that several topics of the report share."""


def span(lengths: list[int]) -> str:
    """How long sequences are: `"8"`, or `"8 to 12"`."""
    low, high = min(lengths), max(lengths)
    return str(high) if low == high else f"{low} to {high}"


def in_steps(n: int) -> str:
    """`"1 step"`, `"2 steps"`."""
    return f"{n} step{'s' * (n != 1)}"
