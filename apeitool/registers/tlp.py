"""Headers of transaction layer packets, as the header log of AER keeps them.

A double word of the log has the first byte of the header highest.

Source:  PCI Express Base Specification 6.0 2.2 (non-flit mode), 7.8.4.8
"""

from collections.abc import Callable, Iterator, Sequence

from apeitool.wire.labels import Bits, Word


class RequesterId(Word):
    """Who sent a packet: bus, device and function."""

    function = Bits(0, 3)
    device = Bits(3, 5)
    bus = Bits(8, 8, hexadecimal=True)

    def sentence(self) -> str:
        """The three as lspci writes them."""
        return f"{self.bus:02x}:{self.device:02x}.{self.function:x}"


_WITH_DATA, _LONG, _PREFIX = 2, 1, 4
"""Bits of Fmt: the packet carries data, its header has four double words, it is a prefix."""

_NAMES = {
    0x00: ("memory read", "memory write"),
    0x01: ("locked memory read", ""),
    0x02: ("IO read", "IO write"),
    0x04: ("configuration read, type 0", "configuration write, type 0"),
    0x05: ("configuration read, type 1", "configuration write, type 1"),
    0x0A: ("completion", "completion with data"),
    0x0B: ("locked completion", "locked completion with data"),
    0x0C: ("", "fetch and add"),
    0x0D: ("", "unconditional swap"),
    0x0E: ("", "compare and swap"),
    0x1B: ("", "deferrable memory write"),
}
"""By Type: without data, with data."""

_MESSAGES = {
    0x00: "unlock", 0x10: "LTR", 0x12: "OBFF", 0x14: "PM_Active_State_Nak", 0x18: "PM_PME",
    0x19: "PME_Turn_Off", 0x1B: "PME_TO_Ack", 0x20: "assert INTA", 0x21: "assert INTB",
    0x22: "assert INTC", 0x23: "assert INTD", 0x24: "deassert INTA", 0x25: "deassert INTB",
    0x26: "deassert INTC", 0x27: "deassert INTD", 0x30: "ERR_COR", 0x31: "ERR_NONFATAL",
    0x33: "ERR_FATAL", 0x50: "Set_Slot_Power_Limit", 0x52: "PTM request", 0x53: "PTM response",
    0x7E: "vendor defined type 0", 0x7F: "vendor defined type 1",
}  # fmt: skip

_STATUS = {
    0: "successful",
    1: "unsupported request",
    2: "request retry",
    4: "completer abort",
}


def tlp_sentence(header: Sequence[int]) -> str:
    """What a logged header says, in words; empty if nothing was logged."""
    if not any(header):
        return ""
    format, kind, length = header[0] >> 29, header[0] >> 24 & 0x1F, header[0] & 0x3FF
    if format & _PREFIX:
        return prefix_sentence(header[0])
    has_data = bool(format & _WITH_DATA)
    if kind >> 3 == 0b10:
        what, details = _message(header, has_data)
    else:
        what = _NAMES.get(kind, ("", ""))[has_data]
        details = [*_DETAILS.get(kind, _of_memory)(header, format)]
    if not what:
        return f"unknown packet, format {format}, type {kind:#x}"
    size = [f"{length or 1024} DW"] if has_data or kind in (0x00, 0x01) else []
    return ", ".join([what, *size, *details])


def _sender(word: int, role: str) -> Iterator[str]:
    yield f"{role} {RequesterId(word >> 16).sentence()}"


def _of_memory(header: Sequence[int], format: int) -> Iterator[str]:
    yield from _sender(header[1], "requester")
    yield f"tag {header[1] >> 8 & 0xFF:#x}"
    address = header[2] << 32 | header[3] if format & _LONG else header[2]
    yield f"address {address & ~3:#x}"


def _of_configuration(header: Sequence[int], format: int) -> Iterator[str]:
    yield from _sender(header[1], "requester")
    yield f"tag {header[1] >> 8 & 0xFF:#x}"
    yield from _sender(header[2], "to")
    yield f"register {header[2] & 0xFFC:#x}"


def _of_completion(header: Sequence[int], format: int) -> Iterator[str]:
    status = header[1] >> 13 & 7
    yield _STATUS.get(status, f"reserved status {status}")
    yield from _sender(header[1], "completer")
    yield from _sender(header[2], "requester")
    yield f"tag {header[2] >> 8 & 0xFF:#x}"


_DETAILS: dict[int, Callable[[Sequence[int], int], Iterator[str]]] = {
    0x04: _of_configuration,
    0x05: _of_configuration,
    0x0A: _of_completion,
    0x0B: _of_completion,
}


def _message(header: Sequence[int], has_data: bool) -> tuple[str, list[str]]:
    code = header[1] & 0xFF
    name = _MESSAGES.get(code, f"code {code:#x}")
    return f"message{' with data' * has_data} {name}", [*_sender(header[1], "requester")]


_PREFIXES = {
    0x00: "MR-IOV prefix", 0x0D: "flit mode prefix", 0x0E: "vendor defined local prefix 0",
    0x0F: "vendor defined local prefix 1", 0x10: "TPH prefix", 0x12: "IDE prefix",
    0x1E: "vendor defined end-end prefix 0", 0x1F: "vendor defined end-end prefix 1",
}  # fmt: skip


def prefix_sentence(prefix: int) -> str:
    """What a logged TLP prefix is, in words; empty if none was logged."""
    if not prefix:
        return ""
    kind = prefix >> 24 & 0x1F
    if kind == 0x11:
        return f"PASID prefix, PASID {prefix & 0xFFFFF:#x}"
    return _PREFIXES.get(kind, f"unknown prefix, type {kind:#x}")
