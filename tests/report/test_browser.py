"""The report in a real browser: no error, no request, figures that answer, at every width."""

import json
import time

import pytest
from report.conftest import copied, trained

from throughtime.report import compare, report, write

pytestmark = pytest.mark.slow


def opened(browser, path, width=1440, scheme="light", unfolded=True):
    """Open a file and wait until its figures are drawn, those of folded sections too if asked."""
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500},
    )
    browser.execute_cdp_cmd(
        "Emulation.setEmulatedMedia",
        {"features": [{"name": "prefers-color-scheme", "value": scheme}]},
    )
    browser.get(path.as_uri())
    wait(browser, "return document.documentElement.dataset.drawn === 'yes'")
    if unfolded:
        browser.execute_script("document.querySelectorAll('.folded').forEach(d => d.open = true)")
        wait(browser, "return [...document.querySelectorAll('.plot')].every(p => "
             "p.querySelector('svg.main-svg'))")  # fmt: skip


def wait(browser, script, *arguments, seconds=180):
    """Until the script gives something true: the machine may be slow or paused."""
    end = time.monotonic() + seconds
    while not (answer := browser.execute_script(script, *arguments)):
        assert time.monotonic() < end, script
        time.sleep(0.1)
    return answer


def quiet(browser, path):
    """No error or warning was logged, and nothing but the file was asked for."""
    assert [entry["message"] for entry in browser.get_log("browser")] == []
    asked = set()
    for entry in browser.get_log("performance"):
        message = json.loads(entry["message"])["message"]
        if message["method"] == "Network.requestWillBeSent":
            asked.add(message["params"]["request"]["url"].split("#")[0])
    assert {url for url in asked if not url.startswith(("data:", "blob:"))} == {path.as_uri()}


@pytest.fixture(scope="module")
def pages(tmp_path_factory, plain_run, failed_run, hostile_run):
    folder = tmp_path_factory.mktemp("pages")
    other = trained(folder / "other", copied(), copied(seed=1000), hidden=8)
    for run in (failed_run[0], other[0]):
        run.details["data"] = {"sha256": ["of the training part", "of the test part"]}
    made = {"plain": report(*plain_run), "failed": report(*failed_run),
            "hostile": report(*hostile_run),
            "compared": compare([failed_run[0], other[0]], [failed_run[1], other[1]])}  # fmt: skip
    for name, text in made.items():
        write(folder / f"{name}.html", text)
    return folder


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1440])
@pytest.mark.parametrize("name", ["plain", "failed", "hostile", "compared"])
def test_it_opens_whole(browser, pages, name, width, scheme):
    path = pages / f"{name}.html"
    opened(browser, path, width, scheme)
    sizes = browser.execute_script(
        "return [...document.querySelectorAll('.plot')].map(p => {"
        " const s = p.querySelector('svg.main-svg')?.getBoundingClientRect();"
        " return [p.id, s?.width ?? 0, s?.height ?? 0]; })"
    )
    assert len(sizes) >= 3
    for figure, across, down in sizes:
        assert 200 < across <= width and down > 90, figure
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width
    assert browser.execute_script("return window.broken") is None
    quiet(browser, path)


def test_hostile_names_are_shown_as_they_are(browser, pages):
    opened(browser, pages / "hostile.html")
    ticks = browser.execute_script(
        "return [...document.querySelectorAll('#classes .xtick text')].map(t => t.textContent)"
    )
    assert "<script…script>" in ticks and any(t.startswith("$\\unico") for t in ticks)
    assert (
        browser.execute_script(
            "return document.querySelectorAll('.plot a[href], .plot foreignObject').length"
        )
        == 0
    )
    quiet(browser, pages / "hostile.html")


def test_the_policy_stops_what_gets_in_all_the_same(browser, pages):
    """Were an escape ever forgotten, nothing would run and nothing would be asked for."""
    opened(browser, pages / "plain.html")
    browser.execute_script(
        "document.body.insertAdjacentHTML('beforeend',"
        '\'<img src="file:///nowhere.png" onerror="window.broken=1">\');'
        "const s = document.createElement('script'); s.textContent = 'window.broken=2';"
        "document.body.append(s);"
    )
    time.sleep(1)
    assert browser.execute_script("return window.broken") is None
    assert any("Content Security Policy" in e["message"] for e in browser.get_log("browser"))


def test_figures_answer_to_the_mouse(browser, pages):
    from selenium.webdriver import ActionChains
    from selenium.webdriver.common.by import By

    opened(browser, pages / "plain.html")
    for name in ("gradient", "matrix", "classes", "over_time"):
        drag = browser.find_element(By.CSS_SELECTOR, f"#{name} .nsewdrag")
        browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", drag)
        for across in (-40, -20, 0, 20, 40, 10):  # a bar or a point is somewhere there
            ActionChains(browser).move_to_element_with_offset(drag, across, 30).perform()
            time.sleep(0.2)
            if browser.find_elements(By.CSS_SELECTOR, f"#{name} .hoverlayer .hovertext"):
                break
        wait(browser, f"return document.querySelector('#{name} .hoverlayer .hovertext') !== null",
             seconds=20)  # fmt: skip


