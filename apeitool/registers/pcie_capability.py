"""Register words of the PCI Express capability structure: what their bits are called.

Source:  PCI Express Base Specification 6.0 7.5.3
"""

import enum

from apeitool.wire.labels import Bits, Label, Word
from apeitool.wire.shapes import NUMBER, Choice, Json, Pair

_NUMBER = Json(shape=NUMBER)
RAW = Json(shape=Pair("raw", None))
SUPPORTED = Json(shape=Choice("NotSupported", "Supported"))
_ENABLED = Json(shape=Choice("Disabled", "Enabled"))


class PortType(
    Label,
    json={
        0: "PCI Express End Point",
        1: "Legacy PCI End Point Device",
        7: "PCI Express to PCI/PCI-X Bridge",
        8: "PCI/PCI-X Bridge to PCI Express Bridge",
        9: "Root Complex Integrated Endpoint Device",
    },
):
    """Device or port type, as the capabilities register and the CPER section count it."""

    PCIE_ENDPOINT = 0
    LEGACY_PCI_ENDPOINT = 1
    ROOT_PORT = 4
    UPSTREAM_SWITCH_PORT = 5
    DOWNSTREAM_SWITCH_PORT = 6
    PCIE_TO_PCI_BRIDGE = 7
    PCI_TO_PCIE_BRIDGE = 8
    ROOT_COMPLEX_INTEGRATED_ENDPOINT = 9
    ROOT_COMPLEX_EVENT_COLLECTOR = 10


_PORTS = {
    0: "PCIE",
    1: "PCI",
    4: "ROOT_PORT",
    5: "UPSTREAM",
    6: "DOWNSTREAM",
    7: "PCIE_PCI_BRIDGE",
    8: "PCI_PCIE_BRIDGE",
    9: "RCiEP",
    10: "RCEC",
}


class Capabilities(Word):
    """PCI Express capabilities register."""

    capability_version = Bits(0, 4)
    device_port_type = Bits(
        4, 4, PortType, json=Json(shape=Pair("raw", "value", _PORTS, unknown=None))
    )
    slot_implemented = Bits(8)
    interrupt_message_number = Bits(9, 5)
    flit_mode_supported = Bits(15, json=SUPPORTED)


class DeviceCapabilities(Word):
    """Device capabilities register."""

    max_payload_size_supported = Bits(0, 3, doc="128 bytes << value")
    phantom_functions_supported = Bits(3, 2, json=SUPPORTED)
    extended_tag_field_supported = Bits(5, json=SUPPORTED)
    endpoint_l0s_acceptable_latency = Bits(6, 3, json=RAW)
    endpoint_l1_acceptable_latency = Bits(9, 3, json=RAW)
    role_based_error_reporting = Bits(15)
    err_cor_subclass_capable = Bits(16)
    rx_mps_fixed = Bits(17, json=_NUMBER)
    captured_slot_power_limit_value = Bits(18, 8)
    captured_slot_power_limit_scale = Bits(26, 2)
    function_level_reset_capability = Bits(
        28, json=Json("function_level_reset_capability_supported", SUPPORTED.shape)
    )
    mixed_mps_supported = Bits(29, json=SUPPORTED)
    tee_io_supported = Bits(30, json=SUPPORTED)


class DeviceControl(Word):
    """Device control register."""

    correctable_error_reporting_enable = Bits(0, json=_ENABLED)
    non_fatal_error_reporting_enable = Bits(1, json=_ENABLED)
    fatal_error_reporting_enable = Bits(2, json=_ENABLED)
    unsupported_request_reporting_enable = Bits(
        3, json=Json("unsupported_request_reporting_enabled", _ENABLED.shape)
    )
    enable_relaxed_ordering = Bits(4, json=Json("relaxed_ordering_enable", _ENABLED.shape))
    max_payload_size = Bits(5, 3, doc="128 bytes << value")
    extended_tag_field_enable = Bits(8, json=_ENABLED)
    phantom_functions_enable = Bits(9, json=_ENABLED)
    aux_power_pm_enable = Bits(10, json=_ENABLED)
    enable_no_snoop = Bits(11, json=_NUMBER)
    max_read_request_size = Bits(12, 3, doc="128 bytes << value")
    function_level_reset = Bits(15)


class DeviceStatus(Word):
    """Device status register."""

    correctable_error_detected = Bits(0)
    non_fatal_error_detected = Bits(1)
    fatal_error_detected = Bits(2)
    unsupported_request_detected = Bits(3)
    aux_power_detected = Bits(4)
    transactions_pending = Bits(5)
    emergency_power_reduction_detected = Bits(6, json=Json("emergency_power_reduction", NUMBER))


class LinkSpeed(Label):
    """Link speeds."""

    GT_2_5 = 1
    GT_5 = 2
    GT_8 = 3
    GT_16 = 4
    GT_32 = 5
    GT_64 = 6

    @property
    def text(self) -> str:
        """The speed in its unit."""
        if not self.is_known:
            return f"unknown ({int(self)})"
        return f"{self.name.removeprefix('GT_').replace('_', '.')} GT/s"


