"""Which registers Linux maps, as its source has it.

That it refuses without a word what has no byte, unless something near it is mapped, and addresses that
are too high, was seen on 6.1.192; `tests/oracle/test_conformance.py` goes on asking.
"""

import pytest
from plain_bytes import gas, source

from apeitool.acpi.hest.generic import GhesV2
from apeitool.linux.accept import ENXIO, probe
from apeitool.linux.features import Architecture
from apeitool.linux.mapping import Mappings
from apeitool.registers.address import GenericAddress

BASE = 0x5000000


def register(address: int, width: int, *, space: int = 0) -> GenericAddress:
    return GenericAddress.from_bytes(gas(address, width=width, space=space))


@pytest.mark.parametrize(
    ("taken", "wanted", "is_mapped"),
    [
        ((), (BASE, 64), True),
        ((), (BASE, 8), True),
        ((), (BASE + 64, 7), False),
        ((), (BASE + 64, 1), False),
        ((), (BASE, 0), False),
        (((BASE, 64),), (BASE + 64, 1), True),
        (((BASE, 64),), (BASE + 64, 0), False),
        (((BASE, 64),), (BASE + 0x1040, 1), False),
        (((BASE + 0xFFC, 64),), (BASE + 0x1040, 1), True),
        ((), (0x20005001040, 64), False),
        ((), ((1 << 64) - 8, 64), False),
    ],
)
def test_what_is_mapped(
    taken: tuple[tuple[int, int], ...], wanted: tuple[int, int], is_mapped: bool
) -> None:
    mappings = Mappings(40)
    assert all(mappings.take(register(*each)) for each in taken)
    assert mappings.take(register(*wanted)) == is_mapped
    mappings.give([register(*each) for each in taken])


def test_a_port_needs_no_mapping() -> None:
    assert Mappings().take(register(0x80, 1, space=1))


def test_what_a_refused_source_mapped_is_let_go() -> None:
    def of(number: int, status: bytes, ack: bytes) -> GhesV2:
        return GhesV2.from_bytes(source(number, status, ack=ack))

    wide, narrow = gas(BASE, width=64), gas(BASE + 64, width=1)
    for last, expected in ((gas(0), ENXIO), (gas(BASE + 0x2000), 0)):
        mappings = Mappings()
        probe(of(1, last, wide), Architecture.X86, mappings=mappings)
        second = of(2, gas(BASE + 0x4000), narrow)
        verdict = probe(second, Architecture.X86, mappings=mappings)
        assert (verdict.errno, verdict.messages) == (expected, ())
