"""NVIDIA error section: what the processors of the Grace family report."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, ClassVar
from uuid import UUID

from apeitool.cper.section import Section
from apeitool.cper.severity import SEVERITY, Severity
from apeitool.wire.labels import Bits, Label, Word
from apeitool.wire.problem import Problem
from apeitool.wire.record import Structure
from apeitool.wire.shapes import HEX64, HIDDEN, Json, Members, Pair, Several
from apeitool.wire.types import (
    AUTO,
    U8,
    U16,
    U32,
    U64,
    Derived,
    Hex,
    Many,
    Rest,
    Text,
    Usual,
    u8,
)

CMET = "CMET-INFO"
FIRMWARE = "FWERROR"
SIGNATURES = (
    CMET,
    FIRMWARE,
    "DCC-ECC",
    "DCC-COH",
    "HSS-BUSY",
    "HSS-IDLE",
    "CLink",
    "C2C",
    "GPU-STATUS",
)
"""Blocks that are known to report; there are more."""
REGISTER = 16
"""Bytes of one register, in which the section counts its data."""


class DisabledReason(Label):
    """Why a memory channel is disabled."""

    ALIAS_CHECKER_FAILED = 0
    TRAINING_AT_POR_FREQUENCY_FAILED = 1
    TRAINING_AT_BOOT_FREQUENCY_FAILED = 2
    THRESHOLD_OF_BAD_PAGES_EXCEEDED = 3


_REASONS = {
    DisabledReason.ALIAS_CHECKER_FAILED: "Alias Checker Failed",
    DisabledReason.TRAINING_AT_POR_FREQUENCY_FAILED: "Training at POR frequency failed",
    DisabledReason.TRAINING_AT_BOOT_FREQUENCY_FAILED: "Training at boot frequency failed",
    DisabledReason.THRESHOLD_OF_BAD_PAGES_EXCEEDED: "Threshold of bad pages exceeded",
}


class ChannelStatus(Word):
    """State of a memory channel."""

    enabled = Bits(0, json=Json("ChannelEnabled"))
    spare = Bits(1, json=Json("ChannelIsSpare"))
    permanently_disabled = Bits(2, json=HIDDEN)
    disabled_reason = Bits(
        3, 2, DisabledReason, json=Json("DisabledReason", Pair("raw", "value", _REASONS))
    )


class NvidiaData(Structure):
    """What follows the header; the signature says what it is.

    Source:  libcper cper-section-nvidia.c
    """


class NvidiaRegister(NvidiaData):
    """A register with its address.

    Shape:   16 bytes, little-endian.
    Source:  Linux drivers/acpi/apei/ghes-nvidia.c
    """

    address: Annotated[U64, Hex] = 0
    value: Annotated[U64, Hex] = 0


class MemoryChannel(NvidiaData):
    """State of a memory channel, under the signature CMET-INFO.

    Shape:   16 bytes, little-endian.
    Source:  libcper Cper.h EFI_NVIDIA_CMET_CHANNEL_INFO
    """

    channel_address: Annotated[U64, Hex, Json("ChannelAddress", HEX64)] = 0
    error_count: Annotated[U32, Json("ErrorCount")] = 0
    status: Annotated[U32, Hex, ChannelStatus, Json(shape=Members(inline=True))] = 0


class FirmwareError(NvidiaData):
    """What boot firmware failed at, under the signature FWERROR.

    Shape:   88 bytes, little-endian.
    Source:  libcper Cper.h EFI_NVIDIA_FWERROR
    """

    initiating_firmware: Annotated[str, Text(8)] = ""
    task_checkpoint: Annotated[U64, Hex, Json(shape=HEX64)] = 0
    mb1_error_code: Annotated[U64, Hex, Json(shape=HEX64)] = 0
    mb1_version_string: Annotated[str, Text(8)] = ""
    bad_pages_retired_mask: Annotated[U64, Hex, Json(shape=HEX64)] = 0
    training_or_alias_check_retired_mask: Annotated[U64, Hex, Json(shape=HEX64)] = 0
    worst_bad_pages_channel_number: U32 = 0
    worst_bad_pages_bad_page_count: U32 = 0
    second_worst_bad_pages_channel_number: U32 = 0
    second_worst_bad_pages_bad_page_count: U32 = 0
    third_worst_bad_pages_channel_number: U32 = 0
    third_worst_bad_pages_bad_page_count: U32 = 0
    mss_aon_cfg_scratch_register_0: Annotated[U64, Hex] = 0
    scratch_dram_disable: Annotated[U64, Hex] = 0

    def sentence(self) -> str:
        """Which firmware, and how far it came."""
        who = self.initiating_firmware.partition("\0")[0] or "firmware"
        return f"{who} stopped at checkpoint {self.task_checkpoint:#x}, MB1 error {self.mb1_error_code:#x}"


def _is_firmware(section: Any) -> bool:
    return bool(section.signature.startswith(FIRMWARE))


def _data_type(section: Any, buffer: bytes, position: int, end: int) -> type[NvidiaData]:
    if _is_firmware(section):
        return FirmwareError
    return MemoryChannel if section.signature.startswith(CMET) else NvidiaRegister


def _data_count(section: Any) -> int:
    return 1 if _is_firmware(section) else int(section.number_regs)


class NvidiaErrorSection(Section):
    """NVIDIA error section.

    Shape:   32 bytes, little-endian; 16 for each register, or the 88 of a firmware error.
    Raises:  Truncated when fewer than 32 bytes are given.
    Source:  Linux drivers/acpi/apei/ghes-nvidia.c; libcper cper-section-nvidia.c
    """

    part: ClassVar[str] = "processor"
    located: ClassVar[Mapping[str, str]] = {"socket": "processor.socket"}
    guid: ClassVar[UUID] = UUID("6d5244f2-2712-11ec-bea7-cb3fdb95c786")
    title: ClassVar[str] = "NVIDIA error"
    json_key: ClassVar[str] = "Nvidia"
    json_type: ClassVar[str] = "NVIDIA"

    signature: Annotated[str, Text(16), "the block that reports", Usual(*SIGNATURES)] = ""
    error_type: U16 = 0
    error_instance: U16 = 0
    severity: Annotated[Severity, u8, Json(shape=SEVERITY)] = Severity.RECOVERABLE
    socket: U8 = 0
    number_regs: Annotated[
        U8,
        Derived(lambda s: sum(item.size for item in s.data) // REGISTER),
        Json("registerCount"),
    ] = AUTO
    reserved: Annotated[U8, Hex] = 0
    instance_base: Annotated[U64, Hex] = 0
    data: Annotated[
        Sequence[NvidiaData],
        Many(_data_type, count=_data_count),
        Json(
            shape=Several(
                registers=[NvidiaRegister], CMETInfo=[MemoryChannel], FWErrorInfo=FirmwareError
            ),
            as_written=True,
        ),
    ] = ()
    trailing: Rest = b""

    @classmethod
    def resembles(cls, data: bytes) -> bool:
        name = data[:16].rstrip(b"\0")
        length = cls.fixed_size + REGISTER * data[22]
        return (
            name.isascii() and name.decode().isprintable() and data[22] > 0 and length == len(data)
        )

    @property
    def what(self) -> str:
        return f"NVIDIA {self._block} error"

    @property
    def component(self) -> str:
        return f"socket {self.socket} {self._block} {self.error_instance}"

    @property
    def severities(self) -> tuple[Severity, ...]:
        return (self.severity,) if self.severity.is_known else super().severities

    @property
    def _block(self) -> str:
        """Which block reports."""
        return self.signature.partition("\0")[0].strip()

    def sentence(self) -> str:
        what = f"{self.what} on socket {self.socket}, instance {self.error_instance}"
        details = [
            *self._channels(),
            *(i.sentence() for i in self.data if isinstance(i, FirmwareError)),
        ]
        return f"{what}: {'; '.join(details)}" if details else what

    def _channels(self) -> Iterator[str]:
        states = [ChannelStatus(i.status) for i in self.data if isinstance(i, MemoryChannel)]
        if states:
            on = sum(state.enabled for state in states)
            yield f"{on} of {len(states)} memory channels enabled"
        off = Counter(state.disabled_reason for state in states if state.permanently_disabled)
        for reason, number in sorted(off.items()):
            yield f"{number} permanently disabled ({DisabledReason(reason).text})"

    def check(self) -> Iterator[Problem]:
        there = len(self.data)
        if self.number_regs != there and not (there and _is_firmware(self)):
            rule = f"{self.number_regs} said, {there} found"
            yield self.trouble("register-count", "number_regs", rule)
