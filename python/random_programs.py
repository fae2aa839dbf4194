"""A random program from a seed: its topology, its layers one by one, each called
as it is made so that Keras itself says what shape comes out."""

import numpy as np

from generators import AUGMENTATIONS, CLASSES, ERA, EXACT, TEXTS, WORDS, Draw, Value
from golden import FORMATS, K
from program import Node, Program, Ref, Sub

# Shares of the topologies; a merge makes any model one of branches.
TOPOLOGIES = ["sequential"] * 7 + ["chain"] * 4 + ["branches"] * 7 + ["nested"] * 1 + ["shared"] * 1
LARGEST = 3000  # elements of a value, without the batch
SAME_HIGH = {"Reshape", "Flatten", "Permute", "RepeatVector", "Identity", "Concatenate"}


class Rejected(Exception):
    """Keras refuses a layer, or its result is too large or empty."""


class Builder:
    """A program as it grows, with Keras's tensors beside it."""

    def __init__(self, draw):
        self.draw, self.program, self.layers = draw, Program(), {}
        self.tensors = []  # of each node
        self.pool = []  # every value, the newest last
        self.entry = ""  # the class being placed

    def input(self, shape, kind="float", high=0, size=None):
        """A new input; kind is float, picture, u8, int, string or text."""
        options = {"shape": tuple(shape)}
        if size:
            options["size"] = tuple(size)
        options.update({"float": {}, "picture": {"high": 255}, "u8": {"dtype": "uint8"},
                        "int": {"dtype": "int32", "high": high}, "string": {"dtype": "string", "words": tuple(WORDS)},
                        "text": {"dtype": "string", "words": tuple(TEXTS)}}[kind])
        v = self.call(Node("Input", options))[0]
        v.picture, v.high = kind in ("picture", "u8"), high
        v.kind = "text" if kind == "text" else v.kind
        self.pool.append(v)
        if kind == "u8":
            return self.add("Rescaling", {"scale": 1 / 255}, [v])[0]
        return v

    def call(self, node, args=()):
        """Appends node and calls it."""
        i = len(self.program.nodes)
        self.program.nodes.append(node)
        try:
            tensors = self.program.call(i, self.tensors, self.layers)
            for t in tensors:
                known = [d for d in t.shape[1:] if d is not None]
                if 0 in known or np.prod(known, dtype=int) > LARGEST or len(known) > 5:
                    raise Rejected(f"shape {tuple(t.shape)}")
        except Exception as e:
            self.program.nodes.pop()
            self.layers.pop(i, None)
            raise Rejected(f"{node.cls}({node.options}) on {[tuple(a.tensor.shape) for a in args]}: {type(e).__name__}: {str(e)[:300]}") from e
        self.tensors.append(tensors)
        node.outputs = len(tensors)
        return [self.value(node, Ref(i, k), t, args) for k, t in enumerate(tensors)]

    def value(self, node, ref, tensor, args):
        dtype = str(getattr(tensor.dtype, "name", tensor.dtype))
        kind = "string" if dtype == "string" else "int" if "int" in dtype and dtype != "uint8" else "float" if "float" in dtype else dtype
        exact = kind != "float" or not args or node.cls in EXACT and all(a.exact for a in args) or args[0].kind != "float"
        high = {"Hashing": node.options.get("num_bins", 0), "HashedCrossing": node.options.get("num_bins", 0),
                "Discretization": len(node.options.get("bin_boundaries", ())) + 1}.get(node.cls, 0)
        if node.cls == "TextVectorization":
            high = len(node.options["vocabulary"]) + 2
        if node.cls.endswith("Lookup"):
            high = len(node.options["vocabulary"]) + node.options.get("num_oov_indices", 1) + ("mask_token" in node.options)
        if node.cls in SAME_HIGH and args:
            high = max(a.high for a in args)
        picture = bool(args) and args[0].picture and (node.cls in AUGMENTATIONS or node.cls in ("CenterCrop", "RandomCrop"))
        return Value(ref, tensor, kind, exact, picture, high if kind == "int" else 0)

    def add(self, cls, options, args, form="one", kw=None, share=None, inner=None):
        """Calls a layer of cls on args; the values it returns."""
        node = Node(cls, options, [a.ref for a in args], form, kw or {}, share, inner)
        values = self.call(node, args)
        self.pool += values
        return values

    def vector(self, n, near):
        """Some float value of shape (n,)."""
        if self.draw.chance(0.5):
            return self.input((n,))
        source = next((v for v in self.pool if v.rank == 1 and v.kind == "float"), None) or self.input((self.draw.int(3, 8),))
        return self.add("Dense", {"units": n, "activation": "tanh"}, [source])[0]

    def twin(self, v):
        """Another value of the shape and kind of v."""
        r = self.draw
        same = [w for w in self.pool if w.shape == v.shape and w.kind == v.kind and w.ref != v.ref and w.high == v.high]
        if same and v.fixed and r.chance(0.6):
            return r.pick(same)
        if v.fixed and (v.kind != "float" or r.chance(0.3)):
            return self.input(v.shape, v.kind, v.high)
        if v.kind != "float" or r.chance(0.05):
            return v
        if v.shape[-1] is None or r.chance(0.3):
            return self.add("Activation", {"activation": r.pick(["tanh", "relu", "sigmoid"])}, [v])[0]
        return self.add("Dense", {"units": v.shape[-1]}, [v])[0]

    def place(self, name, v, simple=False):
        """A layer of class name on v; simple: one call with one result."""
        entry = CLASSES[name]
        self.draw.plain = self.draw.chance(0.5)
        self.entry = name
        if entry.place and not (simple and entry.options):
            return entry.place(self, v)
        options = entry.options(self.draw, v)
        if options is None:
            return None
        if simple:
            options.pop("return_state", None)
            for value in options.values():
                if isinstance(value, Sub):
                    value.options.pop("return_state", None)
            if options.get("merge_mode", "") is None:
                options.pop("merge_mode")
        return self.add(name, options, [v])


