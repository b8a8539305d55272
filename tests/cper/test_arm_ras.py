"""The Arm RAS node, laid out by hand as DEN0085 has it.

The binding of libcper that can be installed does not know this section yet.
"""

import struct
from uuid import UUID

import pytest

from apeitool.cper.arm_ras import MPAM_PARTID, AuxiliaryContext, AuxiliaryData, ErrorSyndrome
from apeitool.cper.record import Record
from apeitool.cper.sections.arm_ras_node import ArmRasNodeSection
from apeitool.render.text import text

# ERR<n>FR: reporting controllable, an 8-bit counter. ERR<n>STATUS: SERR 6, IERR 3, UET 1, MV, OF,
# UE, V, AV.
FEATURES = 2 | 2 << 4 | 2 << 12
STATUS = 6 | 3 << 8 | 1 << 20 | 1 << 26 | 1 << 27 | 1 << 29 | 1 << 30 | 1 << 31


def syndrome(status: int = STATUS, address: int = 0x12345000, revision: int = 0x10) -> bytes:
    return struct.pack(
        "<IB3x8Q", 5, revision, FEATURES, 1 | 1 << 4, status, address, 9 << 32 | 1 << 39, 2, 3, 4
    )


def context(*registers: tuple[int, int], local: int = 1) -> bytes:
    length = 16 + 16 * len(registers)
    body = b"".join(struct.pack("<QQ", *register) for register in registers)
    return (
        struct.pack(
            "<IBBHH6x",
            length,
            local,
            0,
            len(registers),
            0x22,
        )
        + body
    )


OTHER_KEY = UUID("01234567-89ab-cdef-0123-456789abcdef")
PAIRS = MPAM_PARTID.bytes_le + struct.pack("<Q", 0x33) + OTHER_KEY.bytes_le + struct.pack("<Q", 7)
CONTEXTS = context((0x1000, 0xAA), (0x1008, 0xBB)) + context((0x2000, 0xCC), local=0)


