#!/usr/bin/env python3
"""Times llama.cpp through the low-level functions of llama-cpp-python, one test per line of standard input.

usage: llama_worker.py MODEL    (run by compare.py, with the Python that has llama_cpp)

Input, one JSON object a line: {"test": "pp" or "tg", "tokens": N, "threads": T, "ubatch": U}. Output, a line each:
{"seconds": S}; the first line says what runs: {"version": ..., "system_info": ...}. Timed is llama_decode alone, as
llama-bench times it: random ids, an empty cache, nothing sampled, logits of the last token; the binding adds some
microseconds to a call.
"""
import ctypes
import json
import random
import sys
import time

import llama_cpp as llama

MAX_TOKENS = 4096


@ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)
def silent(_level, _text, _data):
    """A log that keeps nothing."""


class Peer:
    """A model with at most one context, which lives as long as its settings are asked for."""

    def __init__(self, path):
        llama.llama_log_set(silent, ctypes.c_void_p(0))
        llama.llama_backend_init()
        self.model = llama.llama_model_load_from_file(path.encode(), llama.llama_model_default_params())
        if not self.model:
            sys.exit(f"llama_worker: {path}: llama.cpp cannot load it")
        self.vocabulary = llama.llama_vocab_n_tokens(llama.llama_model_get_vocab(self.model))
        self.context, self.settings = None, None

    def prepare(self, tokens, threads, ubatch):
        """A context of llama.cpp's defaults (flash attention among them) but for these settings; warmed up."""
        if self.settings == (tokens, threads, ubatch):
            return
        if self.context is not None:
            llama.llama_free(self.context)
        params = llama.llama_context_default_params()
        params.n_ctx = max(tokens, 512)
        params.n_batch = max(tokens, ubatch)
        params.n_ubatch = ubatch
        params.n_threads = params.n_threads_batch = threads
        self.context = llama.llama_init_from_model(self.model, params)
        if not self.context:
            sys.exit("llama_worker: no context")
        self.settings = (tokens, threads, ubatch)
        self.decode(self.ids(1))

    def ids(self, count):
        """`count` random tokens, as the array that llama.cpp reads."""
        return (llama.llama_token * count)(*(random.randrange(self.vocabulary) for _ in range(count)))

    def decode(self, ids):
        if llama.llama_decode(self.context, llama.llama_batch_get_one(ids, len(ids))) != 0:
            sys.exit("llama_worker: llama_decode failed")
        llama.llama_synchronize(self.context)

    def seconds(self, test, tokens):
        """The time of a prompt of `tokens`, or of as many tokens one after the other."""
        llama.llama_memory_clear(llama.llama_get_memory(self.context), True)
        batches = [self.ids(tokens)] if test == "pp" else [self.ids(1) for _ in range(tokens)]
        start = time.perf_counter()
        for ids in batches:
            self.decode(ids)
        return time.perf_counter() - start


def reply(document):
    print(json.dumps(document), flush=True)


def main():
    random.seed(1)
    peer = Peer(sys.argv[1])
    reply({"version": llama.__version__, "system_info": llama.llama_print_system_info().decode()})
    for line in sys.stdin:
        wanted = json.loads(line)
        peer.prepare(min(wanted["tokens"], MAX_TOKENS), wanted["threads"], wanted["ubatch"])
        reply({"seconds": peer.seconds(wanted["test"], wanted["tokens"])})


main()
