"""What later versions of Microsoft's machine check section have more: recovery, and other banks."""

import enum
from collections.abc import Iterator, Sequence
from typing import Annotated, Any

from apeitool.wire.problem import Problem
from apeitool.wire.record import Structure
from apeitool.wire.types import AUTO, U32, Array, Derived, Hex, Rest, u32, u64


class XpfFailureReason(enum.IntFlag):
    """Why Windows did not recover."""

    NOT_SUPPORTED = 1 << 0
    OVERFLOW = 1 << 1
    CONTEXT_CORRUPT = 1 << 2
    RESTART_IP_ERROR_IP_NOT_VALID = 1 << 3
    NO_RECOVERY_CONTEXT = 1 << 4
    MISC_OR_ADDRESS_NOT_VALID = 1 << 5
    INVALID_ADDRESS_MODE = 1 << 6
    HIGH_IRQL = 1 << 7
    INTERRUPTS_DISABLED = 1 << 8
    SWAP_BUSY = 1 << 9
    STACK_OVERFLOW = 1 << 10


class XpfRecoveryAction(enum.IntFlag):
    """What was done."""

    RECOVERY_ATTEMPTED = 1 << 0
    HYPERVISOR_HANDLED = 1 << 1


class ExtraBanks(Structure):
    """Banks beside the one that the section is about.

    Source:  Windows WDK 10.0.28000 cper.h WHEA_XPF_MCA_SECTION
    """

    @property
    def count(self) -> int:
        """How many there are."""
        return min(getattr(self, "bank_count", 0), len(getattr(self, "bank_number", ())))

    def shown(self, name: str) -> str | None:
        values = getattr(self, name)
        if not isinstance(values, tuple):
            return None
        # The rest of the room is as it was allocated.
        used = values if any(values[self.count :]) else values[: self.count]
        how = "{}" if name == "bank_number" else "{:#x}"
        return " ".join(how.format(value) for value in used) or f"{len(values)} zeros"

    def check(self) -> Iterator[Problem]:
        said: int = getattr(self, "bank_count", 0)
        if said > self.count:
            yield self.trouble("bank-count", "bank_count", f"{said} said, room for {self.count}")


def _used(banks: Any) -> int:
    """The number of banks up to the last one that has a status."""
    return max((index + 1 for index, status in enumerate(banks.status) if status), default=0)


class NoExtraBanks(ExtraBanks):
    """Sections before version 4 are about one bank.

    Shape:   0 bytes.
    Source:  Windows WDK 10.0.22621 cper.h WHEA_XPF_MCA_SECTION
    """


class ExtraBanks32(ExtraBanks):
    """Up to 32 banks more, in version 4.

    Shape:   900 bytes, little-endian.
    Source:  Windows WDK 10.0.26100 cper.h WHEA_XPF_MCA_SECTION
    """

    bank_count: Annotated[U32, Derived(_used)] = AUTO
    bank_number: Annotated[Sequence[int], Array(u32, 32)] = (0,) * 32
    status: Annotated[Sequence[int], Array(u64, 32), Hex] = (0,) * 32
    address: Annotated[Sequence[int], Array(u64, 32), Hex] = (0,) * 32
    misc: Annotated[Sequence[int], Array(u64, 32), Hex] = (0,) * 32


class ExtraBanks64(ExtraBanks):
    """Up to 64 banks more, in version 5.

    Shape:   1796 bytes, little-endian.
    Source:  Windows WDK 10.0.28000 cper.h WHEA_XPF_MCA_SECTION
    """

    bank_count: Annotated[U32, Derived(_used)] = AUTO
    bank_number: Annotated[Sequence[int], Array(u32, 64)] = (0,) * 64
    status: Annotated[Sequence[int], Array(u64, 64), Hex] = (0,) * 64
    address: Annotated[Sequence[int], Array(u64, 64), Hex] = (0,) * 64
    misc: Annotated[Sequence[int], Array(u64, 64), Hex] = (0,) * 64


class UnknownExtraBanks(ExtraBanks):
    """Fewer bytes than the version needs; of a version that is not known, none.

    Shape:   any length.
    Source:  Windows WDK 10.0.28000 cper.h WHEA_XPF_MCA_SECTION
    """

    rest: Rest = b""


BANKS: dict[int, type[ExtraBanks]] = {4: ExtraBanks32, 5: ExtraBanks64}


def banks_type(section: Any, length: int) -> type[ExtraBanks]:
    """The class of what such a section has behind the recovery information."""
    kind = BANKS.get(section.version_number)
    if kind is None and 1 <= section.version_number <= 3:
        return NoExtraBanks
    return kind if kind is not None and length >= kind.fixed_size else UnknownExtraBanks


def written(section: Any) -> int:
    """Bytes that a section of its version has behind the recovery information."""
    kind = BANKS.get(section.version_number)
    return 0 if kind is None else kind.fixed_size
