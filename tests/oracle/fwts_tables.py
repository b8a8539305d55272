"""Tables for fwts and for us, packed by hand: one defect each, and what fwts calls it."""

from __future__ import annotations

import struct

from plain_bytes import gas, hest, source, table


def step(action=0, instruction=3, *, flags=0, reserved=0, value=0, mask=0xFF, access=4) -> bytes:
    head = struct.pack("<BBBB", action, instruction, flags, reserved)
    return head + gas(0x1000, access=access) + struct.pack("<QQ", value, mask)


def erst(*steps, size=48, reserved=0, count=None) -> bytes:
    number = len(steps) if count is None else count
    return table(b"ERST", struct.pack("<III", size, reserved, number) + b"".join(steps))


def einj(*steps, flags=0, reserved=b"\0\0\0", count=None, revision=1) -> bytes:
    number = len(steps) if count is None else count
    body = struct.pack("<IB3sI", 48, flags, reserved, number) + b"".join(steps)
    return table(b"EINJ", body, revision=revision)


def aer(kind: int, **changes: int) -> bytes:
    length = {6: 48, 7: 44, 8: 56}[kind]
    said = {"reserved": 0, "flags": 0, "records": 1, "sections": 1, "reserved_2": 0} | changes
    head = struct.pack("<HHHBBII", kind, 1, said["reserved"], said["flags"], 1,
                       said["records"], said["sections"])  # fmt: skip
    return (head + bytes(10) + struct.pack("<H", said["reserved_2"])).ljust(length, b"\0")


def check(kind=0, *, reserved=0, flags=0, reserved_2=0, bank=bytes(28), notification=3) -> bytes:
    head = struct.pack("<HHHBBII", kind, 1, reserved, flags, 1, 1, 1)
    if kind == 0:
        return head + bytes(16) + struct.pack("<B7s", 1, bytes([reserved_2] + [0] * 6)) + bank
    told = struct.pack("<BB26x", notification, 28)
    return head + told + struct.pack("<B3s", 1, bytes([reserved_2, 0, 0])) + bank


def patched(data: bytes, offset: int, value: bytes) -> bytes:
    """A source with other bytes at an offset."""
    return data[:offset] + value + data[offset + len(value) :]


def nmi(raw: int = 0) -> bytes:
    return struct.pack("<HHIIII", 2, 1, 0, 1, 1, raw)


PLAIN = source(1, 0x1000, 3)
ACKED = source(1, 0x1000, 3, ack=0x2000)
WRONG_CHECKSUM = patched(hest(PLAIN), 9, b"\0")
DEFECTS = {
    "checksum": (WRONG_CHECKSUM, {"ACPITableChecksum"}),
    "records": (hest(patched(PLAIN, 8, bytes(4))), {"HESTInvalidRecordsToPreallocate"}),
    "sections": (hest(patched(PLAIN, 12, bytes(4))), {"HESTInvalidMaxSectionsPerRecord"}),
    "records of v2": (hest(patched(ACKED, 8, bytes(4))), {"HESTInvalidRecordsToPreallocate"}),
    "sections of v2": (hest(patched(ACKED, 12, bytes(4))), {"HESTInvalidMaxSectionsPerRecord"}),
    "notification": (hest(source(1, 0x1000, 16)), {"HESTInvalidHardwareErrorNotificationType"}),
    "notification of v2": (
        hest(source(1, 0x1000, 255, ack=0x2000)), {"HESTInvalidHardwareErrorNotificationType"},
    ),
    "write enable": (hest(patched(PLAIN, 34, b"\x40\0")), {"HESTReservedBitsNonZero"}),
    "two MCE": (
        hest(check(0), patched(check(0), 2, b"\2")), {"HESTTooManyIA32ArchMachineCheckExceptions"},
    ),
    "two CMC": (
        hest(check(1), patched(check(1), 2, b"\2")), {"HESTTooManyIA32CorrectedMachineChecks"},
    ),
    "MCE reserved": (hest(check(0, reserved=1)), {"HESTReservedNonZero"}),
    "MCE reserved 2": (hest(check(0, reserved_2=1)), {"HESTReservedNonZero"}),
    "MCE flags": (hest(check(0, flags=2)), {"HESTIA32FlagsReserved"}),
    "MCE undefined flags": (hest(check(0, flags=0x10)), {"HESTIA32FlagsReserved"}),
    "MCE both modes": (hest(check(0, flags=5)), {"HESTIA32BadFlags"}),
    "MCE bank clear": (
        hest(check(0, bank=b"\0\2" + bytes(26))), {"HESTIA32InvalidClearStatusOnInit"},
    ),
    "MCE bank format": (
        hest(check(0, bank=b"\0\0\3" + bytes(25))), {"HESTIA32InvalidBankStatusDataFormat"},
    ),
    **{
        f"{name} {what}": (hest(check(kind, **given)), {label})
        for kind, name in ((1, "CMC"), (11, "DMC"))
        for what, given, label in (
            ("reserved", {"reserved": 1}, "HESTReservedNonZero"),
            ("reserved 2", {"reserved_2": 1}, "HESTReservedNonZero"),
            ("flags", {"flags": 2}, "HESTIA32CorrectedMachineCheckFlagsReserved"),
            ("undefined flags", {"flags": 8}, "HESTIA32CorrectedMachineCheckFlagsReserved"),
            ("both modes", {"flags": 5}, "HESTIA32CorrectedMachineCheckBadFlags"),
            ("notification", {"notification": 99}, "HESTInvalidHardwareErrorNotificationType"),
        )
    },
    **{
        f"AER {kind} {what}": (hest(aer(kind, **{what: value})), {label})
        for kind in (6, 7, 8)
        for what, value, label in (
            ("reserved", 1, "HESTReservedNonZero"),
            ("reserved_2", 1, "HESTReservedNonZero"),
            ("flags", 4, "HESTReservedBitsNonZero"),
            ("records", 0, "HESTInvalidRecordsToPreallocate"),
            ("sections", 0, "HESTInvalidMaxSectionsPerRecord"),
        )
    },
    "AER undefined flags": (hest(aer(6, flags=0x80)), {"HESTReservedBitsNonZero"}),
    "BERT length": (table(b"BERT", struct.pack("<IQ", 19, 0x1000)),
                    {"BERTBootErrorRegionDataLength"}),
    "EINJ flags": (einj(step(), flags=1), {"EINJReservedBitsNonZero"}),
    "EINJ reserved": (einj(step(), reserved=b"\0\0\1"), {"EINJReservedNonZero"}),
    "ERST reserved": (erst(step(), reserved=1), {"ERSTReservedNonZero"}),
    "ERST action": (erst(step(17)), {"ERSTIInvalidAction"}),
    "ERST instruction": (erst(step(0, 19)), {"ERSTIInvalidInstruction"}),
    "ERST flags": (erst(step(0, 2, flags=2)), {"ERSTIInvalidFlag"}),
    "ERST access size": (erst(step(0, 3, access=5)), {"ERSTIInvalidGasAccessSize"}),
}  # fmt: skip
