"""Compares kerasrun with real Keras on random models.

    python random_models.py DIR --kerasrun FILE [--count N] [--seed S] [--from I]

Each model comes from (seed, number): topology, layers, options, shapes, weights,
format. Models with an even number are tf_keras's, the others Keras 3's; they are
made in batches, and kerasrun verifies a batch at a time by the rule of
docs/adr/0004-tolerance.md, in both of its modes. A model that differs is made as
small as it can be while it does (shrink.py), and is left in DIR/failed with the
line of cases.py that makes it a golden case."""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

BATCH = 50  # models a process of kerasrun verifies at once
PROCESS = 250  # models a Python process makes: TensorFlow never forgets all of one
ATTEMPTS = 30
# Neither Keras 3 nor tf_keras has them: the cases of old_keras.py are what they rest on.
GONE = {"MaxoutDense", "Highway", "ParametricSoftplus", "SReLU"}


def supported(docs):
    """The classes that kerasrun says it has and that a Keras of today can make."""
    return [c for c in re.findall(r"^### (\w+)$", docs.read_text(), re.M) if c not in GONE]


# In a process of one era -------------------------------------------------------

def schedule(era_classes, entries):
    """The classes in turn; those of one Keras alone come twice."""
    return era_classes + [n for n in era_classes if len(entries[n].eras) == 1]


def make(number, seed, out):
    """Model number into out: its program, or None when every attempt says nothing."""
    import golden
    import numpy as np
    from generators import CLASSES, Draw
    from program import MOST_ULPS
    from random_programs import Rejected, classes_of_era, formats, generate
    turn = schedule(classes_of_era(), CLASSES)
    at = number // 2 * 2
    wanted = [turn[(at + k) % len(turn)] for k in range(2)]
    why = ""
    for attempt in range(ATTEMPTS):
        name = f"random_{seed}_{number}"
        try:
            program = generate((seed, number, attempt), wanted if attempt < ATTEMPTS / 2 else wanted[:1])
            form = Draw(seed, number, attempt, 1).pick(formats(program))
            try:
                error = golden.make(program.case(name, form), [form], out)
            except ValueError as e:
                if "maximum shard size" not in str(e):
                    raise
                form = "k3json"
                error = golden.make(program.case(name, form), [form], out)
        except Rejected as e:
            why = f"rejected: {e}"
            continue
        except Exception as e:
            why = f"{type(e).__name__}: {str(e)[:300]}"
            log(out, f"{name}: {why}\n  {program.line(name, form)}")
            continue
        folder = out / (name + golden.FORMATS[form][1])
        with np.load(folder / "expect.npz") as z:
            outputs = [z[k] for k in z.files if k.startswith("output")]
        if error <= MOST_ULPS and any(o.size > 1 and (o.dtype.kind not in "f" or np.ptp(o) > 0) for o in outputs):
            return program, form, folder.name
        shutil.rmtree(folder)
        why = f"says nothing: {error:.3g} ulp"
    log(out, f"random_{seed}_{number}: none made with {wanted}: {why}")
    return None


def log(out, text):
    with (out.parent / "keras_refused.txt").open("a") as f:
        f.write(text + "\n")


def verdicts(kerasrun, folder):
    """What kerasrun says about the cases of folder: {name: reason or ""}."""
    found = {}
    for mode in ([], ["--fast"]):
        run = subprocess.run([kerasrun, "verify", "--exact", str(folder), "--format", "json", *mode], capture_output=True, text=True)
        try:
            cases = json.loads(run.stdout)["cases"]
        except (ValueError, KeyError):
            cases = [{"case": p.name, "ok": False, "error": run.stderr[-2000:]} for p in folder.iterdir()] if run.returncode else []
        for c in cases:
            why = c.get("error") or "; ".join(a["name"] + ": " + a["reason"] for a in c.get("arrays", ()) if not a["ok"])
            if not c["ok"] and not found.get(c["case"]):
                found[c["case"]] = (" ".join(mode) + " " + why).strip()
            else:
                found.setdefault(c["case"], "")
    return found


