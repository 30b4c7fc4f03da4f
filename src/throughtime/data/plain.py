"""Plain data, as JSON gives it back."""

from collections.abc import Mapping
from typing import Any


def with_tuples(data: Mapping[str, Any]) -> dict[str, Any]:
    """The same with tuples in place of lists, which is what JSON makes of them."""
    return {name: tuple(v) if isinstance(v, list) else v for name, v in data.items()}
