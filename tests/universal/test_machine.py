"""What is not a machine is refused, with what was given, what was expected, and a fix."""

import pytest

from throughtime.errors import MachineError
from throughtime.universal import Automaton, Machine, read_machine

pytestmark = pytest.mark.usefixtures("types_unchecked")

GOOD = {
    "states": '["A", "H"]',
    "symbols": '["0", "1"]',
    "blank": '"0"',
    "start": '"A"',
    "accept": '["H"]',
    "transitions": '[["A", "0", "1", "R", "H"]]',
}

BAD = {
    "no start": ({"start": None}, "start is missing; expected states, symbols, start"),
    "no states": ({"states": None}, "states is missing; .* Add a line `states = ...`"),
    "empty states": ({"states": "[]"}, "states is empty; expected one or more"),
    "unknown start": ({"start": '"a"'}, "start is 'a'; expected one of the states, 'A', 'H'"),
    "unknown blank": ({"blank": '"_"'}, "blank is '_'; expected one of the symbols, '0', '1'"),
    "unknown accept": ({"accept": '["X"]'}, "accept is 'X'; expected one of the states"),
    "a state twice": ({"states": '["A", "A", "H"]'}, "states has 'A' twice; expected different"),
    "a long symbol": ({"symbols": '["0", "10"]'}, "symbols has '10'; expected single printable"),
    "a control character": ({"symbols": '["0", "\\n"]'}, "expected single printable characters"),
    "states as text": ({"states": '"AH"'}, "states is 'AH'; expected a list. Write it in brack"),
    "a number": ({"states": "[1]"}, r"states is \(1,\); expected names in a list"),
    "start as a list": ({"start": '["A"]'}, r"start is \['A'\]; expected text. Write it in quo"),
    "unknown setting": ({"starts": '"A"'}, "a line is 'starts'; .* Did you mean 'start'"),
    "unknown state": (
        {"transitions": '[["B", "0", "1", "R", "H"]]'},
        r"transition 1 \(B, 0\): state is 'B'; expected one of the states",
    ),
    "unknown symbol read": (
        {"transitions": '[["A", "2", "1", "R", "H"]]'},
        r"transition 1 \(A, 2\): read is '2'; expected one of the symbols",
    ),
    "unknown symbol written": (
        {"transitions": '[["A", "0", "2", "R", "H"]]'},
        "write is '2'; expected one of the symbols, '0', '1'. Use one of these",
    ),
    "unknown move": (
        {"transitions": '[["A", "0", "1", "right", "H"]]'},
        "move is 'right'; expected one of the moves, 'L', 'R', 'S'",
    ),
    "to nowhere": (
        {"transitions": '[["A", "0", "1", "R", "Z"]]'},
        "next is 'Z'; expected one of the states, 'A', 'H'",
    ),
    "two for one case": (
        {"transitions": '[["A", "0", "1", "R", "H"], ["A", "0", "0", "L", "A"]]'},
        r"transition 2 \(A, 0\): is given again, first as transition 1; .* Leave one",
    ),
    "out of a halting state": (
        {"transitions": '[["H", "0", "1", "R", "A"]]'},
        "state is 'H', in which the machine halts; expected no transition",
    ),
    "too short": (
        {"transitions": '[["A", "0"]]'},
        r"transition 1 is \('A', '0'\); expected 5 names, \(state, read, write, move, next\)",
    ),
    "not a list": ({"transitions": '["A"]'}, "transition 1 is 'A'; expected 5 names"),
    "a number among them": (
        {"transitions": '[["A", 0, "1", "R", "H"]]'},
        "read is 0; expected one of the symbols",
    ),
    "accept and reject": ({"reject": '["H"]'}, "reject has 'H', which accept has too"),
    "a wrong example": ({"tape": '"012"'}, "tape: character 3 is '2'; expected one of the symb"),
    "an automaton with moves": ({"blank": None}, r"expected 3 names, \(state, read, next\)"),
    "a list that is text": ({"accept": '"H"'}, "accept is 'H'; expected a list"),
}


def toml(**changes):
    lines = {**GOOD, **changes}
    return "".join(f"{name} = {value}\n" for name, value in lines.items() if value is not None)


@pytest.mark.parametrize("kind", BAD)
def test_bad_machines(kind, tmp_path):
    changes, says = BAD[kind]
    path = tmp_path / "machine.toml"
    path.write_text(toml(**changes))
    with pytest.raises(MachineError, match=says) as error:
        read_machine(str(path))
    assert str(error.value).startswith(f"{path}: ")


@pytest.mark.parametrize(
    "data, says",
    [
        (b"states = [", "is not TOML: Invalid value"),
        (b"start = 'A'\nstart = 'B'\n", "is not TOML: Cannot overwrite a value"),
        (b"\xff\xfe", "byte 0 is not UTF-8; expected a text file"),
        (b"", "states is missing"),
        (b"a = " + b"[" * 5000, "nested too deeply|is not TOML"),
    ],
    ids=["cut off", "twice", "binary", "empty", "deep"],
)
def test_bad_files(data, says, tmp_path):
    (tmp_path / "m.toml").write_bytes(data)
    with pytest.raises(MachineError, match=says):
        read_machine(str(tmp_path / "m.toml"))


@pytest.mark.parametrize("name", ["none.toml", ".", "a\0b"])
def test_no_file(name):
    with pytest.raises(MachineError, match="cannot be read .*; expected a TOML file or one of"):
        read_machine(name)


def test_a_good_one(tmp_path):
    (tmp_path / "m.toml").write_text(toml())
    machine = read_machine(str(tmp_path / "m.toml"))
    assert machine == Machine(
        ("A", "H"), ("0", "1"), "0", "A", (("A", "0", "1", "R", "H"),), ("H",)
    )
    assert [at.tape for at in machine.history("", 9)] == ["0", "10"]


def test_bad_tapes():
    machine = Machine(("A",), ("0", "1"), "0", "A", ())
    with pytest.raises(MachineError, match="tape: character 2 is 'x'; expected one of the symbols"):
        machine.begin("1x")
    automaton = Automaton(("A",), ("0",), "A", ())
    with pytest.raises(MachineError, match="tape: character 1 is '1'; expected one of the symbols"):
        automaton.check_word("1")


def test_blanks_at_the_ends_are_left_out():
    machine = Machine(("A",), ("0", "1"), "0", "A", (("A", "1", "0", "R", "A"),))
    first, second = machine.history("1001000", 5)
    assert (first.left, first.head, first.right) == ("", "1", "001")
    assert (second.left, second.head, second.right) == ("", "0", "01")
