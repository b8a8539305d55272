"""What the sections of AMD's GPU driver have in common.

Source:  Linux drivers/gpu/drm/amd/include/amd_cper.h
"""

from apeitool.registers.smca import AmdMciStatus, McaIpid
from apeitool.wire.labels import Label


class GpuContextType(Label):
    """Register context types of AMD's GPUs."""

    CRASH = 1
    BOOT = 9


def bank_sentence(status: AmdMciStatus, ipid: McaIpid) -> str:
    """What an ACA bank reports: as a bank of a processor does, but its instances are no channels."""
    if not status.valid:
        return status.sentence()
    return "; ".join([bank_error(status, ipid), status.error, *status.remarks()])


def bank_error(status: AmdMciStatus, ipid: McaIpid) -> str:
    """What kind of error an ACA bank reports, and in which unit."""
    if not status.valid:
        return status.sentence()
    code = status.extended_error_code
    unit = ipid.unit or f"unit {ipid.hardware_id:#x}, type {ipid.mca_type:#x}"
    error = ipid.error(code) or f"extended error code {code}"
    return f"{status.severity} {error} in {unit}"
