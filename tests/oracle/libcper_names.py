"""libcper's JSON names of the values in a section, and the place of each in ours.

A place is a path of fields; behind a colon a named range or flag of the last field, behind an ``@``
a bare range, first bit and width, where we give the bits no name.
"""

MEMORY = {
    "errorStatus.errorType.value": "error_status:error_type",
    "errorStatus.addressSignal": "error_status:address",
    "errorStatus.controlSignal": "error_status:control",
    "errorStatus.dataSignal": "error_status:data",
    "errorStatus.detectedByResponder": "error_status:responder",
    "errorStatus.detectedByRequester": "error_status:requester",
    "errorStatus.firstError": "error_status:first_error",
    "errorStatus.overflowDroppedLogs": "error_status:overflow",
    "physicalAddress": "physical_address",
    "physicalAddressMask": "physical_address_mask",
    "node": "node",
    "card": "card",
    "moduleRank": "module",
    "device": "device",
    "row": "row",
    "column": "column",
    "bitPosition": "bit_position",
    "requestorID": "requestor_id",
    "responderID": "responder_id",
    "targetID": "target_id",
    "memoryErrorType.value": "memory_error_type",
    "extended.rowBit16": "extended@0+1",
    "extended.rowBit17": "extended@1+1",
    "extended.chipIdentification": "extended:chip_identification",
    "rankNumber": "rank_number",
    "cardSmbiosHandle": "card_handle",
    "moduleSmbiosHandle": "module_handle",
}

ARM = {
    "errorInfoNum": "error_information_count",
    "contextInfoNum": "context_information_count",
    "sectionLength": "section_length",
    "errorAffinity.value": "error_affinity_level",
    "mpidrEl1": "mpidr_el1",
    "affinity3": "mpidr_el1:affinity_3",
    "midrEl1": "midr_el1",
    "running": "running_state@0+1",
    "psciState": "psci_state",
}

ARM_INFORMATION = {
    "version": "version",
    "length": "length",
    "errorType.value": "type",
    "multipleError.value": "multiple_error",
    "flags.firstErrorCaptured": "flags:FIRST_ERROR_CAPTURED",
    "flags.lastErrorCaptured": "flags:LAST_ERROR_CAPTURED",
    "flags.propagated": "flags:PROPAGATED",
    "flags.overflow": "flags:OVERFLOW",
    "virtualFaultAddress": "virtual_fault_address",
    "physicalFaultAddress": "physical_fault_address",
}

ARM_CACHE = {
    "transactionType.value": "transaction_type TRANSACTION_TYPE",
    "operation.value": "operation OPERATION",
    "level": "level LEVEL",
    "processorContextCorrupt": "processor_context_corrupt PROCESSOR_CONTEXT_CORRUPT",
    "corrected": "corrected CORRECTED",
    "precisePC": "precise_pc PRECISE_PC",
    "restartablePC": "restartable_pc RESTARTABLE_PC",
}
"""JSON name: range of the word, and the validation bit that governs it."""

ARM_BUS = {
    **ARM_CACHE,
    "level": "affinity_level LEVEL",
    "participationType.value": "participation_type PARTICIPATION_TYPE",
    "timedOut": "time_out TIME_OUT",
    "addressSpace.value": "address_space ADDRESS_SPACE",
    "memoryAttributes": "memory_attributes MEMORY_ATTRIBUTES",
    "accessMode.value": "access_mode TIME_OUT",
}
"""As that of a cache; libcper takes the validation bit of the access mode for that of the time-out."""

ARM_CONTEXT = {
    "version": "version",
    "registerContextType.value": "register_context_type",
    "registerArraySize": "register_array_size",
}

ARM_REGISTERS = {
    "AArch32GeneralRegisters": {"sp": "r13_sp", "lr": "r14_lr", "pc": "r15_pc"},
    "AArch32El1Registers": {"sctlr": "sctlr_ns"},
    "AArch32SecureRegisters": {"sctlr": "sctlr_s"},
}
"""Registers that libcper calls otherwise than we do: our name, its name; others are the same."""

