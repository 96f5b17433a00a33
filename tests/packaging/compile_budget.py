#!/usr/bin/env python3
"""compile_budget.py WORK COMPILER...: what including edgek costs a file, in CPU time and memory of the compiler.

Goals: 10 s and 1.5 GB where the file compiles the kernels (the default mode), 2 s where it only declares them.
CPU time rather than time on the clock. Time is printed, and does not decide: a busy machine doubles it. Memory does.
"""
import os
import resource
import subprocess
import sys

BUDGETS = [  # mode, flags, seconds, megabytes
    ("default mode", [], 10.0, 1536),
    ("declare-only", ["-DEDGEK_DECLARE_ONLY"], 2.0, 1536),
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
    with open(source, "w") as out:
        out.write("#include <edgek/edgek.hpp>\nconst char* chosen() { return edgek::kernels().name; }\n")
    failed = False
    for mode, flags, seconds_limit, megabytes_limit in BUDGETS:
        command = compiler + flags + ["-O2", "-c", source, "-o", os.path.join(work, "out.o")]
        status, seconds, megabytes = cost(command)
        print(f"{mode}: {seconds:.2f} s (goal {seconds_limit:g}{', MISSED' if seconds > seconds_limit else ''}), "
              f"{megabytes:.0f} MB (limit {megabytes_limit})")
        failed |= status != 0 or megabytes > megabytes_limit
    return failed


sys.exit(main())
