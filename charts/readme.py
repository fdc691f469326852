"""Writes a chart's README.md with its table of values, made from the `# --` comments of values.yaml, after the marker.

Usage: readme.py CHART >README.md. It knows the YAML that values.yaml is written in, no more: maps by two spaces, a value
on the line of its key or, of a list, on the lines below.
"""

import pathlib
import re
import sys

MARKER = "<!-- values -->"


def rows(text):
    path, comment, found = [], None, []
    for line in text.splitlines():
        if match := re.match(r" *# -- (.*)$", line):
            comment = match.group(1)
        elif comment and (match := re.match(r" *# (.*)$", line)):
            comment += " " + match.group(1)
        elif match := re.match(r"( *)([A-Za-z]+):(?: (.*))?$", line):
            path = path[: len(match.group(1)) // 2] + [match.group(2)]
            if comment:
                found.append([".".join(path), match.group(3) or "", comment])
            elif match.group(3):
                sys.exit(f"values.yaml: {'.'.join(path)} has no comment (expected: a line '# -- …' above it)")
            comment = None
        elif line.strip().startswith("- ") and not found[-1][1].endswith("]"):
            found[-1][1] += (", " if found[-1][1] else "") + line.strip()[2:]
    return found


def main(chart):
    head = (chart / "README.md").read_text().split(MARKER)[0]
    print(head + MARKER + "\n| Value | Default | Means |\n|---|---|---|")
    for name, default, means in rows((chart / "values.yaml").read_text()):
        print("| " + " | ".join(cell.replace("|", "\\|") for cell in (f"`{name}`", f"`{default}`", means)) + " |")


main(pathlib.Path(sys.argv[1]))
