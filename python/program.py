"""A model as data: nodes that name a class, its options and what they are called
on. It can be built in either Keras, made smaller, and written as a line of cases.py."""

import copy
from dataclasses import dataclass, field
from typing import NamedTuple, Optional

import graphs
from golden import K, L, Case, Spec, adapted, flat


MOST_ULPS = 64  # a model whose float32 result has a larger error is rounding: it says nothing


class Ref(NamedTuple):
    """Output k of a node."""

    node: int
    k: int = 0


@dataclass
class Sub:
    """A layer or cell among the options of another."""

    cls: str
    options: dict

    def layer(self):
        return construct(self.cls, self.options)


@dataclass
class Node:
    """One call of a layer. An Input's options are those of Spec; a Model has its
    program in inner; a node that shares calls the layer of an earlier one."""

    cls: str
    options: dict = field(default_factory=dict)
    args: list = field(default_factory=list)  # of Ref
    form: str = "one"  # layer(x); "list": layer([x, y]); "args": layer(x, y)
    kw: dict = field(default_factory=dict)  # of the call; a list holds Refs
    share: Optional[int] = None
    inner: Optional["Program"] = None
    outputs: int = 1

    def refs(self):
        """What the node is called on."""
        return self.args + [r for v in self.kw.values() if isinstance(v, list) for r in v]

    def moved(self, to):
        """The node with every Ref replaced by to(ref)."""
        kw = {k: [to(r) for r in v] if isinstance(v, list) else v for k, v in self.kw.items()}
        return Node(self.cls, self.options, [to(r) for r in self.args], self.form, kw, self.share, self.inner, self.outputs)


def construct(cls, options):
    options = dict(options)
    if cls == "LayerScale":
        return graphs.layer_scale(options["init_values"], options["projection_dim"])
    if cls == "CustomScaleLayer":
        return graphs.custom_scale(options["scale"])
    shape = options.pop("adapt", None)
    layer = getattr(L, cls)(**{k: made(v) for k, v in options.items()})
    return adapted(layer, *shape) if shape else layer


def made(value):
    """An option's value with its Subs built."""
    if isinstance(value, Sub):
        return value.layer()
    return [made(v) for v in value] if isinstance(value, list) else value


