#!/usr/bin/env python3
"""What kernels cost on Arm CPUs that are not at hand: a static estimate, nothing measured.

usage: arm_throughput.py [--compiler aarch64-linux-gnu-g++-12] [--highway DIR]

Compiles the kernels for 64-bit Arm, cuts inner loops out of the assembly, and has llvm-mca schedule 100 turns of each:
all data in the first cache, branches known, nothing else running.

The first table is of one token: weights per cycle of the whole loop over blocks; of a super-block, what stands around
the inner loop is added once. Times a clock and the bytes of a weight, it is the rate up to which arithmetic does not
bind. The second one is of several tokens: multiply-adds per cycle of the innermost loop alone, over the tokens that a
tile's unpacked weights meet, or over a panel's weights; what unpacking costs is not in it.

Needs a cross compiler (scripts/setup.sh arm) and llvm-mca (package llvm-19).
"""
import argparse
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

PROJECT = pathlib.Path(__file__).resolve().parent.parent
TURNS = 100
TILE_ROWS = 4
CPUS = ["cortex-a76", "neoverse-n1", "neoverse-v2", "apple-m1"]
KERNELS = {  # format: (function, weights of a block)
    "Q8_0": ("Tile32One<{base}::Q8_0Bytes<false> >", 32),
    "Q4_0": ("Tile32One<{base}::Q4_0>", 32),
    "Q4_1": ("Tile32One<{base}::Q4_1>", 32),
    "Q5_0": ("Tile32One<{base}::Q5_0>", 32),
    "Q5_1": ("Tile32One<{base}::Q5_1>", 32),
    "Q4_K": ("Tile256One<{base}::Q4_K>", 256),
    "Q5_K": ("Tile256One<{base}::Q5_K>", 256),
    "Q6_K": ("Tile256One<{base}::Q6_K>", 256),
}
SEVERAL = [  # loop, formats, function or what stands for it in sets whose formats share one
    ("tokens", "Q8_0", ["AddQuads32<{base}::Q8_0Bytes<false> >"]),
    ("tokens", "Q4_0, Q5_0", ["AddQuads32<{base}::Q4_0>"]),
    ("tokens", "Q4_1, Q5_1", ["AddQuads32<{base}::Q4_1>"]),
    ("tokens", "Q4_K", ["AddTwoSteps<15, 2>"]),
    ("tokens", "Q5_K", ["AddTwoSteps<31, 2>"]),
    ("tokens", "Q6_K", ["AddTwoSteps<63, 1>"]),
    ("panel", "Q8_0", ["MultiplyPanel<{unit}::PanelTile32<255> >"]),
    ("panel", "Q4_0, Q4_1, Q5_0, Q5_1", ["MultiplyPanel<{unit}::PanelTile32<31> >",
                                         "MultiplyPanel<{unit}::PanelTile32<255> >"]),
    ("panel", "Q4_K, Q5_K", ["MultiplyPanel<{unit}::PanelTile256<31> >", "MultiplyPanel<{unit}::PanelTile256<255> >"]),
    ("panel", "Q6_K", ["MultiplyPanel<{unit}::PanelTile256<63> >", "MultiplyPanel<{unit}::PanelTile256<255> >"]),
]
NEON = "edgek::v0::N_NEON_WITHOUT_AES"
UNITS = {"NEON": "base", "NEON_DOT": "dot"}


def compile_kernels(compiler, highway):
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder) / "kernels.s"
        subprocess.run([compiler, "-std=c++20", "-O2", "-S", f"-I{PROJECT}/include", "-isystem", highway,
                        str(PROJECT / "cmake/edgek.cpp"), "-o", str(out)], check=True)
        return out.read_text().split("\n")


def functions_of(lines):
    """Demangled name -> the lines of its body."""
    bodies, body = {}, None
    for line in lines:
        if re.fullmatch(r"_Z\S+:", line):
            body = bodies.setdefault(line[:-1], [])
        elif line.startswith("\t.size"):
            body = None
        elif body is not None:
            body.append(line)
    names = subprocess.run(["c++filt"], input="\n".join(bodies), text=True, capture_output=True, check=True).stdout
    return dict(zip(names.split("\n"), bodies.values()))


def loops_of(body):
    """(first, last) line of every loop: what lies between a label and a branch back to it."""
    labels, loops = {}, []
    for at, line in enumerate(body):
        if label := re.match(r"(\.L\w+):", line):
            labels[label[1]] = at
        branch = re.match(r"\t(?:b\.?\w*|cbn?z|tbn?z)\t(?:.*, )?(\.L\w+)$", line)
        if branch and branch[1] in labels:
            loops.append((labels[branch[1]], at))
    return sorted(set(loops))


