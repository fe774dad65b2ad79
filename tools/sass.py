"""Finds the hot inner loop of every kernel in what `nvdisasm` prints of a cubin, and what that loop is made of."""

import collections
import re

# How often a loop is thought to run where nothing is known; compilers guess alike.
TURNS = 10
# What kernels exist for; everything else in a loop feeds it.
FLOATING = {"FADD", "FFMA", "FMUL", "FADD2", "FFMA2", "FMUL2", "HADD2", "HFMA2", "HMUL2", "MUFU", "HMMA", "HGMMA"}
BYTES = {"VABSDIFF", "VABSDIFF4", "IDP", "IMMA"}
# A product of small matrices is the work of so many FFMA: 16 x 8 x 8 of them by 32 lanes.
MATRIX = {"HMMA": 32, "HGMMA": 32, "IMMA": 32}

Instruction = collections.namedtuple("Instruction", "predicate code operands")


class Kernel:
    """The code of one kernel: instructions, and where its labels point."""

    def __init__(self):
        self.instructions, self.labels, self.threads = [], {}, None


def read_disassembly(text):
    """Mangled name -> Kernel. With its launch bound, if the text has the information sections."""
    kernels = collections.defaultdict(Kernel)
    code = information = None
    for line in text.splitlines():
        if section := re.match(r"\s*\.section\s+\.(text|nv\.info)\.([^,\s]+)|\s*\.section\s", line):
            code = section[2] if section[1] == "text" else None
            information = section[2] if section[1] == "nv.info" else None
            attribute, words = None, []
        elif code:
            if label := re.match(r"(\.L_x_\d+):", line):
                kernels[code].labels[label[1]] = len(kernels[code].instructions)
            elif found := re.match(r"\s+/\*[0-9a-f]+\*/\s+(?:(@!?U?P\w+)\s+)?([A-Z][\w.]*)\s*(.*?)\s*;", line):
                kernels[code].instructions.append(Instruction(*found.groups()))
        elif information:
            if found := re.search(r"//-+ nvinfo : EIATTR_(\w+)", line):
                attribute, words = found[1], []
            elif attribute in ("MAX_THREADS", "REQNTID") and (found := re.search(r"\.word\s+0x([0-9a-f]+)", line)):
                words.append(int(found[1], 16))
                if len(words) == 3:
                    kernels[information].threads = words[0] * words[1] * words[2]
    return {name: kernel for name, kernel in kernels.items() if kernel.instructions}


def base(instruction):
    """What it does, without how: LDG of LDG.E.128."""
    return instruction.code.split(".")[0]


def targets_of(instruction, labels):
    """Places that it may jump to. A call of a label inside the kernel is a jump, a call of a function comes back."""
    if base(instruction) not in ("BRA", "CALL", "JMP", "BRX", "JMX"):
        return []
    named = re.search(r"`\((\.L_x_\d+)\)|BRANCH_TARGETS ([^\"]*)", instruction.operands)
    names = (named[1] or named[2]).split(",") if named else []
    return [labels[name] for name in names if name in labels]


def falls_through(instruction, targets):
    """Whether the instruction after it may be next."""
    if instruction.predicate not in (None, "@PT"):
        return True
    if base(instruction) == "CALL":
        return not targets
    if base(instruction) == "BRA":  # `BRA P0, target` and `BRA.DIV UR4, target` have a condition of their own
        return "," in instruction.operands
    return base(instruction) not in ("EXIT", "RET", "JMP", "BRX", "JMX", "KILL")


def flow(kernel):
    """Blocks of instructions without jumps, as ranges of places, and the blocks that may follow each."""
    instructions = kernel.instructions
    targets = [targets_of(instruction, kernel.labels) for instruction in instructions]
    passes = [falls_through(*pair) for pair in zip(instructions, targets)]
    starts = {0} | {target for some in targets for target in some}
    starts |= {at + 1 for at in range(len(instructions)) if targets[at] or not passes[at]}
    starts = sorted(start for start in starts if start < len(instructions))
    blocks = [range(start, end) for start, end in zip(starts, [*starts[1:], len(instructions)])]
    block_at = {block.start: place for place, block in enumerate(blocks)}
    following = [{block_at[at] for at in (*targets[block[-1]], *([block.stop] if passes[block[-1]] else []))
                  if at in block_at} for block in blocks]
    return blocks, following


