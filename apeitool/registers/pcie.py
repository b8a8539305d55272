"""PCI and PCI Express register words: what their bits are called.

Source:  PCI Express Base Specification 6.0 chapter 7; PCI Local Bus 3.0 chapter 6
"""

import enum

from apeitool.wire.labels import Bits, Label, Word, words


class RequesterId(Word):
    """Requester ID: who sends, by bus, device and function."""

    function = Bits(0, 3)
    device = Bits(3, 5)
    bus = Bits(8, 8)

    @property
    def text(self) -> str:
        """The three as Linux and lspci write them."""
        return f"{self.bus:02x}:{self.device:02x}.{self.function:x}"


class Command(enum.IntFlag):
    """PCI command register."""

    IO_SPACE = 1 << 0
    MEMORY_SPACE = 1 << 1
    BUS_MASTER = 1 << 2
    SPECIAL_CYCLES = 1 << 3
    MEMORY_WRITE_AND_INVALIDATE = 1 << 4
    VGA_PALETTE_SNOOP = 1 << 5
    PARITY_ERROR_RESPONSE = 1 << 6
    IDSEL_STEPPING = 1 << 7
    SERR_ENABLE = 1 << 8
    FAST_BACK_TO_BACK = 1 << 9
    INTERRUPT_DISABLE = 1 << 10


class Status(Word):
    """PCI status register; the secondary status register of a bridge has the same errors."""

    immediate_readiness = Bits(0)
    interrupt_status = Bits(3)
    capabilities_list = Bits(4)
    capable_of_66_mhz = Bits(5)
    fast_back_to_back_capable = Bits(7)
    master_data_parity_error = Bits(8)
    devsel_timing = Bits(9, 2)
    signaled_target_abort = Bits(11)
    received_target_abort = Bits(12)
    received_master_abort = Bits(13)
    signaled_system_error = Bits(14)
    detected_parity_error = Bits(15)


class BridgeControl(enum.IntFlag):
    """Bridge control register."""

    PARITY_ERROR_RESPONSE = 1 << 0
    SERR_ENABLE = 1 << 1
    ISA_ENABLE = 1 << 2
    VGA_ENABLE = 1 << 3
    VGA_16_BIT_DECODE = 1 << 4
    MASTER_ABORT_MODE = 1 << 5
    SECONDARY_BUS_RESET = 1 << 6
    FAST_BACK_TO_BACK = 1 << 7
    PRIMARY_DISCARD_TIMER = 1 << 8
    SECONDARY_DISCARD_TIMER = 1 << 9
    DISCARD_TIMER_STATUS = 1 << 10
    DISCARD_TIMER_SERR_ENABLE = 1 << 11


class PortType(Label):
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


class Capabilities(Word):
    """PCI Express capabilities register."""

    version = Bits(0, 4)
    port_type = Bits(4, 4, PortType)
    slot_implemented = Bits(8)
    interrupt_message_number = Bits(9, 5)
    flit_mode_supported = Bits(15)


class DeviceCapabilities(Word):
    """Device capabilities register."""

    max_payload_size_supported = Bits(0, 3, doc="128 bytes << value")
    phantom_functions_supported = Bits(3, 2)
    extended_tag_supported = Bits(5)
    endpoint_l0s_latency = Bits(6, 3)
    endpoint_l1_latency = Bits(9, 3)
    role_based_error_reporting = Bits(15)
    err_cor_subclass_capable = Bits(16)
    captured_slot_power_limit_value = Bits(18, 8)
    captured_slot_power_limit_scale = Bits(26, 2)
    function_level_reset_capable = Bits(28)
    mixed_mps_supported = Bits(29)


class DeviceControl(Word):
    """Device control register."""

    correctable_error_reporting = Bits(0)
    non_fatal_error_reporting = Bits(1)
    fatal_error_reporting = Bits(2)
    unsupported_request_reporting = Bits(3)
    relaxed_ordering = Bits(4)
    max_payload_size = Bits(5, 3, doc="128 bytes << value")
    extended_tag = Bits(8)
    phantom_functions = Bits(9)
    aux_power = Bits(10)
    no_snoop = Bits(11)
    max_read_request_size = Bits(12, 3, doc="128 bytes << value")
    function_level_reset = Bits(15)


