"""Runs kerasrun and its peers on the same models and writes docs/performance.md's tables.

    python bench_peers.py KERASRUN [--dir DIR] [--threads 1|2] [--batch N] [--configs 1x1,2x1,1x32]
                          [--models A,B] [--rounds N] [--seconds S] [--write docs/performance.md]

KERASRUN is the command. Every engine has a process of its own, pinned to the
same CPUs; they take turns of S seconds, N rounds long, in another order each
round. --configs runs several numbers of threads and batches (THREADSxBATCH) one
after the other. Models and conversions stay in DIR for the next time."""

import argparse
import datetime
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from bench_convert import RESULT
from bench_engines import compare
from bench_models import ORDER, TITLES

HERE = Path(__file__).parent
PEERS = {"tensorflow": "TensorFlow", "onnxruntime": "ONNX Runtime", "openvino": "OpenVINO", "litert": "LiteRT"}
NAMES = {"kerasrun": "kerasrun", **PEERS}


# The ratio we want to reach at batch 1 on one thread or two: less where direct convolution is at the limit of the machine.
TARGETS = {"article": 1.75, "vgg16": 2.3, "resnet50": 1.3, "unet": 2.0, "mobilenetv2": 1.12, "efficientnetb0": 1.25, "mnist": 1.5,
           "conv1d": 1.15, "lstm": 1.2, "mlp": 1.1}
WINOGRAD = {"article", "vgg16", "resnet50", "unet", "mnist"}  # where fewer multiplications help at batch 32 as well
LONG_ROUND = 30  # seconds, after which a model gets two rounds


def target(name, batch):
    return TARGETS[name] if batch == 1 or name in WINOGRAD else 1.0


class Failed(Exception):
    """Why an engine has no numbers for a model."""