def chainable(name):
    """Whether the class takes one tensor in one call."""
    return CLASSES[name].options is not None or name == "Masking"


def classes_of_era():
    return [name for name, entry in CLASSES.items() if ERA in entry.eras]


def first_input(b, name):
    """An input that the class can stand on."""
    r, entry = b.draw, CLASSES[name]
    rank = r.pick(entry.ranks)
    dims = {0: (), 1: (3, 12), 2: (4, 10), 3: (5, 10), 4: (4, 6), 5: (3, 5)}[rank]
    shape = [r.int(*dims) for _ in range(rank)]
    if rank > 1:
        shape[-1] = r.int(1, 3) if rank > 3 or r.chance(0.5) else r.int(2, 8)
    if entry.picture:
        return b.input((*shape[:2], 3), r.pick(["picture"] * 4 + ["u8"]))
    special = {"STFTSpectrogram": [r.int(14, 25), r.int(1, 2)], "Masking": [r.int(5, 9), r.int(1, 2)], "HashedCrossing": [1],
               "TextVectorization": [1] * rank, "MelSpectrogram": [r.int(160, 240)]}
    shape = special.get(name, shape)
    kind = r.pick([k for k in entry.takes.split() if k != "any"])
    if kind == "float" and rank == 3 and r.chance(0.2):
        kind = "picture"
    if kind == "float" and name not in special and rank in (2, 3) and r.chance(0.12):
        return b.input([None] * (rank - 1) + shape[-1:], size=shape)
    return b.input(shape, kind, r.int(3, 12) if kind == "int" else 0)


def candidates(b, v, simple):
    names = [n for n in classes_of_era() if CLASSES[n].fits(v) and (chainable(n) if simple else True)]
    weights = np.array([CLASSES[n].weight for n in names])
    return names, weights


def step(b, v, simple):
    """A random layer on v, or None when nothing was found in a few tries."""
    names, weights = candidates(b, v, simple)
    if not names:
        return None
    for _ in range(6):
        name = names[int(b.draw.rng.choice(len(names), p=weights / weights.sum()))]
        try:
            values = b.place(name, v, simple)
        except Rejected as e:
            rejections.append(str(e))
            continue
        if values:
            return values
    return None


rejections = []  # what Keras refused, for a look at the generators


def reach(b, v, name):
    """v, or a value made from it, on which the class can stand."""
    entry = CLASSES[name]
    if entry.fits(v):
        return v
    if entry.takes != "float" or entry.picture or entry.jump or v.kind != "float" or not v.fixed:
        return None
    r = b.draw
    rank = r.pick(entry.ranks)
    shape = [r.int(3, 5) for _ in range(rank)] if rank > 3 else [r.int(3, 7) for _ in range(rank)]
    n = int(np.prod(shape))
    if v.rank > 1:
        v = b.add("Flatten", {}, [v])[0]
    v = b.add("Dense", {"units": n, "activation": "tanh"}, [v])[0]
    return b.add("Reshape", {"target_shape": tuple(shape)}, [v])[0] if rank > 1 else v


def feature(b, v, name, simple):
    """The class on v, as near as can be."""
    v = reach(b, v, name)
    for _ in range(8 if v is not None else 0):
        try:
            values = b.place(name, v, simple)
        except Rejected as e:
            rejections.append(str(e))
            continue
        if values:
            return values
    return None


