#!/usr/bin/env python3
"""What a busy neighbour costs: decode with a thread for every CPU, alone and beside a process that never rests.

usage: neighbour.py [options] MODEL.gguf

Runs alternate: alone, beside, alone, beside, ... A share is taken of each such pair, and their median is the result.
The neighbour takes half of its CPU. On two CPUs a share of 0.75 means that work went where there was time for it, 0.5
that the free CPU waited for the other, less that both did. --peer runs llama.cpp too, with as many threads.
"""
import argparse
import contextlib
import os
import pathlib
import statistics
import subprocess
import sys
import types

import compare


@contextlib.contextmanager
def neighbour(cpu):
    """A process that never waits, on one CPU."""
    program = f"import os\nos.sched_setaffinity(0, {{{cpu}}})\nwhile True: pass"
    process = subprocess.Popen([sys.executable, "-c", program])
    try:
        yield
    finally:
        process.kill()
        process.wait()


def pairs_of(rate, options):
    """[(tokens/s alone, tokens/s beside the neighbour)]"""
    pairs = []
    for _ in range(options.repeats):
        alone = rate()
        with neighbour(options.cpu):
            pairs.append((alone, rate()))
    return pairs


def show(name, pairs):
    shares = [beside / alone for alone, beside in pairs]
    alone, beside = (statistics.median(side) for side in zip(*pairs))
    print(f"| {name} | {alone:.2f} | {beside:.2f} | {' '.join(f'{share:.2f}' for share in shares)} "
          f"| **{statistics.median(shares):.2f}** |", flush=True)


def parse():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("model", type=pathlib.Path, metavar="MODEL.gguf")
    parser.add_argument("--edgek", default=str(compare.HERE.parents[1] / "build/release/edgek"), help="the tool")
    parser.add_argument("--peer", action="store_true", help="llama.cpp too, as compare.py has it")
    parser.add_argument("-t", "--threads", type=int, default=os.cpu_count())
    parser.add_argument("-n", "--tokens", type=int, default=32)
    parser.add_argument("-r", "--repeats", type=int, default=5)
    parser.add_argument("--cpu", type=int, default=max(os.sched_getaffinity(0)), help="where the neighbour runs")
    return parser.parse_args()


def main():
    options = parse()
    print(f"load {os.getloadavg()[0]:.1f}; {options.threads} threads, the neighbour on CPU {options.cpu}\n")
    print("| program | tokens/s alone | beside a busy process | share of each pair | median |")
    print("|---|---:|---:|---|---:|")
    show("edgek", pairs_of(lambda: compare.edgek_run(options, options.model, "tg", options.tokens, options.threads)[0],
                           options))
    if options.peer:
        where = types.SimpleNamespace(llama_bench=None, peer_python=None, cache=compare.default_cache())
        peer = compare.open_peer(where, options.model)
        peer.seconds("tg", options.tokens, options.threads, 512)  # warms up
        show("llama.cpp", pairs_of(
            lambda: options.tokens / peer.seconds("tg", options.tokens, options.threads, 512), options))
        peer.close()


if __name__ == "__main__":
    main()
