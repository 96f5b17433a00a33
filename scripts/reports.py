#!/usr/bin/env python3
"""Where a token's time goes, a row for each model and number of threads, from `edgek roofline --json`.

Without a model: random weights in the shape of SmolLM2-1.7B, in F16, Q8_0, Q4_K and Q4_0, which are made in --folder
(7 GB) and kept there. --html FOLDER also writes a page for each, of a run of its own. Exits 1 where a split leaves 2 %
of a token's or a prompt's time unexplained.
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys

FORMATS = ("F16", "Q8_0", "Q4_K", "Q4_0")
LIMIT = 0.02  # of the wall time
HEADINGS = ("model", "threads", "replay GB/s", "ceiling/s", "tokens/s", "ideal", "excess", "fork/join", "other",
            "unattr.", "prompt unattr.")


def run(*command):
    return subprocess.run([str(word) for word in command], check=True, stdout=subprocess.PIPE, text=True).stdout


def synthetic_models(edgek, folder):
    """Paths of models in FORMATS; what is missing is made."""
    folder.mkdir(parents=True, exist_ok=True)
    source = folder / "F16.gguf"
    for name in FORMATS:
        path = folder / f"{name}.gguf"
        if not path.exists():
            print(f"making {path}", file=sys.stderr)
            if path == source:
                script = pathlib.Path(__file__).with_name("make_synthetic_model.py")
                run(sys.executable, script, "--shape", "1.7B", "--format", "F16", path)
            else:
                run(edgek, "quantize", source, path, "--format", name)
        yield path


def unattributed(part):
    return abs(part["unattributed_ms"]) / part["wall_ms"]


def row_of(path, report):
    token, roofs = report["token"], report["roofs"]
    share = lambda ms: f"{100 * ms / token['wall_ms']:.1f} %"
    split = token["split_ms"]
    return (path.name, str(report["machine"]["threads"]),
            f"{roofs['replay_gbps']:.1f} ({roofs['replay_min_gbps']:.1f}-{roofs['replay_max_gbps']:.1f})",
            f"{1e3 / token['ceiling_ms']:.1f}", f"{1e3 / token['wall_ms']:.1f}",
            *(share(split[name]) for name in ("ideal", "excess", "fork_join", "other")),
            share(token["unattributed_ms"]), f"{100 * unattributed(report['prompt']):.1f} %")


def print_table(rows):
    widths = [max(len(row[i]) for row in rows) for i in range(len(HEADINGS))]
    for row in rows:
        print("  ".join([row[0].ljust(widths[0]), *(text.rjust(width) for text, width in zip(row[1:], widths[1:]))]))


def main():
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", type=pathlib.Path, metavar="MODEL")
    parser.add_argument("--edgek", default="build/release/edgek", help="the tool (default: %(default)s)")
    parser.add_argument("--folder", type=pathlib.Path, default=pathlib.Path(cache) / "edgek" / "1.7B",
                        help="of the models that are made (default: %(default)s)")
    parser.add_argument("-t", "--threads", default="1,2", help="numbers of threads (default: %(default)s)")
    parser.add_argument("-n", "--tokens", default="64", help="tokens to measure (default: %(default)s)")
    parser.add_argument("--html", type=pathlib.Path, metavar="FOLDER", help="where to write pages")
    args = parser.parse_args()

    rows, open_splits = [HEADINGS], []
    for path in args.models or synthetic_models(args.edgek, args.folder):
        for threads in args.threads.split(","):
            command = [args.edgek, "roofline", path, "-t", threads, "-n", args.tokens]
            report = json.loads(run(*command, "--json"))
            rows.append(row_of(path, report))
            open_splits += [f"{path.name}, {threads} threads: {100 * unattributed(report[part]):.1f} % of the {part}"
                            for part in ("token", "prompt") if unattributed(report[part]) >= LIMIT]
            if args.html:
                args.html.mkdir(parents=True, exist_ok=True)
                run(*command, "-o", "html", "--out", args.html / f"{path.stem}-{threads}.html")
    print(report["machine"]["cpu"] + ", kernels " + report["machine"]["target"] + "; shares of a token's wall time")
    print_table(rows)
    for split in open_splits:
        print("unexplained: " + split, file=sys.stderr)
    return 1 if open_splits else 0


if __name__ == "__main__":
    sys.exit(main())
