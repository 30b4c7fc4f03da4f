"""A file that is written whole: what was there stays until all of the new one is."""

import os

import pytest

from throughtime.whole_file import write_whole


def test_it_is_written_and_nothing_is_left_beside_it(tmp_path):
    path = tmp_path / "a.txt"
    for content in (b"first", b"second, longer", b""):
        write_whole(path, content)
        assert path.read_bytes() == content
    assert [*tmp_path.iterdir()] == [path]


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_failure_leaves_the_old_file(tmp_path, monkeypatch, step):
    path = tmp_path / "a.txt"
    write_whole(path, b"old")

    def fails(*_):
        raise OSError("no room")

    monkeypatch.setattr(os, step, fails)
    with pytest.raises(OSError, match="no room"):
        write_whole(path, b"new")
    assert path.read_bytes() == b"old"


def test_the_content_is_on_the_disk_before_the_rename_and_the_rename_after(tmp_path, monkeypatch):
    order = []
    sync, replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda f: (order.append("fsync"), sync(f)))
    monkeypatch.setattr(os, "replace", lambda a, b: (order.append("replace"), replace(a, b)))
    write_whole(tmp_path / "a.txt", b"text")
    assert order == ["fsync", "replace", "fsync"]
