"""What a file is that was taken for text: told from its first bytes."""

import codecs

from throughtime.data.naming import quote
from throughtime.errors import DataError

# What the file begins with, what it is, and what to do.
BEGINNINGS = {
    b"PK\x03\x04": ("a zip archive, as workbooks of Excel are", "Save the sheet as CSV, or unpack "
                    "the archive."),
    b"\xd0\xcf\x11\xe0": ("an old workbook of Excel", "Save the sheet as CSV."),
    b"PAR1": ("Apache Parquet", "Name it .parquet."),
    b"\x1f\x8b": ("in gzip", "Add .gz to its name."),
    b"ARROW1": ("Apache Arrow", "Save it as Parquet."),
    b"SQLite format 3": ("a database", "Save the table as CSV."),
    b"%PDF": ("a PDF", "Get the numbers in it as CSV."),
}  # fmt: skip
PAGES = (b"<!doctype html", b"<html", b"<?xml")
WIDE = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def refuse_other_files(start: bytes) -> None:
    """**Raises:** `DataError` where a file that begins with `start` is known to be no such text.

    `start`: the first 100 bytes, or all there are.
    """
    for beginning, (what, fix) in BEGINNINGS.items():
        if start.startswith(beginning):
            raise DataError(f"file is {what}; expected a text, as its name says. {fix}")
    if start.lstrip().lower().startswith(PAGES):
        raise DataError(
            f"file is a page of the web, or XML, that begins with {quote(start[:20])}; expected a "
            "table. Get the file that the page links to."
        )
    if start.startswith(WIDE):
        raise DataError(
            "file is text in UTF-16; expected UTF-8. Save it in UTF-8, in Excel as CSV UTF-8."
        )
