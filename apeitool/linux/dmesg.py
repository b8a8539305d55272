"""Lines that Linux prints when it acts on an error, without the timestamp."""

from __future__ import annotations

from apeitool.linux.accept import FW_BUG, FW_WARN
from apeitool.linux.features import Features
from apeitool.linux.words import ARM_ERROR_TYPES

HW_ERR = "[Hardware Error]: "
PANIC = "Kernel panic - not syncing: "

FATAL = f"{PANIC}GHES: Fatal hardware error"
PANIC_DISABLED = "GHES: Fatal hardware error but panic disabled"
INIT_KILLED = f"{PANIC}Attempted to kill init! exitcode=0x00000007"
ABORT_IN_INTERRUPT = f"{PANIC}synchronous external abort: Fatal exception in interrupt"
SERROR = f"{PANIC}Asynchronous SError Interrupt"
HEST_REFUSED = "GHES: HEST is not enabled!"
FIRMWARE_FIRST = {
    (False, False): "GHES: Failed to enable APEI firmware first mode.",
    (True, False): "GHES: APEI firmware first mode is enabled by WHEA _OSC.",
    (False, True): "GHES: APEI firmware first mode is enabled by APEI bit.",
    (True, True): "GHES: APEI firmware first mode is enabled by APEI bit and WHEA _OSC.",
}
"""By whether _OSC grants it, as WHEA has it, and as the platform-wide capabilities have it."""
CXL_EVENT_INVALID = f"{FW_WARN}CXL CPER invalid event"
CXL_NO_AGENT = "CXL CPER invalid agent type"
CXL_NO_LOG = "CXL CPER invalid protocol error log"
CXL_NO_SERIAL_NUMBER = f"{FW_WARN}CXL CPER no device serial number"


def serror(esr: int) -> str:
    """What comes before the panic of an SError."""
    return f"SError Interrupt on CPU0, code {esr:#018x} -- SError"


def oops(esr: int) -> str:
    """An external abort that the kernel itself took; the line goes on with counts of its own."""
    return f"Internal error: synchronous external abort: {esr:016x}"


def invalid_address(address: int) -> str:
    """A physical address that has no page frame."""
    return f"{FW_WARN}GHES: Invalid address in generic error data: {address:#x}"


def unhandled_arm_error(type: int) -> str:
    """ARM error information that leads to nothing."""
    names = ARM_ERROR_TYPES.word(type)
    return f"{FW_WARN}GHES: Unhandled processor error type {type:#04x}: {names}"


def arm_too_short(length: int) -> tuple[str, ...]:
    """An ARM processor section that ends inside its header."""
    why = (
        f"arm error length: {length}",
        "length is too small",
        "firmware-generated error record is incorrect",
    )
    return tuple(FW_BUG + line for line in why)


def unrecoverable(source_id: int, task: str, features: Features) -> str:
    """A synchronous error that nothing could be done about."""
    device = f"GHES GHES.{source_id}: {HW_ERR}" if features.names_device else ""
    return f"{device}GHES: {task}: synchronous unrecoverable error (SIGBUS)"


def no_device(address: str, features: Features) -> str:
    """The AER driver is told of a function that is not there."""
    if features.names_function_first:
        return f"AER: {address}: no pci_dev found"
    return f"AER: no pci_dev for {address}"


def aer_overflow(address: str, features: Features) -> str:
    """The AER driver is told of more than it can keep."""
    if features.names_function_first:
        return f"AER: {address}: buffer overflow in recovery"
    return f"AER: buffer overflow in recovery for {address}"


def cxl_event_length(length: int) -> str:
    """A CXL event that is none, by its length."""
    return f"{FW_WARN}CXL CPER Invalid section length ({length})"


def cxl_log_length(length: int) -> str:
    """A CXL protocol error whose log is not the RAS capability."""
    return f"CXL CPER invalid RAS Cap size ({length})"


def cxl_agent(type: int) -> str:
    """A CXL protocol error of an agent that Linux does not know."""
    return f"{CXL_NO_AGENT}: {type}"


def probe_failed(source_id: int, errno: int, features: Features) -> str:
    """A source that Linux did not bind to."""
    if features.names_driver:
        return f"GHES GHES.{source_id}: probe with driver GHES failed with error {errno}"
    return f"GHES: probe of GHES.{source_id} failed with error {errno}"


def sending_sigbus(frame: int, task: str) -> str:
    """memory_failure() signals a task that maps the page."""
    return f"Memory failure: {frame:#x}: {_sigbus_due(task)}"


def no_page_frame_sigbus(frame: int, task: str) -> str:
    """memory_failure() could do nothing for the task that ran it."""
    return f"{frame:#x}: {_sigbus_due(task)}"


def recovered(frame: int) -> str:
    """memory_failure() took a dirty page of a process out of use."""
    return f"Memory failure: {frame:#x}: recovery action for dirty LRU page: Recovered"


def ignored(frame: int) -> str:
    """memory_failure() was given a number that is no page frame."""
    return f"Memory failure: {frame:#x}: recovery action for non struct page pfn: Ignored"


def already_poisoned(frame: int) -> str:
    """memory_failure() met a page a second time."""
    return f"Memory failure: {frame:#x}: already hardware poisoned"


def _sigbus_due(task: str) -> str:
    return f"Sending SIGBUS to {task} due to hardware memory corruption"
