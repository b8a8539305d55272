"""The flags of records and sections, which producers do not name alike.

Source:  UEFI 2.10 N.2.1, N.2.2; Windows 10.0.28000 cper.h; Linux amd_cper.h
"""

import enum
from collections.abc import Iterator
from typing import Any

from apeitool.cper.dialect import Choice, Topic, by_creator, reading


class RecordFlags(enum.IntFlag):
    """Header flags."""

    RECOVERED = 1
    PREVIOUS_ERROR = 2
    SIMULATED = 4


class WindowsRecordFlags(enum.IntFlag):
    """Header flags as Windows has them.

    Source:  Windows 10.0.28000 cper.h
    """

    RECOVERED = 1
    PREVIOUS_ERROR = 2
    SIMULATED = 4
    DEVICE_DRIVER = 8
    CRITICAL_EVENT = 16
    PERSIST_PFN = 32
    SECTIONS_TRUNCATED = 64
    RECOVERY_IN_PROGRESS = 128
    THROTTLE = 256


def record_flags(record: Any) -> type[enum.IntFlag]:
    """What the bits of header flags mean, by the dialect that is in force or who made the record."""
    made_by = by_creator(record.creator_id).get(Topic.SECTION_FLAGS)
    how = reading(Topic.SECTION_FLAGS) or (made_by.reading if made_by else "")
    return WindowsRecordFlags if how == "windows" else RecordFlags


class SectionFlags(enum.IntFlag):
    """Section flags; of an error data entry too."""

    PRIMARY = 1
    CONTAINMENT_WARNING = 2
    RESET = 4
    ERROR_THRESHOLD_EXCEEDED = 8
    RESOURCE_NOT_ACCESSIBLE = 16
    LATENT_ERROR = 32
    PROPAGATED = 64
    OVERFLOW = 128


class WindowsSectionFlags(enum.IntFlag):
    """Section flags as Windows has them."""

    PRIMARY = 1
    CONTAINMENT_WARNING = 2
    RESET = 4
    ERROR_THRESHOLD_EXCEEDED = 8
    RESOURCE_NOT_ACCESSIBLE = 16
    LATENT_ERROR = 32
    PROPAGATED = 64
    FRU_TEXT_BY_PLUGIN = 128


class AmdgpuSectionFlags(enum.IntFlag):
    """Section flags as Linux's amdgpu has them."""

    PRIMARY = 1
    ERROR_THRESHOLD_EXCEEDED = 8
    LATENT_ERROR = 16


_FLAGS = {"windows": WindowsSectionFlags, "amdgpu": AmdgpuSectionFlags}
_DISPUTED = 0xB0
"""Section flags that not all producers name alike."""


def section_flags(thing: Any) -> type[enum.IntFlag]:
    """What the bits of section flags mean in the dialect that is in force."""
    return _FLAGS.get(reading(Topic.SECTION_FLAGS) or "", SectionFlags)


def flags_testimony(flags: int) -> Iterator[Choice]:
    """That section flags leave a choice, if they do."""
    if flags & _DISPUTED:
        reason = f"nothing tells whose flags {flags:#x} are"
        yield Choice(Topic.SECTION_FLAGS, "uefi", reason)
