#!/usr/bin/env python3
"""Speed of edgek against llama.cpp: the same file, the same machine, the same minutes.

usage: compare.py [options] MODEL.gguf...        (`make bench-peers MODEL=...`)

For every model, test and number of threads, repetitions alternate: edgek, llama.cpp, edgek, llama.cpp, ... A ratio is
taken of each such pair, and the median of the ratios is the result (above 1: edgek is the faster one), so that other
work on the machine, or a clock that drifts, meets both. Tests are those of llama-bench: ppN evaluates a prompt of N
random tokens at once, tgN evaluates N tokens one after the other; each starts with an empty cache and samples
nothing. edgek runs as `edgek bench`, which warms up; llama.cpp keeps its defaults (repacked weights and flash
attention where it wants them), runs once before anything counts, and gets the best of the thread counts up to the
allowed one and of the micro-batches tried; what it got is printed.

The peer is llama-cpp-python in its pinned version, built from source for this CPU into a cache folder at the first
run (some minutes; needs a C++ compiler and the network), or what --peer-python or --llama-bench names.
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys

VERSION = "0.3.36"  # of llama-cpp-python
CMAKE_ARGS = "-DGGML_NATIVE=ON"
HERE = pathlib.Path(__file__).resolve().parent


# ---- the peer: every one has `about` (a dictionary) and seconds(test, tokens, threads, ubatch)

class Binding:
    """llama.cpp in a Python process of its own, which keeps the model."""

    def __init__(self, python, model):
        self.process = subprocess.Popen([python, str(HERE / "llama_worker.py"), str(model)], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.about = {"program": "llama-cpp-python", **self.read()}

    def read(self):
        line = self.process.stdout.readline()
        if not line:
            sys.exit("compare: the peer has ended")
        return json.loads(line)

    def seconds(self, test, tokens, threads, ubatch):
        wanted = {"test": test, "tokens": tokens, "threads": threads, "ubatch": ubatch}
        self.process.stdin.write(json.dumps(wanted) + "\n")
        self.process.stdin.flush()
        return self.read()["seconds"]

    def close(self):
        self.process.stdin.close()
        self.process.wait()


class LlamaBench:
    """A llama-bench program, which loads the model and warms up for every repetition."""

    def __init__(self, program, model):
        self.program, self.model = program, model
        self.about = {"program": program}

    def seconds(self, test, tokens, threads, ubatch):
        counts = ["-p", str(tokens), "-n", "0"] if test == "pp" else ["-p", "0", "-n", str(tokens)]
        run = subprocess.run([self.program, "-m", str(self.model), *counts, "-t", str(threads), "-ub", str(ubatch),
                              "-r", "1", "-o", "json"], capture_output=True, text=True, check=True)
        result = json.loads(run.stdout)[0]
        self.about.update(version=result["build_commit"], system_info=result.get("backends", ""))
        return result["avg_ns"] * 1e-9

    def close(self):
        pass


def peer_python(folder):
    """The Python of an environment that has the pinned llama-cpp-python; made if it is not there."""
    environment = folder / f"llama-cpp-python-{VERSION}"
    python = environment / "bin" / "python"
    ready = environment / "ready"
    if ready.exists():
        return str(python)
    print(f"compare: building llama-cpp-python {VERSION} from source in {environment}", file=sys.stderr)
    subprocess.run([sys.executable, "-m", "venv", str(environment)], check=True)
    subprocess.run([str(python), "-m", "pip", "install", "--quiet", "--no-binary", "llama-cpp-python",
                    f"llama-cpp-python=={VERSION}"], check=True, env={**os.environ, "CMAKE_ARGS": CMAKE_ARGS})
    ready.touch()
    return str(python)


def open_peer(options, model):
    if options.llama_bench:
        return LlamaBench(options.llama_bench, model)
    return Binding(options.peer_python or peer_python(options.cache), model)


# ---- measuring

def edgek_run(options, model, test, tokens, threads):
    """One repetition of `edgek bench`: tokens per second, and the document's provenance."""
    counts = ["-p", str(tokens), "-n", "0"] if test == "pp" else ["-p", "0", "-n", str(tokens)]
    run = subprocess.run([options.edgek, "bench", str(model), *counts, "-t", str(threads), "-r", "1", "--json"],
                         capture_output=True, text=True)
    if run.returncode != 0:
        sys.exit(f"compare: {run.stderr.strip()}")
    document = json.loads(run.stdout)
    return document["results"][0]["tokens_per_s"]["median"], document["provenance"]


