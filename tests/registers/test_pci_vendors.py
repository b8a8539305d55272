"""PCI vendor ids by name."""

import apeitool as apei
from apeitool.cper.sections.pcie import PcieDeviceId
from apeitool.registers.pci import VENDORS, vendor_text
from apeitool.render.text import text


def test_a_vendor_has_a_name() -> None:
    assert vendor_text(0x8086) == "0x8086 (Intel)"
    assert vendor_text(0x10DE) == "0x10de (NVIDIA)"
    assert vendor_text(0xFFFF) is None
    assert all(0 < vendor < 0xFFFF for vendor in VENDORS)


def test_a_section_shows_it() -> None:
    device = PcieDeviceId(vendor_id=0x15B3, device_id=0x101D)
    shown = text(apei.PcieErrorSection(validation_bits=8, device_id=device))
    assert "0x15b3 (NVIDIA, Mellanox)" in shown
    unknown = apei.PcieErrorSection(validation_bits=8, device_id=device.replace(vendor_id=0xFFFE))
    assert "0xfffe" in text(unknown)
