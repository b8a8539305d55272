"""Section types by GUID.  Written by ``python -m apeitool.cper.discover``."""

SECTIONS: dict[str, str] = {
    "e19e3d16-bc11-11e4-9caa-c2051d5d46b0": "sections.arm_processor:ArmProcessorErrorSection",
    "81212a96-09ed-4996-9471-8d729c8e69ed": "sections.firmware_record:FirmwareErrorRecordReferenceSection",
    "9876ccad-47b4-4bdb-b65e-16f193c4f3db": "sections.generic_processor:GenericProcessorErrorSection",
    "dc3ea0b0-a144-4797-b95b-53fa242b6e1d": "sections.ia32_x64_processor:Ia32X64ProcessorErrorSection",
    "e429faf1-3cb7-11d4-bca7-0080c73c8881": "sections.ipf_processor:IpfProcessorErrorSection",
    "a5bc1114-6f64-4ede-b863-3e83ed7c83b1": "sections.memory:MemoryErrorSection",
    "61ec04fc-48e6-d813-25c9-8daa44750b12": "sections.memory_2:MemoryErrorSection2",
    "c5753963-3b84-4095-bf78-eddad3f9c9dd": "sections.pci_bus:PciBusErrorSection",
    "eb5e4685-ca66-4769-b6a2-26068b001326": "sections.pci_component:PciComponentErrorSection",
    "d995e954-bbc1-430f-ad91-b44dcb3c6f35": "sections.pcie:PcieErrorSection",
}
