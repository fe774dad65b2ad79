"""Readable names of CUDA kernels, for kernel-report and profile:

    void wasserkern::(anonymous namespace)::sweep_kernel<4, wasserkern::Lq<(wasserkern::Exponent)0> >(...)

is sweep<4, Lq<One>>. Enumerators are looked up in the project's headers: nothing here knows a kernel.
"""

import re
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LONGEST = 60  # characters; beyond it template arguments lose their own
OPEN, CLOSE = "<([{", ">)]}"


def demangled(names):
    """Mangled name -> what it stands for, as far as there is a demangler."""
    names = list(names)
    tool = shutil.which("c++filt") or shutil.which("cu++filt")
    if not names or not tool:
        return {name: name for name in names}
    output = subprocess.run([tool, *names], capture_output=True, text=True, check=True).stdout
    return dict(zip(names, output.splitlines()))


def enumerators(folder=ROOT / "kernels"):
    """(enumeration, value) -> enumerator, of every `enum class` in the headers below; not where two share a name."""
    found = {}
    for header in sorted(folder.rglob("*.h")):
        for name, body in re.findall(r"enum class (\w+)[^{;]*\{([^}]*)\}", header.read_text()):
            value = -1
            for entry in re.sub(r"//.*", "", body).split(","):
                match = re.match(r"\s*(\w+)\s*(?:=\s*(-?\d+))?", entry)
                if match:
                    value = int(match[2]) if match[2] else value + 1
                    found[name, value] = None if (name, value) in found else match[1]
    return {key: enumerator for key, enumerator in found.items() if enumerator}


def split(text, separator):
    """The parts of a text between separators that are in no brackets."""
    parts, depth, start = [], 0, 0
    for at, character in enumerate(text):
        depth += (character in OPEN) - (character in CLOSE)
        if depth == 0 and text.startswith(separator, at):
            parts.append(text[start:at])
            start = at + len(separator)
    return [*parts, text[start:]]


def divided(name):
    """A function's name without what it returns, and the list of what it takes."""
    name = re.sub(r"\(anonymous (namespace|class)\)|<unnamed>", "anonymous", name)
    depth = 0
    for at, character in enumerate(name):
        if character == "(" and depth == 0 and at > 0:
            return split(name[:at], " ")[-1], split(name[at + 1:name.rindex(")")], ",")
        depth += (character in OPEN) - (character in CLOSE)
    return split(name, " ")[-1], []


def short_part(text, known, deep):
    """One name, or one template argument, without namespaces and casts."""
    text = text.strip()
    cast = re.fullmatch(r"\(([\w: ]+)\)(-?\d+)\w*", text)
    if cast:
        return known.get((cast[1].split("::")[-1], int(cast[2])), cast[2])
    last = split(text, "::")[-1]
    match = re.fullmatch(r"([^<]+)<(.*)>", last)
    if not match:
        return last
    if deep == 0:
        return f"{match[1]}<…>"
    return f"{match[1]}<{', '.join(short_part(part, known, deep - 1) for part in split(match[2], ','))}>"


def short_name(name, known):
    """A demangled name shortened; what is no C++ name stays as it is."""
    scope, bracket, arguments = split(divided(name)[0], "::")[-1].partition("<")
    function = scope.removesuffix("_kernel") + bracket + arguments
    for deep in (3, 2, 1, 0):
        short = short_part(function, known, deep)
        if len(short) <= LONGEST:
            break
    return short


def short_names(names):
    """Demangled name -> short name. Those that would be alike keep the parameters that only they have."""
    known = enumerators()
    alike = {}
    for name in dict.fromkeys(names):
        alike.setdefault(short_name(name, known), []).append(name)
    short = {}
    for common, group in alike.items():
        taken = {name: [short_part(parameter, known, 1) for parameter in divided(name)[1]] for name in group}
        for name in group:
            others = [parameter for other in group if other != name for parameter in taken[other]]
            own = [parameter for parameter in taken[name] if parameter not in others]
            short[name] = f"{common}({', '.join(own)})" if len(group) > 1 else common
    return short