def dominators(following):
    """Of every block that can be reached from the first, the blocks that every way to it goes through."""
    reached, waiting = [], [0]
    while waiting:
        block = waiting.pop()
        if block not in reached:
            reached.append(block)
            waiting.extend(following[block])
    reached.sort()
    before = {block: [other for other in reached if block in following[other]] for block in reached}
    dominating = {block: set(reached) for block in reached}
    dominating[0] = {0}
    changed = True
    while changed:
        changed = False
        for block in reached[1:]:
            new = {block} | set.intersection(*(dominating[other] for other in before[block]))
            changed |= new != dominating[block]
            dominating[block] = new
    return dominating, before


def loops(following):
    """Every loop as its set of blocks: those on a way back to a block that all ways into it go through."""
    dominating, before = dominators(following)
    bodies = {}
    for block, others in dominating.items():
        for head in following[block] & others:
            body = bodies.setdefault(head, {head})
            waiting = [block]
            while waiting:
                at = waiting.pop()
                if at not in body:
                    body.add(at)
                    waiting.extend(before[at])
    return list(bodies.values())


def does_nothing_of_its_name(instruction):
    """HFMA2 also loads constants, and before an asynchronous copy there are loads that never happen."""
    return instruction.predicate == "@!PT" or base(instruction) == "HFMA2" and "-RZ, RZ" in instruction.operands


def width(code):
    found = re.search(r"\.(64|128|256|[US]8|[US]16)(\.|$)", code)
    return int(found[1].lstrip("US")) if found else 32


class Mix:
    """What a loop is made of: how many of its instructions do arithmetic, and how wide its accesses are."""

    MEMORY = {"shared_loads": ("LDS",), "shared_stores": ("STS",), "matrix_loads": ("LDSM",),
              "async_copies": ("LDGSTS",), "global_loads": ("LDG", "LD"), "global_stores": ("STG", "ST"),
              "local_loads": ("LDL",), "local_stores": ("STL",)}

    def __init__(self, instructions):
        real = [instruction for instruction in instructions if not does_nothing_of_its_name(instruction)]
        bases = collections.Counter(map(base, real))
        counted = BYTES if bases.keys() & BYTES else FLOATING
        self.instructions = len(instructions)
        self.counted = {code: bases[code] for code in sorted(counted) if bases[code]}
        self.barriers = bases["BAR"]
        self.memory = {name: dict(sorted(collections.Counter(
            width(instruction.code) for instruction in real if base(instruction) in codes).items()))
            for name, codes in self.MEMORY.items()}

    def work(self):
        return sum(MATRIX.get(code, 1) * count for code, count in self.counted.items())

    def bits(self):
        return sum(bits * count for widths in self.memory.values() for bits, count in widths.items())

    def share(self, codes=None):
        """Of the loop's instructions, those that do arithmetic, or those of them with certain codes."""
        useful = sum(count for code, count in self.counted.items() if codes is None or code in codes)
        return useful / self.instructions


def hot_loop(kernel):
    """The Mix of the loop with the most work, loops inside of it left out; None for a kernel without loops. Of
    loops with as much of it the one that moves more counts, then the shorter one: others handle what is left over."""
    blocks, following = flow(kernel)
    found = loops(following)
    best = None
    for body in found:
        inner = set().union(*(other for other in found if other < body))
        mix = Mix([kernel.instructions[at] for block in sorted(body - inner) for at in blocks[block]])
        weight = TURNS ** sum(body <= other for other in found)
        key = (mix.work() * weight, mix.bits() * weight, -mix.instructions)
        if best is None or key > best[0]:
            best = key, mix
    return best[1] if best else None
