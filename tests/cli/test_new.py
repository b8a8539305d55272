"""new: a commented TOML of each kind, with settings, for encode."""

import pytest

import apeitool as apei
from apeitool.capture.kind import section_kinds
from apeitool.cli.example import example
from apeitool.cli.new import KINDS
from apeitool.render.toml import load

every_kind = pytest.mark.parametrize("kind", KINDS)


def made(apeitool, *arguments: str) -> apei.Structure:
    """What encode makes of what new prints."""
    done = apeitool("new", *arguments)
    assert (done.status, done.err) == (0, "")
    encoded = apeitool("encode", "-", stdin=done.out)
    assert (encoded.status, encoded.err) == (0, "")
    thing = load(done.text)
    assert encoded.out == thing.to_bytes()
    return thing


@every_kind
def test_each_kind(apeitool, kind) -> None:
    """It can be encoded, its bytes tell what it is, and nothing is wrong with them."""
    thing = made(apeitool, kind)
    assert thing == example(kind)
    found = apei.decode(thing.to_bytes(), strict=True)
    assert found == thing
    assert found.sealed() == found


@every_kind
def test_into_a_file(apeitool, tmp_path, kind) -> None:
    target = tmp_path / "x.toml"
    done = apeitool("new", kind, "-o", target)
    assert (done.status, done.out, done.err) == (0, b"", "")
    assert target.read_bytes() == apeitool("new", kind).out
    assert apeitool("encode", target).out == example(kind).to_bytes()


def test_the_hest_of_the_lab() -> None:
    polled, nmi = example("hest").sources
    assert [s.notification.type.name for s in (polled, nmi)] == ["POLLED", "NMI"]
    assert isinstance(nmi, apei.GhesV2)
    assert len({polled.source_id, nmi.source_id}) == 2
    registers = [polled.error_status_address, nmi.error_status_address, nmi.read_ack_register]
    assert len({register.address for register in registers}) == 3
    (only,) = example("ghes").sources
    assert only.notification.type is apei.NotificationType.SEA


# ---- settings


@pytest.mark.parametrize(
    ("kind", "setting", "path", "value"),
    [
        ("memory", "node=7", "node", 7),
        ("memory", "node=0x7", "node", 7),
        ("memory", "physical_address=0xffffffffffffffff", "physical_address", (1 << 64) - 1),
        ("memory", "memory_error_type=MULTI_BIT_ECC", "memory_error_type", 3),
        ("memory", "memory_error_type=multi-bit ecc", "memory_error_type", 3),
        ("memory", "memory_error_type=200", "memory_error_type", 200),
        ("memory", "trailing=00ff", "trailing", b"\x00\xff"),
        ("hest", "oem_id=ACME", "oem_id", "ACME"),
        ("hest", "oem_id=a=b", "oem_id", "a=b"),
        ("hest", "oem_id=", "oem_id", ""),
        ("hest", "checksum=0", "checksum", 0),
        ("ghes", "sources[0].notification.type=SEI", "sources.0.notification.type", 9),
        ("hest", "sources[1].source_id=40", "sources.1.source_id", 40),
        ("block", "entries[0].section.physical_address=0x1000",
         "entries.0.section.physical_address", 0x1000),
        ("block", "entries[0].fru_text=DIMM 7", "entries.0.fru_text", "DIMM 7"),
        ("record", "body[0].node=3", "body.0.node", 3),
        ("record", "platform_id=01234567-89ab-cdef-0123-456789abcdef", "platform_id", None),
        ("pcie", "aer_information.header_log[2]=0x55", "aer_information.header_log.2", 0x55),
        ("arm_processor", "error_information[0].type=4", "error_information.0.type", 4),
    ],
)  # fmt: skip
def test_a_setting(apeitool, kind, setting, path, value) -> None:
    thing = made(apeitool, kind, setting)
    found = thing
    for step in path.split("."):
        found = found[int(step)] if step.isdigit() else getattr(found, step)
    assert found == value or (value is None and str(found) == setting.partition("=")[2])
    assert thing != example(kind)


