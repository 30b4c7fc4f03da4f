"""One process at a time writes a run folder, and a dead one is not in the way."""

import errno
import fcntl
import os
import signal
import subprocess
import sys
import threading

import pytest
from training.tiny import model, same, sequences, without_seconds

from throughtime import fit
from throughtime.errors import RunError
from throughtime.training.lock import NAME, locked

DATA = sequences(10)
IN_USE = "run: is in use by another process that trains or resumes this run; expected one at a time"
HOLDER = """
import sys
from pathlib import Path
from throughtime.training.lock import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


class Stop(Exception):
    pass


def trained(folder, **options):
    return fit(model(DATA), DATA, folder=folder, epochs=2, batch_size=5, **options)


def stop(at):
    raise Stop


@pytest.fixture
def begun(tmp_path):
    """The folder of a run that was broken off after its first batch."""
    with pytest.raises(Stop):
        trained(tmp_path / "run", progress=stop)
    return tmp_path / "run"


def content(folder):
    return {p.name: p.read_bytes() for p in folder.iterdir()}


def elsewhere(action):
    """What `action` raises in another thread, which holds nothing that this one does."""
    caught = []

    def run():
        try:
            action()
        except Exception as e:
            caught.append(e)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(60)
    return caught


def test_a_second_process_is_refused_and_a_killed_one_leaves_no_lock(begun):
    before = content(begun)
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, begun], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        text=True,
    ) as holder:  # fmt: skip
        try:
            assert holder.stdout.readline() == "held\n"
            with pytest.raises(RunError, match=IN_USE):
                trained(begun, resume=True)
            assert content(begun) == before | {NAME: b""}
        finally:
            holder.send_signal(signal.SIGKILL)
    assert (begun / NAME).exists(), "the file of the killed process, which locks nothing"
    whole = trained(None)
    again = trained(begun, resume=True)
    assert same(whole.model.state_dict(), again.model.state_dict())
    assert without_seconds(whole.history) == without_seconds(again.history)
    assert not (begun / NAME).exists()


def test_a_run_holds_its_folder_while_it_trains(tmp_path):
    refused = []

    def progress(at):
        for resume in (False, True):
            refused.extend(elsewhere(lambda: locked(tmp_path / "run").__enter__()))
            refused.extend(elsewhere(lambda r=resume: trained(tmp_path / "run", resume=r)))

    trained(tmp_path / "run", progress=progress)
    said = {str(e).split(";")[0].removeprefix(f"{tmp_path}/") for e in refused}
    assert said == {IN_USE.split(";")[0], "run: has a run in it"}
    assert len(refused) == 4 * 4
    assert NAME not in content(tmp_path / "run")


def test_two_new_runs_that_begin_at_once(tmp_path):
    """The second finds no run yet, and the lock taken."""
    (tmp_path / "run").mkdir()
    with locked(tmp_path / "run"):
        (error,) = elsewhere(lambda: trained(tmp_path / "run"))
    assert isinstance(error, RunError) and IN_USE in str(error)
    assert content(tmp_path / "run") == {}


def test_a_lock_within_a_lock_is_one(tmp_path):
    with locked(tmp_path):
        with locked(tmp_path / "."):
            pass
        (error,) = elsewhere(lambda: locked(tmp_path).__enter__())
        assert "is in use by another process" in str(error)
    with locked(None), locked(tmp_path):
        assert (tmp_path / NAME).exists()
    assert not (tmp_path / NAME).exists()


def test_it_is_freed_when_what_it_guards_fails(tmp_path):
    with pytest.raises(Stop), locked(tmp_path):
        raise Stop
    with locked(tmp_path):
        pass


def test_a_lock_file_that_was_removed_before_it_was_locked_locks_nothing(tmp_path, monkeypatch):
    """Opened while another held it, locked after that one had removed it: taken anew."""
    lock, removed = fcntl.flock, []

    def late(number, how):
        if not removed:
            removed.append(os.fstat(number).st_ino)
            (tmp_path / NAME).unlink()
        lock(number, how)

    monkeypatch.setattr(fcntl, "flock", late)
    with locked(tmp_path):
        assert removed
        (error,) = elsewhere(lambda: locked(tmp_path).__enter__())
        assert "is in use by another process" in str(error)


def test_a_file_system_without_locks_is_said(tmp_path, monkeypatch):
    def none(number, how):
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr(fcntl, "flock", none)
    with pytest.warns(UserWarning, match="cannot be locked .Function not implemented.*Take care"):
        run = trained(tmp_path / "run")
    assert len(run.history) == 2


def test_a_folder_that_cannot_be_written_to(tmp_path):
    (tmp_path / NAME).mkdir()
    with pytest.raises(RunError, match="cannot be written .* expected a folder that may be"):
        with locked(tmp_path):
            pass
