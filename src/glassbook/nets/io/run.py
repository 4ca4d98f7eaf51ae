"""Run a Llama-style language model with NumPy alone: python run.py model.bin -i "One day" -n 64

model.bin is a llama2.c file (v0 or v1 in float32, v2 in 8 bits), tokenizer.bin beside it its vocabulary. Options:
-i prompt, -n new tokens, -t temperature (0 is greedy), -p top-p, -s seed, -z another tokenizer.bin.
"""

import re
import struct
import sys

import numpy as np

AK42, GB42 = 0x616B3432, 0x67623432  # llama2.c's mark, and that of files with a rotary base of their own


class Model:
    """The network: parameters from a file, keys and values of the tokens so far."""

    def __init__(self, path: str) -> None:
        data = np.fromfile(path, np.uint8)
        header = data[:256].tobytes()
        magic, version = struct.unpack_from("<Ii", header)
        marked = magic in (AK42, GB42)
        version, start, at = (version, 256, 8) if marked else (0, 28, 0)
        d, hidden, layers, heads, kv, vocab, context = struct.unpack_from("<7i", header, at)
        tied, group = (header[36], struct.unpack_from("<i", header, 37)[0]) if version else (vocab > 0, 0)
        base, eps = struct.unpack_from("<2d", header, 64) if magic == GB42 else (1e4, 1e-5)
        if version not in (0, 1, 2) or min(d, hidden, layers, heads, kv, abs(vocab), context) < 1:
            sys.exit(f"{path} is no llama2.c model of version 0, 1 or 2")
        size, vocab = d // heads, abs(vocab)
        shapes = {"embed": (1, vocab, d), "norm1": (layers, d), "norm2": (layers, d), "norm": (d,)}
        shapes |= {"q": (layers, d, d), "k": (layers, kv * size, d), "v": (layers, kv * size, d), "o": (layers, d, d)}
        shapes |= {"gate": (layers, hidden, d), "down": (layers, d, hidden), "up": (layers, hidden, d)}
        shapes |= {"rotary": (context, size), "head": (1, vocab, d)}
        order = "embed norm1 q k v o norm2 gate down up norm rotary"
        if version:
            order = "norm1 norm2 norm embed q k v o gate down up"
        w = {}
        for name in [*order.split(), *["head"] * (not tied)]:
            shape, packed = shapes[name], version == 2 and not name.startswith("norm")
            n = int(np.prod(shape))
            end = start + (n + 4 * (n // group) if packed else 4 * n)
            part, start = data[start:end], end
            if end > len(data):
                sys.exit(f"{path} is truncated: {name} is not whole")
            if packed:  # of each matrix the whole numbers, then a scale for each group of them
                part, cut = part.reshape(shape[0], -1), n // shape[0]
                scales = np.ascontiguousarray(part[:, cut:]).view("<f4")[..., None]
                w[name] = (part[:, :cut].view(np.int8).reshape(shape[0], -1, group) * scales).reshape(shape)
            else:
                w[name] = part.view("<f4").reshape(shape)
        # One product where several read the same; a norm's weights and the scale of attention go into the matrices.
        n1, n2 = w["norm1"][:, None], w["norm2"][:, None]
        inward = np.concatenate([w["q"] / np.float32(size**0.5), w["k"], w["v"]], 1) * n1
        self.layers = list(zip(inward, w["o"], np.concatenate([w["gate"], w["up"]], 1) * n2, w["down"]))
        self.embed, self.norm, self.head = w["embed"][0], w["norm"], w["embed" if tied else "head"][0]
        self.eps, self.vocab, self.context = eps, vocab, context
        angles = np.outer(np.arange(context), base ** (-np.arange(0, size, 2) / size))
        self.rotation = np.exp(1j * angles).astype(np.complex64)[:, None]  # neighbouring channels are turned together
        self.keys, self.values = np.zeros((2, layers, kv, context, size), np.float32)

    def forward(self, token: int, position: int) -> np.ndarray:
        """Logits [vocab] of the token after this one; the ones before have been given, one by one."""
        kv, _, size = self.keys.shape[1:]
        x, d, end = self.embed[token].copy(), len(self.norm), position + 1
        for (inward, out, up, down), keys, values in zip(self.layers, self.keys, self.values):
            qkv = (inward @ x) * (x.dot(x) / d + self.eps) ** -0.5
            pairs = qkv[: d + kv * size].view(np.complex64).reshape(-1, size // 2)
            turned = (pairs * self.rotation[position]).view(np.float32)
            keys[:, position] = turned[-kv:]
            values[:, position] = qkv[-kv * size :].reshape(kv, size)
            seen = turned[:-kv].reshape(kv, -1, size) @ keys[:, :end].transpose(0, 2, 1)  # [kv, queries of each, end]
            seen = np.exp(seen - seen.max(-1, keepdims=True))
            x += out @ (seen @ values[:, :end] / seen.sum(-1, keepdims=True)).ravel()
            gate, up = ((up @ x) * (x.dot(x) / d + self.eps) ** -0.5).reshape(2, -1)
            x += down @ (gate * up * (0.5 + 0.5 * np.tanh(0.5 * gate)))  # silu(gate) * up
        return self.head @ (x * self.norm * (x.dot(x) / d + self.eps) ** -0.5)


class Tokenizer:
    """The vocabulary. What follows it in the file, which run.c does not read, says how a byte-level BPE splits text."""

    def __init__(self, path: str, vocab: int) -> None:
        data, at, self.pieces, self.scores = open(path, "rb").read(), 4, [], []
        for _ in range(vocab):
            score, length = struct.unpack_from("<fi", data, at)
            self.pieces.append(data[at + 8 : at + 8 + length])
            self.scores.append(score)
            at += 8 + length
        self.bytewise = data[at : at + 5] == b"\xffgbtk"
        if self.bytewise:
            lists, at = [], at + 5
            for _ in range(5):
                n = struct.unpack_from("<i", data, at)[0]
                lists.append(struct.unpack_from(f"<{n}i", data, at + 4))
                at += 4 + 4 * n
            self.begin, self.ends, self.special, self.named, (self.digits,) = lists
            self.cuts = np.frombuffer(data, "<u2", vocab, at).tolist()  # length of the first of the two that are merged
        else:  # sentencepiece: <unk>, <s>, </s>, the bytes as <0x00> ... <0xFF>, then what stands for text
            self.begin, self.ends, self.special, self.named, self.cuts = [1], [1], [0, 1, 2], [], [0] * vocab
            self.pieces[3:259] = [bytes([byte]) for byte in range(256)]
        no_text = {*self.special} if self.bytewise else {*range(259)}
        self.ids = {piece: id for id, piece in reversed([*enumerate(self.pieces)]) if id not in no_text}

    def encode(self, text: str) -> list[int]:
        """The ids of a text, behind those that begin every text; names of special tokens are read as these."""
        names = {self.pieces[id].decode(): id for id in self.named}
        longest_first = "|".join(map(re.escape, sorted(names, key=len, reverse=True)))
        ids = []
        for part in re.split(f"({longest_first})", text) if names else [text]:
            words = split(part, self.digits) if self.bytewise else [" " + part] * bool(part)
            ids += [names[part]] if part in names else [id for word in words for id in self.merge(word)]
        return ids if ids and ids[0] in self.named else [*self.begin, *ids]

    def merge(self, word: str) -> list[int]:
        """The ids of a word: of all neighbours, those whose union scores best are merged first."""
        known = [unit for b in word.encode() if (unit := bytes([b])) in self.ids]
        units = known if self.bytewise else [c.encode() for c in word]
        while True:
            legal = {}
            for i, (a, b) in enumerate(zip(units, units[1:])):
                union = self.ids.get(a + b)
                if union is not None and self.cuts[union] in (0, len(a)):
                    legal[i] = self.scores[union]
            if not legal:
                return [id for u in units for id in ([self.ids[u]] if u in self.ids else [3 + byte for byte in u])]
            i = max(legal, key=lambda i: legal[i])
            units[i : i + 2] = [units[i] + units[i + 1]]


def split(text: str, digits: bool) -> list[str]:
    """Words as GPT-2 splits them: runs of letters, numbers, other signs and spaces; each digit alone if `digits`."""
    kinds = [("a", str.isalpha), ("1", str.isnumeric), ("\n", str.isspace), ("!", lambda c: True)]
    plain = "".join(c if c < "\x80" else next(sign for sign, test in kinds if test(c)) for c in text)
    number = r"[0-9]|\s+(?=[0-9])" if digits else " ?[0-9]+"
    rule = rf"'(?:[stmd]|re|ve|ll)| ?[A-Za-z]+|{number}| ?[^\sA-Za-z0-9]+|\s+(?!\S)|\s+"
    return [text[m.start() : m.end()] for m in re.finditer(rule, plain, re.ASCII)]


def sample(logits: np.ndarray, temperature: float, top_p: float, rng: np.random.Generator) -> int:
    """A token id: the likeliest at temperature 0, else one of the likeliest that together have probability top_p."""
    if temperature == 0:
        return int(logits.argmax())
    p = np.exp((logits - logits.max()) / temperature, dtype=np.float64)
    p /= p.sum()
    order = np.argsort(-p)
    p = p[order] * (p[order].cumsum() - p[order] < top_p)  # the one that crosses top_p stays
    return int(rng.choice(order, p=p / p.sum()))


def generate(model, ids, n, temperature=0.0, top_p=1.0, seed=0, ends=()):
    """Yield up to n tokens that continue the ids."""
    rng = np.random.default_rng(seed)
    for position in range(len(ids) + n - 1):
        logits = model.forward(ids[position], position)
        if position == len(ids) - 1:
            ids = [*ids, sample(logits, temperature, top_p, rng)]
            if ids[-1] in ends:
                return
            yield ids[-1]


def main(words: list[str]) -> None:
    """Print a prompt and what the model writes after it."""
    options = {"-i": "", "-n": "64", "-t": "0", "-p": "0.95", "-s": "0", "-z": ""} | dict(zip(words[1::2], words[2::2]))
    if len(words) % 2 == 0 or len(options) > 6:
        sys.exit(__doc__)
    beside = re.sub(r"[^/\\]*$", "tokenizer.bin", words[0], count=1)
    try:
        n, seed, temperature, top_p = int(options["-n"]), int(options["-s"]), float(options["-t"]), float(options["-p"])
        model = Model(words[0])
        tokenizer = Tokenizer(options["-z"] or beside, model.vocab)
        ids = tokenizer.encode(options["-i"])
    except (OSError, ValueError, struct.error) as error:
        sys.exit(f"cannot run {words[0]}: {error}")
    if not 0 < len(ids) <= len(ids) + n <= model.context:
        sys.exit(f"{len(ids)} tokens of the prompt and {n} new ones do not fit the context of {model.context}")
    sys.stdout.buffer.write(options["-i"].encode())
    for i, token in enumerate(generate(model, ids, n, temperature, top_p, seed, tokenizer.ends)):
        piece = b"" if token in tokenizer.special else tokenizer.pieces[token]
        sys.stdout.buffer.write(piece.lstrip(b" ") if i + len(ids) == 1 and not tokenizer.bytewise else piece)
        sys.stdout.buffer.flush()
    print()


if __name__ == "__main__":
    main(sys.argv[1:])
