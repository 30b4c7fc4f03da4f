"""The .ts files of aeon and sktime as a table."""

import pytest
from data.refused import refusal

from throughtime.data import read_table

ROLES = {"sequence": None, "time": None, "label": "y"}
HEAD = """%# A comment of aeon
# and one of sktime
@problemName Toy
@timeStamps false
@missing false
@univariate false
@dimensions 2
@equalLength false
@classLabel true Up down
@data
"""
GOOD = "1,2,3:4,5,6:Up\n\n0.5,1e1:-1,2:down\n"


@pytest.fixture
def ts(tmp_path):
    def write(text):
        path = tmp_path / "data.ts"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("start", ["", "\ufeff"])
def test_several_channels_of_unequal_length(ts, end, start):
    data = read_table(ts(start + (HEAD + GOOD).replace("\n", end)), label="y")
    assert data.channels == ("c0", "c1") and data.names == ("0", "1")
    assert data.classes == ("Up", "down") and data.labels.tolist() == [0, 1]
    assert [s.tolist() for s in data] == [[[1, 4], [2, 5], [3, 6]], [[0.5, -1], [10, 2]]]


def test_one_channel_of_equal_length(ts):
    head = "@univariate true\n@equalLength true\n@seriesLength 3\n@classLabel true 1 2\n@data\n"
    data = read_table(ts(head + "1, 2 ,3:1\n4,5,6 : 2\n"), label="y")
    assert data.channels == ("c0",) and data.classes == ("1", "2")
    assert data.values.flatten().tolist() == [1, 2, 3, 4, 5, 6]


def test_classes_that_are_whole_numbers(ts):
    data = read_table(ts("@classLabel true 0.0 1.0\n@data\n1:1.0\n2:0.0\n"), label="y")
    assert data.classes == ("0", "1") and data.labels.tolist() == [1, 0]


def test_numbers_as_targets(ts):
    data = read_table(ts("@TARGETLABEL true\n@data\n1,2:0.5\n3:-1.5\n4,5:?\n"), targets=["y"])
    assert data.targets["y"].values[:2].tolist() == [0.5, -1.5]
    assert data.targets["y"].values[2].isnan()


def test_no_label(ts):
    data = read_table(ts("@classLabel false\n@data\n1,2:3,4\n"))
    assert data.channels == ("c0", "c1") and data.values.tolist() == [[1, 3], [2, 4]]


def test_timestamps(ts):
    text = HEAD.replace("@timeStamps false", "@timeStamps True") + (
        "(2024-01-01 00:01:00,2), (2024-01-01 00:00:30,1):(2024-01-01 00:01:00,4),"
        "(2024-01-01 00:00:30,3) :Up\n"
        "(2024-01-02,5):(2024-01-02,6):down\n"
    )
    data = read_table(ts(text), label="y")
    assert data.values.tolist() == [[1, 3], [2, 4], [5, 6]]
    assert data.times == ["2024-01-01 00:00:30", "2024-01-01 00:01:00", "2024-01-02"]
    numbered = "@timestamps true\n@classlabel false\n@data\n(10,1),(9,2)\n(0,3)\n"
    assert read_table(ts(numbered)).values.flatten().tolist() == [2, 1, 3]


def test_in_gzip_and_in_a_folder(write, tmp_path):
    write(HEAD + GOOD, "a.ts.gz")
    write(HEAD + GOOD, "b.ts")
    data = read_table(tmp_path, label="y")
    assert data.names == ("a.ts.gz: 0", "a.ts.gz: 1", "b.ts: 0", "b.ts: 1")


@pytest.mark.parametrize(
    "text, says",
    [
        (HEAD + GOOD + "1,?:2,3:Up\n", "column 'c0', row 14, step 2 has no value; expected a num"),
        (HEAD + GOOD + "1,2:2,x:Up\n", "column 'c1', row 14, step 2 has the text 'x'; expected a"),
        (HEAD + GOOD + "1,2:2,:Up\n", "column 'c1', row 14, step 2 has the text ''; expected a nu"),
        (HEAD + GOOD + "1,2:Up\n", "row 14 has 1 dimensions; expected 2 because the lines before"),
        (HEAD + GOOD + "1:2:3:Up\n", "row 14 has 3 dimensions; expected 2 because the lines befo"),
        (HEAD + GOOD + "1:2:3,4\n", "row 14 has the unknown class '3,4'; expected one of 'Up', '"),
        (HEAD + GOOD + "1:2:UP\n", "row 14 has the unknown class 'UP'; expected one of 'Up', 'do"),
        (HEAD + GOOD + "1,2\n", "row 14 has no colon; expected one before the class, because @cl"),
        (HEAD + GOOD + "1,2:3:Up\n", "row 14 has 1 steps in dimension 2; expected 2 as in dimens"),
        (HEAD + GOOD + "1:1:?\n", "column 'y', row 14, step 1 has no value; expected a label in "),
        (HEAD, "file has no sequences; expected at least 1 after @data. Give a file with data."),
        (HEAD.replace("@data\n", ""), "file has no line @data; expected one before the sequences"),
        ("", "file has no line @data; expected one before the sequences. Give a .ts file of aeon"),
        (HEAD.replace("@data\n", GOOD), "row 10 has '1,2,3:4,5,6:Up'; expected a line that begins"),
        ("interface A { x: number }\n", "row 1 has 'interface A { x: number }'; expected a line t"),
        (b"G@\x11\x10\x00\xff", "row 1 has the byte 0xff; expected UTF-8 text. Save the file in U"),
        (HEAD.replace("Label true Up down", "Label maybe"), "row 9 has '@classLabel maybe'; expec"),
        (HEAD.replace("ions 2", "ions two"), "row 7 has '@dimensions two'; expected a whole numbe"),
        ("@\n", "file has no line @data; expected one before the sequences. Give a .ts"),
        ("@data\n1,2\n", "file has neither @classLabel nor @targetLabel before @data; expected on"),
        ("@univariate true\n@classlabel false\n@data\n1:2\n", "row 4 has 2 dimensions; expected 1"),
        ("@classlabel false\n@data\n1:2\n1\n", "row 4 has 1 dimensions; expected 2 because the fi"),
        ("@equallength true\n@classlabel false\n@data\n1\n1,2\n", "row 5 has 2 steps; expected 1 "),
        ("@timestamps true\n@classlabel false\n@data\n(0,1),2\n", "row 4 has '2' between its step"),
        ("@timestamps true\n@classlabel false\n@data\n(0,1):(1,1)\n", "row 4 has other times in d"),
        ("@timestamps true\n@classlabel false\n@data\n(0,1),(0,1)\n", "column 'time', row 4, step"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_named(ts, text, says):
    roles = ROLES if "classLabel true" in str(text) else ROLES | {"label": None}
    assert refusal(ts(text), strict=True, **roles).startswith(says)
