"""Timestamps as moments, many at once; the readings are those of `apeitool.cper.timestamp`."""

from __future__ import annotations

from functools import cache

import numpy as np

from apeitool.columns.rows import Array
from apeitool.cper.timestamp import CENTURIES, THIS_CENTURY, Timestamp

_DAY = 86400
_LAST = 253402300799
"""The last second of the year 9999."""


def moments(words: Array, how: str | None) -> tuple[Array, Array]:
    """Seconds since 1970 of timestamps by one reading, or as the bytes allow; and which have any."""
    if how == "unix-seconds":
        return words.astype(np.int64), words <= _LAST
    if how is not None and how != "bcd":
        return _seconds(words, is_amdgpu=how == "amdgpu")
    decimal, is_bcd = _decimal(words)
    seconds, there = _seconds(decimal, is_amdgpu=False)
    there &= is_bcd
    if how is None and not bool(is_bcd.all()):
        odd = ~is_bcd
        binary, is_date = _seconds(words[odd], is_amdgpu=False)
        century = words[odd] >> np.uint64(Timestamp.century.low)
        seconds[odd], there[odd] = binary, is_date & np.isin(century, CENTURIES)
    return seconds, there


def _decimal(words: Array) -> tuple[Array, Array]:
    """Two decimal digits a byte as numbers a byte; and whether all that count are such."""
    low, ones = np.uint64(0x0F0F0F0F0F0F0F0F), np.uint64(0x0606060606060606)
    carry = np.uint64(0x1010101000101010)
    unit = words & low
    ten = (words >> np.uint64(4)) & low
    wrong = ((unit + ones) | (ten + ones)) & carry
    return unit + ten * np.uint64(10), wrong == 0


def _seconds(digits: Array, *, is_amdgpu: bool) -> tuple[Array, Array]:
    """Seconds of a number a byte; and which make a date."""
    at = digits.view(np.uint8).reshape(-1, 8)
    second, minute, hour, day, month, year, century = (
        at[:, bits.low // 8].astype(np.int32)
        for bits in (
            Timestamp.second, Timestamp.minute, Timestamp.hour, Timestamp.day, Timestamp.month,
            Timestamp.year, Timestamp.century,
        )
    )  # fmt: skip
    if is_amdgpu:
        century -= century > THIS_CENTURY
    year += century * 100
    first = _first_days()
    there = (year >= 1) & (year <= 9999) & (month >= 1) & (month <= 12)
    index = np.where(there, year * 12 + month - 1, 12)
    begin = first[index]
    there &= (day >= 1) & (day <= first[index + 1] - begin)
    there &= (hour < 24) & (minute < 60) & (second < 60)
    days = (begin + day - 1).astype(np.int64)
    return days * _DAY + (hour * 3600 + minute * 60 + second), there


@cache
def _first_days() -> Array:
    """The first day of each month since the year 0, counted from 1970."""
    months = np.arange(-1970 * 12, (10000 - 1970) * 12 + 1).astype("M8[M]")
    return months.astype("M8[D]").astype(np.int64).astype(np.int32)
