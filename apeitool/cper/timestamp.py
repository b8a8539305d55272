"""The eight bytes that say when."""

from datetime import datetime
from typing import Annotated, ClassVar

from apeitool.wire.labels import Bits, Word
from apeitool.wire.record import Structure
from apeitool.wire.types import U8


class TimestampFlags(Word):
    """Flags of a timestamp."""

    precise = Bits(0, doc="taken at the error, not at its report")


class Timestamp(Structure):
    """CPER timestamp: local time in BCD, no zone.

    Shape:   8 bytes.
    Units:   each byte two decimal digits; the year is ``century`` and ``year``.
    Source:  UEFI 2.10 N.2.1
    """

    source: ClassVar[str] = "UEFI 2.10 N.2.1"

    seconds: U8 = 0
    minutes: U8 = 0
    hours: U8 = 0
    flags: Annotated[U8, TimestampFlags] = 0
    day: U8 = 0
    month: U8 = 0
    year: U8 = 0
    century: U8 = 0

    @classmethod
    def of(cls, moment: datetime, *, precise: bool = False) -> "Timestamp":
        """The timestamp of a moment, in BCD; the moment's own clock is taken as it is."""
        digits = (moment.second, moment.minute, moment.hour)
        date = (moment.day, moment.month, moment.year % 100, moment.year // 100)
        seconds, minutes, hours = map(_to_bcd, digits)
        day, month, year, century = map(_to_bcd, date)
        return cls(
            seconds=seconds, minutes=minutes, hours=hours, flags=int(precise),
            day=day, month=month, year=year, century=century,
        )  # fmt: skip

    @property
    def is_precise(self) -> bool:
        """Whether it is the time of the error, not of its report."""
        return bool(TimestampFlags(self.flags).precise)

    @property
    def is_bcd(self) -> bool:
        """Whether every byte is two decimal digits.  Windows writes plain binary instead."""
        return all(b & 15 < 10 and b >> 4 < 10 for b in self._digits())

    @property
    def moment(self) -> datetime | None:
        """The moment, read as BCD, or as binary where the bytes cannot be BCD; None if it is none."""
        read = _from_bcd if self.is_bcd else int
        second, minute, hour, day, month, year, century = map(read, self._digits())
        try:
            return datetime(  # noqa: DTZ001 - it has no zone
                century * 100 + year, month, day, hour, minute, second
            )
        except ValueError:
            return None

    @property
    def brief(self) -> str:
        """The moment as text with what is known of it."""
        moment = self.moment
        if moment is None:
            return "no date"
        how = "" if self.is_bcd else ", written in binary"
        return f"{moment:%Y-%m-%d %H:%M:%S} ({'precise' if self.is_precise else 'imprecise'}{how})"

    def _digits(self) -> tuple[int, ...]:
        return (
            self.seconds, self.minutes, self.hours, self.day, self.month, self.year, self.century,
        )  # fmt: skip


def _to_bcd(value: int) -> int:
    return value // 10 << 4 | value % 10


def _from_bcd(value: int) -> int:
    return (value >> 4) * 10 + (value & 15)