ARM_MISC_REGISTER = {
    "mrsEncoding.op2": "encoding:op2",
    "mrsEncoding.crm": "encoding:crm",
    "mrsEncoding.crn": "encoding:crn",
    "mrsEncoding.op1": "encoding:op1",
    "mrsEncoding.o0": "encoding@14+2",
    "value": "value",
}

_CAPABILITY = {
    "pcie_capability_header.capability_id.raw": "capability_id",
    "pcie_capability_header.next_capability_pointer": "next_capability",
    "pcie_capabilities.capability_version": "capabilities:version",
    "pcie_capabilities.device_port_type.raw": "capabilities:port_type",
    "pcie_capabilities.slot_implemented": "capabilities:slot_implemented",
    "pcie_capabilities.interrupt_message_number": "capabilities:interrupt_message_number",
    "pcie_capabilities.flit_mode_supported": "capabilities:flit_mode_supported",
    "device_capabilities.max_payload_size_supported": "device_capabilities:max_payload_size_supported",
    "device_capabilities.phantom_functions_supported": "device_capabilities:phantom_functions_supported",
    "device_capabilities.extended_tag_field_supported": "device_capabilities:extended_tag_supported",
    "device_capabilities.endpoint_l0s_acceptable_latency.raw": "device_capabilities:endpoint_l0s_latency",
    "device_capabilities.endpoint_l1_acceptable_latency.raw": "device_capabilities:endpoint_l1_latency",
    "device_capabilities.role_based_error_reporting": "device_capabilities:role_based_error_reporting",
    "device_capabilities.err_cor_subclass_capable": "device_capabilities:err_cor_subclass_capable",
    "device_capabilities.rx_mps_fixed": "device_capabilities@17+1",
    "device_capabilities.captured_slot_power_limit_value": "device_capabilities:captured_slot_power_limit_value",
    "device_capabilities.captured_slot_power_limit_scale": "device_capabilities:captured_slot_power_limit_scale",
    "device_capabilities.function_level_reset_capability_supported": "device_capabilities:function_level_reset_capable",
    "device_capabilities.mixed_mps_supported": "device_capabilities:mixed_mps_supported",
    "device_capabilities.tee_io_supported": "device_capabilities@30+1",
    "device_control.correctable_error_reporting_enable": "device_control:correctable_error_reporting",
    "device_control.non_fatal_error_reporting_enable": "device_control:non_fatal_error_reporting",
    "device_control.fatal_error_reporting_enable": "device_control:fatal_error_reporting",
    "device_control.unsupported_request_reporting_enabled": "device_control:unsupported_request_reporting",
    "device_control.relaxed_ordering_enable": "device_control:relaxed_ordering",
    "device_control.max_payload_size": "device_control:max_payload_size",
    "device_control.extended_tag_field_enable": "device_control:extended_tag",
    "device_control.phantom_functions_enable": "device_control:phantom_functions",
    "device_control.aux_power_pm_enable": "device_control:aux_power",
    "device_control.enable_no_snoop": "device_control:no_snoop",
    "device_control.max_read_request_size": "device_control:max_read_request_size",
    "device_control.function_level_reset": "device_control:function_level_reset",
    "device_status.correctable_error_detected": "device_status:CORRECTABLE_ERROR_DETECTED",
    "device_status.non_fatal_error_detected": "device_status:NON_FATAL_ERROR_DETECTED",
    "device_status.fatal_error_detected": "device_status:FATAL_ERROR_DETECTED",
    "device_status.unsupported_request_detected": "device_status:UNSUPPORTED_REQUEST_DETECTED",
    "device_status.aux_power_detected": "device_status:AUX_POWER_DETECTED",
    "device_status.transactions_pending": "device_status:TRANSACTIONS_PENDING",
    "device_status.emergency_power_reduction": "device_status@6+2",
    "link_capabilities.max_link_speed": "link_capabilities:max_link_speed",
    "link_capabilities.maximum_link_width": "link_capabilities:max_link_width",
    "link_capabilities.aspm_support": "link_capabilities:aspm_support",
    "link_capabilities.l0s_exit_latency": "link_capabilities:l0s_exit_latency",
    "link_capabilities.l1_exit_latency": "link_capabilities:l1_exit_latency",
    "link_capabilities.clock_power_management": "link_capabilities:clock_power_management",
    "link_capabilities.surprise_down_error_reporting_capable": "link_capabilities:surprise_down_error_reporting_capable",
    "link_capabilities.data_link_layer_link_active_reporting_capable": "link_capabilities:data_link_layer_link_active_reporting_capable",
    "link_capabilities.link_bandwidth_notification_capability": "link_capabilities:link_bandwidth_notification_capable",
    "link_capabilities.aspm_optionality_compliance": "link_capabilities:aspm_optionality_compliance",
    "link_capabilities.port_number": "link_capabilities:port_number",
    "link_control.aspm_control": "link_control:aspm_control",
    "link_control.ptm_prop_delay_adaptation_interpretation": "link_control@2+1",
    "link_control.link_disable": "link_control:link_disable",
    "link_control.retrain_link": "link_control:retrain_link",
    "link_control.extended_synch": "link_control:extended_synch",
    "link_control.sris_clocking": "link_control@12+1",
    "link_control.flit_mode_disable": "link_control@13+1",
    "link_status.current_link_speed": "link_status:current_link_speed",
    "link_status.negotiated_link_width": "link_status:negotiated_link_width",
    "link_status.link_training": "link_status:link_training",
    "slot_capabilities.slot_power_limit_value.raw": "slot_capabilities:slot_power_limit_value",
    "slot_capabilities.slot_power_limit_scale": "slot_capabilities:slot_power_limit_scale",
    "slot_capabilities.physical_slot_number": "slot_capabilities:physical_slot_number",
    "slot_control.attention_indicator_control": "slot_control:attention_indicator_control",
    "slot_control.power_indicator_control": "slot_control:power_indicator_control",
    "slot_control.rsvdp": "slot_control@15+1",
    "slot_status.mrl_sensor_changed": "slot_status:MRL_SENSOR_CHANGED",
    "slot_status.command_completed": "slot_status:COMMAND_COMPLETED",
    "slot_status.mrl_sensor_state": "slot_status:MRL_SENSOR_OPEN",
    "root_status.pme_requester_id": "root_status:pme_requester_id",
    "root_status.pme_status": "root_status:pme_status",
    "root_status.pme_pending": "root_status:pme_pending",
}

