"""`--quantiles`: from a table to intervals in predictions and in the report."""

import csv
import io

from throughtime import load
from throughtime.cli import main


def test_from_the_command_line(tmp_path, capfd, reports):
    rows = [f"s{k},{k % 7 + t / 10},{10 * (k % 7)}" for k in range(40) for t in range(3)]
    (tmp_path / "data.csv").write_text("id,a,y\n" + "\n".join(rows))
    train = ["train", str(tmp_path / "data.csv"), "--sequence", "id", "--target", "y", "--epochs",
             "3", "--hidden", "4", "--quantiles", "0.9,0.05", "--run", str(tmp_path / "run"),
             "--validation", "0.2"]  # fmt: skip
    assert main(train) == 0
    task = load(tmp_path / "run").model.task
    assert task.quantiles == (0.05, 0.9) and task.shifts
    assert "in 0.05 to 0.9" in (tmp_path / "run" / "report.html").read_text()
    capfd.readouterr()
    assert main(["predict", str(tmp_path / "run"), str(tmp_path / "data.csv")]) == 0
    assert next(csv.reader(io.StringIO(capfd.readouterr().out))) == ["sequence", "y", "y_q5"]
    assert main(["train", "--resume", str(tmp_path / "run")]) == 0
    assert load(tmp_path / "run").model.task == task
    for given in ("0.1,1", "0.1,0.1", "a", "0", "1e-1", ""):
        assert main([*train, "--quantiles", given]) == 2
        assert f"--quantiles is {given!r}; expected numbers between" in capfd.readouterr().err