def simple_chain(b, v, wanted, most):
    """A chain of layers from v, with the wanted classes among them."""
    for name in wanted:
        if b.draw.chance(0.3):
            got = step(b, v, True)
            v = got[-1] if got and CLASSES[name].fits(got[-1]) else v if not got else v
            if got and v is not got[-1]:  # a chain has no dead ends
                v = got[-1]
        got = feature(b, v, name, True)
        v = got[-1] if got else v
    for _ in range(b.draw.int(0, most)):
        got = step(b, v, True)
        if got is None:
            break
        v = got[-1]
    return v


def inner_program(b, v, sequential):
    """A program of a few layers on the shape of v."""
    inner = Builder(b.draw)
    x = inner.input(v.shape) if v.fixed else None
    if x is None:
        return None
    y = simple_chain(inner, x, [], 2)
    if y.ref == x.ref:
        return None
    if not sequential and b.draw.chance(0.5):
        z = step(inner, x, True)
        inner.program.outputs = [y.ref] + ([z[0].ref] if z else [])
    else:
        inner.program.outputs, inner.program.sequential = [y.ref], sequential
    return inner.program.pruned()


def nest(b, v):
    """A model as a layer on v, now and then called twice."""
    r = b.draw
    if v.kind != "float" or not v.fixed:
        return None
    inner = inner_program(b, v, r.chance(0.5))
    if inner is None:
        return None
    got = b.add("Model", {}, [v], inner=inner)
    if r.chance(0.3):
        got += b.add("Model", {}, [b.twin(v)], share=got[0].ref.node)
    return got


def share(b, v):
    """One layer on two values, merged."""
    got = step(b, v, True)
    if not got or v.kind != "float" or b.program.nodes[got[0].ref.node].args != [v.ref]:
        return got
    other = b.add(b.program.nodes[got[0].ref.node].cls, {}, [b.twin(v)], share=got[0].ref.node)
    if b.draw.chance(0.7) and got[0].kind == "float":
        return b.add(b.draw.pick(["Add", "Concatenate", "Multiply", "Average"]), {}, [got[0], other[0]], form="list")
    return got + other


def sinks(b):
    used = {r for n in b.program.nodes for r in n.refs()}
    return [v for v in b.pool if v.ref not in used and b.program.nodes[v.ref.node].cls != "Input"]


def branches(b, v, wanted, topology):
    """Layers on any of the values, merges, several inputs and outputs."""
    r = b.draw
    for name in wanted:
        fitting = [w for w in b.pool if CLASSES[name].fits(w)]
        at = r.pick(fitting) if fitting else reach(b, v, name) or first_input(b, name)
        got = feature(b, at, name, False)
        v = got[0] if got else v
    if topology == "nested":
        for _ in range(4):
            fitting = [w for w in b.pool if w.kind == "float" and w.fixed and w.rank < 5]
            if fitting and nest(b, r.pick(fitting[-3:])):
                break
    for _ in range(r.int(2, 5)):
        ends = sinks(b) or b.pool
        at = r.pick(ends if r.chance(0.6) else b.pool)
        if topology == "shared" and r.chance(0.6):
            share(b, at)
        elif at.kind == "float" and r.chance(0.4):
            name = r.pick(["Add", "Concatenate", "Multiply", "Average", "Maximum", "Minimum", "Subtract", "Dot"])
            if CLASSES[name].fits(at):
                feature(b, at, name, False)
        else:
            step(b, at, False)


def generate(seed, wanted):
    """A random program with the wanted classes, from a seed (a tuple of numbers).
    Raises Rejected when nothing came of it."""
    K.backend.clear_session()
    rejections.clear()
    r = Draw(*seed)
    b = Builder(r)
    topology = r.pick(TOPOLOGIES)
    if not all(chainable(name) for name in wanted[:1]):
        topology = "branches"
    if topology in ("sequential", "chain"):
        wanted = [name for name in wanted if chainable(name)]
    v = first_input(b, wanted[0])
    if topology in ("sequential", "chain"):
        v = simple_chain(b, v, wanted, 4)
        b.program.outputs = [v.ref]
        program = b.program.pruned()
        program.sequential = topology == "sequential" and all(len(n.args) == 1 for n in program.nodes[1:])
    else:
        branches(b, v, wanted, topology)
        ends = sinks(b)
        # Few outputs: of more than three, the oldest are joined to nothing and go.
        b.program.outputs = [v.ref for v in ends[-3:]]
        program = b.program.pruned()
    if not program.outputs or all(n.cls == "Input" for n in program.nodes):
        raise Rejected("no layer")
    return program


def formats(program):
    """The formats in which the program can be stored."""
    found = [f for f, (era, *_) in FORMATS.items() if era == ERA]
    if not program.sequential or any(n.inner for n in program.nodes):
        found = [f for f in found if f != "k2list"]
    # Keras 3.15 cannot write its augmentations to .h5: a module is among their attributes.
    if ERA == "3" and any(n in AUGMENTATIONS for n in program.classes()):
        found.remove("k3h5")
    return found
