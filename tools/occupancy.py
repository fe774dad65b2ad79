"""How many warps of a kernel a multiprocessor can hold, as CUDA's own cuda_occupancy.h has it."""

# CUDA programming guide, technical specifications per compute capability: warps, blocks and KiB of shared memory of a
# multiprocessor; all have 65536 registers. From 8.0 on every block has a KiB of shared memory taken by the system.
LIMITS = {75: (32, 16, 64), 80: (64, 32, 164), 86: (48, 16, 100), 87: (48, 16, 164), 89: (48, 24, 100),
          90: (64, 32, 228), 100: (64, 32, 228), 103: (64, 32, 228), 120: (48, 24, 100)}


def round_up(value, step):
    return -(-value // step) * step


def occupancy(architecture, registers, shared, threads):
    """Warps that a multiprocessor can hold at a time, and how many it has places for."""
    most_warps, most_blocks, kib = LIMITS[architecture]
    warps = -(-threads // 32)
    # Each of the four parts of a multiprocessor has a quarter of the registers, given out to warps in steps of 256.
    held = 65536 // 4 // round_up(max(registers, 1) * 32, 256) * 4
    taken = round_up(shared, 256) if architecture < 80 else round_up(shared + 1024, 128)
    blocks = min(most_blocks, most_warps // warps, held // warps, kib * 1024 // taken if taken else most_blocks)
    return blocks * warps, most_warps
