"""What is known of a machine's memory modules: their names, by the handles that records carry.

The names come from the machine's SMBIOS table.  A handle that it does not have has no name: a wrong
name is worse than none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple


class Dimm(NamedTuple):
    """A memory device, as SMBIOS type 17 describes it; "" is not said."""

    locator: str
    bank_locator: str = ""
    manufacturer: str = ""
    part_number: str = ""
    serial_number: str = ""

    @property
    def text(self) -> str:
        """Where it is, and what one would order."""
        what = " ".join(filter(None, [self.manufacturer, self.part_number]))
        serial = f"serial {self.serial_number}" if self.serial_number else ""
        more = ", ".join(filter(None, [self.bank_locator, what, serial]))
        return f"{self.locator} ({more})" if more else self.locator


Dimms = Mapping[int, Dimm]
"""Memory devices by their SMBIOS handle."""

_known: ContextVar[Dimms] = ContextVar("dimms", default={})  # noqa: B039 - nobody changes it


@contextmanager
def knowing(dimms: Dimms) -> Iterator[None]:
    """Inside it, these modules have names."""
    token = _known.set(dimms)
    try:
        yield
    finally:
        _known.reset(token)


def named(handle: int) -> Dimm | None:
    """The memory device that has this handle, if that is known."""
    return _known.get().get(handle)


def is_known() -> bool:
    """Whether any module has a name."""
    return bool(_known.get())
