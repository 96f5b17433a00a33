#!/usr/bin/env python3
"""Tests the tests: wrong kernels must turn them red.

usage: run.py COMPILER SOURCE_DIR [-j N] [COMPILER ARGUMENTS...]

Every mutation is one change of one kernel file in a copy of the headers. The copy is compiled with the test that
guards the file, for the target AVX2 alone (or, elsewhere, the compiler's own), and the test must fail. The
unchanged copy is compiled first, and must pass.
"""
import pathlib
import platform
import shutil
import subprocess
import sys
import tempfile

INTEGER = "kernels/integer_matmul_test.cpp"
FLOAT = "kernels/float_test.cpp"
ATTENTION = "kernels/attention_test.cpp"
ELEMENTWISE = "kernels/elementwise_test.cpp"
QUANTIZE = "kernels/quantize_test.cpp"

# name, test, file, text, what stands there instead
MUTATIONS = [
    ("swapped nibbles", INTEGER, "q4_0-inl.hpp", "low = LowNibbles(q);\n    high = HighNibbles(q);",
     "low = HighNibbles(q);\n    high = LowNibbles(q);"),
    ("fifth bits of the wrong half", INTEGER, "q5_0-inl.hpp", "hn::Or(LowNibbles(q), FifthBits(first))",
     "hn::Or(LowNibbles(q), FifthBits(second))"),
    ("a scale of another sub-block", INTEGER, "q4_k-inl.hpp", "0u, 0x30303030u, 0u, 0x30303030u",
     "0u, 0x10303030u, 0u, 0x30303030u"),
    ("a forgotten bias", INTEGER, "block256-inl.hpp", "hn::Neg(hn::ShiftLeft<5>(sum))", "hn::Neg(hn::ShiftLeft<4>(sum))"),
    ("a lost tail of blocks", INTEGER, "block32-inl.hpp", "b < blocks; ++b) {\n    if (b % kStep", "b + 1 < blocks; ++b) {\n    if (b % kStep"),
    ("a lost tail of rows", INTEGER, "rows-inl.hpp", "if (rest_begin == end) return;", "return;"),
    ("blocks in another order", INTEGER, "panel-inl.hpp",
     "Tile::Add(kind, panel + b * block_bytes, x, job.cols, first + b, sums.acc);",
     "Tile::Add(kind, panel + (count - 1 - b) * block_bytes, x, job.cols, first + count - 1 - b, sums.acc);"),
    ("another association", INTEGER, "block32-inl.hpp", "Fma(hn::ConvertTo(df, isum), hn::Mul(scale, d), acc)",
     "Fma(hn::Mul(hn::ConvertTo(df, isum), scale), d, acc)"),
    ("an unfused multiply-add", INTEGER, "simd-inl.hpp", "return hn::MulAdd(a, b, c);",
     "return hn::Add(hn::Mul(a, b), c);"),
    ("a saturated sum in the rows", INTEGER, "block32-inl.hpp", "kMaxWeight * 127 * 16 <= 32767", "kMaxWeight * 127 * 8 <= 32767"),
    ("a saturated sum in the panel", INTEGER, "panel-inl.hpp", "32767 / (2 * 127 * kMaxWeight)", "65535 / (2 * 127 * kMaxWeight)"),
]

SIMPLE_TARGET = ["-march=haswell", "-maes", "-mpclmul"] if platform.machine() == "x86_64" else []


def build_and_run(compiler, source, include, test, folder, arguments):
    """'passed', 'failed' or 'not built', and what was printed."""
    program = folder / "program"
    command = [compiler, "-std=c++20", "-O1", "-ffp-contract=off", "-DEDGEK_STATIC_ONLY", *SIMPLE_TARGET,
               f"-I{include}", f"-I{source}", f"-I{source}/tests", *arguments, str(source / "tests" / test),
               "-o", str(program), "-lgtest", "-lgtest_main", "-lpthread"]
    built = subprocess.run(command, capture_output=True, text=True)
    if built.returncode != 0:
        return "not built", built.stderr
    ran = subprocess.run([str(program)], capture_output=True, text=True, timeout=600)
    return ("passed" if ran.returncode == 0 else "failed"), ran.stdout[-2000:]


def mutate(include, file, text, replacement):
    path = include / "edgek" / "kernels" / file
    original = path.read_text()
    if original.count(text) != 1:
        sys.exit(f"mutation: {file} holds {original.count(text)} times: {text}")
    path.write_text(original.replace(text, replacement))
    return path, original


def main():
    compiler, source = sys.argv[1], pathlib.Path(sys.argv[2]).resolve()
    arguments = sys.argv[3:]
    survived = 0
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        include = folder / "include"
        shutil.copytree(source / "include", include)
        for test in sorted({m[1] for m in MUTATIONS}):
            result, output = build_and_run(compiler, source, include, test, folder, arguments)
            print(f"unchanged: {test}: {result}", flush=True)
            if result != "passed":
                sys.exit(output)
        for what, test, file, text, replacement in MUTATIONS:
            path, original = mutate(include, file, text, replacement)
            result, output = build_and_run(compiler, source, include, test, folder, arguments)
            path.write_text(original)
            print(f"{file}: {what}: {'caught' if result == 'failed' else result.upper()}", flush=True)
            if result == "not built":
                sys.exit(output)
            survived += result != "failed"
    print(f"{len(MUTATIONS) - survived} passed, {survived} failed")
    sys.exit(1 if survived else 0)


main()
