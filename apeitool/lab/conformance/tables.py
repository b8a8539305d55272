"""The HESTs that both boot with: a rule, which a seed turns into bytes.

First each of ROWS, then tables of 3 to 8 sources of which a half has a chance of something wrong: in its
register, its length, its notification, its identity or the table's count.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import Any, NamedTuple

from apeitool.acpi.header import CHECKSUM_OFFSET, HEADER_LENGTH, checksum_of
from apeitool.acpi.hest.generic import Ghes, GhesV2
from apeitool.acpi.hest.machine_check import ErrorBank, MachineCheckException
from apeitool.acpi.hest.notification import Notification, NotificationType
from apeitool.acpi.hest.source import ErrorSource
from apeitool.acpi.hest.table import Hest
from apeitool.lab.machines import X86, Machine
from apeitool.registers.address import GenericAddress

_COUNT = HEADER_LENGTH
_FIRST_SOURCE = HEADER_LENGTH + 4
_KINDS = range(13)
_LINE = 7
"""An interrupt that no device of the x86 machine has."""


class Given(NamedTuple):
    """A table, and what class it is of."""

    kind: str
    table: bytes


def tables(seed: int, machine: Machine) -> Iterator[Given]:
    """Tables without end for a machine.

    Where its registers have to be it may have memory of a kind in which arm64 must not be off by a byte:
    for that there are none that are not aligned.
    """
    dice = Random(seed)  # noqa: S311 - nothing is secret
    place, is_x86 = machine.reserved.start, machine is X86
    for name, make in ROWS.items():
        if is_x86 or name != MISALIGNED:
            yield Given(name, make(place))
    while True:
        yield Given("drawn", _drawn(dice, place, is_x86=is_x86))


def _memory(address: int, **other: int) -> GenericAddress:
    return GenericAddress.memory(address).replace(**other)


def _source(number: int, place: int, kind: int = 0, **other: Any) -> GhesV2:
    """A sound source, of which ``other`` fields are as given."""
    at = place + 64 * number
    made: dict[str, Any] = {
        "source_id": number,
        "notification": _notification(kind),
        "error_status_address": _memory(at),
        "error_status_block_length": 4096,
        "read_ack_register": _memory(at + 0x1000),
    }
    return GhesV2(**made | other)


def _notification(kind: int, *, vector: int = _LINE, poll: int = 1000) -> Notification:
    return Notification(type=NotificationType(kind), poll_interval=poll, vector=vector)


def _without_ack(source: GhesV2) -> Ghes:
    names = ("source_id", "notification", "error_status_address", "error_status_block_length",
             "enabled", "related_source_id")  # fmt: skip
    return Ghes(**{name: getattr(source, name) for name in names})


def _table(
    sources: Sequence[ErrorSource], *, counts: int | None = None, unparsed: bytes = b""
) -> bytes:
    data = bytearray(Hest(sources=sources, unparsed=unparsed).to_bytes())
    if counts is not None:
        data[_COUNT : _COUNT + 4] = counts.to_bytes(4, "little")
        data[CHECKSUM_OFFSET] = checksum_of(bytes(data))
    return bytes(data)


def _of(
    *others: dict[str, Any], counts: int | None = None, type: int | None = None
) -> Callable[[int], bytes]:
    """A table of sources with other fields than sound ones; ``type`` is that of the first."""

    def make(place: int) -> bytes:
        sources = [_source(number, place, **other) for number, other in enumerate(others)]
        data = bytearray(_table(sources, counts=counts))
        if type is not None:
            data[_FIRST_SOURCE : _FIRST_SOURCE + 2] = type.to_bytes(2, "little")
            data[CHECKSUM_OFFSET] = checksum_of(bytes(data))
        return bytes(data)

    return make


def _register(**other: int) -> Callable[[int], bytes]:
    """A register of the first source is other than it should be; the second source is sound."""

    def make(place: int) -> bytes:
        wrong = _memory(place).replace(**other)
        sources = [_source(0, place, error_status_address=wrong), _source(1, place)]
        return _table(sources)

    return make


MISALIGNED = "a register that is not aligned"
ROWS: dict[str, Callable[[int], bytes]] = {
    "every notification": lambda place: _table([_source(n, place, n) for n in _KINDS]),
    "every notification, version 1": lambda place: _table(
        [_without_ack(_source(n, place, n)) for n in _KINDS]
    ),
    "no source": _of(),
    "the same id twice": _of({}, {"source_id": 0}),
    "a type that nobody knows": _of({}, {}, type=0x42),
    "a count that takes in what is no source": lambda place: _table(
        [_source(0, place), _source(1, place)], counts=3, unparsed=b"\x42\0\x07\0" + bytes(60)
    ),
    "a count below what is there": _of({}, {}, counts=1),
    "a source that is not enabled": _of({"enabled": 0}, {"enabled": 2}, {}),
    "a source that assists another": _of({}, {"related_source_id": 0}),
    "interrupts of nobody, and of others": lambda place: _table(
        [
            _source(n, place, 1, notification=_notification(1, vector=vector))
            for n, vector in enumerate((0, 1, 2, 5, 7, 9, 15, 16, 23, 24, 1 << 31))
        ]
    ),
    "no room for a block": _of(
        {"error_status_block_length": 19}, {"error_status_block_length": 20}, {}
    ),
    "more room than Linux reads": _of({"error_status_block_length": 65537}),
    "no register": _register(address=0),
    MISALIGNED: lambda place: _table(
        [_source(0, place, error_status_address=_memory(place + 4)), _source(1, place)]
    ),
    "a register of half the width": _register(register_bit_width=32),
    "a register without a width": _register(register_bit_width=0),
    "a register that is too wide": _register(register_bit_width=65),
    "a register at a bit": _register(register_bit_offset=8),
    "an access without a size": _register(access_size=0),
    "an access of too many bytes": _register(access_size=5),
    "a register in PCI configuration space": _register(address_space_id=2),
}
"""What a table can be: the name of a class -> what makes one, its registers at an address."""


def _drawn(dice: Random, place: int, *, is_x86: bool) -> bytes:
    """A table of sources, some with something wrong."""
    rows: list[ErrorSource] = []
    for number in range(dice.randint(3, 8)):
        rows.append(_drawn_source(dice, number, place, is_x86=is_x86))
        if dice.random() < 0.1:
            banks = [ErrorBank()] * dice.choice([0, 2])
            flags = dice.choice([0, 1, 4])
            rows.append(MachineCheckException(source_id=50 + number, flags=flags, banks=banks))
    if dice.random() < 0.2:
        # Behind a table that says it has more than it has Linux finds what nobody knows.
        return _table(rows, counts=dice.choice([0, len(rows) - 1]))
    return _table(rows)


def _drawn_source(dice: Random, number: int, place: int, *, is_x86: bool) -> ErrorSource:
    if dice.random() < 0.5:
        return _source(number, place, dice.choice([0, 1, 3, 4, 7, 8, 10]))
    at = place + 64 * number
    made = _source(
        number,
        place,
        source_id=dice.choice([number] * 12 + [1]),
        error_status_address=_memory(
            dice.choice([at, at, at, 0, at + 4 * is_x86]),
            register_bit_width=dice.choice([64, 64, 64, 32, 0, 65, 8]),
            register_bit_offset=dice.choice([0, 0, 0, 1, 8]),
            access_size=dice.choice([4, 4, 4, 3, 0, 5, 1]),
            address_space_id=dice.choice([0, 0, 0, 0, 2]),
        ),
        read_ack_register=_memory(
            at + 0x1000, register_bit_width=dice.choice([64, 64, 32, 1])
        ),
        error_status_block_length=dice.choice([4096, 4096, 19, 20, 65537, 0]),
        enabled=dice.choice([1, 1, 1, 0, 2]),
        notification=_notification(
            dice.choice([0, 0, 3, 4, 7, 10, 1, 2, 5, 6, 8, 9, 11, 12, 200]),
            vector=dice.choice([7, 5]), poll=dice.choice([1000, 0, 10]),
        ),
    )  # fmt: skip
    return made if dice.random() < 0.7 else _without_ack(made)
