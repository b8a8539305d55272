"""Section types by GUID.  Written by ``python -m apeitool.cper.discover``."""

SECTIONS: dict[str, str] = {
    "e19e3d16-bc11-11e4-9caa-c2051d5d46b0": "sections.arm_processor:ArmProcessorErrorSection",
    "a5bc1114-6f64-4ede-b863-3e83ed7c83b1": "sections.memory:MemoryErrorSection",
    "d995e954-bbc1-430f-ad91-b44dcb3c6f35": "sections.pcie:PcieErrorSection",
    "32ac0c78-2623-48f6-b0d0-7365725fd6ae": "sections.vendor.amd_gpu_crashdump:AmdGpuCrashDumpSection",
    "32ac0c78-2623-48f6-81a2-ac691780551d": "sections.vendor.amd_gpu_nonstandard:AmdGpuNonstandardErrorSection",
    "e8ed898d-df16-43cc-8ecc-54f060ef157f": "sections.vendor.ampere_altra:AmpereAltraErrorSection",
    "2826cc9f-448c-4c2b-86b6-a95394b7ef33": "sections.vendor.ampere_one:AmpereOneErrorSection",
    "c8b328a8-9917-4af6-9a13-2e08ab2e7586": "sections.vendor.hisilicon:HisiliconErrorSection",
    "1f8161e1-55d6-41e6-bd10-7afd1dc5f7c5": "sections.vendor.hisilicon_oem_type1:HisiliconOemType1Section",
    "45534ea6-ce23-4115-8535-e07ab3aef91d": "sections.vendor.hisilicon_oem_type2:HisiliconOemType2Section",
    "b2889fc9-e7d7-4f9d-a867-af42e98be772": "sections.vendor.hisilicon_pcie_local:HisiliconPcieLocalSection",
    "dac80d69-0a72-4eba-8114-148ee344af06": "sections.vendor.jaguar_cmn:JaguarCmnSection",
    "746f06fe-405e-451f-8d09-02e802ed984a": "sections.vendor.jaguar_gic:JaguarGicSection",
    "82d78ba3-fa14-407a-ba0e-f3ba8170013c": "sections.vendor.jaguar_ras:JaguarRasSection",
    "f9723053-2558-49b1-b58a-1c1a82492a62": "sections.vendor.jaguar_smmu:JaguarSmmuSection",
    "2d31de54-3037-4f24-a283-f69ca1ec0b9a": "sections.vendor.jaguar_sram:JaguarSramSection",
    "6d5244f2-2712-11ec-bea7-cb3fdb95c786": "sections.vendor.nvidia:NvidiaErrorSection",
    "9068e568-6ca0-11f0-aeaf-159343591eac": "sections.vendor.nvidia_event:NvidiaEventSection",
    "a6980811-16ea-4e4d-b936-fb00a23ff29c": "sections.vendor.yitian:YitianErrorSection",
}