class DeviceStatus(enum.IntFlag):
    """Device status register."""

    CORRECTABLE_ERROR_DETECTED = 1 << 0
    NON_FATAL_ERROR_DETECTED = 1 << 1
    FATAL_ERROR_DETECTED = 1 << 2
    UNSUPPORTED_REQUEST_DETECTED = 1 << 3
    AUX_POWER_DETECTED = 1 << 4
    TRANSACTIONS_PENDING = 1 << 5
    EMERGENCY_POWER_REDUCTION_DETECTED = 1 << 6


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

    max_link_speed = Bits(0, 4, LinkSpeed)
    max_link_width = Bits(4, 6)
    aspm_support = Bits(10, 2)
    l0s_exit_latency = Bits(12, 3)
    l1_exit_latency = Bits(15, 3)
    clock_power_management = Bits(18)
    surprise_down_error_reporting_capable = Bits(19)
    data_link_layer_link_active_reporting_capable = Bits(20)
    link_bandwidth_notification_capable = Bits(21)
    aspm_optionality_compliance = Bits(22)
    port_number = Bits(24, 8)


class LinkControl(Word):
    """Link control register."""

    aspm_control = Bits(0, 2)
    read_completion_boundary = Bits(3)
    link_disable = Bits(4)
    retrain_link = Bits(5)
    common_clock_configuration = Bits(6)
    extended_synch = Bits(7)
    enable_clock_power_management = Bits(8)
    hardware_autonomous_width_disable = Bits(9)
    link_bandwidth_management_interrupt = Bits(10)
    link_autonomous_bandwidth_interrupt = Bits(11)
    drs_signaling_control = Bits(14, 2)


class LinkStatus(Word):
    """Link status register."""

    current_link_speed = Bits(0, 4, LinkSpeed)
    negotiated_link_width = Bits(4, 6)
    link_training = Bits(11)
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
    slot_power_limit_value = Bits(7, 8)
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
    power_controller_off = Bits(10)
    electromechanical_interlock_control = Bits(11)
    data_link_layer_state_changed_enable = Bits(12)
    auto_slot_power_limit_disable = Bits(13)
    in_band_presence_detect_disable = Bits(14)


class SlotStatus(enum.IntFlag):
    """Slot status register."""

    ATTENTION_BUTTON_PRESSED = 1 << 0
    POWER_FAULT_DETECTED = 1 << 1
    MRL_SENSOR_CHANGED = 1 << 2
    PRESENCE_DETECT_CHANGED = 1 << 3
    COMMAND_COMPLETED = 1 << 4
    MRL_SENSOR_OPEN = 1 << 5
    PRESENCE_DETECT = 1 << 6
    ELECTROMECHANICAL_INTERLOCK = 1 << 7
    DATA_LINK_LAYER_STATE_CHANGED = 1 << 8


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
    pme_status = Bits(16)
    pme_pending = Bits(17)


class UncorrectableError(enum.IntFlag):
    """Bits of the uncorrectable error status, mask and severity registers of AER."""

    UNDEFINED = 1 << 0
    DATA_LINK_PROTOCOL = 1 << 4
    SURPRISE_DOWN = 1 << 5
    POISONED_TLP = 1 << 12
    FLOW_CONTROL_PROTOCOL = 1 << 13
    COMPLETION_TIMEOUT = 1 << 14
    COMPLETER_ABORT = 1 << 15
    UNEXPECTED_COMPLETION = 1 << 16
    RECEIVER_OVERFLOW = 1 << 17
    MALFORMED_TLP = 1 << 18
    ECRC = 1 << 19
    UNSUPPORTED_REQUEST = 1 << 20
    ACS_VIOLATION = 1 << 21
    UNCORRECTABLE_INTERNAL = 1 << 22
    MC_BLOCKED_TLP = 1 << 23
    ATOMICOP_EGRESS_BLOCKED = 1 << 24
    TLP_PREFIX_BLOCKED = 1 << 25
    POISONED_TLP_EGRESS_BLOCKED = 1 << 26
    DMWR_REQUEST_EGRESS_BLOCKED = 1 << 27
    IDE_CHECK_FAILED = 1 << 28
    MISROUTED_IDE_TLP = 1 << 29
    PCRC_CHECK_FAILED = 1 << 30
    TLP_TRANSLATION_EGRESS_BLOCKED = 1 << 31


