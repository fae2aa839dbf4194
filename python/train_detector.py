"""Trains the single-shot detector of examples/detect on generated scenes and
writes its model, the held-back scenes and Keras's own figures: about three
minutes on two cores."""

import argparse
import json
import os
from pathlib import Path

os.environ.update(GOLDEN_ERA="3", TF_DETERMINISTIC_OPS="1")
import numpy as np
from PIL import Image

import detection
import golden
import scenes
from golden import K, L, ops

SEED = 31
GOAL = 0.9
HELD_BACK = 64
# What a grid cell's anchors are: (rows, columns, sizes) of both feature maps.
GRIDS = [(16, 16, [(12, 12), (17, 17)]), (8, 8, [(22, 22), (27, 27)])]
VARIANCES = np.array([0.1, 0.1, 0.2, 0.2])
OVERLAP = 0.45  # of suppression


def anchors():
    return np.concatenate([detection.anchors(r, c, 64, 64, sizes) for r, c, sizes in GRIDS])


def conv(x, filters, strides=1):
    x = L.Conv2D(filters, 3, strides=strides, padding="same", use_bias=False)(x)
    return L.ReLU()(L.BatchNormalization()(x))


def network():
    """boxes (640, 4): deltas of (y, x, h, w); scores (640, 3)."""
    image = L.Input((64, 64, 3), name="image")
    x = L.Rescaling(1 / 127.5, offset=-1)(image)
    x = conv(x, 12, 2)
    x = conv(conv(x, 20, 2), 28)
    fine = conv(x, 28)
    coarse = conv(conv(fine, 40, 2), 40)
    boxes, scores = [], []
    for x, (rows, columns, sizes) in zip((fine, coarse), GRIDS):
        n = rows * columns * len(sizes)
        boxes.append(L.Reshape((n, 4))(L.Conv2D(4 * len(sizes), 3, padding="same")(x)))
        # A bias of -3: at first nothing is found anywhere.
        s = L.Conv2D(3 * len(sizes), 3, padding="same", activation="sigmoid", bias_initializer=K.initializers.Constant(-3))(x)
        scores.append(L.Reshape((n, 3))(s))
    return K.Model(image, [L.Concatenate(axis=1, name="boxes")(boxes), L.Concatenate(axis=1, name="scores")(scores)], name="detector")


def targets(all_scenes):
    """For each anchor the deltas of its box, and a one of its kind; NaN where an anchor is nobody's or anybody's."""
    around = anchors()
    deltas = np.full((len(all_scenes), len(around), 4), np.nan, "float32")
    kinds = np.zeros((len(all_scenes), len(around), 3), "float32")
    for i, (_, boxes, labels, _) in enumerate(all_scenes):
        over = detection.iou(around, boxes.astype("float64"))
        mine = over.argmax(1)
        mine[over.argmax(0)] = np.arange(len(boxes))  # the best anchor of each box is its own
        best = over.max(1)
        best[over.argmax(0)] = 1
        deltas[i, best >= 0.5] = detection.encode(boxes[mine], around, VARIANCES)[best >= 0.5]
        kinds[i, best >= 0.5, labels[mine][best >= 0.5]] = 1
        kinds[i, (best >= 0.4) & (best < 0.5)] = np.nan
    return deltas, kinds


def box_loss(truth, found):
    known = ops.logical_not(ops.isnan(truth))
    d = ops.abs(ops.where(known, found - ops.where(known, truth, 0.0), 0.0))
    huber = ops.where(d < 1, d * d / 2, d - 0.5)
    return ops.sum(huber, (1, 2)) / (ops.sum(ops.cast(known, "float32"), (1, 2)) / 4)


def score_loss(truth, found):
    """The focal loss: easy anchors, nearly all of them, count little."""
    known = ops.logical_not(ops.isnan(truth))
    truth = ops.where(known, truth, 0.0)
    p = ops.clip(ops.where(truth > 0.5, found, 1 - found), 1e-6, 1)
    loss = ops.where(known, -ops.where(truth > 0.5, 0.4, 0.6) * (1 - p) ** 2 * ops.log(p), 0.0)
    return 4 * ops.sum(loss, (1, 2)) / ops.sum(truth, (1, 2))


def train(epochs, count):
    K.utils.set_random_seed(SEED)
    made = scenes.scenes(SEED, count)
    x = np.stack([s[0] for s in made]).astype("float32")
    steps = epochs * (count // 32)
    model = network()
    model.compile(K.optimizers.Adam(K.optimizers.schedules.CosineDecay(4e-3, steps)), {"boxes": box_loss, "scores": score_loss})
    model.fit(x, dict(zip(("boxes", "scores"), targets(made))), batch_size=32, epochs=epochs, verbose=2)
    plain = network()  # not compiled: neither losses nor optimizer in the file
    plain.set_weights(model.get_weights())
    return plain


def evaluate(model, held):
    x = np.stack([s[0] for s in held]).astype("float32")
    deltas, scores = model.predict(x, batch_size=HELD_BACK, verbose=0)
    found = []
    for d, s in zip(deltas.astype("float64"), scores.astype("float64")):
        found.append(detection.detect(np.clip(detection.decode(d, anchors(), VARIANCES), 0, 64), s, OVERLAP, 0.01))
    return deltas, scores, found, detection.mean_average_precision(found, [(s[1].astype("float64"), s[2]) for s in held], 3)


def main():
    args = argparse.ArgumentParser(description="Trains and writes the detector.")
    args.add_argument("--out", type=Path, default=Path(__file__).resolve().parent.parent / "examples" / "detect")
    args.add_argument("--epochs", type=int, default=24)
    args.add_argument("--scenes", type=int, default=4000)
    args = args.parse_args()
    held = scenes.scenes(SEED + 1, HELD_BACK)
    model = train(args.epochs, args.scenes)
    deltas, scores, found, precision = evaluate(model, held)
    print(f"{model.count_params()} parameters, mAP@0.5 {precision:.4f} on {HELD_BACK} held-back scenes")
    if precision < GOAL:
        raise SystemExit(f"below {GOAL}: nothing written")
    args.out.mkdir(parents=True, exist_ok=True)
    model.save(args.out / "model.keras")
    golden.same_date(args.out / "model.keras")
    Image.fromarray(scenes.scene(np.random.default_rng(48), 192, 256, 8, 8, 3.5)[0]).save(args.out / "scene.png", optimize=True)
    scenes.sheet([s[0] for s in held]).save(args.out / "scenes.png", optimize=True)
    golden.write_npz(args.out / "truth.npz", {
        "boxes": np.concatenate([s[1] for s in held]), "kinds": np.concatenate([s[2] for s in held]),
        "scenes": np.repeat(np.arange(HELD_BACK), [len(s[1]) for s in held])})
    golden.write_npz(args.out / "expect.npz", {"boxes": deltas[:4], "scores": scores[:4]})
    (args.out / "expect.json").write_text(json.dumps({
        "keras": golden.version(), "seed": SEED, "scenes": HELD_BACK, "mean_average_precision": round(precision, 6)}, indent=1) + "\n")


if __name__ == "__main__":
    main()
