"""How a source tells the operating system that it has something."""

import enum
from collections.abc import Iterator
from typing import Annotated

from apeitool.wire.labels import Label
from apeitool.wire.problem import Problem
from apeitool.wire.record import Structure
from apeitool.wire.types import AUTO, U8, U16, U32, Derived, Unit, u8


class NotificationType(Label):
    """Notification types.

    SEA and SEI are *notifications* here: they reach an operating system together with the
    hardware exception of the same name and add to what that exception means by itself.
    13 to 15 rest on a single source (rust-vmm).
    """

    POLLED = 0
    EXTERNAL_INTERRUPT = 1
    LOCAL_INTERRUPT = 2
    SCI = 3
    NMI = 4
    CMCI = 5
    MCE = 6
    GPIO_SIGNAL = 7
    SEA = 8
    SEI = 9
    GSIV = 10
    SDEI = 11
    RISCV_SSE = 12
    RISCV_LOW_PRIORITY_RAS_INTERRUPT = 13
    RISCV_HIGH_PRIORITY_RAS_INTERRUPT = 14
    RISCV_HARDWARE_ERROR_EXCEPTION = 15


class ConfigurationWriteEnable(enum.IntFlag):
    """Which fields the operating system may change."""

    TYPE = 1
    POLL_INTERVAL = 2
    SWITCH_TO_POLLING_THRESHOLD_VALUE = 4
    SWITCH_TO_POLLING_THRESHOLD_WINDOW = 8
    ERROR_THRESHOLD_VALUE = 16
    ERROR_THRESHOLD_WINDOW = 32


class Notification(Structure):
    """Hardware Error Notification structure.

    Shape:   28 bytes, little-endian.
    Units:   interval and windows in ms; thresholds in interrupts, or errors, per window.
    Source:  ACPI 6.5 18.3.2.9
    """

    type: Annotated[NotificationType, u8] = NotificationType.POLLED
    length: Annotated[U8, Unit("bytes"), Derived(lambda n: n.fixed_size)] = AUTO
    configuration_write_enable: Annotated[U16, ConfigurationWriteEnable] = 0
    poll_interval: Annotated[U32, Unit("ms")] = 0
    vector: Annotated[U32, "GSI of an external interrupt, event number of SDEI"] = 0
    switch_to_polling_threshold_value: Annotated[U32, Unit("interrupts")] = 0
    switch_to_polling_threshold_window: Annotated[U32, Unit("ms")] = 0
    error_threshold_value: Annotated[U32, Unit("errors")] = 0
    error_threshold_window: Annotated[U32, Unit("ms")] = 0

    def check(self) -> Iterator[Problem]:
        if self.length != self.fixed_size:
            yield self.trouble("notification-length", "length", f"{self.length}, but it is 28")
