"""The time as Windows counts it."""

from datetime import UTC, datetime, timedelta

from apeitool.wire.labels import Bits, Word

_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)


class Filetime(Word):
    """Windows time: 100 ns since 1601, UTC.

    Shape:   8 bytes, an integer of 64 bits.
    Source:  Windows WDK wdm.h KeQuerySystemTime
    """

    ticks = Bits(0, 64)

    @property
    def moment(self) -> datetime | None:
        """The moment; None if it is none."""
        try:
            return _EPOCH + timedelta(microseconds=int(self) // 10) if self else None
        except OverflowError:
            return None

    @property
    def text(self) -> str:
        """The moment as text."""
        moment = self.moment
        return f"{moment:%Y-%m-%d %H:%M:%S} UTC" if moment else f"no date ({int(self):#018x})"
