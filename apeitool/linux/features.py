"""Releases of Linux as the features in which they treat errors differently."""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace

from apeitool.errors import ApeiError


class Architecture(enum.Enum):
    """What the kernel was built for."""

    X86 = "x86"
    ARM64 = "arm64"


@dataclass(frozen=True, slots=True)
class Features:
    """What one release does.

    ``observed`` is the exact version whose guests confirmed it: stable releases carry backports.
    """

    release: str
    observed: str
    skips_ghes_assist: bool
    """A source that assists a machine check source is passed over."""
    runs_get_error_type: bool
    """EINJ's GET_ERROR_TYPE is run when the table is taken, which fails without it."""
    checks_page_frame: bool
    """An address that is no RAM is refused before memory_failure() sees it."""
    fails_memory_in_task: bool
    """The task that took an SEA runs memory_failure() itself before it may go on."""
    tests_for_errors: bool
    """SEA and NMI sources are asked only if a status word, mapped at probe, is set."""
    arm_length_deduction: int | None
    """What is taken off an ARM section's length before its error information is looked at.

    None: the length is not looked at. 6.12 takes off the size of a pointer, where 40 was meant.
    """
    context_alignment: int
    """The register contexts of processor sections are taken to be padded to so many bytes."""
    prints_all_aer: bool
    """AER information is printed at any severity, and the correctable errors with it."""
    knows_cxl: bool
    """CXL protocol errors are printed in words, of CXL events the name alone; these are handed on."""
    hands_on_cxl_protocol: bool
    """The CXL driver is handed protocol errors too."""
    names_device: bool
    """The line about an unrecoverable synchronous error begins with the source's device."""
    names_driver: bool
    """The line about a source that was not bound begins with its device and names the driver."""
    names_function_first: bool
    """Lines of the AER driver about what it is handed begin with the PCI function."""
    copy_header: int
    """What the copy of a block takes beside it, from an NMI until it is acted on, in bytes."""
    asks_sei_sources: bool = False
    """An SError has the SEI sources asked first.  No release does: it was proposed in 2017."""


KERNELS = {
    kernel.release: kernel
    for kernel in (
        Features(
            release="6.1",
            observed="6.1.176",
            skips_ghes_assist=False,
            runs_get_error_type=False,
            checks_page_frame=True,
            fails_memory_in_task=False,
            tests_for_errors=False,
            arm_length_deduction=None,
            context_alignment=1,
            prints_all_aer=False,
            knows_cxl=False,
            hands_on_cxl_protocol=False,
            names_device=False,
            names_driver=False,
            names_function_first=False,
            copy_header=48,
        ),
        Features(
            release="6.12",
            observed="6.12.95",
            skips_ghes_assist=True,
            runs_get_error_type=False,
            checks_page_frame=True,
            fails_memory_in_task=False,
            tests_for_errors=False,
            arm_length_deduction=8,
            context_alignment=1,
            prints_all_aer=True,
            knows_cxl=True,
            hands_on_cxl_protocol=False,
            names_device=True,
            names_driver=True,
            names_function_first=False,
            copy_header=48,
        ),
        Features(
            release="7.2",
            observed="7.2.13",
            skips_ghes_assist=True,
            runs_get_error_type=True,
            checks_page_frame=False,
            fails_memory_in_task=True,
            tests_for_errors=True,
            arm_length_deduction=40,
            context_alignment=16,
            prints_all_aer=True,
            knows_cxl=True,
            hands_on_cxl_protocol=True,
            names_device=True,
            names_driver=True,
            names_function_first=True,
            copy_header=24,
        ),
    )
}

DEFAULT = KERNELS["6.1"]


def kernel(release: str) -> Features:
    """The features of a release.

    Raises:  ApeiError for one that is not known here.
    """
    if release not in KERNELS:
        raise ApeiError(f"Linux {release} is not known here; known are {', '.join(KERNELS)}")
    return KERNELS[release]


def with_sei(features: Features) -> Features:
    """The same release, if it had what was proposed in 2017: a driver for SEI notifications."""
    return replace(features, asks_sei_sources=True)
