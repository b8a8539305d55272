"""libcper's Python binding, asked about the vendors' sections that it knows."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import instances
from test_cper import asked, same

from apeitool.cper.sections.vendor.ampere_one import AmpereOneErrorSection
from apeitool.cper.sections.vendor.nvidia import NvidiaErrorSection, NvidiaRegister

pytestmark = pytest.mark.oracle

LARGEST = (1 << 63) - 1


@given(
    section=instances(NvidiaErrorSection),
    signature=st.text("ABC-", min_size=1, max_size=15),
    registers=st.lists(instances(NvidiaRegister), max_size=5),
)
@settings(max_examples=80)
def test_nvidia(libcper, section, signature, registers) -> None:
    section = section.replace(signature=signature, data=registers, trailing=b"").sealed()
    found = {
        "errorType": section.error_type,
        "errorInstance": section.error_instance,
        "severity.code": section.severity,
        "socket": section.socket,
        "registerCount": len(registers),
        "instanceBase": min(section.instance_base, LARGEST),
        "signature": signature,
    }
    for index, register in enumerate(registers):
        found[f"registers[{index}].address"] = min(register.address, LARGEST)
        found[f"registers[{index}].value"] = min(register.value, LARGEST)
    same(found, asked(libcper, section, "Nvidia"))


@given(section=instances(AmpereOneErrorSection))
@settings(max_examples=40)
def test_ampere(libcper, section) -> None:
    found = {
        "typeId": section.type_id,
        "subTypeId": section.subtype_id,
        # libcper takes the upper bit of the severity in it for a sign.
        "instanceId": section.instance_id - (section.instance_id >> 31 << 32),
    }
    same(found, asked(libcper, section, "Ampere"))
