"""A program as one line of JSON, and its parts read from it again."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from throughtime.errors import RunError
from throughtime.program.graph import Node
from throughtime.program.parameters import Parameter, from_data, to_data
from throughtime.program.structure import Structure

FORMAT = 1


def write(program: Structure) -> str:
    """One line of JSON; numbers survive exactly."""
    return json.dumps(
        {
            "format": FORMAT,
            "cell": program.cell,
            "input_size": program.input_size,
            "hidden_size": program.hidden_size,
            "nodes": [{k: v for k, v in asdict(n).items() if v} for n in program.nodes],
            "outputs": program.outputs,
            "states": program.states,
            "parameters": {
                name: {"shape": p.shape, "init": to_data(p.init)}
                for name, p in program.parameters.items()
            },
        },
        separators=(",", ":"),
    )


def read(text: str) -> dict[str, Any]:
    """The fields of the program that `write` wrote, not checked yet, by name.

    **Raises:** `RunError` for the format of another version, other errors for damaged JSON.
    """
    data = json.loads(text)
    if data["format"] != FORMAT:
        raise RunError(
            f"program: format has {data['format']!r}; expected {FORMAT}. "
            "Read it with the version of throughtime that wrote it."
        )
    return {
        "cell": data["cell"],
        "input_size": data["input_size"],
        "hidden_size": data["hidden_size"],
        "nodes": tuple(_node(n) for n in data["nodes"]),
        "outputs": data["outputs"],
        "states": data["states"],
        "parameters": {
            name: Parameter(tuple(p["shape"]), from_data(p["init"]))
            for name, p in data["parameters"].items()
        },
    }


def _node(data: dict[str, Any]) -> Node:
    return Node(
        data["op"],
        tuple(data.get("args", ())),
        data["width"],
        {k: tuple(v) if isinstance(v, list) else v for k, v in data.get("attributes", {}).items()},
        data.get("name"),
    )


@contextmanager
def damage_is_an_error() -> Iterator[None]:
    """Whatever goes wrong while damaged JSON is read becomes one `RunError` that says so."""
    try:
        yield
    except RunError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, RecursionError) as e:
        raise RunError(
            f"program: the JSON is damaged ({type(e).__name__}: {e}); expected what "
            "`Program.json` wrote. Take it from the run folder again."
        ) from e
