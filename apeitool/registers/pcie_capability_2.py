"""Second half of the PCI Express capability, which version 2 of it has.

Source:  PCI Express Base Specification 6.0 7.5.3.15 to 7.5.3.23
"""

from apeitool.registers.pcie_capability import RAW, SUPPORTED, LinkSpeed
from apeitool.wire.labels import Bits, Label, Word
from apeitool.wire.shapes import NUMBER, Choice, Json

_NUMBER = Json(shape=NUMBER)


class DeviceCapabilities2(Word):
    """Device capabilities 2 register."""

    completion_timeout_ranges_supported = Bits(0, 4)
    completion_timeout_disable_supported = Bits(4, json=SUPPORTED)
    ari_forwarding_supported = Bits(5, json=SUPPORTED)
    atomicop_routing_supported = Bits(6, json=Json("atomic_op_routing_supported", SUPPORTED.shape))
    atomicop_32_bit_completer_supported = Bits(
        7, json=Json("_32_bit_atomicop_completer_supported", SUPPORTED.shape)
    )
    atomicop_64_bit_completer_supported = Bits(
        8, json=Json("_64_bit_atomicop_completer_supported", SUPPORTED.shape)
    )
    cas_128_bit_completer_supported = Bits(
        9, json=Json("_128_bit_cas_completer_supported", SUPPORTED.shape)
    )
    no_ro_enabled_pr_pr_passing = Bits(10, json=Json(shape=Choice("Failed", "Passing")))
    ltr_mechanism_supported = Bits(11, json=SUPPORTED)
    tph_completer_supported = Bits(12, 2, json=SUPPORTED)
    ln_system_cls = Bits(14, 2)
    ten_bit_tag_completer_supported = Bits(16)
    ten_bit_tag_requester_supported = Bits(17)
    obff_supported = Bits(18, 2, json=SUPPORTED)
    extended_fmt_field_supported = Bits(20)
    end_end_tlp_prefix_supported = Bits(21)
    max_end_end_tlp_prefixes = Bits(22, 2, json=RAW)
    emergency_power_reduction_supported = Bits(24, 2, json=SUPPORTED)
    emergency_power_reduction_initialization_required = Bits(26)
    dmwr_completer_supported = Bits(28)
    dmwr_lengths_supported = Bits(29, 2)
    frs_supported = Bits(31)


class DeviceControl2(Word):
    """Device control 2 register."""

    completion_timeout_value = Bits(0, 4)
    completion_timeout_disable = Bits(4)
    ari_forwarding_enable = Bits(5)
    atomicop_requester_enable = Bits(6)
    atomicop_egress_blocking = Bits(7)
    ido_request_enable = Bits(8)
    ido_completion_enable = Bits(9)
    ltr_mechanism_enable = Bits(10)
    emergency_power_reduction_request = Bits(11)
    ten_bit_tag_requester_enable = Bits(12, json=Json("bit_tag_requester_10_enable"))
    obff_enable = Bits(13, 2)
    end_end_tlp_prefix_blocking = Bits(15)


class LinkSpeeds(Label):
    """Supported link speeds, a bit for each; most ports support all up to one."""

    NONE = 0
    GT_2_5 = 1
    UP_TO_GT_5 = 3
    UP_TO_GT_8 = 7
    UP_TO_GT_16 = 15
    UP_TO_GT_32 = 31
    UP_TO_GT_64 = 63

    @property
    def text(self) -> str:
        """The speeds in their unit."""
        bits = (n for n in range(self.bit_length()) if self >> n & 1)
        speeds = (LinkSpeed(n + 1).text.removesuffix(" GT/s") for n in bits)
        return f"{', '.join(speeds)} GT/s" if self else "none"


class LinkCapabilities2(Word):
    """Link capabilities 2 register."""

    supported_link_speeds = Bits(1, 7, LinkSpeeds, json=_NUMBER)
    crosslink_supported = Bits(8, json=SUPPORTED)
    lower_skp_os_generation_supported_speeds = Bits(
        9, 7, LinkSpeeds, json=Json("lower_skp_os_generation_supported", NUMBER)
    )
    lower_skp_os_reception_supported_speeds = Bits(
        16, 7, LinkSpeeds, json=Json("lower_skp_os_reception_supported", NUMBER)
    )
    retimer_presence_detect_supported = Bits(23, json=SUPPORTED)
    two_retimers_presence_detect_supported = Bits(24, json=SUPPORTED)
    drs_supported = Bits(31, json=SUPPORTED)


class LinkControl2(Word):
    """Link control 2 register."""

    target_link_speed = Bits(0, 4, LinkSpeed, json=RAW)
    enter_compliance = Bits(4, json=SUPPORTED)
    hardware_autonomous_speed_disable = Bits(5, json=RAW)
    selectable_de_emphasis = Bits(6)
    transmit_margin = Bits(7, 3)
    enter_modified_compliance = Bits(10)
    compliance_sos = Bits(11)
    compliance_preset = Bits(12, 4, json=Json("compliance_preset_de_emphasis"))


class LinkStatus2(Word):
    """Link status 2 register."""

    current_de_emphasis_level = Bits(0, json=_NUMBER)
    equalization_complete = Bits(1, json=Json("equalization_8gts_complete"))
    equalization_phase_1_successful = Bits(2, json=Json("equalization_8gts_phase1_successful"))
    equalization_phase_2_successful = Bits(3, json=Json("equalization_8gts_phase2_successful"))
    equalization_phase_3_successful = Bits(4, json=Json("equalization_8gts_phase3_successful"))
    link_equalization_request = Bits(5, json=Json("link_equalization_request_8gts"))
    retimer_presence_detected = Bits(6)
    two_retimers_presence_detected = Bits(7)
    crosslink_resolution = Bits(8, 2)
    flit_mode_status = Bits(10, json=_NUMBER)
    downstream_component_presence = Bits(12, 3)
    drs_message_received = Bits(15)


class SlotCapabilities2(Word):
    """Slot capabilities 2 register."""

    in_band_presence_detect_disable_supported = Bits(0)
