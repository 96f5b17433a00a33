#!/usr/bin/env python3
"""compile_budget.py WORK COMPILER...: what including edgek costs a file, in CPU time and memory of the compiler.

Goals: 10 s and 1.5 GB in the default mode, 2 s where the kernels are only declared. A file that includes edgek without
a call parses all kernels; one that multiplies by a format that it names compiles this one's, for every CPU, one that
names none those of every format.
CPU time rather than time on the clock. Time is printed, and does not decide: CPUs and their load differ by a factor of
three. A plain program with a few standard headers is timed beside it, to compare with. Memory decides.
"""
import os
import resource
import subprocess
import sys

INCLUDES = "#include <edgek/edgek.hpp>\n"
MULTIPLIES = INCLUDES + """
edgek::Status multiply(edgek::Context& ctx, const edgek::MatrixView& w, const float* x, float* y) {
  return edgek::matvec(ctx, w, x, y);
}
"""
EVERY_FORMAT = MULTIPLIES + "const edgek::KernelSet& best() { return edgek::kernels(); }\n"
ONE_FORMAT = MULTIPLIES + "const edgek::KernelSet& best() { return edgek::kernels<edgek::Format::kQ4_K>(); }\n"
YARDSTICK = "".join(f"#include <{h}>\n" for h in ("algorithm", "iostream", "map", "memory", "string", "thread"))

CASES = [  # what, source, flags, seconds, megabytes
    ("default mode, included", INCLUDES, [], 10.0, 1536),
    ("default mode, multiplies by one format", ONE_FORMAT, [], 10.0, 1536),
    ("default mode, multiplies by every format", EVERY_FORMAT, [], None, 1536),
    ("declare-only, multiplies", EVERY_FORMAT, ["-DEDGEK_DECLARE_ONLY"], 2.0, 1536),
    ("for comparison: six standard headers", YARDSTICK, [], None, 1536),
]


def cost(command):
    """CPU seconds and peak megabytes of one compiler run, measured in a child of its own."""
    reader, writer = os.pipe()
    if os.fork() == 0:
        status = subprocess.call(command)
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        os.write(writer, f"{status} {usage.ru_utime + usage.ru_stime} {usage.ru_maxrss / 1024}".encode())
        os._exit(0)
    os.close(writer)
    status, seconds, megabytes = os.read(reader, 100).split()
    os.wait()
    return int(status), float(seconds), float(megabytes)


def main():
    work, compiler = sys.argv[1], sys.argv[2:]
    os.makedirs(work, exist_ok=True)
    source = os.path.join(work, "includes_edgek.cpp")
    failed = False
    for what, text, flags, goal, megabytes_limit in CASES:
        with open(source, "w") as out:
            out.write(text)
        command = compiler + flags + ["-O2", "-c", source, "-o", os.path.join(work, "out.o")]
        status, seconds, megabytes = cost(command)
        of_goal = "" if goal is None else f" (goal {goal:g}{', MISSED' if seconds > goal else ''})"
        print(f"{what}: {seconds:.2f} s{of_goal}, {megabytes:.0f} MB (limit {megabytes_limit})")
        failed |= status != 0 or megabytes > megabytes_limit
    return failed


sys.exit(main())
