"""New times written as the others of a column are, and the clocks that times were read from.

Imported when it is called, since polars takes its time to load.
"""

import re
from collections.abc import Sequence

import numpy as np
import polars as pl
from jaxtyping import Float64

from throughtime.data.classes import is_number
from throughtime.data.periods import ISO

DAY = 86400


def offsets(times: Sequence[str]) -> Float64[np.ndarray, " N"]:
    """How many seconds the clocks are ahead of UTC at each time; 0 where no zone is written."""
    zones = zones_of(times)
    if zones is None:
        return np.zeros(len(times))
    seconds = {zone: _seconds(zone) for zone in zones.unique().to_list()}
    return zones.replace_strict(seconds, return_dtype=pl.Float64).to_numpy()


def zones_of(times: Sequence[str]) -> pl.Series | None:
    """The zone of each time as it is written, such as `+01:00` or `Z`; None where none is."""
    first = re.match(_python(ISO), times[0].strip()) if len(times) else None
    if first is None or not first.group("zone"):
        return None
    return pl.Series(list(times)).str.strip_chars().str.extract("([Zz]|[+-][0-9:]+)$", 1)


def spelled(
    seconds: Float64[np.ndarray, " N"],
    like: str,
    zones: Sequence[str] | None = None,
    time_format: str | None = None,
) -> list[str]:
    """Moments written as the text `like` is.

    **Arguments:**

    - `seconds`: since 1970, as the clocks show them; numbers where `like` is one.
    - `zones`: what to write behind each, where `like` has a zone.
    - `time_format`: what `like` was read with, if with one.
    """
    like = like.strip()
    if time_format is not None:
        return pl.Series(_micro(seconds)).dt.strftime(time_format).to_list()
    if is_number(like):
        digits = len(like.partition(".")[2]) if "e" not in like.lower() else 6
        return [f"{value:.{digits}f}" if digits else f"{value:.0f}" for value in seconds.tolist()]
    iso = re.match(_python(ISO), like)
    if iso is None:
        return _periods(_micro(seconds), like)
    texts = np.datetime_as_string(_micro(seconds), unit="us")
    if not iso.group("clock"):
        return [text[:10] for text in texts.tolist()]
    fraction = len(iso.group("fraction") or "")
    until = 16 if iso.group("second") is None else 19 if not fraction else 20 + min(fraction, 6)
    zones = zones or [""] * len(seconds)
    return [
        text[:10] + like[10] + text[11:until] + "0" * max(0, fraction - 6) + zone
        for text, zone in zip(texts.tolist(), zones, strict=True)
    ]


def _periods(moments: np.ndarray, like: str) -> list[str]:
    """Months, quarters, weeks and days of weeks."""
    dates = pl.Series(moments)
    if re.fullmatch(r"\d{4}-\d{2}", like):
        return dates.dt.strftime("%Y-%m").to_list()
    quarter = re.fullmatch(r"\d{4}([ -]?)([Qq])\d", like)
    if quarter:
        years, quarters = dates.dt.year().to_list(), dates.dt.quarter().to_list()
        mark = quarter.group(1) + quarter.group(2)
        return [f"{year:04}{mark}{q}" for year, q in zip(years, quarters, strict=True)]
    week = "w" if "w" in like else "W"
    code = f"%G-{week}%V-%u" if re.fullmatch(r"\d{4}-[Ww]\d{2}-\d", like) else f"%G-{week}%V"
    return dates.dt.strftime(code).to_list()


def _micro(seconds: Float64[np.ndarray, " N"]) -> np.ndarray:
    return np.rint(seconds * 1e6).astype("datetime64[us]")


def _seconds(zone: str) -> float:
    if zone in "Zz":
        return 0.0
    digits = zone[1:].replace(":", "").ljust(4, "0")
    seconds = int(digits[:2]) * 3600 + int(digits[2:4]) * 60
    return float(-seconds if zone[0] == "-" else seconds)


def _python(pattern: str) -> str:
    """A pattern of polars as Python has it, which names groups in another way."""
    return pattern.replace("(?<", "(?P<")
