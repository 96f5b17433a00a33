#!/usr/bin/env python3
"""Tests the tests: wrong kernels must turn them red.

usage: run.py [-j N] [--only TEXT] COMPILER SOURCE_DIR [COMPILER ARGUMENTS...]

Every mutation is one change of one header in a copy of them. What holds the changed code is compiled from the
copy, for the target AVX2 alone (or, elsewhere, the compiler's own), and linked with the test that guards it, which
must fail. Without a change the test must pass. Kernels that only AVX-512 has are compiled for it, where the CPU has it.
"""
import argparse
import concurrent.futures
import os
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
MATMUL = "ops/matmul_test.cpp"
ATTENTION_OP = "ops/attention_test.cpp"
REFERENCE_ATTENTION = "reference/attention_test.cpp"
KV_CACHE = "model/kv_cache_test.cpp"

# name, test, file (of kernels/ where no folder is named), text, what stands there instead
MUTATIONS = [
    ("swapped nibbles", INTEGER, "q4_0-inl.hpp", "low = LowNibbles(q);\n    high = HighNibbles(q);",
     "low = HighNibbles(q);\n    high = LowNibbles(q);"),
    ("fifth bits of the wrong half", INTEGER, "q5_0-inl.hpp", "hn::Or(LowNibbles(q), FifthBits(first))",
     "hn::Or(LowNibbles(q), FifthBits(second))"),
    ("fifth bits of another quad", INTEGER, "nibbles-inl.hpp", "static_cast<int>(4 * quad)",
     "static_cast<int>(4 * (quad ^ 1))"),
    ("a scale of another sub-block", INTEGER, "q4_k-inl.hpp", "0u, 0x30303030u, 0u, 0x30303030u",
     "0u, 0x10303030u, 0u, 0x30303030u"),
    ("a forgotten bias", INTEGER, "block256-inl.hpp", "hn::Neg(hn::ShiftLeft<5>(sum))", "hn::Neg(hn::ShiftLeft<4>(sum))"),
    ("a lost tail of blocks", INTEGER, "block32-inl.hpp", "b < blocks; ++b) {\n      if (b % kStep",
     "b + 1 < blocks; ++b) {\n      if (b % kStep"),
    ("a lost tail of rows", INTEGER, "rows-inl.hpp", "if (rest == end) return;", "return;"),
    ("the results of another tile", INTEGER, "rows-inl.hpp", "StoreTile<kRows>(job, out[i % 2]",
     "StoreTile<kRows>(job, out[(i + 1) % 2]"),
    ("blocks in another order", INTEGER, "panel-inl.hpp",
     "Tile::Add(kind, panel + b * block_bytes, x, job.cols, first + b, sums.acc);",
     "Tile::Add(kind, panel + (count - 1 - b) * block_bytes, x, job.cols, first + count - 1 - b, sums.acc);"),
    ("another association", INTEGER, "block32-inl.hpp", "Fma(hn::ConvertTo(df, isum), hn::Mul(scale, d), acc)",
     "Fma(hn::Mul(hn::ConvertTo(df, isum), scale), d, acc)"),
    ("an unfused multiply-add", INTEGER, "simd-inl.hpp", "return hn::MulAdd(a, b, c);",
     "return hn::Add(hn::Mul(a, b), c);"),
    ("a saturated sum in the rows", INTEGER, "block32-inl.hpp", "kMaxWeight * 127 * 16 <= 32767", "kMaxWeight * 127 * 8 <= 32767"),
    ("a saturated sum of quads", INTEGER, "integer_dot-inl.hpp", "32767 / (2 * 127 * kMaxWeight)",
     "65535 / (2 * 127 * kMaxWeight)"),
    ("activations of another quad, several tokens", INTEGER, "tokens32-inl.hpp", "w4, QuadIndex<4>", "w4, QuadIndex<5>"),
    ("activations of another quad of a panel", INTEGER, "panel-inl.hpp", "QuadActivations<i>(di8, x[t]",
     "QuadActivations<i ^ 1>(di8, x[t]"),
    ("a forgotten bias of quads", INTEGER, "head256-inl.hpp", "hn::Neg(hn::ShiftLeft<5>(sum))",
     "hn::Neg(hn::ShiftLeft<4>(sum))"),
    ("rests left out, several tokens", MATMUL, "tokens32-inl.hpp", "if (job.rest == nullptr) return;", "return;"),
    ("a six-bit entry's upper bits of another entry", INTEGER, "quads-inl.hpp",
     "hn::Or(LowNibbles(nibbles), upper_bits(s))", "hn::Or(LowNibbles(nibbles), upper_bits(m))"),
    ("a scale of another byte of the head", INTEGER, "head256-inl.hpp", "i * 0x0101 + j * 0x01010000",
     "j * 0x0101 + i * 0x01010000"),
    ("a step that is never added", INTEGER, "wide32-inl.hpp", "if (count != 0) add(last, count - 1);", ""),
    ("a minimum in place of a scale", INTEGER, "wide32-inl.hpp", "kScaleAt + byte : kMinAt + byte - 2",
     "kMinAt + byte : kScaleAt + byte - 2"),
    ("fifth bits of the other nibbles", INTEGER, "wide32-inl.hpp", "0x8040201008040201", "0x4020100804020180"),
    ("bits above the top ones", INTEGER, "wide32-inl.hpp", "lane % 16, half = at / 8;",
     "lane % 16, half = at / 8;\n    if (at % 8 == 1) return block + F::kQuants;"),
    ("upper bits of another sub-block", INTEGER, "wide32-inl.hpp", "high + more, 0)", "high, 0)"),
    ("a scale of another half", INTEGER, "wide256-inl.hpp", "F::WideScale(half, lane / 16", "F::WideScale(0, lane / 16"),
    ("rows in another order", INTEGER, "wide256-inl.hpp", "0, 4, 8, 12, 1, 5, 9, 13", "0, 4, 8, 12, 1, 9, 5, 13"),
    ("a lost tail of columns", FLOAT, "float-inl.hpp", "for (; k < end; ++k)", "for (; k + 1 < end; ++k)"),
    ("another tree over the lanes", FLOAT, "float-inl.hpp",
     "hn::Add(hn::Add(hn::LoadU(d, l), hn::LoadU(d, l + 8)), hn::Add(hn::LoadU(d, l + 4), hn::LoadU(d, l + 12)))",
     "hn::Add(hn::Add(hn::LoadU(d, l), hn::LoadU(d, l + 4)), hn::Add(hn::LoadU(d, l + 8), hn::LoadU(d, l + 12)))"),
    ("lanes begun anew in mid-row", FLOAT, "float-inl.hpp",
     "sums.Add(source.add_rows, job, p, k, end, 0, k == 0);", "sums.Add(source.add_rows, job, p, k, end, 0, true);"),
    ("an unfused multiply-add in the rows", FLOAT, "float-inl.hpp", "s0 = Fma(W::Load(d, row, k), x0, s0);",
     "s0 = hn::Add(hn::Mul(W::Load(d, row, k), x0), s0);"),
    ("two rows' turn that reads one row twice", FLOAT, "float-inl.hpp", "AddSixteen<kParts, W>(two, k + i,",
     "AddSixteen<kParts, W>(one, k + i,"),
    ("another tree over the panel's lanes", FLOAT, "float_panel-inl.hpp", "hn::Add(two(0), two(1))",
     "hn::Add(hn::Add(four(0), four(1)), hn::Add(four(2), four(3)))"),
    ("a lost tail of the panel's columns", FLOAT, "float_panel-inl.hpp",
     "count / 16 + (lane < count % 16 ? 1 : 0)", "count / 16"),
    ("an unfused multiply-add in the panel", FLOAT, "float_panel-inl.hpp", "b = Fma(wb, v, b);",
     "b = hn::Add(hn::Mul(wb, v), b);"),
    ("columns of a panel of halves eight too early", FLOAT, "float_panel-inl.hpp", "(panel, k, i + 8)", "(panel, k, i)"),
    ("the panel's lanes begun anew in mid-row", FLOAT, "float_panel-inl.hpp", "x, first == 0, to)", "x, true, to)"),
    ("a minimum of another sub-block", FLOAT, "exact-inl.hpp", "static_cast<float>(b[s / 2])",
     "static_cast<float>(b[s / 4])"),
    ("a lost tail of a head", ATTENTION, "attention-inl.hpp", "for (; i < head_dim; i += lanes) {",
     "for (; i + lanes <= head_dim; i += lanes) {"),
    ("an unfused multiply-add of values", ATTENTION, "attention-inl.hpp", "c0 = Fma(w, vc, c0)",
     "c0 = hn::Add(hn::Mul(w, vc), c0)"),
    ("columns of a value taken twice", ATTENTION, "attention-inl.hpp", "i + four + 2 * lanes", "i + four + lanes"),
    ("chunks a head apart", REFERENCE_ATTENTION, "kernels/kernel_set.hpp",
     "head_stride + position / kAttentionChunk * chunk_stride", "head_stride + position / kAttentionChunk * head_stride"),
    ("values over keys", KV_CACHE, "model/kv_cache.hpp", "return array(2 * layer + 1);", "return array(2 * layer);"),
    ("chunks over one another", KV_CACHE, "model/kv_cache.hpp", "2 * shape_.layers * array_values}",
     "shape_.layers * array_values}"),
    ("chunks merged the other way round", ATTENTION, "attention-inl.hpp",
     "Fma(LoadUpTo(d, next + f, left), b, hn::Mul(LoadUpTo(d, into + f, left), a))",
     "Fma(LoadUpTo(d, into + f, left), a, hn::Mul(LoadUpTo(d, next + f, left), b))"),
    ("values of masked positions", ATTENTION, "attention-inl.hpp",
     "of_query <= j ? 0 : HWY_MIN(count, of_query - j)", "count"),
    ("a value for the first of two queries alone", ATTENTION, "attention-inl.hpp", "if (both == all) continue;",
     "continue;"),
    ("a lost rest of a head's sixteens", ATTENTION, "attention-inl.hpp", "if (k < head_dim) {", "if (false) {"),
    ("scores of two queries exchanged", ATTENTION, "attention-inl.hpp", "out + t * kKeys,",
     "out + (kQueries - 1 - t) * kKeys,"),
    ("another tree of weights", ATTENTION, "simd-inl.hpp", "(four[0] + four[2]) + (four[1] + four[3])",
     "(four[0] + four[1]) + (four[2] + four[3])"),
    ("a lost tail of a sum", ELEMENTWISE, "elementwise-inl.hpp", "for (; k < n; ++k) lanes",
     "for (; k + 1 < n; ++k) lanes"),
    ("an unfused square", ELEMENTWISE, "elementwise-inl.hpp", "return Fma(v, v, sum); },\n        [](",
     "return hn::Add(hn::Mul(v, v), sum); },\n        []("),
    ("a norm that scales its weight first", ELEMENTWISE, "elementwise-inl.hpp", "hn::Mul(hn::Mul(v, scale), weight)",
     "hn::Mul(v, hn::Mul(scale, weight))"),
    ("a rotation rounded twice", ELEMENTWISE, "elementwise-inl.hpp", "a = Fma(x, cosine, hn::Neg(hn::Mul(y, sine)));",
     "a = hn::Sub(hn::Mul(x, cosine), hn::Mul(y, sine));"),
    ("a polynomial of another order", ELEMENTWISE, "elementwise-inl.hpp", "p = Fma(p, r, hn::Set(df, K::kC2));",
     "p = hn::Add(hn::Mul(p, r), hn::Set(df, K::kC2));"),
    ("activations cut off, not rounded", QUANTIZE, "quantize-inl.hpp",
     "hn::NearestInt(hn::Mul(hn::LoadU(df, x + i), hn::Set(df, inverse)))",
     "hn::ConvertTo(di, hn::Mul(hn::LoadU(df, x + i), hn::Set(df, inverse)))"),
    ("second looks in another order", MATMUL, "ops/refinement.hpp",
     "rest.block[0] = static_cast<std::uint32_t>(std::min(first, second));\n"
     "  rest.block[1] = static_cast<std::uint32_t>(std::max(first, second));",
     "rest.block[0] = static_cast<std::uint32_t>(std::max(first, second));\n"
     "  rest.block[1] = static_cast<std::uint32_t>(std::min(first, second));"),
    ("a second look rounded once", MATMUL, "ops/refinement.hpp", "x[i] - RoundedProduct(d, static_cast<float>(q[i]))",
     "Fma(-d, static_cast<float>(q[i]), x[i])"),
    ("a chunk left out of a prompt", ATTENTION_OP, "ops/attention.hpp",
     "for (std::size_t c = 1; c < chunks_of(end - 1); ++c) {",
     "for (std::size_t c = 1; c + 1 < chunks_of(end - 1); ++c) {"),
    ("a lost last run of chunks", ATTENTION_OP, "ops/attention.hpp", "(items + run - 1) / run", "items / run"),
    ("chunks merged from the last to the first", ATTENTION_OP, "ops/attention.hpp",
     "for (std::size_t c = 1; c < chunks; ++c) {", "for (std::size_t c = chunks - 1; c > 0; --c) {"),
]