class CorrectableError(enum.IntFlag):
    """Bits of the correctable error status and mask registers of AER."""

    RECEIVER_ERROR = 1 << 0
    BAD_TLP = 1 << 6
    BAD_DLLP = 1 << 7
    REPLAY_NUM_ROLLOVER = 1 << 8
    REPLAY_TIMER_TIMEOUT = 1 << 12
    ADVISORY_NON_FATAL = 1 << 13
    CORRECTED_INTERNAL = 1 << 14
    HEADER_LOG_OVERFLOW = 1 << 15


class AerCapabilitiesAndControl(Word):
    """Advanced error capabilities and control register."""

    first_error_pointer = Bits(0, 5)
    ecrc_generation_capable = Bits(5)
    ecrc_generation_enable = Bits(6)
    ecrc_check_capable = Bits(7)
    ecrc_check_enable = Bits(8)
    multiple_header_recording_capable = Bits(9)
    multiple_header_recording_enable = Bits(10)
    tlp_prefix_log_present = Bits(11)
    completion_timeout_log_capable = Bits(12)
    header_log_size = Bits(13, 5)
    logged_tlp_in_flit_mode = Bits(18)

    def sentence(self) -> str:
        """Which of the errors came first."""
        first = 1 << self.first_error_pointer
        known = [words(e.name or "") for e in UncorrectableError if e == first > 1]
        return f"first error: {known[0]}" if known else ""


class ExtendedCapabilityHeader(Word):
    """Header of an extended capability; AER has id 1."""

    capability_id = Bits(0, 16)
    version = Bits(16, 4)
    next_capability = Bits(20, 12)


class RootErrorCommand(enum.IntFlag):
    """Root error command register."""

    CORRECTABLE_ERROR_REPORTING = 1
    NON_FATAL_ERROR_REPORTING = 2
    FATAL_ERROR_REPORTING = 4


class RootErrorStatus(Word):
    """Root error status register."""

    correctable_error_received = Bits(0)
    multiple_correctable_errors_received = Bits(1)
    uncorrectable_error_received = Bits(2)
    multiple_uncorrectable_errors_received = Bits(3)
    first_uncorrectable_fatal = Bits(4)
    non_fatal_error_received = Bits(5)
    fatal_error_received = Bits(6)
    err_cor_subclass = Bits(7, 2)
    interrupt_message_number = Bits(27, 5)


class SecondaryUncorrectableError(enum.IntFlag):
    """Bits of the secondary uncorrectable error registers of a PCI Express to PCI-X bridge."""

    TARGET_ABORT_ON_SPLIT_COMPLETION = 1 << 0
    MASTER_ABORT_ON_SPLIT_COMPLETION = 1 << 1
    RECEIVED_TARGET_ABORT = 1 << 2
    RECEIVED_MASTER_ABORT = 1 << 3
    UNEXPECTED_SPLIT_COMPLETION = 1 << 5
    UNCORRECTABLE_SPLIT_COMPLETION_MESSAGE_DATA = 1 << 6
    UNCORRECTABLE_DATA = 1 << 7
    UNCORRECTABLE_ATTRIBUTE = 1 << 8
    UNCORRECTABLE_ADDRESS = 1 << 9
    DELAYED_TRANSACTION_DISCARD_TIMER_EXPIRED = 1 << 10
    PERR_ASSERTION = 1 << 11
    SERR_ASSERTION = 1 << 12
    INTERNAL_BRIDGE = 1 << 13


class SecondaryCapabilitiesAndControl(Word):
    """Secondary error capabilities and control register."""

    secondary_uncorrectable_first_error_pointer = Bits(0, 5)
