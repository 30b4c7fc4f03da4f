"""Files that are whole or absent: written beside, synced, renamed; read back with a checksum.

JSON and safetensors only, never a pickle: nothing read from them can run code.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from throughtime.errors import RunError
from throughtime.whole_file import write_whole

FORMAT = 1
HEAD = "throughtime"
# What reading text that is no JSON, or JSON that is not ours, can raise; RecursionError is what
# thousands of opening brackets raise.
UNREADABLE = (ValueError, KeyError, TypeError, AttributeError, RecursionError)


def write_json(path: Path, data: Mapping[str, Any]) -> None:
    """Write a mapping with its format and checksum. **Raises:** `RunError`."""
    whole = {"format": FORMAT, **_plain(path, data)}
    _write(path, json.dumps({**whole, "sha256": _digest(whole)}, indent=1).encode())


def read_json(path: Path) -> dict[str, Any]:
    """What `write_json` wrote. **Raises:** `RunError` for anything else."""
    raw = _read(path)
    try:
        data = json.loads(raw)
        expected = data.pop("sha256")
        _check_format(path, data)
        if _digest(data) != expected:
            raise _damaged(path)
        del data["format"]
        return data
    except UNREADABLE as e:
        raise _damaged(path) from e


def write_lines(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write mappings as lines of JSON, in each the checksum of all. **Raises:** `RunError`."""
    plain = [_plain(path, row) for row in rows]
    digest = _digest(plain)
    _write(path, "".join(json.dumps({**row, "sha256": digest}) + "\n" for row in plain).encode())


def read_lines(path: Path, unchecked: Callable[[dict[str, Any]], bool]) -> list[dict[str, Any]]:
    """What `write_lines` wrote, without the checksums.

    `unchecked` says of a line whether it is one of those that were written before there were
    checksums: a file of only such lines is taken as it is.

    **Raises:** `RunError` for anything else.
    """
    fix = "remove it: the model does not need it"
    raw = _read(path)
    try:
        *lines, end = raw.decode().split("\n")
        rows = [json.loads(line) for line in lines]
        if not rows or end:
            raise _damaged(path, fix)
        if not all(unchecked(row) for row in rows):
            given = {row.pop("sha256") for row in rows}
            if given != {_digest(rows)}:
                raise _damaged(path, fix)
        return rows
    except UNREADABLE as e:
        raise _damaged(path, fix) from e


def write_tensors(path: Path, tensors: Mapping[str, Tensor], data: Mapping[str, Any]) -> None:
    """Write tensors and JSON beside them as one safetensors file. **Raises:** `RunError`."""
    own = {name: t.detach().cpu().contiguous().clone() for name, t in tensors.items()}
    head = {"format": FORMAT, "data": _plain(path, data)}
    head["sha256"] = _digest_of_tensors(own, head)
    # one entry, because safetensors writes several in any order: equal runs are equal files
    _write(path, save(own, metadata={HEAD: json.dumps(head)}))


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """What `write_tensors` wrote. **Raises:** `RunError` for anything else."""
    raw = _read(path)
    try:
        tensors = load(raw)
        size = int.from_bytes(raw[:8], "little")
        head = json.loads(json.loads(raw[8 : 8 + size])["__metadata__"][HEAD])
        expected = head.pop("sha256")
        _check_format(path, head)
        if _digest_of_tensors(tensors, head) != expected:
            raise _damaged(path)
        return tensors, head["data"]
    except (SafetensorError, *UNREADABLE) as e:
        raise _damaged(path) from e


def write_text(path: Path, text: str) -> None:
    """Write a text whole. **Raises:** `RunError`."""
    _write(path, text.encode())


def _check_format(path: Path, data: Mapping[str, Any]) -> None:
    if data.get("format") != FORMAT:
        raise RunError(
            f"{path}: has format {data.get('format')!r}; expected {FORMAT}, that of this version. "
            "Use the version of throughtime that wrote it, or train again."
        )


def _write(path: Path, content: bytes) -> None:
    try:
        write_whole(path, content)
    except OSError as e:
        raise RunError(
            f"{path}: cannot be written ({e.strerror or e}); expected a folder with room that "
            "may be written to. Choose another place."
        ) from e


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as e:
        raise RunError(
            f"{path}: cannot be read ({e.strerror or e}); expected a file of a run folder. "
            "Check the path of the run."
        ) from e


def _damaged(path: Path, fix: str = "train again") -> RunError:
    return RunError(
        f"{path}: is damaged: its content does not match its checksum. Restore it from a copy, or "
        f"{fix}."
    )


def _plain(path: Path, data: Mapping[str, Any]) -> dict[str, Any]:
    """The data as JSON will give them back: the checksum is over these."""
    try:
        return json.loads(json.dumps(data))
    except (TypeError, ValueError, RecursionError) as e:
        raise RunError(
            f"{path}: cannot hold what it is given ({e}); expected plain data: texts, numbers, "
            "lists and mappings. Give `details` and `results` as such."
        ) from e


def _digest(data: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> str:
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()


def _digest_of_tensors(tensors: Mapping[str, Tensor], head: Mapping[str, Any]) -> str:
    digest = hashlib.sha256(_digest(head).encode())
    for name in sorted(tensors):
        t = tensors[name]
        digest.update(f"{name} {t.dtype} {tuple(t.shape)}".encode())
        digest.update(t.contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
