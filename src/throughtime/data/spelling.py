"""New times written as the others of a column are, and the clocks that times were read from.

Imported when it is called, since polars takes its time to load.
"""

import re
from collections.abc import Sequence

import numpy as np
import polars as pl
from jaxtyping import Float64

from throughtime.data.classes import is_number
from throughtime.data.periods import DATE, FORMS, ISO, NUMBER
from throughtime.errors import DataError

DAY = 86400
LAST = 253402300800  # seconds from 1970 to the year 10000, which no form of a date can write
EXACT = 1e15  # whole numbers from which on the last digits of a float are not decimals
ZONE = "[Zz]|[+-][0-9]{2}(?::?[0-9]{2})?"
CODES = re.compile("(%[-_0#:.369]*.)")
ZONE_CODE = re.compile("%[:#]*z")
MARK = "\x01"  # stands for the zone while polars writes the rest of a format


def offsets(times: Sequence[str], time_format: str | None = None) -> Float64[np.ndarray, " N"]:
    """How many seconds the clocks are ahead of UTC at each time; 0 where no zone is written.

    `time_format`: what the times were read with, if with one.
    """
    zones = zones_of(times, time_format)
    if zones is None:
        return np.zeros(len(times))
    seconds = {zone: _seconds(zone) for zone in zones.unique().to_list()}
    return zones.replace_strict(seconds, return_dtype=pl.Float64).to_numpy()


def zones_of(times: Sequence[str], time_format: str | None = None) -> pl.Series | None:
    """The zone of each time as it is written, such as `+01:00` or `Z`; None where none is."""
    iso = _iso(times[0].strip())
    if iso is not None and iso.group("zone"):
        pattern = f"({ZONE})$"
    elif time_format is not None and ZONE_CODE.search(time_format):
        pattern = _around_zone(time_format)
    else:
        return None
    return pl.Series(list(times)).str.strip_chars().str.extract(pattern, 1)


def spelled(
    seconds: Float64[np.ndarray, " N"],
    given: Sequence[str],
    zones: Sequence[str] | None = None,
    time_format: str | None = None,
) -> list[str]:
    """Moments written as the texts `given` are, and with as much of the time of day and as many
    digits as they need. What that form cannot tell, such as a day in one of months, is written as
    a date of ISO 8601.

    **Arguments:**

    - `seconds`: since 1970, as the clocks show them; numbers where `given` are.
    - `zones`: what to write behind each, where `given` have a zone.
    - `time_format`: what `given` were read with, if with one.

    **Raises:** `DataError` for a date after the year 9999.
    """
    if not len(seconds):
        return []
    like = given[0].strip()
    if time_format is None and is_number(like):
        return _numbers(seconds, given)
    if not (np.abs(seconds) < LAST).all():
        raise DataError(
            "the series has steps after the year 9999; expected earlier ones, because dates have "
            "four digits for the year. Correct its times, or forecast fewer steps."
        )
    moments = np.rint(seconds * 1e6).astype("datetime64[us]")
    if time_format is not None:
        texts = _formatted(moments, time_format, zones)
    elif _iso(like) is None:
        texts = _periods(moments, like)
    else:
        return _dates(moments, given, zones)
    return _dates(moments, [], zones) if texts is None else texts


def _numbers(values: Float64[np.ndarray, " N"], given: Sequence[str]) -> list[str]:
    """With as many decimals as the given texts have, and more where a value needs them."""
    decimals = pl.Series(list(given)).str.strip_chars().str.extract("[.]([0-9]+)$", 1)
    least = decimals.str.len_chars().max() or 0
    texts = []
    for value in values.tolist():
        if abs(value) >= EXACT:
            texts.append(f"{value:.0f}")
            continue
        # 15 digits are those that a float keeps of a decimal number
        text = np.format_float_positional(float(f"{value:.15g}"), trim="-")
        whole, _, rest = text.partition(".")
        rest = rest.ljust(int(least), "0")  # type: ignore[arg-type]
        texts.append(f"{whole}.{rest}" if rest else whole)
    return texts


