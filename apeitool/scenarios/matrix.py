"""The whole matrix of `touched_poison`: every way in which it can go, each run by all parties."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import product

from apeitool.cper.severity import Severity
from apeitool.host.vmm import POLICIES, Policy
from apeitool.scenarios.touched_poison import (
    SEVERITIES,
    HardwareException,
    HostTelling,
    Setting,
    Story,
    run,
)

GUESTS = (False, True)
"""Mainline Linux, and one with the proposal of 2017."""


def cells(
    like: Setting,
    *,
    exceptions: Iterable[HardwareException] = HardwareException,
    severities: Iterable[Severity] = SEVERITIES,
    hosts: Iterable[HostTelling] = HostTelling,
    policies: Iterable[Policy] = tuple(POLICIES.values()),
    guests: Iterable[bool] = GUESTS,
) -> Iterator[Story]:
    """A story for each combination; what is no axis is as in ``like``."""
    for has_sei, exception, severity, host, policy in product(
        guests, exceptions, severities, hosts, policies
    ):
        yield run(
            replace(
                like, exception=exception, host=host, policy=policy, has_sei=has_sei,
                severity=severity,
            )
        )  # fmt: skip