SIMPLE = ["-march=haswell", "-maes", "-mpclmul"] if platform.machine() == "x86_64" else []
AVX512 = ["-march=icelake-server"]
AVX512_FLAGS = {"avx512_vnni", "avx512vbmi", "avx512_vbmi2", "avx512_bitalg", "avx512_vpopcntdq", "gfni", "vaes"}


def cpu_has_avx512():
    info = pathlib.Path("/proc/cpuinfo")
    return info.exists() and AVX512_FLAGS <= set(info.read_text().split())


def target_of(mutation):
    return AVX512 if mutation[2].startswith("wide") else SIMPLE


KERNELS = "cmake/edgek.cpp"  # compiles every kernel; a test only declares them


def compile_file(options, target, include, file, to):
    """Compiles a file of the project against these headers. What the compiler says where it fails, else nothing."""
    mode = [] if file == KERNELS else ["-DEDGEK_DECLARE_ONLY"]
    command = [options.compiler, "-std=c++20", "-O1", "-ffp-contract=off", "-DEDGEK_STATIC_ONLY", *target, *mode,
               f"-I{include}", f"-I{options.source}", f"-I{options.source}/tests", *options.arguments,
               "-c", str(options.source / file), "-o", str(to)]
    built = subprocess.run(command, capture_output=True, text=True)
    return built.stderr if built.returncode != 0 else ""


