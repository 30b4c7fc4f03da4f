"""Reproduce: what a run says of how it came to be."""

from dataclasses import asdict

from throughtime.report.sections import reproduce


def written(run):
    return "".join(str(part) for part in reproduce.write(run, None))


def test_the_command_the_versions_the_data_and_the_options(plain_run):
    run = plain_run[0]
    before = run.details
    try:
        run.details = {"command": ["train", "a b.csv", "--label", "<x>"],
                       "data": {"sha256": ["aa", "bb"]}}  # fmt: skip
        text = written(run)
    finally:
        run.details = before
    assert "throughtime train &#39;a b.csv&#39; --label &#39;&lt;x&gt;&#39;</pre>" in text
    for key, value in (
        ("training sequences", "aa"),
        ("test sequences", "bb"),
        *run.versions.items(),
    ):
        assert f'<th scope="row">{key}</th><td>{value}</td>' in text
    for key, value in asdict(run.options).items():
        assert f'<th scope="row">{key}</th><td>{value}</td>' in text


def test_a_run_from_python(plain_run):
    text = written(plain_run[0])
    assert "Trained from Python" in text and "SHA-256" not in text and "<pre" not in text