class LinkCapabilities(Word):
    """Link capabilities register."""

    max_link_speed = Bits(0, 4, LinkSpeed, json=_NUMBER)
    maximum_link_width = Bits(4, 6)
    aspm_support = Bits(10, 2)
    l0s_exit_latency = Bits(12, 3)
    l1_exit_latency = Bits(15, 3)
    clock_power_management = Bits(18)
    surprise_down_error_reporting_capable = Bits(19)
    data_link_layer_link_active_reporting_capable = Bits(20)
    link_bandwidth_notification_capability = Bits(21)
    aspm_optionality_compliance = Bits(22)
    port_number = Bits(24, 8)


class LinkControl(Word):
    """Link control register."""

    aspm_control = Bits(0, 2)
    ptm_propagation_delay_adaptation_interpretation = Bits(
        2, json=Json("ptm_prop_delay_adaptation_interpretation")
    )
    read_completion_boundary = Bits(3)
    link_disable = Bits(4, json=_NUMBER)
    retrain_link = Bits(5, json=_NUMBER)
    common_clock_configuration = Bits(6)
    extended_synch = Bits(7, json=_NUMBER)
    enable_clock_power_management = Bits(8)
    hardware_autonomous_width_disable = Bits(9)
    link_bandwidth_management_interrupt_enable = Bits(10)
    link_autonomous_bandwidth_interrupt_enable = Bits(11)
    sris_clocking = Bits(12, json=_NUMBER)
    flit_mode_disable = Bits(13, json=_NUMBER)
    drs_signaling_control = Bits(14, 2)


class LinkStatus(Word):
    """Link status register."""

    current_link_speed = Bits(0, 4, LinkSpeed, json=_NUMBER)
    negotiated_link_width = Bits(4, 6)
    link_training = Bits(11, json=_NUMBER)
    slot_clock_configuration = Bits(12)
    data_link_layer_link_active = Bits(13)
    link_bandwidth_management_status = Bits(14)
    link_autonomous_bandwidth_status = Bits(15)


class SlotCapabilities(Word):
    """Slot capabilities register."""

    attention_button_present = Bits(0)
    power_controller_present = Bits(1)
    mrl_sensor_present = Bits(2)
    attention_indicator_present = Bits(3)
    power_indicator_present = Bits(4)
    hot_plug_surprise = Bits(5)
    hot_plug_capable = Bits(6)
    slot_power_limit_value = Bits(7, 8, json=RAW)
    slot_power_limit_scale = Bits(15, 2)
    electromechanical_interlock_present = Bits(17)
    no_command_completed_support = Bits(18)
    physical_slot_number = Bits(19, 13)


class SlotControl(Word):
    """Slot control register."""

    attention_button_pressed_enable = Bits(0)
    power_fault_detected_enable = Bits(1)
    mrl_sensor_changed_enable = Bits(2)
    presence_detect_changed_enable = Bits(3)
    command_completed_interrupt_enable = Bits(4)
    hot_plug_interrupt_enable = Bits(5)
    attention_indicator_control = Bits(6, 2)
    power_indicator_control = Bits(8, 2)
    power_controller_control = Bits(10, doc="1 turns the slot off")
    electromechanical_interlock_control = Bits(11)
    data_link_layer_state_changed_enable = Bits(12)
    auto_slot_power_limit_disable = Bits(13)
    in_band_presence_detect_disable = Bits(14)


class SlotStatus(Word):
    """Slot status register."""

    attention_button_pressed = Bits(0)
    power_fault_detected = Bits(1)
    mrl_sensor_changed = Bits(2, json=_NUMBER)
    presence_detect_changed = Bits(3)
    command_completed = Bits(4, json=_NUMBER)
    mrl_sensor_state = Bits(5, doc="open", json=_NUMBER)
    presence_detect_state = Bits(6)
    electromechanical_interlock_status = Bits(7)
    data_link_layer_state_changed = Bits(8)


class RootControl(enum.IntFlag):
    """Root control register."""

    SYSTEM_ERROR_ON_CORRECTABLE = 1 << 0
    SYSTEM_ERROR_ON_NON_FATAL = 1 << 1
    SYSTEM_ERROR_ON_FATAL = 1 << 2
    PME_INTERRUPT_ENABLE = 1 << 3
    CRS_SOFTWARE_VISIBILITY_ENABLE = 1 << 4


class RootCapabilities(enum.IntFlag):
    """Root capabilities register."""

    CRS_SOFTWARE_VISIBILITY = 1 << 0


class RootStatus(Word):
    """Root status register of the capability (power management events)."""

    pme_requester_id = Bits(0, 16)
    pme_status = Bits(16, json=_NUMBER)
    pme_pending = Bits(17, json=_NUMBER)
