"""What the script tests read of what a run left."""

import ast
import csv
import json
import math
import struct
import zlib

FLOATS = {"<f4": "f", "<f8": "d"}  # NumPy's names, and struct's


def write_npy(path, shape, values, kind="<f4", order="False"):
    """An array as numpy.save writes it."""
    header = f"{{'descr': '{kind}', 'fortran_order': {order}, 'shape': {shape!r}, }}".ljust(117) + "\n"
    content = b"\x93NUMPY\1\0" + struct.pack("<H", len(header)) + header.encode()
    path.write_bytes(content + struct.pack(f"<{len(values)}{FLOATS.get(kind, 'f')}", *values))
    return path


def png_pixels(path):
    """Width, height, channels and the decompressed rows of an 8-bit PNG; enough to see whether it shows something."""
    content = path.read_bytes()
    assert content[:8] == b"\x89PNG\r\n\x1a\n", "no PNG"
    position, compressed = 8, b""
    while position < len(content):
        length, kind = struct.unpack(">I4s", content[position:position + 8])
        chunk = content[position + 8:position + 8 + length]
        (checksum,) = struct.unpack(">I", content[position + 8 + length:position + 12 + length])
        assert checksum == zlib.crc32(kind + chunk), "damaged PNG"
        if kind == b"IHDR":
            width, height, depth, colour = struct.unpack(">IIBB", chunk[:10])
            assert depth == 8
        elif kind == b"IDAT":
            compressed += chunk
        position += 12 + length
    return width, height, {0: 1, 2: 3}[colour], zlib.decompress(compressed)


def column(run, name):
    with open(run / "metrics.csv", newline="") as file:
        return [float(row[name]) for row in csv.DictReader(file) if row[name]]


def results(run):
    """The rows of a run's table."""
    with open(run / "results.csv", newline="") as file:
        return list(csv.DictReader(file))


def mean(values):
    return sum(values) / len(values)


def npy_points(path):
    """The rows of an array of floats in NumPy's format."""
    content = path.read_bytes()
    assert content[:8] == b"\x93NUMPY\1\0", "not NumPy's format 1.0"
    (length,) = struct.unpack("<H", content[8:10])
    header = ast.literal_eval(content[10:10 + length].decode())
    assert not header["fortran_order"]
    rows, *extents = header["shape"]
    columns = math.prod(extents)
    values = struct.unpack(f"<{rows * columns}{FLOATS[header['descr']]}", content[10 + length:])
    return [values[i:i + columns] for i in range(0, len(values), columns)]


def checkpoint_entries(run):
    """Name and bytes of all that is in a run's checkpoint."""
    content = (run / "checkpoint.safetensors").read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    for name, entry in json.loads(content[8:8 + length]).items():
        if name != "__metadata__":
            begin, end = (8 + length + offset for offset in entry["data_offsets"])
            yield name, content[begin:end]


def checkpoint_values(run, network):
    """Every value of a network in a run's checkpoint."""
    values = []
    for name, content in checkpoint_entries(run):
        if name.startswith(network + "."):
            values += struct.unpack(f"<{len(content) // 4}f", content)
    return values


def checkpoint_count(run, name):
    """A whole number in a run's checkpoint."""
    return int.from_bytes(dict(checkpoint_entries(run))[name], "little")


def png_pixels_size(path):
    content = path.read_bytes()
    assert content[:8] == b"\x89PNG\r\n\x1a\n", "no PNG"
    return struct.unpack(">IIBB", content[16:26])