_CAPABILITY_2 = {
    "device_capabilities2.completion_timeout_ranges_supported": "device_capabilities_2@0+4",
    "device_capabilities2.completion_timeout_disable_supported": "device_capabilities_2@4+1",
    "device_capabilities2.ari_forwarding_supported": "device_capabilities_2@5+1",
    "device_capabilities2.atomic_op_routing_supported": "device_capabilities_2@6+1",
    "device_capabilities2._32_bit_atomicop_completer_supported": "device_capabilities_2@7+1",
    "device_capabilities2._64_bit_atomicop_completer_supported": "device_capabilities_2@8+1",
    "device_capabilities2._128_bit_cas_completer_supported": "device_capabilities_2@9+1",
    "device_capabilities2.no_ro_enabled_pr_pr_passing": "device_capabilities_2@10+1",
    "device_capabilities2.ltr_mechanism_supported": "device_capabilities_2@11+1",
    "device_capabilities2.tph_completer_supported": "device_capabilities_2@12+2",
    "device_capabilities2.obff_supported": "device_capabilities_2@18+2",
    "device_capabilities2.max_end_end_tlp_prefixes.raw": "device_capabilities_2@22+2",
    "device_capabilities2.emergency_power_reduction_supported": "device_capabilities_2@24+2",
    "device_capabilities2.dmwr_lengths_supported": "device_capabilities_2@29+2",
    "device_control2.completion_timeout_value": "device_control_2:completion_timeout_value",
    "device_control2.ari_forwarding_enable": "device_control_2:ari_forwarding_enable",
    "device_control2.atomicop_requester_enable": "device_control_2:atomicop_requester_enable",
    "device_control2.atomicop_egress_blocking": "device_control_2:atomicop_egress_blocking",
    "device_control2.ido_request_enable": "device_control_2:ido_request_enable",
    "device_control2.ido_completion_enable": "device_control_2:ido_completion_enable",
    "device_control2.ltr_mechanism_enable": "device_control_2:ltr_mechanism_enable",
    "device_control2.emergency_power_reduction_request": "device_control_2:emergency_power_reduction_request",
    "device_control2.10_bit_tag_requester_enable": "device_control_2:ten_bit_tag_requester_enable",
    "device_control2.obff_enable": "device_control_2:obff_enable",
}