def products(lines):
    """Products of weights in these instructions: 16 of sdot, 8 of a multiplication of bytes."""
    text = "\n".join(lines)
    return 16 * len(re.findall(r"\tsdot\t", text)) + 8 * len(re.findall(r"\tsm[lu]\w+\tv\d+\.8h", text))


def code(lines):
    return [line for line in lines if line.startswith("\t") and not line.startswith("\t.")]


def cycles(lines, cpu, mca):
    """Of one turn."""
    run = subprocess.run([mca, "-mtriple=aarch64", f"-mcpu={cpu}", f"-iterations={TURNS}"], input="\n".join(lines),
                         text=True, capture_output=True, check=True)
    return int(re.search(r"Total Cycles: +(\d+)", run.stdout)[1]) / TURNS


def shortest(loops):
    return min(loops, key=lambda loop: loop[1] - loop[0])


def inner_loop(body):
    """(first, last) line of the shortest loop that multiplies weights."""
    return shortest((first, last) for first, last in loops_of(body) if products(body[first:last + 1]))


def parts_of(body, block_weights):
    """(lines, how often they run for a block of all rows): the inner loop, and what is around it."""
    inner = inner_loop(body)
    turn = code(body[inner[0]:inner[1] + 1])
    turns, rest = divmod(TILE_ROWS * block_weights, products(turn))
    if rest or not turns:
        sys.exit(f"an inner loop has {products(turn)} products: not a part of {TILE_ROWS} rows' blocks")
    if turns == 1:
        return [(turn, 1)]
    outer = shortest((first, last) for first, last in loops_of(body) if first < inner[0] and last > inner[1])
    return [(turn, turns), (code(body[outer[0]:inner[0]] + body[inner[1] + 1:outer[1] + 1]), 1)]


def body_of(functions, kernel_set, patterns):
    """Of the first pattern that the set has a function for."""
    unit = f"{NEON}::{UNITS[kernel_set]}"
    for pattern in patterns:
        wanted = f"{unit}::" + pattern.format(base=f"{NEON}::base", unit=unit) + "("
        for function, lines in functions.items():
            if wanted in function:
                return lines
    sys.exit(f"no function {patterns} in {kernel_set}")


def one_token_row(functions, kernel_set, name, mca):
    pattern, block_weights = KERNELS[name]
    body = body_of(functions, kernel_set, [pattern])
    parts = parts_of(body, block_weights)
    weights = TILE_ROWS * block_weights
    rates = [weights / sum(count * cycles(lines, cpu, mca) for lines, count in parts) for cpu in CPUS]
    instructions = sum(count * len(lines) for lines, count in parts) / weights
    return table_row([kernel_set, name, f"{instructions:.2f}"], rates)


def several_tokens_row(functions, kernel_set, loop, formats, patterns, mca):
    body = body_of(functions, kernel_set, patterns)
    first, last = inner_loop(body)
    turn = code(body[first:last + 1])
    count = products(turn)
    rates = [count / cycles(turn, cpu, mca) for cpu in CPUS]
    return table_row([kernel_set, loop, formats, f"{len(turn) / count:.3f}"], rates)


def table_row(texts, rates):
    return "| " + " | ".join(texts + [f"{rate:.2f}" for rate in rates]) + " |"


def table_head(texts):
    line = " | ".join(["---"] * (len(texts) - 1) + ["---:"] * (len(CPUS) + 1))
    return "| " + " | ".join(texts + CPUS) + f" |\n| {line} |"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--compiler", default="aarch64-linux-gnu-g++-12")
    parser.add_argument("--highway", default=str(PROJECT / ".deps/usr/include"), help="the folder that has hwy/")
    options = parser.parse_args()
    # The versioned one first: an older default, 14 say, does not know all of these CPUs.
    mca = next(filter(None, map(shutil.which, ["llvm-mca-19", "llvm-mca"])), None)
    if mca is None:
        sys.exit("arm_throughput.py: no llvm-mca here (package llvm-19)")
    functions = functions_of(compile_kernels(options.compiler, options.highway))
    print(table_head(["kernels", "format", "instructions a weight"]))
    for kernel_set in UNITS:
        for name in KERNELS:
            print(one_token_row(functions, kernel_set, name, mca))
    print("\n" + table_head(["kernels", "loop", "formats", "instructions a multiply-add"]))
    for kernel_set in UNITS:
        for loop, formats, patterns in SEVERAL:
            print(several_tokens_row(functions, kernel_set, loop, formats, patterns, mca))


main()
