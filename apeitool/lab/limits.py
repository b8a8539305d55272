"""The kernel's limit of reports, switched off as the kernel itself understands an interval of 0.

A report of a severity is printed twice in five seconds; who compares many does not want to wait.  The
limits (struct ratelimit_state) lie in the kernel's data, among a few others of the same two in five.

Source:  Linux include/linux/ratelimit_types.h, drivers/acpi/apei/ghes.c, seen on 6.1, 6.12 and 7.2
"""

from __future__ import annotations

import re
import struct

from apeitool.errors import LabError
from apeitool.lab.guest import Guest

_TICKS = (100, 250, 300, 1000)
"""How many jiffies a second of a kernel can have."""
_BURST, _SECONDS = 2, 5
_INTERVAL = 4
_MOST = 8


def switch_off(guest: Guest) -> None:
    """Have the kernel of a guest print every report.

    Raises:  LabError when its limits are not found where they are looked for.
    """
    for address in _limits(guest):
        guest.memory.write(address + _INTERVAL, bytes(4))


def _limits(guest: Guest) -> list[int]:
    """Where the limits are."""
    ranges = guest.shell("cat /proc/iomem").output
    found = re.search(r"(\w+)-(\w+) : Kernel data", ranges)
    if found is None:
        raise LabError("the guest does not tell where its kernel's data are")
    start, end = (int(number, 16) for number in found.groups())
    data = guest.memory.read(start, end + 1 - start)
    wanted = [struct.pack("<III", 0, _SECONDS * ticks, _BURST) for ticks in _TICKS]
    places = [
        place.start() for each in wanted for place in re.finditer(re.escape(each), data)
        if place.start() % 4 == 0
    ]  # fmt: skip
    if not 2 <= len(places) <= _MOST:
        raise LabError(f"{len(places)} limits look like those of reports, where 2 to {_MOST} do")
    return [start + place for place in places]