_UNCORRECTABLE = {
    "data_link_protocol_error": "DATA_LINK_PROTOCOL",
    "surprise_down_error": "SURPRISE_DOWN",
    "poisoned_tlp_received": "POISONED_TLP",
    "flow_control_protocol_error": "FLOW_CONTROL_PROTOCOL",
    "completion_timeout": "COMPLETION_TIMEOUT",
    "completer_abort": "COMPLETER_ABORT",
    "unexpected_completion": "UNEXPECTED_COMPLETION",
    "receiver_overflow": "RECEIVER_OVERFLOW",
    "malformed_tlp": "MALFORMED_TLP",
    "ecrc_error": "ECRC",
    "unsupported_request_error": "UNSUPPORTED_REQUEST",
    "acs_violation": "ACS_VIOLATION",
    "uncorrectable_internal_error": "UNCORRECTABLE_INTERNAL",
    "mc_blocked_tlp": "MC_BLOCKED_TLP",
    "atomicop_egress_blocked": "ATOMICOP_EGRESS_BLOCKED",
    "tlp_prefix_blocked_error": "TLP_PREFIX_BLOCKED",
    "poisoned_tlp_egress_blocked": "POISONED_TLP_EGRESS_BLOCKED",
    "dmwr_request_egress_blocked": "DMWR_REQUEST_EGRESS_BLOCKED",
    "ide_check_failed": "IDE_CHECK_FAILED",
    "misrouted_ide_tlp": "MISROUTED_IDE_TLP",
    "pcrc_check_failed": "PCRC_CHECK_FAILED",
    "tlp_translation_egress_blocked": "TLP_TRANSLATION_EGRESS_BLOCKED",
}

_CORRECTABLE = {
    "receiver_error": "RECEIVER_ERROR",
    "bad_tlp": "BAD_TLP",
    "bad_dllp": "BAD_DLLP",
    "replay_num_rollover": "REPLAY_NUM_ROLLOVER",
    "replay_timer_timeout": "REPLAY_TIMER_TIMEOUT",
    "advisory_non_fatal_error": "ADVISORY_NON_FATAL",
    "corrected_internal_error": "CORRECTED_INTERNAL",
    "header_log_overflow": "HEADER_LOG_OVERFLOW",
}


def _register(register: str, bits: dict[str, str], suffix: str) -> dict[str, str]:
    """The bits of one AER register; libcper ends the name of each in the register's kind."""
    table = {f"{register}.{name}{suffix}": f"{register}:{bit}" for name, bit in bits.items()}
    if suffix == "_status" and "poisoned_tlp_received" in bits:
        irregular = f"{register}.poisoned_tlp_received"
        table[irregular] = table.pop(f"{irregular}_status")
    return table


_AER = {
    "capability_header.capability_id": "capability_header:capability_id",
    "capability_header.capability_version": "capability_header:version",
    "capability_header.next_capability_offset": "capability_header:next_capability",
    **_register("uncorrectable_error_status", _UNCORRECTABLE, "_status"),
    **_register("uncorrectable_error_mask", _UNCORRECTABLE, "_mask"),
    **_register("uncorrectable_error_severity", _UNCORRECTABLE, "_severity"),
    **_register("correctable_error_status", _CORRECTABLE, "_status"),
    **_register("correctable_error_mask", _CORRECTABLE, "_mask"),
    "advanced_error_capabilities_and_control.first_error_pointer": "capabilities_and_control:first_error_pointer",
    "advanced_error_capabilities_and_control.header_log_size": "capabilities_and_control:header_log_size",
    "advanced_error_capabilities_and_control.logged_tlp_size": "capabilities_and_control@19+5",
    "root_error_status.err_cor_subclass": "root_error_status:err_cor_subclass",
    "root_error_status.advanced_error_interrupt_message_number": "root_error_status@25+5",
    "error_source_id.err_cor_source_identification": "correctable_error_source_id",
    "error_source_id.err_fatal_nonfatal_source_identification": "uncorrectable_error_source_id",
}

