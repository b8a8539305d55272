"""Names of the GUIDs that records carry, other than those of section types that are decoded here."""

NOTIFICATION_TYPES = {
    "2dce8bb1-bdd7-450e-b9ad-9cf4ebd4f890": "CMC",
    "4e292f96-d843-4a55-a8c2-d481f27ebeee": "CPE",
    "e8f56ffe-919c-4cc5-ba88-65abe14913bb": "MCE",
    "cf93c01f-1a16-4dfc-b8bc-9c4daf67c104": "PCIe",
    "cc5263e8-9308-454a-89d0-340bd39bc98e": "INIT",
    "5bad89ff-b7e6-42c9-814a-cf2485d6e98a": "NMI",
    "3d61a466-ab40-409a-a698-f362d464b38f": "BOOT",
    "667dd791-c6b3-4c27-8a6b-0f8e722deb41": "DMAr",
    "9a78788a-bbe8-11e4-809e-67611e5d46b0": "SEA",
    "5c284c81-b0ae-4e87-a322-b04c85624323": "SEI",
    "09a9d5ac-5204-4214-96e5-94992e752bcd": "PEI",
    "69293bc9-41df-49a3-b4bd-4fb0db3041f6": "CXL component",
    "487565ba-6494-4367-95ca-4eff893522f6": "BMC (Microsoft)",
    "e9d59197-94ee-4a4f-8ad8-9b7d8bd93d2e": "SCI (Microsoft)",
    "fe84086e-b557-43cf-ac1b-17982e078470": "external interrupt (Microsoft)",
    "0033f803-2e70-4e88-992c-6f26daf3db7a": "device driver (Microsoft)",
    "919448b2-3739-4b7f-a8f1-e0062805c2a3": "CMCI (Microsoft)",
    "3e62a467-ab40-409a-a698-f362d464b38f": "generic (Microsoft)",
}

LINUX_PSTORE = "75a574e3-5052-4b29-8a8e-be2c6490b89d"

CREATORS = {
    "cf07c4bd-b789-4e18-b3c4-1f732cb57131": "Windows kernel",
    "57217c8d-5e66-44fb-8033-9b74cacedf5b": "Windows device driver",
    LINUX_PSTORE: "Linux pstore",
}

SECTION_NAMES = {
    "9876ccad-47b4-4bdb-b65e-16f193c4f3db": "generic processor error",
    "dc3ea0b0-a144-4797-b95b-53fa242b6e1d": "IA32/X64 processor error",
    "e429faf1-3cb7-11d4-bca7-0080c73c8881": "IPF processor error",
    "bf32d4d5-b427-4025-8495-8a9e5d4030e4": "Arm RAS node",
    "61ec04fc-48e6-d813-25c9-8daa44750b12": "memory error 2",
    "c5753963-3b84-4095-bf78-eddad3f9c9dd": "PCI/PCI-X bus error",
    "eb5e4685-ca66-4769-b6a2-26068b001326": "PCI component error",
    "81212a96-09ed-4996-9471-8d729c8e69ed": "firmware error record reference",
    "5b51fef7-c79d-4434-8f1b-aa62de3e2c64": "DMAr generic error",
    "71761d37-32b2-45cd-a7d0-b0fedd93e8cf": "VT-d DMAr error",
    "036f84e1-7f37-428c-a79e-575fdfaa84ec": "IOMMU DMAr error",
    "91335ef6-ebfb-4478-a6a6-88b728cf75d7": "CCIX PER log",
    "80b9efb4-52b5-4de3-a777-68784b771048": "CXL protocol error",
    "fbcd0a77-c260-417f-85a9-088b1621eba6": "CXL general media event",
    "601dcbb3-9c06-4eab-b8af-4e9bfb5c9624": "CXL DRAM event",
    "fe927475-dd59-4339-a586-79bab113b774": "CXL memory module event",
    "77cf9271-9c02-470b-9fe4-bc7b75f2da97": "CXL physical switch event",
    "40d26425-3396-4c4d-a5da-3d47263af425": "CXL virtual switch event",
    "8dc44363-0c96-4710-b7bf-04bb99534c3f": "CXL MLD port event",
    "c197e04e-d545-4a70-9c17-a5549419eb12": "Linux kernel log",
    "4f118707-04dd-4055-b5dd-956d34ddfac6": "Linux kernel log, compressed",
    "fe08ffbe-95e4-4be7-bc73-4096044a38fc": "Linux machine check",
    "5e4706c1-5356-48c6-930b-52f2120a4458": "FRU memory poison (Linux)",
    "990b31e9-541a-4db0-a42f-837d344f6923": "device error summary (Microsoft)",
    "6f3380d1-6eb0-497f-a578-4d4c65a71617": "IPF SAL record (Microsoft)",
    "e71254e8-c1b9-4940-ab76-909703a4320f": "generic hardware error (Microsoft)",
}
