#!/usr/bin/env python3
"""docs.py SOURCE_DIR: what the documents name exists, and their tables are the code's.

Checks every link to a file, every path in backticks, every `make` target, README's table of formats against
core/format.hpp, and that README and docs/dispatch.md list the kernel sets that runtime/cpu.hpp knows.
"""
import glob
import pathlib
import re
import sys

FOLDERS = ("include|docs|tests|scripts|examples|cmake|bench|"
           "core|formats|reference|kernels|detail|runtime|ops|measure|model|roofline")
PATH = re.compile(rf"^(?:{FOLDERS})/[\w./*-]*$")
ACTIVATIONS = {"kF32": "float", "kA32": "int8 per 32", "kA256": "int8 per 256"}


def exists(source, name):
    """A path from the project's root, from its headers, or from its tests; `*` stands for anything."""
    return any(glob.glob(str(source / base / name)) for base in ("", "include/edgek", "tests"))


def broken_names(source, document, text):
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", text):
        if not target.startswith("http") and not (document.parent / target).exists():
            yield f"link to {target}"
    makefile = (source / "Makefile").read_text()
    for code in re.findall(r"`([^`\n]+)`", text):
        if PATH.match(code) and not exists(source, code) and not exists(source, code + ".cpp"):
            yield f"path {code}"
        made = re.match(r"make ([a-z0-9-]+)", code)
        if made and not re.search(rf"^{made[1]}:", makefile, re.M):
            yield f"target {code}"


def format_rows(source):
    """README's rows, from the table of formats."""
    text = (source / "include/edgek/core/format.hpp").read_text()
    rows = re.findall(r'\{Format::k\w+, "(\w+)", \d+, (\d+), (\d+), \d+, Activation::(\w+)\}', text)
    for name, weights, size, activation in rows:
        bits = 8 * int(size) / int(weights)
        yield f"| {name} | {bits:g} | {size} / {weights} | {ACTIVATIONS[activation]} |"


def missing_rows(source):
    readme = (source / "README.md").read_text()
    rows = list(format_rows(source))
    if len(rows) < 11:
        yield f"core/format.hpp: only {len(rows)} rows understood"
    for row in rows:
        if row not in readme:
            yield f"README.md: no row {row}"
    sets = re.findall(r'set == "(\w+)"', (source / "include/edgek/runtime/cpu.hpp").read_text())
    if len(sets) < 6:
        yield f"runtime/cpu.hpp: only {len(sets)} sets understood"
    for document in ("README.md", "docs/dispatch.md"):
        table = [line for line in (source / document).read_text().splitlines() if line.startswith("|")]
        for name in sets:
            if not any(re.match(rf"\|[^|]*\b{name}\b", line) for line in table):
                yield f"{document}: no row for the kernel set {name}"


def main():
    source = pathlib.Path(sys.argv[1]).resolve()
    documents = sorted(source.glob("*.md")) + sorted((source / "docs").glob("*.md"))
    found = [f"{d.relative_to(source)}: no {what}" for d in documents for what in broken_names(source, d, d.read_text())]
    found += missing_rows(source)
    print(f"{len(documents)} documents, {len(found)} defects")
    for line in found:
        print(line)
    return 1 if found or len(documents) < 5 else 0


sys.exit(main())
