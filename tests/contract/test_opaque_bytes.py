"""No section leaves bytes opaque where the reference names fields."""

from random import Random

import opaque_bytes
import pytest
from opaque_bytes import (
    NO_NAME,
    ONE_NAME,
    all_inside,
    opaque_fields,
    section_types,
    share,
    standing,
)

from apeitool.cper.sections.pcie import PcieDeviceId, PcieErrorSection
from apeitool.wire.record import Field


def test_no_field_is_opaque() -> None:
    assert opaque_fields() == set()


def test_every_exception_is_needed() -> None:
    kinds = {kind for section in section_types() for kind in all_inside(section)}
    there = {kind.__name__ for kind in kinds}
    there |= {f"{kind.__name__}.{field.name}" for kind in kinds for field in kind.fields}
    assert (ONE_NAME.keys() | NO_NAME.keys()) - there == set()
    assert not ONE_NAME.keys() & NO_NAME.keys()
    for place in (*ONE_NAME, *NO_NAME):
        for kind in kinds:
            for field in kind.fields:
                if place == f"{kind.__name__}.{field.name}":
                    standing_alone(kind, field, place)


def standing_alone(kind: type, field: Field, place: str) -> None:
    """Without its row the field would be opaque."""
    with pytest.MonkeyPatch.context() as patch:
        for table in ("ONE_NAME", "NO_NAME"):
            rows = getattr(opaque_bytes, table)
            patch.setattr(opaque_bytes, table, {k: v for k, v in rows.items() if k != place})
        assert standing(kind, field).is_opaque, place


def test_the_share_is_zero_for_every_section() -> None:
    seed = Random().getrandbits(32)
    print(f"seed {seed}")
    print("\n".join(opaque_bytes.report(Random(seed))))
    shares = {kind.__name__: share(kind, Random(seed)) for kind in section_types()}
    assert len(shares) > 55
    assert {name for name, found in shares.items() if found.opaque or not found.bytes} == set()


def test_a_field_of_bytes_is_found(monkeypatch) -> None:
    """As it would be were the class code not looked up."""
    monkeypatch.delattr(PcieDeviceId, "shown")
    assert opaque_fields() == {"PcieDeviceId.class_code"}
    assert share(PcieErrorSection, Random(0)).opaque