def visible(browser, name):
    return browser.execute_script(
        f"return document.getElementById('{name}').data.filter(t => t.visible !== false)"
        ".map(t => JSON.stringify(t.meta))"
    )


def test_the_reader_chooses(browser, pages):
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.select import Select

    opened(browser, pages / "plain.html")
    for name, key in (("over_time", "sequence"), ("over_time", "what"), ("replicas", "layer")):
        before = visible(browser, name)
        place = f"select[data-figure={name}][name={key}]"
        chosen = Select(browser.find_element(By.CSS_SELECTOR, place))
        chosen.select_by_index(1)
        wait(browser, f"return document.getElementById('{name}').data.filter(t => "
             f"t.visible !== false).some(t => t.meta.{key} === arguments[0])",
             chosen.first_selected_option.get_attribute("value"))  # fmt: skip
        assert visible(browser, name) not in ([], before)


def test_every_control_is_reached_with_the_tab_key(browser, pages):
    from selenium.webdriver import ActionChains
    from selenium.webdriver.common.keys import Keys

    opened(browser, pages / "plain.html")
    wanted = browser.execute_script(
        "return document.querySelectorAll('nav a, button, select, summary, .plot').length"
    )
    met = set()
    for _ in range(2 * wanted + 20):
        ActionChains(browser).send_keys(Keys.TAB).perform()
        met.add(browser.execute_script(
            "const a = document.activeElement;"
            "return a.matches('nav a, button, select, summary, .plot') ?"
            " [...document.querySelectorAll('nav a, button, select, summary, .plot')].indexOf(a)"
            " : -1"))  # fmt: skip
    assert met - {-1} == {*range(wanted)}


def test_arrow_keys_walk_along_a_curve(browser, pages):
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys

    opened(browser, pages / "plain.html")
    plot = browser.find_element(By.ID, "curves")
    for _ in range(2):
        browser.execute_script("arguments[0].focus()", plot)
        plot.send_keys(Keys.ARROW_RIGHT)
    assert browser.execute_script("return document.getElementById('curves').at") == 1
    wait(browser, "return document.querySelector('#curves .hoverlayer .hovertext') !== null")


CONTRAST = """
const light = c => {
  const [r, g, b] = c.match(/[\\d.]+/g).slice(0, 3).map(v => v / 255)
    .map(v => v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4);
  return .2126 * r + .7152 * g + .0722 * b;
};
const paper = light(getComputedStyle(document.body).backgroundColor);
const ratio = c => { const l = light(c);
  return (Math.max(l, paper) + .05) / (Math.min(l, paper) + .05); };
const text = 'h1, h2, h3, p, th, td, summary, nav a, figcaption, label, .why h3';
const written = [...document.querySelectorAll(text)].map(e => ratio(getComputedStyle(e).color));
const drawn = [...document.querySelectorAll('.xtick text, .ytick text, .legendtext')]
  .map(e => ratio(getComputedStyle(e).fill));
return [Math.min(...written), Math.min(...drawn)];
"""


def test_contrast_and_the_switch(browser, pages):
    from selenium.webdriver.common.by import By

    for scheme in ("light", "dark"):
        opened(browser, pages / "failed.html", scheme=scheme)
        for _ in range(2):  # then the other one
            assert min(browser.execute_script(CONTRAST)) >= 4.5
            paper = "return getComputedStyle(document.body).backgroundColor"
            before = browser.execute_script(paper)
            browser.find_element(By.ID, "theme").click()
            time.sleep(1)
            assert browser.execute_script(paper) != before


def test_folded_sections_are_drawn_when_they_are_opened(browser, pages):
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys

    opened(browser, pages / "plain.html", unfolded=False)
    drawn = "return document.querySelector('#gradient svg.main-svg') !== null"
    assert not browser.execute_script(drawn)
    browser.find_element(By.CSS_SELECTOR, "nav a[href='#gradients']").click()
    wait(browser, drawn)
    width = "return document.querySelector('#gradient svg.main-svg').getBoundingClientRect().width"
    assert browser.execute_script(width) > 400
    assert not browser.execute_script("return document.querySelector('#gates details').open")
    browser.find_element(By.CSS_SELECTOR, "#gates summary").send_keys(Keys.ENTER)
    wait(browser, "return document.querySelector('#over_time svg.main-svg') !== null")
    quiet(browser, pages / "plain.html")


def test_it_prints(browser, pages):
    opened(browser, pages / "plain.html", scheme="dark", unfolded=False)
    printed = browser.execute_cdp_cmd("Page.printToPDF", {"printBackground": True})
    assert len(printed["data"]) > 50_000
    assert browser.execute_script("return document.querySelectorAll('details[open]').length") == 0
