"""Tables as kernel-report and profile print them: aligned columns, or Markdown."""

import re


def is_number(cell):
    return re.match(r"-?[\d.,]+( %|$)", cell) is not None


def table(header, rows, markdown=False):
    """Lines of a table of strings; columns of numbers are aligned to the right."""
    if markdown:
        first, *others = (f"| {' | '.join(row)} |" for row in [header, *rows])
        return "\n".join([first, "|" + "---|" * len(header), *others])
    widths = [max(map(len, column)) for column in zip(header, *rows)]
    right = [all(is_number(cell) for cell in column if cell) and any(column) for column in zip(*rows)]
    right = right or [False] * len(header)
    return "\n".join("  ".join(cell.rjust(width) if to_right else cell.ljust(width)
                               for cell, width, to_right in zip(row, widths, right)).rstrip()
                     for row in [header, *rows])
