"""What the lab puts behind a kernel: firmware at EL2, and events of its own in the FADT."""

import struct

import pytest

from apeitool.acpi.header import checksum_of
from apeitool.errors import LabError
from apeitool.lab import el2
from apeitool.lab.assembler import assembled
from apeitool.lab.event_device import with_events
from apeitool.registers.address import GenericAddress

pytest.importorskip("keystone", reason="pip install 'apeitool[lab]'")

VECTORS = 0x1800
STUB = bytes.fromhex("1f0000f1") + b"...." + bytes.fromhex("01c01cd5")
SET_UP = bytes.fromhex("40c28152 000002aa e0039fd6")


def kernel(*, set_up: bytes = SET_UP, names: bytes = b"WDRTTCPAUEFI") -> bytes:
    """What of a kernel's image counts: the stub's vectors, the end of EL2's set-up, names of tables."""
    made = bytearray(0x4000)
    made[0x200 : 0x200 + len(STUB)] = STUB  # looks like it, and has no vectors before it
    made[VECTORS + 0x800 : VECTORS + 0x800 + len(STUB)] = STUB
    made[VECTORS + 0x400 : VECTORS + 0x404] = bytes.fromhex("00010014")
    made[0x3000 : 0x3000 + len(set_up)] = set_up
    made[0x3800 : 0x3800 + len(names)] = names
    return bytes(made)


def test_a_kernel_comes_to_the_firmware_and_is_the_same_elsewhere() -> None:
    before, after = kernel(), el2.with_firmware(kernel())
    changed = {n for n, (one, other) in enumerate(zip(before, after, strict=True)) if one != other}
    vectors, set_up = range(VECTORS + 0x400, VECTORS + 0x410), range(0x3000, 0x3008)
    assert changed <= {*vectors, *set_up, *range(0x3804, 0x3808)}
    assert after[0x3800:0x380C] == b"WDRTSDEIUEFI"
    high = "movz x30, 0x87f0, lsl 16"
    assert after[0x3000:0x3008] == assembled(f"{high}; br x30")
    to_entry = assembled(f"msr tpidr_el2, x30; {high}; add x30, x30, 0x100; br x30")
    assert after[VECTORS + 0x400 : VECTORS + 0x410] == to_entry
    assert el2.BASE == 0x87F0_0000


@pytest.mark.parametrize(
    ("image", "complaint"),
    [
        (bytes(0x4000), "vectors for EL2 are not where"),
        (kernel().replace(bytes.fromhex("00010014"), bytes(4)), "vectors for EL2 are not where"),
        (kernel(set_up=b""), "is 0 times in this kernel, not once"),
        (kernel(set_up=SET_UP * 2), "is 2 times in this kernel, not once"),
        (kernel(names=b"WDRT"), "is 0 times in this kernel, not once"),
    ],
)
def test_another_kernel_is_refused(image: bytes, complaint: str) -> None:
    with pytest.raises(LabError, match=complaint):
        el2.with_firmware(image)


@pytest.mark.parametrize("event", [0, 804, (1 << 32) - 1])
def test_the_firmware_knows_one_event(event: int) -> None:
    usual, made = el2.code(), el2.code(event)
    assert len(made) == len(usual) <= el2.LENGTH
    place = made.index(b"\x5e" * 8) + 8
    assert struct.unpack_from("<Q", made, place) == (event,)
    assert made[:place] + made[place + 8 :] == usual[:place] + usual[place + 8 :]
    # entry is 256 bytes behind begin: it looks for the frame.
    assert made[:4] == assembled("mrs x0, hcr_el2")
    assert el2.code(event)[0x104:0x108] == assembled("stp x0, x1, [x30]")


def test_the_sdei_table_is_a_header() -> None:
    table = el2.sdei_table()
    assert (table[:4], len(table), table[9]) == (b"SDEI", 36, checksum_of(table))


@pytest.mark.parametrize("source", ["mov x0, nowhere+", "no such instruction", "b behind"])
def test_what_cannot_be_assembled_is_told(source: str) -> None:
    with pytest.raises(LabError, match="is wrong"):
        assembled(source)


def test_a_fadt_gets_a_second_block_of_events() -> None:
    fadt = bytearray(b"FACP" + (244).to_bytes(4, "little") + bytes(236))
    fadt[24:28] = (1).to_bytes(4, "little")
    made = with_events(bytes(fadt), 0x51F_F000)
    assert (len(made), made[9]) == (244, checksum_of(made))
    assert made[24:28] == (2).to_bytes(4, "little")
    assert (made[84:88], made[93], made[94]) == (0x51F_F000.to_bytes(4, "little"), 2, 0x40)
    register = GenericAddress.from_bytes(made[232:244])
    assert (register.address, register.register_bit_width) == (0x51F_F000, 16)
    with pytest.raises(LabError, match="has no place"):
        with_events(bytes(fadt[:132]), 0x51F_F000)
