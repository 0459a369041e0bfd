"""Template functions about time.

Source: https://learn.microsoft.com/azure/azure-resource-manager/templates/template-functions-date
"""

from __future__ import annotations

import calendar
import re
from datetime import UTC, datetime, timedelta

from domain.clock import format_instant
from domain.value import MISSING, Json, Value
from policy import operators

_DURATION = re.compile(
    r"(?P<sign>-?)P(?:(?P<years>\d{1,4})Y)?(?:(?P<months>\d{1,5})M)?(?:(?P<weeks>\d{1,6})W)?(?:(?P<days>\d{1,7})D)?"
    r"(?:T(?:(?P<hours>\d{1,8})H)?(?:(?P<minutes>\d{1,9})M)?(?:(?P<seconds>\d{1,10})S)?)?"
)
_FORMATS = re.compile(r"yyyy|yy|MMMM|MMM|MM|M|dddd|ddd|dd|d|HH|H|hh|h|mm|m|ss|s|tt|f+|K|zzz|'[^']*'|.", re.DOTALL)
_CODES = {
    **{"yyyy": "%Y", "yy": "%y", "MMMM": "%B", "MMM": "%b", "MM": "%m", "dddd": "%A", "ddd": "%a", "dd": "%d"},
    **{"HH": "%H", "hh": "%I", "mm": "%M", "ss": "%S", "tt": "%p"},
}
_NUMBERS = {"M": "%m", "d": "%d", "H": "%H", "h": "%I", "m": "%M", "s": "%S"}
_STANDARD = {
    "d": "M/d/yyyy",
    "D": "dddd, MMMM d, yyyy",
    "R": "ddd, dd MMM yyyy HH:mm:ss 'GMT'",
    "s": "yyyy-MM-dd'T'HH:mm:ss",
    "t": "h:mm tt",
    "T": "h:mm:ss tt",
}


def _instant(value: Value) -> datetime:
    found = operators.instant(value) if isinstance(value, str) else None
    if found is None:
        raise TypeError(value)
    return found


def _number(value: Value) -> float:
    found = operators.number(value)
    if found is None:
        raise TypeError(value)
    return float(found)


def add_days(moment: Value, days: Value, pattern: Value = MISSING) -> Json:
    """A moment some days later."""
    return write(_instant(moment) + timedelta(days=_number(days)), pattern)


def add_duration(moment: Value, duration: Value, pattern: Value = MISSING) -> Json:
    """A moment an ISO 8601 duration later; months keep the day where the month has it."""
    found = _DURATION.fullmatch(duration) if isinstance(duration, str) else None
    if found is None:
        raise TypeError(duration)
    parts = {name: int(text) for name, text in found.groupdict(default="0").items() if name != "sign" and text}
    sign = -1 if found["sign"] else 1
    shifted = _add_months(_instant(moment), sign * (parts["years"] * 12 + parts["months"]))
    rest = {name: parts[name] for name in ("weeks", "days", "hours", "minutes", "seconds")}
    return write(shifted + sign * timedelta(**rest), pattern)


def _add_months(moment: datetime, months: int) -> datetime:
    year, month = divmod(moment.year * 12 + moment.month - 1 + months, 12)
    day = min(moment.day, calendar.monthrange(year, month + 1)[1])
    return moment.replace(year=year, month=month + 1, day=day)


def from_epoch(seconds: Value) -> Json:
    """The moment that many seconds after 1970."""
    return format_instant(datetime.fromtimestamp(_number(seconds), UTC))


def to_epoch(moment: Value) -> Json:
    """Whole seconds since 1970."""
    return int(_instant(moment).timestamp())


def write(moment: datetime, pattern: Value = MISSING) -> str:
    """A moment in ISO 8601, or in a .NET standard or custom format, with English names."""
    if not isinstance(pattern, str) or pattern in {"", "u", "o"}:
        return format_instant(moment)
    chosen = _STANDARD.get(pattern, pattern)
    return "".join(_part(part, moment.astimezone(UTC)) for part in _FORMATS.findall(chosen))


def _part(part: str, moment: datetime) -> str:
    if part in _CODES:
        return moment.strftime(_CODES[part])
    if part in _NUMBERS:
        return str(int(moment.strftime(_NUMBERS[part])))
    if set(part) == {"f"}:
        return f"{moment.microsecond:06d}0"[: len(part)]
    return {"K": "Z", "zzz": "+00:00"}.get(part, part.strip("'"))
