#!/usr/bin/env python3
"""Small vocabularies and the ids of many texts, by another implementation than edgek's.

usage: make_tokenizer_vectors.py FOLDER      writes tiny_bpe.gguf, tiny_spm.gguf, tokenizer_vectors.json

The splitting is done by the `regex` module with the patterns as the models' own tokenizers publish
them; merging is the textbook loop: look at all neighbours, join the best, again.
"""
import collections
import json
import random
import sys
import unicodedata

import gguf
import regex

PATTERNS = {
    "gpt-2": [r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"],
    "smollm": [r"\p{N}", r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"],
    "llama-bpe": [r"'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD]|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|"
                  r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"],
    "qwen2": [r"'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD]|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}|"
              r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"],
}

CORPUS = """The quick brown fox jumps over the lazy dog, and the dog's owner didn't mind: "It's fine," she'll say; they've
seen 1234 foxes in 2024, 33 of them in 3.5 days.  We're here, I'm there, you'd know.

    def merge(left, right):
        return left + right  # the two become one

Der schnelle braune Fuchs springt \u00fcber den faulen Hund. \u041d\u0435\u0449\u043e \u043d\u0430
\u0431\u044a\u043b\u0433\u0430\u0440\u0441\u043a\u0438. \u6211\u60f3\u5728\u5de5\u4f5c 1314151\u5929\uff5e \U0001f680\U0001f999!! ...... ------ ''''
the then there these other another together whether weather feather father mother brother\r\n\r\n\t\ttabs\t and  spaces
"""

SPECIALS = [("<|endoftext|>", 3), ("<|im_start|>", 3), ("<|im_end|>", 3), ("<think>", 4), ("<thinking>", 4), ("  \n", 4)]

TEXTS = [
    "", " ", "  ", "   ", "\t", "\n", "\n\n", "\r\n", "\r\n\r\n", " \n", "\n ", " \t\n \r\n  x", "a", " a", "  a", "a ", "a  ",
    "Hello world", " Hello  world ", "the then there", "theother", "it's", "IT'S", "It'S they'Re we'LL I'D", "'''s''t",
    "don\u2019t", "'\u017f", "x'llama", " 's", "1", "12", "123", "1234", "1234567", " 1", "  12", "a1b22c333", "3.14, 1,000",
    "\u0663\u0664\u0665\u0666", "\u00bd\u00b2\u2167", "x\u00b2", "\u00fcber \u00dcBER", "e\u0301a\u0300", "\u0e01\u0e33\u0e25",
    "\u0915\u094d\u0937\u093f", "\u6211\u60f3\u5728", "\u3000\u3000\u6211", "\u00a0\u00a0x", "\u2003 \u2003y", "\u180ez", "\u200b\u200bw",
    "\u2028\u2029v", "\x85\x85u", "\x1c\x1d", "\x00\x01", "\ufeffbom", "\ufffd", "\U0001f680\U0001f999", "\U0001f636\u200d\U0001f32b\ufe0f ok",
    "!!!", " !!!\n\n", "?!\r\n.", "...\n\n\n  x", "a\n\n b", "a \n\nb", "    indented\n        more\n\n", "\t\ttabs", "<think>", "x<thinking>y",
    "<thin", "<think<think>", "<|im_start|>user\nhi<|im_end|>", "<|im_start|<|im_end|>", "<|endoftext|><|endoftext|>", "a  \nb",
    "a   \n b", "\u2581", " \u2581 x", "brotherwhetherfatherother" * 8, "!" * 100, " " * 65, "a" * 130, "ab" * 64, "\n" * 33,
    "mixed \u0431\u044a\u043b 12\u6211 x\u0301 \U0001f999'll 7\u00bd\t\u3000\r\n--",
]


def random_texts(count):
    rng = random.Random(20240607)
    pools = [
        "  \t\n\r\u00a0\u3000\u2003", "aeT thero'sltmvd", "0123456789\u0663\u00b2\u2167", "!?.,;:'\"<>|-_", "\u0431\u044a\u043b\u6211\u60f3\u0e01\u0915\u094d\u0301",
        "".join(chr(c) for c in (0x1F680, 0x1F999, 0x200D, 0xFE0F, 0xFFFD, 0x10FFFF, 0xE000, 0x2581, 0x7F, 0x85)),
    ]
    assigned = [chr(c) for c in range(0x110000) if unicodedata.category(chr(c)) not in ("Cn", "Cs", "Co")]
    out = []
    for i in range(count):
        if i % 3 == 0:
            out.append("".join(rng.choice(assigned) for _ in range(rng.randint(1, 12))))
        else:
            out.append("".join(rng.choice(rng.choice(pools)) for _ in range(rng.randint(1, 40))))
    return out


def byte_alphabet():
    printable = [b for b in range(256) if 0x21 <= b <= 0x7E or (b >= 0xA1 and b != 0xAD)]
    others = [b for b in range(256) if b not in printable]
    spelled = {b: chr(b) for b in printable}
    spelled.update({b: chr(256 + i) for i, b in enumerate(others)})
    return spelled


def split(text, patterns):
    parts = [text]
    for pattern in patterns:
        next_parts = []
        for part in parts:
            at = 0
            for match in regex.finditer(pattern, part):
                next_parts += [part[at:match.start()], match.group()]
                at = match.end()
            next_parts.append(part[at:])
        parts = [p for p in next_parts if p]
    return parts


def train(words, alphabet, merge_count):
    words = [[alphabet[b] for b in w.encode()] for w in words]
    merges = []
    for _ in range(merge_count):
        pairs = collections.Counter(p for w in words for p in zip(w, w[1:]))
        if not pairs:
            break
        best = max(pairs, key=lambda p: (pairs[p], p))
        merges.append(best)
        words = [join_all(w, best) for w in words]
    return merges


def join_all(word, pair):
    out = []
    for symbol in word:
        if out and (out[-1], symbol) == pair:
            out[-1] += symbol
        else:
            out.append(symbol)
    return out


def bpe(word, ranks, vocab, whole_first):
    if whole_first and "".join(word) in vocab:
        return ["".join(word)]
    word = list(word)
    while True:
        options = [(ranks[p], i) for i, p in enumerate(zip(word, word[1:])) if p in ranks]
        if not options:
            return word
        _, at = min(options)
        word[at:at + 2] = [word[at] + word[at + 1]]


def spm(text, pieces, scores):
    symbols = list(text)
    while True:
        options = [(-scores[a + b], i) for i, (a, b) in enumerate(zip(symbols, symbols[1:])) if a + b in scores]
        if not options:
            break
        _, at = min(options)
        symbols[at:at + 2] = [symbols[at] + symbols[at + 1]]
    out = []
    for symbol in symbols:
        out += [pieces[symbol]] if symbol in pieces else [pieces["<0x%02X>" % b] for b in symbol.encode()]
    return out


def partition(text, tokens):
    """Longest token first, each from left to right; the rest stays text."""
    parts = [text]
    for token in sorted(tokens, key=lambda t: -len(t.encode())):
        next_parts = []
        for part in parts:
            if isinstance(part, str):
                for i, piece in enumerate(part.split(token)):
                    next_parts += [tokens[token]] if i else []
                    next_parts += [piece] if piece else []
            else:
                next_parts.append(part)
        parts = next_parts
    return parts


def write_gguf(path, model, pre, tokens, types, scores, merges, ids):
    w = gguf.GGUFWriter(path, "llama")
    w.add_tokenizer_model(model)
    if pre:
        w.add_tokenizer_pre(pre)
    w.add_token_list(tokens)
    w.add_token_types(types)
    if scores:
        w.add_token_scores(scores)
    if merges:
        w.add_token_merges([" ".join(m) for m in merges])
    for key, value in ids.items():
        getattr(w, "add_%s_token_id" % key)(value)
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


def make_bpe(folder, texts):
    alphabet = byte_alphabet()
    merges = train(split(CORPUS, PATTERNS["llama-bpe"]), alphabet, 220)
    # The last merges are left out of the ranks, not of the vocabulary: words that only the rule
    # "a whole word first" finds.
    whole_only = ["".join(m) for m in merges[-30:]]
    merges = merges[:-30]
    tokens = [alphabet[b] for b in range(256)]
    for t in ["".join(m) for m in merges] + whole_only:
        if t not in tokens:
            tokens.append(t)
    types = [1] * len(tokens) + [kind for _, kind in SPECIALS]
    tokens += [text for text, _ in SPECIALS]
    vocab = {t: i for i, t in enumerate(tokens)}
    write_gguf(folder + "/tiny_bpe.gguf", "gpt2", "gpt-2", tokens, types, None, merges,
               {"bos": vocab["<|im_start|>"], "eos": vocab["<|im_end|>"]})
    ranks = {m: i for i, m in enumerate(merges)}
    plain = {t: i for t, i in vocab.items() if types[i] == 1}
    out = {}
    for pre, patterns in PATTERNS.items():
        for parse in (False, True):
            special = {t: vocab[t] for t, kind in SPECIALS if parse or kind == 4}
            rows = []
            for text in texts:
                ids = []
                for part in partition(text, special):
                    if isinstance(part, int):
                        ids.append(part)
                        continue
                    for word in split(part, patterns):
                        spelled = [alphabet[b] for b in word.encode()]
                        ids += [plain[s] for s in bpe(spelled, ranks, plain, pre == "llama-bpe")]
                rows.append(ids)
            out[pre + (" special" if parse else "")] = rows
    return out


def make_spm(folder, texts):
    blank = "\u2581"
    counts = collections.Counter()
    for word in CORPUS.replace(" ", blank).replace(blank, " " + blank).split(" "):
        for length in range(1, 8):
            for at in range(len(word) - length + 1):
                counts[word[at:at + length]] += length
    chosen = [t for t, _ in sorted(counts.items(), key=lambda c: (-c[1], c[0])) if not any(s in t for s in "\n\t\r<>")][:420]
    tokens = ["<unk>", "<s>", "</s>"] + ["<0x%02X>" % b for b in range(256)] + [blank * 2, blank * 4]
    types = [2, 3, 3] + [6] * 256 + [1, 1]
    tokens += [t for t in chosen if t not in tokens]
    types += [1] * (len(tokens) - len(types))
    # A user-defined word; a control token that could be put together from pieces; pieces that lead to it.
    for text, kind in (("<think>", 4), ("the<", 1), ("the<x", 3)):
        tokens.append(text)
        types.append(kind)
    # Many equal scores: ties are the rule, and go to the left.
    scores = [0.0] * 259 + [-float(i // 7) for i in range(len(tokens) - 259)]
    write_gguf(folder + "/tiny_spm.gguf", "llama", "default", tokens, types, scores, None, {"bos": 1, "eos": 2, "unk": 0})
    pieces = {t: i for i, t in enumerate(tokens) if types[i] in (1, 4, 6)}
    joinable = {t: scores[i] for i, t in enumerate(tokens) if types[i] in (1, 4)}
    vocab = {t: i for i, t in enumerate(tokens)}
    out = {}
    for parse in (False, True):
        special = {t: vocab[t] for t in (("<think>", "<unk>", "<s>", "</s>", "the<x") if parse else ("<think>",))}
        rows = []
        for text in texts:
            ids, prefix = [], True
            for part in partition(text, special):
                if isinstance(part, int):
                    ids.append(part)
                else:
                    ids += spm((blank if prefix else "") + part.replace(" ", blank), pieces, joinable)
                prefix = isinstance(part, int)
            rows.append(ids)
        out["spm" + (" special" if parse else "")] = rows
    return out


def main():
    folder = sys.argv[1]
    texts = TEXTS + ["<s>the</s> the<x>", "the<the<x<unk>", "<0x0A>"] + random_texts(60)
    vectors = {"texts": texts, "ids": {**make_bpe(folder, texts), **make_spm(folder, texts)}}
    with open(folder + "/tokenizer_vectors.json", "w", encoding="ascii") as out:
        out.write(json.dumps(vectors, separators=(",", ":")).replace("],", "],\n") + "\n")


main()