PCIE = {
    "portType.value": "port_type",
    "commandStatus.commandRegister": "command",
    "commandStatus.statusRegister": "status",
    "deviceID.vendorID": "device_id.vendor_id",
    "deviceID.deviceID": "device_id.device_id",
    "deviceID.functionNumber": "device_id.function_number",
    "deviceID.deviceNumber": "device_id.device_number",
    "deviceID.segmentNumber": "device_id.segment_number",
    "deviceID.primaryOrDeviceBusNumber": "device_id.bus_number",
    "deviceID.secondaryBusNumber": "device_id.secondary_bus_number",
    "deviceID.slotNumber": "device_id.slot_number:number",
    "bridgeControlStatus.secondaryStatusRegister": "bridge_control_status.secondary_status",
    "bridgeControlStatus.controlRegister": "bridge_control_status.control",
    **{f"capabilityStructure.{n}": f"capability_structure.{p}" for n, p in _CAPABILITY.items()},
    **{f"aerInfo.{n}": f"aer_information.{p}" for n, p in _AER.items()},
}
PCIE_VERSION = {"version.minor": "version.minor", "version.major": "version.major"}
"""Two digits each, in BCD: libcper shows the number that they write."""

PCIE_CAPABILITY_2 = {
    f"capabilityStructure.{n}": f"capability_structure.{p}" for n, p in _CAPABILITY_2.items()
}
"""What libcper shows only when the capability's version is 2 or above."""

SHIFTED = tuple(
    f"capabilityStructure.link_{what}2." for what in ("capabilities", "control", "status")
)
"""Values that libcper takes from the wrong bytes."""

WORDS = {
    "Supported": True, "NotSupported": False, "Enabled": True, "Disabled": False,
    "Fatal": True, "NonFatal": False, "Passing": True, "Failed": False,
}  # fmt: skip
"""Values that libcper writes as words: whether they are other than zero."""

DESCRIPTIONS = (".name", ".description", ".type", "Hex", ".data", "device_port_type.value",
                "latency.value", "capability_id.value", "speed.value", "prefixes.value",
                "limit_value.value", "disable.value")  # fmt: skip
"""Ends of names whose values are words about another value."""

SECTION_FLAGS = {
    "primary": "PRIMARY",
    "containmentWarning": "CONTAINMENT_WARNING",
    "reset": "RESET",
    "errorThresholdExceeded": "ERROR_THRESHOLD_EXCEEDED",
    "resourceNotAccessible": "RESOURCE_NOT_ACCESSIBLE",
    "latentError": "LATENT_ERROR",
    "propagated": "PROPAGATED",
    "overflow": "OVERFLOW",
}

TEXTS = {
    "loss of lockstep": "Loss of Lockstep error.",
    "bus parity error (address, control or data)": "Bus parity error (must also set the A, C, or D bits).",
    "detection of a path error": "Detection of a PATH_ERROR.",
    "bus operation timed out": "Bus operation timeout.",
    "read of data that was poisoned": "A read was issued to data that has been poisoned.",
    "local management": "Local Management Operation",
    "external management": "External Management Operation",
    "local processor originated": "Local Processor Originated Request",
    "local processor responded": "Local Processor Responded to Request",
    "PCIE endpoint": "PCI Express End Point",
    "legacy PCI endpoint": "Legacy PCI End Point Device",
    "PCIE to PCI bridge": "PCI Express to PCI/PCI-X Bridge",
    "PCI to PCIE bridge": "PCI/PCI-X Bridge to PCI Express Bridge",
    "root complex integrated endpoint": "Root Complex Integrated Endpoint Device",
}
"""Values that libcper names with other words: ours, its own."""
