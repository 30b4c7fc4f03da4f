"""The bytes of a file of text, as they stand or out of gzip."""

import gzip
import zlib
from dataclasses import dataclass
from io import BufferedReader, BytesIO
from pathlib import Path

from throughtime.data.mistaken import refuse_other_files
from throughtime.data.naming import quote
from throughtime.errors import DataError


@dataclass(frozen=True, eq=False)
class Content:
    """What a file holds: `unpacked` if it was in gzip, else what stands at `path`."""

    path: Path
    unpacked: bytes | None = None

    def open(self) -> BufferedReader | BytesIO:
        """The bytes from the first one on."""
        return self.path.open("rb") if self.unpacked is None else BytesIO(self.unpacked)

    def whole(self) -> bytes:
        """All bytes."""
        return self.path.read_bytes() if self.unpacked is None else self.unpacked

    def source(self) -> Path | BytesIO:
        """What polars reads quickest."""
        return self.path if self.unpacked is None else BytesIO(self.unpacked)


def content(path: Path) -> Content:
    """What the file at `path` holds; a file whose name ends in .gz is unpacked.

    **Raises:** `DataError` where that is no gzip, or not all of it, or where the file is known to
    be something else than text.
    """
    given = Content(path) if path.suffix.lower() != ".gz" else Content(path, _unpacked(path))
    with given.open() as file:
        refuse_other_files(file.read(100))
    return given


def _unpacked(path: Path) -> bytes:
    packed = path.read_bytes()
    if not packed:
        raise DataError("file is empty; expected a table in gzip. Give a file with data.")
    try:
        return gzip.decompress(packed)
    except EOFError:
        raise DataError(
            "file is cut off; expected gzip to its end. Copy or write it again."
        ) from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise DataError(
            f"file has contents that are not gzip ({quote(error)}); expected gzip because its "
            "name ends in .gz. Copy or write it again, or remove .gz from its name."
        ) from None