@dataclass
class Program:
    nodes: list = field(default_factory=list)
    outputs: list = field(default_factory=list)  # of Ref
    sequential: bool = False

    def inputs(self):
        return [i for i, n in enumerate(self.nodes) if n.cls == "Input"]

    def call(self, i, values, layers):
        """The outputs of node i, called on values; layers holds what is built."""
        node = self.nodes[i]
        if node.cls == "Input":
            spec = Spec(**node.options)
            return [K.Input(spec.shape, dtype=spec.dtype)]
        if node.share is not None:
            layer = layers[node.share]
        elif node.inner is not None:
            layer = node.inner.model()
        else:
            layer = construct(node.cls, node.options)
        layers[i] = layer
        args = [values[r.node][r.k] for r in node.args]
        kw = {k: [values[r.node][r.k] for r in v] if isinstance(v, list) else v for k, v in node.kw.items()}
        return flat(layer(*args, **kw) if node.form != "list" else layer(args, **kw))

    def model(self):
        """A fresh Keras model."""
        if self.sequential:
            spec = Spec(**self.nodes[0].options)
            layers = [n.inner.model() if n.inner else construct(n.cls, n.options) for n in self.nodes[1:]]
            return K.Sequential([K.Input(spec.shape, dtype=spec.dtype), *layers])
        values, layers = [], {}
        for i in range(len(self.nodes)):
            values.append(self.call(i, values, layers))
        inputs = [values[i][0] for i in self.inputs()]
        outputs = [values[r.node][r.k] for r in self.outputs]
        return K.Model(inputs if len(inputs) > 1 else inputs[0], outputs if len(outputs) > 1 else outputs[0])

    def case(self, name, form):
        """The golden case that stores the model in the format."""
        return Case(name, [Spec(**self.nodes[i].options) for i in self.inputs()], lambda: self.model(), form)

    def copy(self):
        return copy.deepcopy(self)

    def pruned(self):
        """The program without the nodes on which no output depends."""
        needed, stack = set(), [r.node for r in self.outputs]
        while stack:
            i = stack.pop()
            if i not in needed:
                needed.add(i)
                stack += [r.node for r in self.nodes[i].refs()]
                stack += [] if self.nodes[i].share is None else [self.nodes[i].share]
        order = {old: new for new, old in enumerate(sorted(needed))}

        def to(r):
            return Ref(order[r.node], r.k)
        nodes = [self.nodes[i].moved(to) for i in sorted(needed)]
        for node in nodes:
            node.share = None if node.share is None else order[node.share]
        return Program(nodes, [to(r) for r in self.outputs], self.sequential)

    def classes(self):
        """Every class of the program, once for each time it stands there."""
        found = ["Sequential" if self.sequential else "Functional"]
        for node in self.nodes:
            if node.inner is not None:
                found += node.inner.classes()
            elif node.cls != "Input" and node.share is None:
                found += [node.cls, *subs(node.options)]
        return found

    # The line of cases.py -----------------------------------------------------

    def line(self, name, form):
        """The case as a line of cases.py."""
        inputs = [spec_text(self.nodes[i].options) for i in self.inputs()]
        given = inputs[0] if len(inputs) == 1 else f"[{', '.join(inputs)}]"
        names = [f"x{i}" for i in range(len(inputs))]
        if self.sequential:
            build = f"lambda: {self.sequence_text()}"
        else:
            build = f"lambda {', '.join(names)}: {self.body_text(names)}"
        return f'Case("{name}", {given}, {build}, "{form}"),'

    def sequence_text(self):
        spec = self.nodes[0].options
        dtype = f', dtype="{spec["dtype"]}"' if spec.get("dtype") else ""
        layers = [f"K.Input({tuple(spec['shape'])!r}{dtype})"]
        layers += [n.inner.model_text() if n.inner else layer_text(n.cls, n.options) for n in self.nodes[1:]]
        return f"seq({', '.join(layers)})"

    def model_text(self):
        if self.sequential:
            return self.sequence_text()
        inputs = [self.nodes[i].options for i in self.inputs()]
        made = [f"x{i} := K.Input({tuple(o['shape'])!r}{', dtype=' + repr(o['dtype']) if o.get('dtype') else ''})" for i, o in enumerate(inputs)]
        names = [f"x{i}" for i in range(len(inputs))]
        return f"(lambda: [{', '.join(made)}, K.Model([{', '.join(names)}], {self.body_text(names)})][-1])()"

    def body_text(self, names):
        """A list whose elements name every value, the outputs last."""
        names, steps, value = iter(names), [], {}
        layer = {}
        shared = {n.share for n in self.nodes if n.share is not None}
        for i, node in enumerate(self.nodes):
            if node.cls == "Input":
                value[i] = next(names)
                continue
            text = layer.get(node.share) or (node.inner.model_text() if node.inner else layer_text(node.cls, node.options))
            if i in shared:
                steps.append(f"l{i} := {text}")
                text = f"l{i}"
            layer[i] = text

            def at(r):
                return value[r.node] if self.nodes[r.node].outputs == 1 else f"{value[r.node]}[{r.k}]"
            args = ", ".join(at(r) for r in node.args)
            args = f"[{args}]" if node.form == "list" else args
            for key, v in node.kw.items():
                args += f", {key}=" + (f"[{', '.join(at(r) for r in v)}]" if isinstance(v, list) else repr(v))
            value[i] = f"v{i}"
            steps.append(f"v{i} := {text}({args})")
        outputs = ", ".join(at(r) for r in self.outputs)
        return f"[{', '.join(steps)}, [{outputs}]][-1]"


def subs(options):
    """The classes among the options, as found in a config."""
    found = []
    for value in options.values():
        for v in value if isinstance(value, list) else [value]:
            if isinstance(v, Sub):
                found += [v.cls, *subs(v.options)]
    return found


def spec_text(options):
    rest = {k: v for k, v in options.items() if k != "shape"}
    shape = tuple(options["shape"])
    return repr(shape) if not rest else f"Spec({shape!r}, {', '.join(f'{k}={v!r}' for k, v in rest.items())})"


def layer_text(cls, options):
    if cls == "LayerScale":
        return f"layer_scale({options['init_values']!r}, {options['projection_dim']!r})"
    if cls == "CustomScaleLayer":
        return f"custom_scale({options['scale']!r})"
    options = dict(options)
    shape = options.pop("adapt", None)
    text = f"L.{cls}({', '.join(f'{k}={option_text(v)}' for k, v in options.items())})"
    return f"adapted({text}, {', '.join(map(str, shape))})" if shape else text


def option_text(value):
    if isinstance(value, Sub):
        return layer_text(value.cls, value.options)
    return f"[{', '.join(map(option_text, value))}]" if isinstance(value, list) else repr(value)
