"""Section types by GUID.  Written by ``python -m apeitool.cper.discover``."""

SECTIONS: dict[str, str] = {
    "e19e3d16-bc11-11e4-9caa-c2051d5d46b0": "sections.arm_processor:ArmProcessorErrorSection",
    "9876ccad-47b4-4bdb-b65e-16f193c4f3db": "sections.generic_processor:GenericProcessorErrorSection",
    "a5bc1114-6f64-4ede-b863-3e83ed7c83b1": "sections.memory:MemoryErrorSection",
    "61ec04fc-48e6-d813-25c9-8daa44750b12": "sections.memory_2:MemoryErrorSection2",
    "d995e954-bbc1-430f-ad91-b44dcb3c6f35": "sections.pcie:PcieErrorSection",
}