def auxiliary(contexts: bytes = CONTEXTS, pairs: bytes = PAIRS) -> bytes:
    offset = 16 + len(contexts)
    size = offset + len(pairs)
    return struct.pack("<BBHIIHH", 1, 0, 2, size, offset, len(pairs) // 24, 0) + contexts + pairs


def node(
    syndromes: list[bytes],
    aux: bytes = b"",
    *,
    component: int = 1,
    instance: tuple[int, int, int] = (0, 0x80010203, 0),
    kind: tuple[int, bytes] = (0, struct.pack("<QQQ", 0x410FD0C0, 1, 2)),
) -> bytes:
    place = 80 + 72 * len(syndromes)
    return b"".join(
        [
            struct.pack("<IB3xIHH", 1, component, len(syndromes), 80, place if aux else 0),
            struct.pack("<BB6x", instance[0], kind[0]),
            struct.pack("<QQ", *instance[1:]),
            kind[1].ljust(24, b"\0"),
            b"DIMM 3".ljust(16, b"\0"),
            *syndromes,
            aux,
        ]
    )


def lines(thing) -> list[str]:
    return [" ".join(line.split()) for line in text(thing).splitlines()]


def test_a_memory_node() -> None:
    whole = node([syndrome()], auxiliary())
    read = ArmRasNodeSection.from_bytes(whole)
    assert read.sentence() == (
        "Arm RAS memory node on CPU 0.1.2.3: record 5: uncorrected error (unrecoverable), data "
        "value from associative memory, at physical address 0x12345000, others were not recorded"
    )
    assert read.physical_addresses == (0x12345000,)
    assert read.problems == ()
    assert read.sealed() == read
    shown = lines(read)
    for line in (
        "component_type memory (1)",
        'user_data "DIMM 3"',
        "implementer Arm (65)",
        "error_reporting_and_logging controllable (2)",
        "corrected_error_counter 8 bits (2)",
        "serr data value from associative memory (6)",
        "ierr 3",
        "uncorrected_error_type unrecoverable (1)",
        "overflow yes",
        "address 0x12345000",
        "corrected_error_count 9",
        "counter_overflow yes",
        "err_misc3 0x0000000000000004",
        "value 0x00000000000000aa",
        "address_space_identifier 0x0022",
        "not marked valid: address_space_identifier",
        "key ebb45182-fb03-4bf9-9aca-8613709fd789 (MPAM PARTID)",
        "partid 51",
        f"key {OTHER_KEY}",
    ):
        assert line in shown or any(one.startswith(line) for one in shown), line
    assert ArmRasNodeSection.resembles(whole)
    assert not ArmRasNodeSection.resembles(bytes(200))


@pytest.mark.parametrize(
    ("status", "address", "said"),
    [
        (0, 0, "record 5: no error"),
        (1 << 30 | 1 << 24 | 2, 0, "record 5: transient corrected error, data value from non"),
        (1 << 30 | 2 << 24, 0, "record 5: corrected error, no error"),
        (1 << 30 | 3 << 24, 0, "record 5: persistent corrected error, "),
        (1 << 30 | 1 << 23 | 0x13, 0, "record 5: deferred error, external timeout"),
        (1 << 30 | 1 << 29, 0, "record 5: uncorrected error (uncontainable), no error"),
        (
            1 << 30 | 1 << 31,
            1 << 60 | 0x500,
            "record 5: an error of no kind, no error, at address 0x500",
        ),
        (
            1 << 30 | 1 << 31,
            1 << 61 | 0x500,
            "record 5: an error of no kind, no error, at address 0x500",
        ),
        (
            1 << 30 | 1 << 31,
            1 << 63 | 0x500,
            "record 5: an error of no kind, no error, at physical",
        ),
    ],
)
def test_what_a_record_holds(status, address, said) -> None:
    read = ErrorSyndrome.from_bytes(syndrome(status, address))
    assert read.sentence().startswith(said)


def test_registers_that_are_no_facts() -> None:
    read = ErrorSyndrome.from_bytes(syndrome(1 << 30, revision=0))
    assert "not marked valid: err_addr, err_misc0, err_misc1, err_misc2, err_misc3" in text(read)
    assert read.physical_address is None
    older = ErrorSyndrome.from_bytes(syndrome(revision=0))
    assert "not marked valid: err_misc2, err_misc3" in text(older)


@pytest.mark.parametrize(
    ("cec", "repeat", "misc0", "expected"),
    [
        (2, 0, 9 << 32, ["corrected_error_count 9"]),
        (4, 0, 0x7FFF << 32 | 1 << 47, ["corrected_error_count 32767", "counter_overflow yes"]),
        (2, 1, 3 << 32 | 5 << 40, ["repeated_error_count 3", "other_error_count 5"]),
        (4, 1, 3 << 32 | 5 << 48 | 1 << 63, ["other_error_count 5", "other_counter_overflow yes"]),
        (0, 0, 9, ["err_misc0 0x0000000000000009"]),
    ],
)
def test_counters(cec, repeat, misc0, expected) -> None:
    read = ErrorSyndrome(err_fr=cec << 12 | repeat << 15, err_status=1 << 26, err_misc0=misc0)
    shown = lines(read)
    assert all(line in shown for line in expected)


@pytest.mark.parametrize(
    ("instance", "kind", "expected"),
    [
        ((1, 0xFED00000, 0), (1, struct.pack("<II", 0x4832143B, 0x31)), (
            "address 0xfed00000", "implementer 1083", "product_id 1155", "architecture_major 3")),
        ((2, 7, 0xFED00000), (2, struct.pack("<II", 0x0201743B, 5)), (
            "ip_instance 0x0000000000000007", "address 0xfed00000", "product_id 2", "aidr 5")),
        ((3, 0xABCD, 0), (3, bytes(range(8))), (
            "ip_instance 0x000000000000abcd", "pidr3 0", "pidr0 3", "pidr7 4", "pidr4 7")),
        ((0, 1, 0), (255, b""), ("ip_type_format INVALID (255)", "affinity_0 1")),
    ],
)  # fmt: skip
def test_who_it_is(instance, kind, expected) -> None:
    read = ArmRasNodeSection.from_bytes(node([], component=2, instance=instance, kind=kind))
    shown = [line.lower() for line in lines(read)]
    assert all(line.lower() in shown for line in expected)
    assert read.sentence().startswith("Arm RAS SMMU node")
    if kind[0] == 255:
        assert "not marked valid: ip_type, ip_type_2, ip_type_3" in text(read)


def test_gaps_and_bytes_behind() -> None:
    """Offsets may leave room: before the records, before the auxiliary data, inside it."""
    aux = struct.pack("<BBHIIHH", 1, 0, 1, 16 + 20 + 4 + 24 + 3, 16 + 20 + 4, 1, 0)
    aux += struct.pack("<IBBHH6x", 20, 0, 0, 0, 0) + b"abcd" + b"gap!" + PAIRS[:24] + b"end"
    head = struct.pack("<IB3xIHH", 1, 0, 1, 88, 88 + 72 + 4) + bytes(64)
    whole = head + b"8 bytes " + syndrome() + b"four" + aux + b"more"
    read = ArmRasNodeSection.from_bytes(whole)
    assert read.problems == ()
    assert (read.gap, read.gap_2, read.trailing) == (b"8 bytes ", b"four", b"more")
    (data,) = read.auxiliary_data
    assert (data.contexts[0].rest, data.gap, data.rest) == (b"abcd", b"gap!", b"end")
    assert data.key_values[0].value == 0x33
    assert read.sealed() == read


@pytest.mark.parametrize(
    ("at", "form", "value", "id"),
    [
        (8, "<I", 0xFFFFFFFF, "error-syndrome-count"),
        (12, "<H", 0, "error-syndrome-offset"),
        (12, "<H", 0xFFFF, "error-syndrome-offset"),
        (14, "<H", 81, "auxiliary-data-offset"),
        (14, "<H", 0xFFFF, "auxiliary-data-offset"),
        (152 + 2, "<H", 0xFFFF, "context-count"),
        (152 + 4, "<I", 0xFFFFFFFF, "auxiliary-size"),
        (152 + 4, "<I", 0, "auxiliary-size"),
        (152 + 8, "<I", 0xFFFFFFFF, "key-value-offset"),
        (152 + 12, "<H", 0xFFFF, "key-value-count"),
        (168, "<I", 0xFFFFFFFF, "context-length"),
        (168, "<I", 0, "context-length"),
        (168 + 6, "<H", 0xFFFF, "register-count"),
    ],
)
def test_numbers_that_lie(at, form, value, id) -> None:
    whole = bytearray(node([syndrome()], auxiliary()))
    struct.pack_into(form, whole, at, value)
    read = ArmRasNodeSection.from_bytes(bytes(whole))
    assert read.to_bytes() == whole
    assert id in [p.id for p in read.problems]
    assert read.sealed().problems == ()


def test_a_body_of_another_kind() -> None:
    """A firmware puts a whole record there: it keeps its bytes, and nothing is made of them."""
    body = Record(body=[ArmRasNodeSection()]).to_bytes()
    read = ArmRasNodeSection.from_bytes(body)
    assert read.to_bytes() == body
    assert ", of revision " in read.sentence()
    assert not ArmRasNodeSection.resembles(body)


def test_built_from_nothing() -> None:
    aux = AuxiliaryData(contexts=[AuxiliaryContext()])
    built = ArmRasNodeSection(error_syndromes=[ErrorSyndrome()], auxiliary_data=[aux])
    assert (built.error_syndrome_offset, built.auxiliary_data_offset) == (80, 152)
    assert ArmRasNodeSection.from_bytes(built.to_bytes()) == built
    assert ArmRasNodeSection().auxiliary_data_offset == 0