def memory(what, pid="self"):
    """A line of /proc in bytes; none on other systems."""
    try:
        for line in open("/proc/meminfo" if what.startswith("Mem") else f"/proc/{pid}/status"):
            if line.startswith(what + ":"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return None


def guarded(command, log, limit):
    """Runs a command that makes files, and ends it should it fill the memory:
    converters of large models do."""
    with open(log, "w") as out:
        child = subprocess.Popen([str(c) for c in command], stdout=out, stderr=out)
        most = 0
        while child.poll() is None:
            time.sleep(0.1)
            most = max(most, memory("VmRSS", child.pid) or 0)
            if limit and most > limit:
                child.kill()
                child.wait()
                raise Failed(f"{command[1].stem} needs more than {limit / 2**30:.0f} GiB")
    if child.returncode:
        lines = [l.strip() for l in Path(log).read_text(errors="replace").splitlines() if l.strip()]
        raise Failed(lines[-1][:200] if lines else f"exit code {child.returncode}")


def first_to_go():
    """Should memory run out, the system ends this child and not the machine's other programs."""
    try:
        Path("/proc/self/oom_score_adj").write_text("1000")
    except OSError:
        pass


def exit_text(code):
    return "ended by the system, most likely for want of memory" if code == -9 else f"exit code {code}"


class Ours:
    """kerasrun: the command, once a turn."""

    def __init__(self, command, folder, batch, threads, cpus):
        self.command, self.model, self.batch, self.threads, self.cpus = command, folder / "model.keras", batch, threads, cpus
        data = np.load(folder / f"b{batch}.npz")
        x, y = folder / f"b{batch}-x.npy", folder / f"b{batch}-y.npy"
        np.save(x, data["input_0"])
        done = self.run("predict", x, "--batch", batch, "--format", "npy", "--output", y)
        if done.returncode:
            raise Failed(done.stderr.strip()[:200])
        about = compare(np.load(y), data)
        self.agrees, self.error, self.load = about["agrees"], about["error"], []
        about = dict(l.split(maxsplit=1) for l in self.run("version", model=False).stdout.splitlines())
        self.version = about.get("commit", about["kerasrun"]).split()[0][:9]
        if self.version == "(devel)":  # built without version control's stamp
            git = subprocess.run(["git", "-C", str(HERE), "describe", "--always", "--dirty"], capture_output=True, text=True)
            self.version = git.stdout.strip() or self.version

    def run(self, verb, *options, model=True):
        command = [self.command, verb, *([self.model, "--threads", self.threads] if model else []), *options]
        pin = (lambda: os.sched_setaffinity(0, self.cpus)) if self.cpus else None
        return subprocess.run([str(c) for c in command], capture_output=True, text=True, preexec_fn=pin)

    def turn(self, seconds):
        done = self.run("bench", "--batch", self.batch, "--duration", f"{seconds}s", "--warmup", f"{min(seconds / 4, 0.2)}s", "--json")
        if done.returncode:
            raise Failed(done.stderr.strip()[:200])
        r = json.loads(done.stdout)
        self.load.append(r["load_ms"])
        return r

    def load_ms(self):
        return min(self.load)

    def close(self):
        pass


class Peer:
    """A peer: one process for all turns on a model."""

    def __init__(self, engine, folder, batch, threads, cpus):
        self.log = folder / f"{engine}.log"
        self.process = subprocess.Popen(
            [sys.executable, str(HERE / "bench_engines.py"), engine, str(folder.parent), folder.name, str(batch), str(threads),
             ",".join(map(str, cpus))],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=open(self.log, "w"), text=True, preexec_fn=first_to_go)
        hello = self.answer()
        self.agrees, self.error, self.version, self.load = hello["agrees"], hello["error"], hello["version"], hello["load_ms"]

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            self.process.wait()
            lines = [l.strip() for l in self.log.read_text(errors="replace").splitlines() if l.strip()]
            raise Failed(lines[-1][:200] if lines and self.process.returncode > 0 else exit_text(self.process.returncode))
        return json.loads(line)

    def turn(self, seconds):
        try:
            self.process.stdin.write(f"{seconds}\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # answer says why
        return self.answer()

    def load_ms(self):
        return self.load

    def close(self):
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass
        self.process.wait()


def prepare(args, name):
    """Makes what is missing of a model; returns why peers are left out."""
    folder = args.dir / name
    limit = (memory("MemAvailable") or 0) * 3 // 4
    if not (folder / f"b{args.batch}.npz").exists():
        folder.mkdir(parents=True, exist_ok=True)
        print(f"{name}: making", flush=True)
        guarded([sys.executable, HERE / "bench_models.py", args.dir, name, args.batch], folder / "make.log", limit)
    why = {}
    for engine in RESULT:
        if engine not in args.engines and not (engine == "onnxruntime" and "openvino" in args.engines):
            continue
        if (folder / f"b{args.batch}.{RESULT[engine]}").exists():
            continue
        print(f"{name}: converting for {NAMES[engine]}", flush=True)
        try:
            guarded([sys.executable, HERE / "bench_convert.py", args.dir, name, args.batch, engine], folder / f"convert-{engine}.log", limit)
        except Failed as e:
            why[engine] = f"not converted: {e}"
    return why


def measure(args, name, cpus):
    """All engines on one model: {engine: {min_ms, ...} or {why}}."""
    results = {engine: {"why": why} for engine, why in prepare(args, name).items()}
    engines = {}
    for engine in ("kerasrun", *args.engines):
        if engine in results:
            continue
        try:
            if engine == "kerasrun":
                engines[engine] = Ours(args.kerasrun, args.dir / name, args.batch, args.threads, cpus)
            else:
                engines[engine] = Peer(engine, args.dir / name, args.batch, args.threads, cpus)
        except Failed as e:
            results[engine] = {"why": str(e)}
    turns = {engine: [] for engine in engines}
    start = time.monotonic()
    for k in range(args.rounds):
        if k >= 2 and time.monotonic() - start > k * LONG_ROUND:
            break
        order = list(engines)
        order = order[k % len(order):] + order[:k % len(order)] if order else []
        for engine in order:
            try:
                turns[engine].append(engines[engine].turn(args.seconds))
            except Failed as e:
                results[engine] = {"why": str(e)}
                engines.pop(engine).close()
    for engine, e in engines.items():
        t = turns[engine]
        results[engine] = {"min_ms": min(x["min_ms"] for x in t), "median_ms": statistics.median(x["median_ms"] for x in t),
                           "runs": sum(x["runs"] for x in t), "load_ms": e.load_ms(), "peak_rss_mb": max(x["peak_rss_mb"] for x in t),
                           "cpus": max(x.get("cpus", 0) for x in t), "agrees": e.agrees, "error": e.error, "version": e.version}
        e.close()
    for engine in NAMES:
        if engine in results:
            r = results[engine]
            print(f"{name:15} {NAMES[engine]:13}", r.get("why") or f"{r['min_ms']:10.4f} {r['median_ms']:10.4f} ms, {r['runs']} runs, "
                  f"load {r['load_ms']:.1f} ms, {r['peak_rss_mb']:.0f} MB, error {r['error']:.1e}{'' if r['agrees'] else ' DIFFERS'}"
                  + (f", on {r['cpus']:.2f} CPUs" if r["cpus"] else ""), flush=True)
    return results


def number(x):
    return f"{x:.0f}" if x >= 100 else f"{x:.1f}" if x >= 10 else f"{x:.2f}" if x >= 1 else f"{x:.4f}" if x < 0.1 else f"{x:.3f}"


def ratio(results):
    """The least time of the best peer over ours."""
    peers = [r["min_ms"] for engine, r in results.items() if engine != "kerasrun" and r.get("agrees")]
    ours = results.get("kerasrun", {})
    return min(peers) / ours["min_ms"] if peers and ours.get("agrees") else None


def tables(args, all_results, where):
    """The tables of one run as Markdown."""
    engines = ["kerasrun", *args.engines]
    head = "| model | " + " | ".join(NAMES[e] for e in engines)
    lines = [*where, "", "Least / median time of one run in ms; ratio: the best peer's least over ours, and what it should be.", "",
             head + " | ratio | target |", "| --- |" + " ---: |" * (len(engines) + 2)]
    notes = []
    for name, results in all_results.items():
        cells = []
        for e in engines:
            r = results.get(e, {"why": "not run"})
            if "why" in r:
                cells.append("–")
                notes.append(f"{TITLES[name]}, {NAMES[e]}: {r['why']}")
            else:
                cells.append(f"{number(r['min_ms'])} / {number(r['median_ms'])}")
                if not r["agrees"]:
                    cells[-1] += " (differs)"
                    notes.append(f"{TITLES[name]}, {NAMES[e]}: its output is up to {r['error']:.1e} from Keras's; not counted")
                if r["cpus"] > args.threads + 0.1:
                    notes.append(f"{TITLES[name]}, {NAMES[e]}: it kept {r['cpus']:.1f} CPUs busy")
        x = ratio(results)
        lines.append(f"| {TITLES[name]} | " + " | ".join(cells) + f" | {f'{x:.2f}' if x else '–'} | {target(name, args.batch):g} |")
    lines += ["", "Loading in ms, from the file to the first result possible / most memory of the process in MiB (for the peers",
              "with Python and the libraries it loads).", "", head + " |", "| --- |" + " ---: |" * len(engines)]
    for name, results in all_results.items():
        cells = [f"{number(r['load_ms'])} / {r['peak_rss_mb']:.0f}" if (r := results.get(e)) and "why" not in r else "–" for e in engines]
        lines.append(f"| {TITLES[name]} | " + " | ".join(cells) + " |")
    if notes:
        lines += ["", *(f"- {n}" for n in notes)]
    return "\n".join(lines)


def machine():
    cpu = platform.processor() or platform.machine()
    try:
        cpu = next(l.split(":", 1)[1].strip() for l in open("/proc/cpuinfo") if l.startswith("model name"))
    except (OSError, StopIteration):
        pass
    gib = (memory("MemTotal") or 0) / 2**30
    return f"{cpu}, {os.cpu_count()} CPUs, {gib:.0f} GiB, {platform.system()} {platform.release().split('-')[0]}"


def heading(args, all_results, loads, cpus):
    """What was run where, and how busy the machine was."""
    versions = {}
    for results in all_results.values():
        for e, r in results.items():
            if r.get("version"):
                versions[e] = r["version"]
    lines = [f"{args.threads} thread{'s' if args.threads > 1 else ''}, batch {args.batch}. {machine()}; {datetime.date.today()}; "
             + ", ".join(f"{NAMES[e]} {versions[e]}" for e in NAMES if e in versions)
             + f"; {args.rounds} rounds of {args.seconds:g} s"
             + (f"; pinned to CPU {', '.join(map(str, cpus))}." if cpus else "; not pinned.")]
    if loads and max(loads) > args.threads + 0.5:
        lines += ["", f"**The machine was shared**: its load average was {min(loads):.1f} to {max(loads):.1f} where this run alone makes "
                  f"{args.threads}. Times are too long, the medians above all, and ratios uncertain."]
    return lines


def write(path, args, text):
    """Replaces the section of this number of threads and this batch, or adds it at the end."""
    begin, end = f"<!-- bench threads={args.threads} batch={args.batch} -->", "<!-- end -->"
    section = f"{begin}\n{text}\n{end}"
    old = path.read_text()
    if begin in old:
        before, after = old.split(begin, 1)
        new = before + section + after.split(end, 1)[1]
    else:
        new = old.rstrip("\n") + f"\n\n### {args.threads} thread{'s' if args.threads > 1 else ''}, batch {args.batch}\n\n{section}\n"
    path.write_text(new)


def main():
    p = argparse.ArgumentParser(description="Runs kerasrun and its peers on the same models.")
    p.add_argument("kerasrun", type=Path, help="the command")
    p.add_argument("--dir", type=Path, default=Path("build/bench"))
    p.add_argument("--threads", type=int, default=1)
    p.add_argument("--batch", type=int, default=1)
    p.add_argument("--configs", default="", help="THREADSxBATCH, several separated by commas, instead of --threads and --batch")
    p.add_argument("--models", default=",".join(ORDER))
    p.add_argument("--engines", default=",".join(PEERS), help="peers")
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--seconds", type=float, default=1.0)
    p.add_argument("--write", type=Path, help="file to write the tables into")
    args = p.parse_args()
    names, args.engines = args.models.split(","), [e for e in args.engines.split(",") if e]
    for what, given, known in (("model", names, ORDER), ("engine", args.engines, PEERS)):
        if unknown := [x for x in given if x not in known]:
            p.error(f"unknown {what} {unknown[0]}, want one of {', '.join(known)}")
    try:
        configs = [tuple(int(n) for n in c.split("x")) for c in args.configs.split(",")] if args.configs else [(args.threads, args.batch)]
        most = max(threads for threads, _ in configs)
    except ValueError:
        p.error(f"--configs {args.configs}, want THREADSxBATCH, as in 1x1,2x1,1x32")
    if min(min(c) for c in configs) < 1 or args.rounds < 1 or args.seconds <= 0:
        p.error("threads, batch, rounds and seconds must be positive")
    if hasattr(os, "sched_setaffinity") and len(os.sched_getaffinity(0)) < most:
        p.error(f"{most} threads, but there are {len(os.sched_getaffinity(0))} CPUs")
    args.kerasrun, args.dir = args.kerasrun.resolve(), args.dir.resolve()
    agree = True
    for args.threads, args.batch in configs:
        agree = run_config(args, names) and agree
    if not agree:
        sys.exit("outputs differ")


def run_config(args, names):
    """Measures all models at one number of threads and one batch; reports whether the outputs agree."""
    cpus = sorted(os.sched_getaffinity(0))[-args.threads:] if hasattr(os, "sched_setaffinity") else []
    all_results, loads, start = {}, [], time.monotonic()
    print(f"{args.threads} threads, batch {args.batch}", flush=True)
    for name in (n for n in ORDER if n in names):
        try:
            all_results[name] = measure(args, name, cpus)
        except Failed as e:
            print(f"{name}: {e}", flush=True)
            all_results[name] = {engine: {"why": str(e)} for engine in ("kerasrun", *args.engines)}
        loads.append(os.getloadavg()[0])
    text = tables(args, all_results, heading(args, all_results, loads, cpus))
    print(f"\n{text}\n\n{time.monotonic() - start:.0f} s\n", flush=True)
    (args.dir / f"results-t{args.threads}-b{args.batch}.json").write_text(json.dumps(all_results, indent=1))
    if args.write:
        write(args.write, args, text)
    return all(r.get("agrees") is not False for results in all_results.values() for r in results.values())


if __name__ == "__main__":
    main()
