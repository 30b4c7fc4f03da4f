"""Finished runs to report on, each trained once, and the browser."""

import random
import shutil

import pytest
import torch
import typechecker

from throughtime import LSTM, RNN, Recurrent
from throughtime.data import Sequences
from throughtime.report import keep, measure
from throughtime.training import Model, fit, tested

HOSTILE = (
    "<script>window.broken=1</script>",
    '"><img src=x onerror="window.broken=1">',
    '<a href="javascript:window.broken=1">b</a>',
    "</script><svg onload=window.broken=1>",
    "$\\unicode{x}$ %{x} &lt;b&gt;",
    "\u202egpj.exe\x00\n<b>bold</b>",
)


@pytest.fixture(autouse=True, scope="module")
def types_unchecked_here():
    with typechecker.unchecked():
        yield


def noisy(count=60, *, classes=("a", "b", "c"), channels=("c0", "c1"), steps=(8, 12), seed=0):
    """Noise about a centre that tells the class."""
    draw = torch.Generator().manual_seed(seed)
    arrays, labels = [], []
    for k in range(count):
        kind = k % len(classes)
        n = steps[0] + k % (steps[1] - steps[0] + 1)
        centre = torch.zeros(len(channels))
        centre[kind % len(channels)] = 1.0 + kind
        arrays.append(centre + 1.5 * torch.randn(n, len(channels), generator=draw))
        labels.append(classes[kind])
    names = [f"s{k}" for k in range(count)]
    return Sequences.from_list(arrays, labels, channels=channels, classes=classes, names=names)


def copied(count=120, length=60, seed=0):
    """The class is the first symbol, all after it is noise."""
    draw, arrays = torch.Generator().manual_seed(seed), []
    labels = [random.Random(seed + k).choice("ab") for k in range(count)]
    for label in labels:
        x = torch.randn(length, 2, generator=draw)
        x[:, 0] = 0
        x[0, 0] = 1.0 if label == "a" else -1.0
        arrays.append(x)
    return Sequences.from_list(arrays, labels, channels=["symbol", "noise"], classes=("a", "b"))


def trained(folder, train, test, cell=LSTM, *, hidden=6, pooling="last", epochs=4, **options):
    """A run in a folder with its results, and what is measured of it."""
    torch.manual_seed(0)
    layer = Recurrent(cell, len(train.channels), hidden, **options)
    model = Model(layer, classes=train.classes, channels=train.channels, pooling=pooling)
    run = fit(model, train, folder=folder, epochs=epochs, learning_rate=0.01)
    run.record(tested(model, train, test).results)
    measured = measure(run, train, test)
    keep(run, measured)
    return run, measured


@pytest.fixture(scope="package")
def plain_run(tmp_path_factory):
    """An LSTM in two layers and both directions."""
    folder = tmp_path_factory.mktemp("runs") / "plain"
    return trained(folder, noisy(), noisy(seed=1), layers=2, direction="both")


@pytest.fixture(scope="package")
def failed_run(tmp_path_factory):
    """A tanh RNN on the copy task."""
    folder = tmp_path_factory.mktemp("runs") / "failed"
    return trained(folder, copied(), copied(seed=1000), RNN, hidden=16)


@pytest.fixture(scope="package")
def hostile_run(tmp_path_factory):
    """All names are hostile."""
    folder = tmp_path_factory.mktemp("runs") / "<img src=x onerror=alert(1)>"
    both = [noisy(classes=HOSTILE, channels=HOSTILE, seed=k) for k in (0, 1)]
    return trained(folder, *both, hidden=4)


@pytest.fixture
def browser():
    """Chromium without a head, telling every request and every error."""
    if shutil.which("chromium") is None or shutil.which("chromedriver") is None:
        pytest.skip("chromium and chromedriver are not installed: nothing to open a page in")
    pytest.importorskip("selenium", reason="selenium is not installed: dependency group browser")
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium")
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
    driver.set_page_load_timeout(240)
    driver.set_script_timeout(240)
    yield driver
    driver.quit()