def link_and_run(options, objects, program):
    """'passed', 'failed' or 'not built', and what was printed."""
    built = subprocess.run([options.compiler, *map(str, objects), "-o", str(program), "-lgtest", "-lgtest_main",
                            "-lpthread"], capture_output=True, text=True)
    if built.returncode != 0:
        return "not built", built.stderr
    ran = subprocess.run([str(program)], capture_output=True, text=True, timeout=600)
    return ("passed" if ran.returncode == 0 else "failed"), ran.stdout[-2000:]


def change(include, file, text, replacement):
    path = include / "edgek" / (file if "/" in file else f"kernels/{file}")
    original = path.read_text()
    if original.count(text) != 1:
        sys.exit(f"mutation: {file} holds {original.count(text)} times: {text}")
    path.write_text(original.replace(text, replacement))


def compile_unchanged(options, target, folder, files):
    """The objects of files compiled against the headers as they are: file -> object."""
    folder.mkdir()
    objects = {file: folder / (file.replace("/", "_") + ".o") for file in files}
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        errors = pool.map(lambda file: compile_file(options, target, options.source / "include", file, objects[file]), files)
        for error in filter(None, errors):
            sys.exit(f"mutation: the unchanged sources do not compile\n{error}")
    return objects


def try_one(options, target, unchanged, test, mutation):
    """Result of `test` with a mutation (file, text, replacement), or none, made to a copy of the headers."""
    objects = {file: unchanged[file] for file in (f"tests/{test}", KERNELS)}
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        if mutation:
            shutil.copytree(options.source / "include", folder / "include")
            change(folder / "include", *mutation)
            # A kernel is compiled in one file, all else in every file that calls it.
            file = f"tests/{test}" if "/" in mutation[0] else KERNELS
            objects[file] = folder / "changed.o"
            if error := compile_file(options, target, folder / "include", file, objects[file]):
                return "not built", error
        return link_and_run(options, objects.values(), folder / "program")