def child(args):
    """Makes and verifies the models that are in args.numbers; the counts go to stdout as JSON."""
    import shrink
    counts, made, failed, topologies = Counter(), 0, [], Counter()
    numbers = [int(n) for n in args.numbers.split(",")]
    for start in range(0, len(numbers), BATCH):
        out = args.dir / f"batch_{os.getpid()}"
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir(parents=True)
        programs = {}
        for number in numbers[start:start + BATCH]:
            got = make(number, args.seed, out)
            if got is None:
                failed.append((number, "not made"))
                continue
            program, form, folder = got
            programs[folder] = (number, program, form)
            made += 1
            counts.update(program.classes())
            topologies.update(kinds(program))
        for folder, why in sorted(verdicts(args.kerasrun, out).items()) if programs else ():
            if why:
                number, program, form = programs[folder]
                print(f"DIFFERS {folder}: {why[:400]}\n    {program.line(folder, form)}", file=sys.stderr, flush=True)
                if args.shrink:
                    program, why = shrink.smallest(program, f"random_{args.seed}_{number}", form, args.dir / "failed", args.kerasrun, verdicts, why)
                line = program.line(f"random_{args.seed}_{number}", form)
                print(f"  smallest: {why[:400]}\n    {line}", file=sys.stderr, flush=True)
                failed.append((number, f"{why}\n{line}"))
        shutil.rmtree(out)
        print(f"{len(numbers[:start + BATCH])} of {len(numbers)}", file=sys.stderr, flush=True)
    json.dump({"counts": counts, "made": made, "failed": failed, "topologies": topologies}, sys.stdout)


def kinds(program):
    """What the topology of the program counts as."""
    nodes = program.nodes
    uses = Counter(r for n in nodes for r in n.refs())
    found = ["all", "sequential" if program.sequential else "functional"]
    if max(uses.values(), default=0) > 1 or len(program.outputs) > 1 or len(program.inputs()) > 1:
        found.append("branches")
    if any(n.inner is not None or n.share is not None for n in nodes):
        found.append("nested or shared")
    return found


# The command --------------------------------------------------------------------

def main():
    here = Path(__file__).resolve().parent
    args = argparse.ArgumentParser(description="Compares kerasrun with real Keras on random models.")
    args.add_argument("dir", type=Path)
    args.add_argument("--kerasrun", required=True, help="the command")
    args.add_argument("--count", type=int, default=200)
    args.add_argument("--seed", type=int, default=1)
    args.add_argument("--from", dest="first", type=int, default=0, help="the first number")
    args.add_argument("--only", help="numbers, with commas")
    args.add_argument("--least", type=int, default=0, help="how often each class must have come")
    args.add_argument("--no-shrink", dest="shrink", action="store_false")
    args.add_argument("--numbers", help=argparse.SUPPRESS)
    args = args.parse_args()
    if args.numbers:
        return child(args)
    from generators import CLASSES
    classes = supported(here.parent / "docs" / "LAYERS.md")
    without = [c for c in classes if c not in CLASSES]
    if without:
        sys.exit(f"generators.py has no entry for {', '.join(without)}")
    shutil.rmtree(args.dir, ignore_errors=True)
    args.dir.mkdir(parents=True)
    start = time.time()
    numbers = [int(n) for n in args.only.split(",")] if args.only else range(args.first, args.first + args.count)
    jobs = []
    for era in "23":
        mine = [n for n in numbers if n % 2 == int(era) % 2]
        jobs += [(era, mine[i:i + PROCESS]) for i in range(0, len(mine), PROCESS)]
    jobs.sort(key=lambda j: j[1])
    counts, topologies, failed, made = Counter(), Counter(), [], 0
    running = []
    while jobs or running:
        while jobs and len(running) < 2:
            era, mine = jobs.pop(0)
            command = [sys.executable, __file__, str(args.dir), "--kerasrun", args.kerasrun, "--seed", str(args.seed),
                       "--numbers", ",".join(map(str, mine))] + ([] if args.shrink else ["--no-shrink"])
            running.append((mine, subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=dict(os.environ, GOLDEN_ERA=era))))
        mine, process = running.pop(0)
        text, _ = process.communicate()
        if process.returncode:
            failed += [(n, "the process that makes it failed") for n in mine]
            continue
        got = json.loads(text)
        counts.update(got["counts"])
        topologies.update(got["topologies"])
        failed += got["failed"]
        made += got["made"]
    report(classes, counts, topologies, made, len(numbers), failed, time.time() - start)
    rare = [c for c in classes if counts[c] < args.least]
    if rare:
        print(f"fewer than {args.least} times: {', '.join(rare)}")
    sys.exit(1 if failed or rare else 0)


def report(classes, counts, topologies, made, asked, failed, seconds):
    cells = [f"{c} {counts[c]}" for c in classes]
    for i in range(0, len(cells), 4):
        print("".join(f"{c:<32}" for c in cells[i:i + 4]).rstrip())
    print(", ".join(f"{n} {k}" for k, n in sorted(topologies.items())))
    for number, why in failed:
        print(f"FAIL {number}: {why}")
    print(f"{made - sum(why != 'not made' for _, why in failed)} of {asked} random models agree with Keras, {seconds:.0f} s")


if __name__ == "__main__":
    main()
