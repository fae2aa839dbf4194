"""Makes a program that differs as small as it can be while it still differs."""

import shutil
import time

import golden
from program import MOST_ULPS, Program, Ref, Sub

SECONDS = 90  # for one program


def smallest(program, name, form, out, kerasrun, verdicts, why):
    """The smallest program found and why it differs; its case is left in out."""
    end = time.time() + SECONDS
    kind = reason_kind(why)
    best, done = (program, why), False
    keep(program, name, form, out)
    while not done:
        done = True
        for candidate in smaller(best[0]):
            if time.time() > end:
                done = True
                break
            why = differs(candidate, name, form, out, kerasrun, verdicts)
            if why and reason_kind(why) == kind:
                best, done = (candidate, why), False
                break
    keep(best[0], name, form, out)
    (out / (name + golden.FORMATS[form][1]) / "line.txt").write_text(best[0].line(name, form) + "\n" + best[1] + "\n")
    return best


def reason_kind(why):
    """Errors and differences are apart; among errors, what is not a number or a name counts."""
    return "differs" if "rms error" in why or ": element" in why else "".join(c for c in why.split(":")[-1] if c.isalpha())[:30]


def keep(program, name, form, out):
    try:
        golden.make(program.case(name, form), [form], out)
    except Exception:
        pass  # Keras made it before; the folder that is there stays


def differs(program, name, form, out, kerasrun, verdicts):
    """kerasrun's reason, or "" when it agrees or Keras refuses the program."""
    trial = out / "trial"
    shutil.rmtree(trial, ignore_errors=True)
    try:
        error = golden.make(program.case(name, form), [form], trial)
        return "" if error > MOST_ULPS else next(iter(verdicts(kerasrun, trial).values()), "")
    except Exception:
        return ""
    finally:
        shutil.rmtree(trial, ignore_errors=True)


def smaller(program):
    """Programs a little smaller, the boldest first."""
    nodes = program.nodes
    if not program.sequential:
        for i, node in enumerate(nodes[:-1]):
            if node.cls != "Input":
                for k in range(node.outputs):
                    yield with_outputs(program, [Ref(i, k)])
        if len(program.outputs) > 1:
            for r in program.outputs:
                yield with_outputs(program, [r])
    elif len(nodes) > 2:
        yield Program(nodes[:-1], [Ref(len(nodes) - 2)], True)
    for i, node in enumerate(nodes):
        if node.cls != "Input" and node.args:
            yield without(program, i)
    for i, node in enumerate(nodes):
        if node.inner is not None:
            for inner in smaller(node.inner):
                yield changed(program, i, inner=inner)
        if node.share is not None and nodes[node.share].inner is None:
            yield changed(program, i, share=None, options=nodes[node.share].options)
        for key in node.kw:
            yield changed(program, i, kw={k: v for k, v in node.kw.items() if k != key})
        for options in smaller_options(node.options):
            yield changed(program, i, options=options)


def with_outputs(program, outputs):
    return Program(program.nodes, outputs).pruned()


def changed(program, i, **fields):
    other = program.copy()
    for key, value in fields.items():
        setattr(other.nodes[i], key, value)
    return other.pruned()


def without(program, i):
    """The program with the first argument of node i in place of its results."""
    arg = program.nodes[i].args[0]
    nodes = [n.moved(lambda r: arg if r.node == i else r) for n in program.nodes]
    outputs = [arg if r.node == i else r for r in program.outputs]
    if any(n.share == i for n in nodes) or program.nodes[arg.node].cls == "Input" and arg in outputs:
        return program
    return Program(nodes, outputs, program.sequential).pruned()


def smaller_options(options):
    """Without one option, then with smaller numbers, and the same inside a wrapper."""
    for key, value in options.items():
        yield {k: v for k, v in options.items() if k != key}
    for key, value in options.items():
        for v in smaller_value(value):
            yield dict(options, **{key: v})


def smaller_value(value):
    if isinstance(value, bool) or value is None:
        return
    if isinstance(value, int) and value > 1:
        yield from sorted({1, 2, value // 2, value - 1} - {value})
    elif isinstance(value, float) and value not in (1.0, 0.0):
        yield 1.0
    elif isinstance(value, Sub):
        yield from (Sub(value.cls, o) for o in smaller_options(value.options))
    elif isinstance(value, (tuple, list)) and all(isinstance(v, (int, Sub, tuple, type(None))) for v in value):
        for i, v in enumerate(value):
            for w in smaller_value(v):
                yield type(value)([*value[:i], w, *value[i + 1:]])
        if isinstance(value, list) and len(value) > 1:
            yield from (value[:i] + value[i + 1:] for i in range(len(value)))