def best_setting(peer, options, test, tokens, threads):
    """(threads, ubatch) of the peer's fastest run, each tried once after a warm-up. A micro-batch matters to
    prompts alone."""
    batches = options.ubatch if test == "pp" else options.ubatch[-1:]
    tried = {}
    for t in range(1, threads + 1):
        for ubatch in batches:
            peer.seconds(test, min(tokens, 32), t, ubatch)
            tried[t, ubatch] = peer.seconds(test, tokens, t, ubatch)
    return min(tried, key=tried.get)


def compare(peer, options, model, test, tokens, threads):
    """One row of the results, and edgek's provenance."""
    peer_threads, ubatch = best_setting(peer, options, test, tokens, threads)
    ours, theirs = [], []
    for _ in range(options.repeats):
        rate, provenance = edgek_run(options, model, test, tokens, threads)
        ours.append(rate)
        theirs.append(tokens / peer.seconds(test, tokens, peer_threads, ubatch))
    ratios = [a / b for a, b in zip(ours, theirs)]
    row = {"model": model.name, "test": f"{test}{tokens}", "threads": threads, "edgek_tokens_per_s": ours,
           "peer_tokens_per_s": theirs, "ratios": ratios, "ratio": statistics.median(ratios),
           "peer_threads": peer_threads, "peer_ubatch": ubatch, "load": os.getloadavg()[0]}
    return row, provenance


def measure(options):
    """The whole document: rows, and what ran where."""
    document = {"schema": "edgek.peers/1", "rows": []}
    for model in options.models:
        peer = open_peer(options, model)
        for threads in options.threads:
            for test, tokens in (("tg", options.tokens), ("pp", options.prompt)):
                if tokens == 0:
                    continue
                row, document["edgek"] = compare(peer, options, model, test, tokens, threads)
                document["rows"].append(row)
                print(line_of(row), file=sys.stderr, flush=True)
        document["peer"] = peer.about
        peer.close()
    return document


# ---- showing

HEADING = ("| model | test | threads | edgek tokens/s | llama.cpp tokens/s (threads, ubatch) "
           "| ratio of each repetition | median | load |\n|---|---|---:|---:|---:|---|---:|---:|")


def line_of(row):
    ratios = " ".join(f"{r:.2f}" for r in row["ratios"])
    return (f"| {row['model']} | {row['test']} | {row['threads']} | {statistics.median(row['edgek_tokens_per_s']):.2f} "
            f"| {statistics.median(row['peer_tokens_per_s']):.2f} ({row['peer_threads']}, {row['peer_ubatch']}) "
            f"| {ratios} | **{row['ratio']:.2f}** | {row['load']:.1f} |")


def to_markdown(document):
    edgek, peer = document["edgek"], document["peer"]
    about = (f"{edgek['cpu']}, {os.cpu_count()} CPUs; edgek {edgek['version']} ({edgek['commit']}), kernels "
             f"{edgek['target']}; {peer['program']} {peer.get('version', '')}: {peer.get('system_info', '')}")
    return "\n".join([about.strip(), "", HEADING, *map(line_of, document["rows"])])


# ---- the command line

def numbers(text):
    return [int(n) for n in text.split(",")]


def default_cache():
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return pathlib.Path(os.environ.get("EDGEK_CACHE") or os.path.join(home, "edgek"))


def parse():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("models", nargs="+", type=pathlib.Path, metavar="MODEL.gguf")
    parser.add_argument("--edgek", default=str(HERE.parents[1] / "build" / "release" / "edgek"), help="the tool")
    parser.add_argument("--peer-python", help="a Python that has llama_cpp")
    parser.add_argument("--llama-bench", help="a llama-bench program, instead of the Python package")
    parser.add_argument("--cache", type=pathlib.Path, default=default_cache(), help="where the peer is built")
    parser.add_argument("-t", "--threads", type=numbers, default=[1, 2], metavar="1,2")
    parser.add_argument("-p", "--prompt", type=int, default=512, help="tokens of the prompt; 0: none")
    parser.add_argument("-n", "--tokens", type=int, default=32, help="tokens one by one; 0: none")
    parser.add_argument("-r", "--repeats", type=int, default=5)
    parser.add_argument("--ubatch", type=numbers, default=[128, 512], help="micro-batches that the peer may choose")
    parser.add_argument("-o", "--output", choices=["md", "json"], default="md")
    return parser.parse_args()


def main():
    options = parse()
    document = measure(options)
    print(json.dumps(document, indent=1) if options.output == "json" else to_markdown(document))


if __name__ == "__main__":
    main()
