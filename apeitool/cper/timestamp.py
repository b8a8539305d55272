"""The eight bytes that say when."""

from __future__ import annotations

from datetime import UTC, datetime

from apeitool.cper.dialect import Choice, Topic, Weight, reading
from apeitool.wire.labels import Bits, Word

_PLACES = ("second", "minute", "hour", "day", "month", "year", "century")
THIS_CENTURY = 20
CENTURIES = (19, 20, 21)
"""Those that a clock may show which counts them in binary."""


class Timestamp(Word):
    """CPER timestamp: local time in BCD, no zone.  In hex it reads as the date that it is.

    Shape:   8 bytes, an integer of 64 bits.
    Units:   each range two decimal digits; the year is ``century`` and ``year``.
    Source:  UEFI 2.10 N.2.1
    """

    second = Bits(0, 8)
    minute = Bits(8, 8)
    hour = Bits(16, 8)
    precise = Bits(24, doc="taken at the error, not at its report")
    day = Bits(32, 8)
    month = Bits(40, 8)
    year = Bits(48, 8)
    century = Bits(56, 8)

    @classmethod
    def of(cls, moment: datetime, *, precise: bool = False, how: str = "bcd") -> Timestamp:
        """The timestamp of a moment by one of the readings of `Topic.TIMESTAMP`.

        The moment's own clock is taken as it is; one without a zone is UTC where seconds are counted.
        """
        if how == "unix-seconds":
            zoned = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
            return cls(int(zoned.timestamp()))
        digits = dict.fromkeys(_PLACES, 0) | {name: getattr(moment, name) for name in _PLACES[:5]}
        digits |= {"year": moment.year % 100, "century": moment.year // 100}
        if how == "bcd":
            digits = {name: value // 10 << 4 | value % 10 for name, value in digits.items()}
        return cls(cls.compose(precise=int(precise), **digits))

    @property
    def is_bcd(self) -> bool:
        """Whether every byte is two decimal digits."""
        return all(b & 15 < 10 and b >> 4 < 10 for b in self._digits())

    @property
    def moment(self) -> datetime | None:
        """The moment in the dialect that is in force, or as the bytes allow; None if it is none."""
        return self.read(reading(Topic.TIMESTAMP) or self.testimony().reading)

    def read(self, how: str) -> datetime | None:
        """The moment, by one of the readings of `Topic.TIMESTAMP`; None if it is none."""
        if how == "unix-seconds":
            return _since_1970(int(self))
        digits = self._digits()
        if how == "bcd":
            digits = [(b >> 4) * 10 + (b & 15) for b in digits] if self.is_bcd else []
        if len(digits) < len(_PLACES):
            return None
        second, minute, hour, day, month, year, century = digits
        # Later releases of amdgpu count it from 1, as other products of AMD do.
        century -= how == "amdgpu" and century > THIS_CENTURY
        try:
            return datetime(  # noqa: DTZ001 - it has no zone
                century * 100 + year, month, day, hour, minute, second
            )
        except ValueError:
            return None

    def testimony(self) -> Choice:
        """How the bytes allow to read it."""
        if self.is_bcd:
            return Choice(Topic.TIMESTAMP, "bcd", "every byte is two decimal digits")
        odd = next(b for b in self._digits() if b & 15 > 9 or b >> 4 > 9)
        moment = self.read("binary")
        if moment is not None and moment.year // 100 not in CENTURIES:
            return Choice(
                Topic.TIMESTAMP, "bcd", f"{odd:#x} is no BCD, binary would be {moment.year}"
            )
        return Choice(Topic.TIMESTAMP, "binary", f"{odd:#x} is no BCD", Weight.EVIDENCE)

    @property
    def text(self) -> str:
        """The moment as text, with what is known of it."""
        how = reading(Topic.TIMESTAMP) or self.testimony().reading
        moment = self.read(how)
        if moment is None:
            return f"no date ({int(self):#018x})"
        if how == "unix-seconds":
            return f"{moment:%Y-%m-%d %H:%M:%S} UTC (seconds since 1970)"
        written = "" if how == "bcd" else ", written in binary"
        return f"{moment:%Y-%m-%d %H:%M:%S} ({'precise' if self.precise else 'imprecise'}{written})"

    def _digits(self) -> list[int]:
        return [getattr(self, name) for name in _PLACES]


def _since_1970(seconds: int) -> datetime | None:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None
