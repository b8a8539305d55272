"""Section types by GUID.  Written by ``python -m apeitool.cper.discover``."""

SECTIONS: dict[str, str] = {
    "e19e3d16-bc11-11e4-9caa-c2051d5d46b0": "sections.arm_processor:ArmProcessorErrorSection",
    "bf32d4d5-b427-4025-8495-8a9e5d4030e4": "sections.arm_ras_node:ArmRasNodeSection",
    "91335ef6-ebfb-4478-a6a6-88b728cf75d7": "sections.ccix_per:CcixPerErrorSection",
    "601dcbb3-9c06-4eab-b8af-4e9bfb5c9624": "sections.cxl_dram:CxlDramEventSection",
    "ca95afa7-f183-4018-8c2f-95268e101a2a": "sections.cxl_dynamic_capacity:CxlDynamicCapacityEventSection",
    "fbcd0a77-c260-417f-85a9-088b1621eba6": "sections.cxl_general_media:CxlGeneralMediaEventSection",
    "fe927475-dd59-4339-a586-79bab113b774": "sections.cxl_memory_module:CxlMemoryModuleEventSection",
    "e71f3a40-2d29-4092-8a39-4d1c966c7c65": "sections.cxl_memory_sparing:CxlMemorySparingEventSection",
    "8dc44363-0c96-4710-b7bf-04bb99534c3f": "sections.cxl_mld_port:CxlMldPortEventSection",
    "77cf9271-9c02-470b-9fe4-bc7b75f2da97": "sections.cxl_physical_switch:CxlPhysicalSwitchEventSection",
    "80b9efb4-52b5-4de3-a777-68784b771048": "sections.cxl_protocol:CxlProtocolErrorSection",
    "40d26425-3396-4c4d-a5da-3d47263af425": "sections.cxl_virtual_switch:CxlVirtualSwitchEventSection",
    "5b51fef7-c79d-4434-8f1b-aa62de3e2c64": "sections.dmar_generic:DmarGenericErrorSection",
    "036f84e1-7f37-428c-a79e-575fdfaa84ec": "sections.dmar_iommu:IommuErrorSection",
    "71761d37-32b2-45cd-a7d0-b0fedd93e8cf": "sections.dmar_vtd:VtdErrorSection",
    "a5bc1114-6f64-4ede-b863-3e83ed7c83b1": "sections.memory:MemoryErrorSection",
    "d995e954-bbc1-430f-ad91-b44dcb3c6f35": "sections.pcie:PcieErrorSection",
}
