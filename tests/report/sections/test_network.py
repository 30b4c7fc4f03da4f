"""Where each state begins."""

from throughtime import report


def test_the_initial_state_is_in_order(plain_run):
    for trace in report.initial_state(plain_run[0].model).data:
        assert list(trace.y) == sorted(trace.y)
