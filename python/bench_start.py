"""Measure what one prediction costs from a cold process: kerasrun predict of the digits model on an image, and Python with
Keras on the same. The files are in the page cache. Prints the table of docs/performance.md."""

import argparse
import os
import pathlib
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
MODEL, IMAGE = "testdata/models/digits/model.keras", "testdata/images/digit_7.png"
PYTHON = f"""
import keras, numpy as np
from PIL import Image
model = keras.saving.load_model("{MODEL}", compile=False)
x = np.asarray(Image.open("{IMAGE}").convert("L").resize((32, 32)), "float32").reshape(1, 32, 32, 1)
print(model.predict(x, verbose=0).argmax())
"""


def measure(command, runs):
    """Least and median seconds, CPU seconds, and MiB of so many runs, after one that is not counted."""
    wall, cpu, memory = [], [], 0
    for i in range(runs + 1):
        start = time.perf_counter()
        child = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _, status, used = os.wait4(child.pid, 0)
        if status:
            sys.exit(f"{command[0]}: status {status}")
        if i:
            wall.append(time.perf_counter() - start)
            cpu.append(used.ru_utime + used.ru_stime)
            memory = max(memory, used.ru_maxrss / 1024)
    return min(wall), statistics.median(wall), statistics.median(cpu), memory


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kerasrun", type=pathlib.Path)
    program = parser.parse_args().kerasrun.resolve()
    ours = measure([str(program), "predict", MODEL, IMAGE], 50)
    keras = measure([sys.executable, "-c", PYTHON], 5)
    print("| | least | median | CPU | memory |\n| --- | ---: | ---: | ---: | ---: |")
    for name, (least, median, cpu, memory) in (("kerasrun predict", ours), ("Python, Keras on TensorFlow", keras)):
        print(f"| {name} | {least * 1e3:.1f} ms | {median * 1e3:.1f} ms | {cpu * 1e3:.1f} ms | {memory:.0f} MiB |")
    print("| ratio | " + " | ".join(f"{k / o:.0f}" for k, o in zip(keras, ours)) + " |")


if __name__ == "__main__":
    main()
