"""Trains the Conv1D + LSTM model of examples/stream on generated sound and writes
it, a stream of a minute, and Keras's own figures: about two minutes on two cores.

The sound is a door's bell in noise: two tones, a pause of any length between
them. High then low is "ding-dong", low then high is "dong-ding". While the second
tone sounds, the model is to say which; what it hears at that moment does not tell,
only what it remembers."""

import argparse
import json
import os
import wave
from pathlib import Path

os.environ.update(GOLDEN_ERA="3", TF_DETERMINISTIC_OPS="1")
import numpy as np

import golden
from golden import K, L

SEED = 51
GOAL = 0.95
RATE = 2000  # samples a second
STEP = 128  # samples for each answer
CHUNK = 2 * STEP  # samples of each call of the stream
NAMES = ["nothing", "ding-dong", "dong-ding"]
TONES = {"ding": (520, 680), "dong": (300, 400)}  # Hz


def sound(rng, steps):
    """(steps * STEP,) samples of -1..1, and what to say of each step."""
    n = steps * STEP
    x, y = rng.normal(0, rng.uniform(0.02, 0.08), n), np.zeros(steps, "int64")
    at = int(rng.integers(0, 6 * STEP))
    while True:
        first, second = ("ding", "dong") if rng.random() < 0.5 else ("dong", "ding")
        long = rng.integers(4 * STEP, 7 * STEP, 2)
        pause = int(rng.integers(0, 6 * STEP))
        if at + long.sum() + pause > n:
            return np.clip(x, -1, 1).astype("float32"), y
        for k, (tone, begin) in enumerate(((first, at), (second, at + long[0] + pause))):
            t = np.arange(long[k]) / RATE
            loud = rng.uniform(0.2, 0.6) * np.minimum(1, 20 * t) * np.exp(-1.5 * t)
            x[begin:begin + long[k]] += loud * np.sin(2 * np.pi * (rng.uniform(*TONES[tone]) * t + rng.random()))
        begin = at + long[0] + pause
        inside = (np.arange(steps) * STEP >= begin) & ((np.arange(steps) + 1) * STEP <= begin + long[1])
        y[inside] = NAMES.index(f"{first}-{second}")
        at += int(long.sum()) + pause + int(rng.integers(6 * STEP, 14 * STEP))


def network(**form):
    """(samples, 1) to (samples / STEP, 3). Neither convolution reaches over a step's border."""
    stateful = "batch_shape" in form
    return K.Sequential([
        L.Input(name="sound", **form),
        L.Conv1D(24, 32, strides=32, activation="relu", name="tones"),
        L.Conv1D(24, STEP // 32, strides=STEP // 32, activation="relu", name="loudness"),
        L.LSTM(32, return_sequences=True, stateful=stateful, name="memory"),
        L.Dense(len(NAMES), activation="softmax", name="bell"),
    ], name="doorbell")


def train(epochs, count):
    K.utils.set_random_seed(SEED)
    rng = np.random.default_rng(SEED)
    x, y = (np.stack(v) for v in zip(*(sound(rng, 64) for _ in range(count))))
    model = network(shape=(None, 1))
    model.compile(K.optimizers.Adam(K.optimizers.schedules.CosineDecay(5e-3, epochs * (count // 32))),
                  "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x[..., None], y, batch_size=32, epochs=epochs, verbose=2)
    stream = network(batch_shape=(1, CHUNK, 1))  # one caller, a chunk a call, and an LSTM that remembers
    stream.set_weights(model.get_weights())
    return model, stream


def main():
    args = argparse.ArgumentParser(description="Trains and writes the model of a stream of sound.")
    args.add_argument("--out", type=Path, default=Path(__file__).resolve().parent.parent / "examples" / "stream")
    args.add_argument("--epochs", type=int, default=25)
    args.add_argument("--sounds", type=int, default=1500)
    args = args.parse_args()
    model, stream = train(args.epochs, args.sounds)
    x, y = sound(np.random.default_rng(SEED + 1), 60 * RATE // STEP // 2 * 2)
    x = np.round(x * 127).astype("int8")  # what the example reads: 8 bits a sample
    floats = x.astype("float32") / 127
    whole = model.predict(floats[None, :, None], verbose=0)[0]
    pieces = floats.reshape(-1, CHUNK, 1)
    chunks = stream.predict(pieces, batch_size=1, verbose=0).reshape(whole.shape)  # its states go from batch to batch
    np.testing.assert_allclose(chunks, whole, atol=1e-5)
    forgetful = model.predict(pieces, verbose=0).reshape(whole.shape)  # each piece begins with states of zeros
    accuracy = float((chunks.argmax(1) == y).mean())
    bells = y > 0
    told, without = (float((s.argmax(1) == y)[bells].mean()) for s in (chunks, forgetful))
    print(f"{model.count_params()} parameters, accuracy {accuracy:.4f}, of bells {told:.4f}, without memory {without:.4f}")
    if min(accuracy, told) < GOAL or without > 0.6:
        raise SystemExit(f"below {GOAL}, or memory is not needed: nothing written")
    args.out.mkdir(parents=True, exist_ok=True)
    stream.save(args.out / "model.keras")
    golden.same_date(args.out / "model.keras")
    with wave.open(str(args.out / "doorbell.wav"), "wb") as f:
        f.setparams((1, 1, RATE, len(x), "NONE", ""))  # one channel of bytes, of which 128 is silence
        f.writeframes((x.astype("int16") + 128).astype("uint8").tobytes())
    golden.write_npz(args.out / "expect.npz", {"truth": y.astype("uint8"), "scores": chunks})
    (args.out / "expect.json").write_text(json.dumps({
        "keras": golden.version(), "seed": SEED, "steps": len(y), "accuracy": round(accuracy, 6), "of_bells": round(told, 6)},
        indent=1) + "\n")


if __name__ == "__main__":
    main()
