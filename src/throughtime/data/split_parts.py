"""Parts that a column of the table names."""

from throughtime.data.naming import quote, quote_all
from throughtime.data.sequences import Sequences
from throughtime.errors import DataError

NAMES = {
    "train": "train", "training": "train",
    "validation": "validation", "valid": "validation", "val": "validation",
    "test": "test", "testing": "test",
}  # fmt: skip


def parts(sequences: Sequences, column: str) -> list[str]:
    """The part of each sequence: `train`, `validation` or `test`.

    `column`: an attribute with one of `NAMES` for each sequence, in small or capital letters.

    **Raises:** `DataError` for other texts.
    """
    texts = sequences.attributes[column]
    unknown = [text for text in dict.fromkeys(texts) if text.casefold() not in NAMES]
    if unknown:
        raise DataError(
            f"column {quote(column)} has {quote_all(unknown)}; expected train, test or validation, "
            "because it names the part of each sequence. Correct it, or name another column."
        )
    return [NAMES[text.casefold()] for text in texts]


def of_part(sequences: Sequences, column: str, *names: str) -> Sequences:
    """The sequences of one of the parts. **Raises:** `DataError` if there is none, or as above."""
    places = [k for k, part in enumerate(parts(sequences, column)) if part in names]
    if not places:
        raise DataError(
            f"column {quote(column)} has no sequence of the {names[0]} part; expected at least 1. "
            f"Write {names[0]} for some of them."
        )
    return sequences.select(places)
