"""AMD GPU crash dump section: a fatal error, or what stopped a boot."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Any, ClassVar
from uuid import UUID

from apeitool.cper.section import Section
from apeitool.cper.severity import Severity
from apeitool.cper.vendor.amd_gpu import GpuContextType, bank_error, bank_sentence
from apeitool.registers.smca import AmdMciStatus, McaIpid, McaSynd
from apeitool.wire.problem import Problem
from apeitool.wire.record import Structure
from apeitool.wire.types import (
    AUTO,
    U16,
    U32,
    U64,
    Array,
    Bytes,
    Derived,
    Hex,
    One,
    Rest,
    Text,
    Unit,
    u16,
    u64,
)


class CrashData(Structure):
    """What a crash dump holds.

    Source:  Linux drivers/gpu/drm/amd/include/amd_cper.h
    """


class CrashRegisters(CrashData):
    """Registers of the ACA bank that reported a fatal error.

    Shape:   32 bytes, little-endian.
    Source:  Linux drivers/gpu/drm/amd/include/amd_cper.h cper_sec_crashdump_reg_data
    """

    status: Annotated[U64, Hex, AmdMciStatus] = 0
    address: Annotated[U64, Hex] = 0
    ipid: Annotated[U64, Hex, McaIpid] = 0
    synd: Annotated[U64, Hex, McaSynd] = 0

    @property
    def error(self) -> str:
        """What kind of error it was, and in which unit."""
        return bank_error(AmdMciStatus(self.status), McaIpid(self.ipid))

    def sentence(self) -> str:
        """What the bank reports."""
        return bank_sentence(AmdMciStatus(self.status), McaIpid(self.ipid))


class BootMessages(CrashData):
    """What each accelerator module said at boot.

    Shape:   64 bytes, little-endian.
    Source:  Linux drivers/gpu/drm/amd/include/amd_cper.h cper_sec_crashdump_body_boot
    """

    messages: Annotated[Sequence[int], Array(u64, 8), Hex] = (0,) * 8


class UnknownCrashData(CrashData):
    """A context of unknown type, or shorter than its type needs.

    Shape:   any length.
    Source:  Linux drivers/gpu/drm/amd/include/amd_cper.h
    """

    rest: Rest = b""


_BY_TYPE: dict[int, type[CrashData]] = {
    GpuContextType.CRASH: CrashRegisters,
    GpuContextType.BOOT: BootMessages,
}
_TYPES = {kind: number for number, kind in _BY_TYPE.items()}


def _data(section: Any, length: int) -> type[CrashData]:
    kind = _BY_TYPE.get(section.register_context_type, UnknownCrashData)
    return kind if length >= kind.fixed_size else UnknownCrashData


def _data_length(section: Any) -> int:
    """Bytes that the data takes: the size that is written beside a known type is not trusted."""
    kind = _BY_TYPE.get(section.register_context_type)
    return kind.fixed_size if kind is not None else int(section.register_array_size)


class AmdGpuCrashDumpSection(Section):
    """AMD GPU crash dump section.

    Shape:   144 bytes, little-endian; 32 of registers or 64 of boot messages.
    Units:   register array size in bytes.
    Raises:  Truncated when fewer than 144 bytes are given.
    Source:  Linux drivers/gpu/drm/amd/include/amd_cper.h cper_sec_crashdump_fatal
    """

    part: ClassVar[str] = "device"
    guid: ClassVar[UUID] = UUID("32ac0c78-2623-48f6-b0d0-7365725fd6ae")
    title: ClassVar[str] = "AMD GPU crash dump"

    reserved: Annotated[bytes, Bytes(16)] = bytes(16)
    firmware_id: Annotated[str, Text(48)] = ""
    reserved_2: Annotated[bytes, Bytes(64)] = bytes(64)
    register_context_type: Annotated[
        GpuContextType, u16, Derived(lambda s: _TYPES.get(type(s.data)))
    ] = AUTO
    register_array_size: Annotated[U16, Unit("bytes"), Derived(lambda s: s.data.size)] = AUTO
    reserved_3: Annotated[U32, Hex] = 0
    reserved_4: Annotated[U64, Hex] = 0
    data: Annotated[CrashData, One(_data, length=_data_length)] = UnknownCrashData()
    trailing: Rest = b""

    @property
    def what(self) -> str:
        if isinstance(self.data, CrashRegisters):
            return f"AMD GPU fatal error: {self.data.error}"
        return "AMD GPU boot error" if isinstance(self.data, BootMessages) else self.title

    @property
    def severities(self) -> tuple[Severity, ...]:
        return (Severity.FATAL,)

    def sentence(self) -> str:
        if isinstance(self.data, CrashRegisters):
            return f"AMD GPU fatal error: {self.data.sentence()}"
        if isinstance(self.data, BootMessages):
            said = (f"module {n} {m:#x}" for n, m in enumerate(self.data.messages) if m)
            return f"AMD GPU boot error: {', '.join(said) or 'no module says anything'}"
        return f"AMD GPU crash dump of {self.register_context_type.text} type"

    def check(self) -> Iterator[Problem]:
        if self.register_array_size != self.data.size:
            rule = f"{self.register_array_size} bytes said, {self.data.size} are there"
            yield self.trouble("register-array-size", "register_array_size", rule)