def test_settings_carry_through(apeitool) -> None:
    """Counts, lengths and checksums follow."""
    for arguments in (
        ("hest", "oem_id=ACME", "sources[0].notification.poll_interval=50"),
        ("block", "entries[0].error_severity=FATAL", "error_severity=FATAL"),
        ("block", "entries[0].section.trailing=" + "00" * 40),
        ("record", "body[0].trailing=" + "00" * 40, "error_severity=FATAL"),
    ):
        assert made(apeitool, *arguments).problems == ()
    fatal = made(apeitool, "block", "entries[0].error_severity=FATAL", "error_severity=FATAL")
    assert fatal.block_status & 1
    assert (
        made(apeitool, "record", "error_severity=FATAL").section_descriptors[0].section_severity
        == 1
    )


def test_the_last_of_two_settings_counts(apeitool) -> None:
    assert made(apeitool, "memory", "node=1", "node=2").node == 2


@pytest.mark.parametrize(
    ("kind", "setting", "said"),
    [
        ("memory", "nosuch=1", "nosuch"),
        ("memory", "node=x", "node"),
        ("memory", "node=", "node"),
        ("memory", "node=99999", "node"),
        ("memory", "node=-1", "node"),
        ("memory", "node[0]=1", "node[0]"),
        ("memory", "node.x=1", "node.x"),
        ("memory", "memory_error_type=NOSUCH", "SINGLE_BIT_ECC"),
        ("memory", "trailing=xyz", "trailing"),
        ("hest", "oem_id=much too long", "oem_id"),
        ("hest", "sources[2].enabled=0", "sources[2]"),
        ("hest", "sources[-1].enabled=0", "sources[-1]"),
        ("hest", "sources[x].enabled=0", "sources[x]"),
        ("hest", "sources.enabled=0", "sources.enabled"),
        ("hest", "sources=5", "sources"),
        ("hest", "sources[0]=5", "sources[0]"),
        ("hest", "sources[0].notification=5", "notification"),
        ("hest", "oem-id=ACME", "oem-id"),
        ("block", "entries[0].section.kind=PcieErrorSection", "section"),
        ("block", "kind=Nosuch", "Nosuch"),
        ("record", "platform_id=nonsense", "platform_id"),
        ("record", "record_id=0x" + "f" * 5000, "record_id"),
        ("record", "error_severity=0x" + "f" * 5000, "error_severity"),
        ("memory", "=5", "=5"),
        ("memory", "[]=5", "[]"),
    ],
    ids=lambda x: x[:40],
)
def test_a_setting_that_cannot_be(apeitool, kind, setting, said) -> None:
    """Said here, not only by encode: what new prints can be encoded."""
    done = apeitool("new", kind, setting)
    assert done.status in (1, 2)
    assert done.out == b""
    assert said in done.err
    assert len(done.err) < 1000


# ---- wrong usage


@pytest.mark.parametrize("arguments", [(), ("nosuch",), ("memory", "node"), ("--nosuch", "memory")])
def test_wrong_usage(apeitool, arguments) -> None:
    done = apeitool("new", *arguments)
    assert (done.status, done.out) == (2, b"")
    assert "Usage: apeitool new" in done.err


@pytest.mark.parametrize("kind", section_kinds())
def test_every_section_type(apeitool, kind) -> None:
    """The TOML of each becomes the bytes of a sound section."""
    text = apeitool("new", kind)
    assert (text.status, text.err) == (0, "")
    data = apeitool("encode", "-", stdin=text.out)
    assert data.status == 0
    found = apei.decode(data.out, as_=kind)
    assert found.problems == ()
    assert not isinstance(found, apei.OpaqueSection)
    assert apeitool("new", kind).out == text.out