def _dates(moments: np.ndarray, given: Sequence[str], zones: Sequence[str] | None) -> list[str]:
    """As dates of ISO 8601 are written among those given, or the shortest way that tells all."""
    zoned = zones is not None
    texts = pl.Series(list(given), dtype=pl.String).str.strip_chars()
    texts = texts.str.replace(f"({ZONE})$", "") if zoned else texts
    like = texts[int(texts.str.len_chars().arg_max() or 0)] if len(texts) else "2024-01-01"
    form = _iso(like)
    assert form is not None
    digits, mark = len(form.group("fraction") or ""), "," if "," in like else "."
    second, clock = form.group("second") is not None, form.group("clock") is not None or zoned
    within = (moments - moments.astype("datetime64[D]")).astype(np.int64)  # microseconds of a day
    while digits < 6 and (within % 10 ** (6 - digits)).any():
        digits += 1
    second = second or digits > 0 or bool((within % (60 * 10**6)).any())
    clock = clock or second or bool(within.any())
    gap = like[10] if len(like) > 10 else " "
    until = 10 if not clock else 16 if not second else 19 if not digits else 20 + min(digits, 6)
    written = np.datetime_as_string(moments, unit="us").tolist()
    return [
        (text[:10] + gap * clock + text[11:until]).replace(".", mark)
        + "0" * max(0, digits - 6)
        + zone
        for text, zone in zip(written, zones or [""] * len(written), strict=True)
    ]


def _formatted(
    moments: np.ndarray, time_format: str, zones: Sequence[str] | None
) -> list[str] | None:
    """Written with the format; None where that cannot tell these moments."""
    bare = ZONE_CODE.sub(MARK, time_format)
    texts = pl.Series(moments).dt.strftime(bare)
    two_days = pl.Series(np.array(["2001-01-01", "2022-12-22"], "datetime64[us]"))
    if two_days.dt.strftime(bare).n_unique() > 1:  # else it is a time of day, and no date
        again = texts.str.to_datetime(bare, strict=False)
        if not again.eq_missing(pl.Series(moments)).all():
            return None
    zones = zones or [""] * len(texts)
    return [text.replace(MARK, zone) for text, zone in zip(texts, zones, strict=True)]


def _periods(moments: np.ndarray, like: str) -> list[str] | None:
    """Months, quarters, weeks and days of weeks, times of day, durations; None where such a period
    does not begin at each moment."""
    dates = pl.Series(moments)
    if like.startswith("P"):  # as polars writes a duration
        return dates.to_physical().cast(pl.Duration("us")).dt.to_string().to_list()
    if re.match("[0-9]{2}:", like):
        return dates.dt.time().cast(pl.String).to_list()
    week, quarter = re.search("[Ww]", like), re.search("([ -]?[Qq])", like)
    if quarter:
        pairs = zip(dates.dt.year(), dates.dt.quarter(), strict=True)
        texts = pl.Series([f"{year:04}{quarter.group(1)}{q}" for year, q in pairs])
    else:
        code = "%Y-%m" if week is None else f"%G-{week.group()}%V" + "-%u" * (like[-2] == "-")
        texts = dates.dt.strftime(code)
    form = next(form for form in FORMS if form not in (NUMBER, DATE) and form.fits(like))
    again = form.read(texts).cast(pl.Datetime("us"))
    return texts.to_list() if again.eq_missing(dates).all() else None


def _around_zone(time_format: str) -> str:
    """The pattern of texts of a format, with its zone as the one group."""
    parts = [
        f"({ZONE})" if ZONE_CODE.fullmatch(part) else ".+?" if part[:1] == "%" else re.escape(part)
        for part in CODES.split(time_format)
    ]
    return f"^{''.join(parts)}$"


def _seconds(zone: str) -> float:
    if zone in "Zz":
        return 0.0
    digits = zone[1:].replace(":", "").ljust(4, "0")
    seconds = int(digits[:2]) * 3600 + int(digits[2:4]) * 60
    return float(-seconds if zone[0] == "-" else seconds)


def _iso(text: str) -> re.Match[str] | None:
    """The parts of a date of ISO 8601; Python names groups in another way than polars."""
    return re.match(ISO.replace("(?<", "(?P<"), text)