def parse():
    parser = argparse.ArgumentParser()
    parser.add_argument("-j", type=int, default=os.cpu_count(), dest="jobs")
    parser.add_argument("--only", default="", help="mutations of files whose name contains this text")
    parser.add_argument("compiler")
    parser.add_argument("source", type=lambda path: pathlib.Path(path).resolve())
    parser.add_argument("arguments", nargs=argparse.REMAINDER)
    return parser.parse_args()


def try_all(options, pool, target, mutations, folder):
    """Prints how the mutations of one target do. (how many did as expected, how many did not)"""
    tests = sorted({m[1] for m in mutations})
    wanted = [(f"unchanged: {test}", test, None, "passed") for test in tests]
    wanted += [(f"{m[2]}: {m[0]}", m[1], m[2:], "failed") for m in mutations]
    unchanged = compile_unchanged(options, target, folder, [KERNELS, *(f"tests/{test}" for test in tests)])
    running = [pool.submit(try_one, options, target, unchanged, test, mutation) for _, test, mutation, _ in wanted]
    surprises = 0
    for (what, _, _, expected), future in zip(wanted, running):
        result, output = future.result()
        surprises += result != expected
        print(f"{what}: {'as expected' if result == expected else result.upper() + chr(10) + output}", flush=True)
    return len(wanted) - surprises, surprises


def main():
    options = parse()
    chosen = [m for m in MUTATIONS if options.only in m[2]]
    passed = failed = 0
    with tempfile.TemporaryDirectory() as name, concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for number, target in enumerate((SIMPLE, AVX512)):
            mutations = [m for m in chosen if target_of(m) is target]
            if target is AVX512 and mutations and not cpu_has_avx512():
                print(f"NOT CHECKED: {len(mutations)} mutations of AVX-512 kernels, which this CPU cannot run")
            elif mutations:
                good, bad = try_all(options, pool, target, mutations, pathlib.Path(name) / str(number))
                passed, failed = passed + good, failed + bad
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


main()
