"""How many attacks are taken for people, and how many people for attacks: APCER and BPCER of ISO/IEC 30107-3."""
