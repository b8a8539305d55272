"""CXL errors, which newer kernels hand to their CXL driver: what they look at before they do.

Whether there is a driver, and what it makes of the error, is its own affair.
"""

from __future__ import annotations

from collections.abc import Iterator

from apeitool.cper.cxl_event import CxlEventSection, CxlEventValid
from apeitool.cper.sections.cxl_protocol import (
    AgentType,
    CxlProtocolErrorSection,
    CxlProtocolValid,
    CxlRasCapability,
)
from apeitool.linux import dmesg

SOURCE = (
    "Linux cxl_cper_post_event() and cxl_cper_post_prot_err(), drivers/acpi/apei/ghes.c, "
    "seen on 6.12.95 and 7.2.13"
)

CHECKED_IN = "cxl_cper_sec_prot_err_valid"
"""The function that complains of protocol errors."""

EVENT_LENGTHS = range(33, 145)
"""How long Linux takes an event to be: longer than its header, no longer than any it knows."""

_DEVICES = (
    AgentType.RESTRICTED_CXL_DEVICE,
    AgentType.CXL_DEVICE,
    AgentType.CXL_LOGICAL_DEVICE,
    AgentType.CXL_FABRIC_MANAGER_MANAGED_LOGICAL_DEVICE,
)


def event_complaint(event: CxlEventSection) -> str | None:
    """What Linux has against an event; it then does nothing with it."""
    if event.length not in EVENT_LENGTHS:
        return dmesg.cxl_event_length(event.length)
    if not event.validation_bits & CxlEventValid.EVENT_LOG:
        return dmesg.CXL_EVENT_INVALID
    return None


def protocol_complaints(section: CxlProtocolErrorSection) -> Iterator[tuple[str, bool]]:
    """What Linux has against a protocol error, and whether that ends it."""
    valid = section.validation_bits
    if not valid & CxlProtocolValid.AGENT_ADDRESS:
        yield dmesg.CXL_NO_AGENT, True
    elif not valid & CxlProtocolValid.ERROR_LOG:
        yield dmesg.CXL_NO_LOG, True
    elif section.error_log_length != CxlRasCapability.fixed_size:
        yield dmesg.cxl_log_length(section.error_log_length), True
    else:
        if section.agent_type in _DEVICES and not valid & CxlProtocolValid.SERIAL_NUMBER:
            yield dmesg.CXL_NO_SERIAL_NUMBER, False
        if not section.agent_type.is_known:
            yield dmesg.cxl_agent(int(section.agent_type)), True
