"""Trains the U-Net of examples/segment on generated scenes and writes its model,
the held-back scenes, a large one, and Keras's own figures: about three minutes on
two cores."""

import argparse
import json
import os
from pathlib import Path

os.environ.update(GOLDEN_ERA="3", TF_DETERMINISTIC_OPS="1")
import numpy as np
from PIL import Image

import golden
import scenes
from golden import K, L
from tiles import tiled

SEED = 41
GOAL = 0.9
HELD_BACK = 64
LARGE = (160, 224)


def conv(x, filters):
    x = L.Conv2D(filters, 3, padding="same", use_bias=False, kernel_initializer="he_normal")(x)
    return L.ReLU()(L.BatchNormalization()(x))


def network():
    """A U-Net of three levels: (64, 64, 3) of 0..255 to (64, 64, 4) probabilities of ground, disc, square, triangle."""
    image = L.Input((64, 64, 3), name="image")
    x = conv(L.Rescaling(1 / 127.5, offset=-1)(image), 8)
    skips = [x]
    for filters in (16, 24):
        x = L.MaxPooling2D(2)(x)
        x = conv(conv(x, filters), filters)
        skips.append(x)
    x = L.MaxPooling2D(2)(x)
    x = conv(conv(x, 40), 40)
    for filters, skip in zip((24, 16, 8), reversed(skips)):
        x = L.Conv2DTranspose(filters, 2, strides=2)(x)
        x = conv(L.Concatenate()([x, skip]), filters)
    return K.Model(image, L.Conv2D(4, 3, padding="same", activation="softmax", name="kinds")(x), name="unet")


def train(epochs, count):
    K.utils.set_random_seed(SEED)
    rng = np.random.default_rng(SEED)
    made = [scenes.scene(rng, most=7) for _ in range(count)]
    x, y = np.stack([s[0] for s in made]).astype("float32"), np.stack([s[3] for s in made])
    model = network()
    model.compile(K.optimizers.Adam(K.optimizers.schedules.CosineDecay(3e-3, epochs * (count // 16))),
                  "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x, y, batch_size=16, epochs=epochs, verbose=2)
    plain = network()  # not compiled: no optimizer in the file
    plain.set_weights(model.get_weights())
    return plain


def main():
    args = argparse.ArgumentParser(description="Trains and writes the segmenter.")
    args.add_argument("--out", type=Path, default=Path(__file__).resolve().parent.parent / "examples" / "segment")
    args.add_argument("--epochs", type=int, default=9)
    args.add_argument("--scenes", type=int, default=6000)
    args = args.parse_args()
    held = scenes.scenes(SEED + 1, HELD_BACK)
    large = scenes.scene(np.random.default_rng(SEED + 2), *LARGE, least=30, most=30)
    model = train(args.epochs, args.scenes)
    scores = model.predict(np.stack([s[0] for s in held]).astype("float32"), batch_size=HELD_BACK, verbose=0)
    each = []
    for kind in range(4):
        iou = K.metrics.IoU(4, [kind], sparse_y_pred=False)
        iou.update_state(np.stack([s[3] for s in held]), scores)
        each.append(float(iou.result()))
    mean = K.metrics.MeanIoU(4, sparse_y_pred=False)
    mean.update_state(np.stack([s[3] for s in held]), scores)
    mean = float(mean.result())
    of_large = K.metrics.MeanIoU(4, sparse_y_pred=False)
    of_large.update_state(large[3], tiled(large[0].astype("float32"), 64, 64, 32, lambda x: model.predict(x[None], verbose=0)[0]))
    of_large = float(of_large.result())
    print(f"{model.count_params()} parameters, mean IoU {mean:.4f} on {HELD_BACK} held-back scenes, of each {each}; {of_large:.4f} of the large one")
    if mean < GOAL:
        raise SystemExit(f"below {GOAL}: nothing written")
    args.out.mkdir(parents=True, exist_ok=True)
    model.save(args.out / "model.keras")
    golden.same_date(args.out / "model.keras")
    scenes.sheet([s[0] for s in held]).save(args.out / "scenes.png", optimize=True)
    scenes.sheet([s[3] for s in held]).save(args.out / "masks.png", optimize=True)
    Image.fromarray(large[0]).save(args.out / "large.png", optimize=True)
    Image.fromarray(large[3]).save(args.out / "large_mask.png", optimize=True)
    golden.write_npz(args.out / "expect.npz", {"scores": scores[:2]})
    (args.out / "expect.json").write_text(json.dumps({
        "keras": golden.version(), "seed": SEED, "scenes": HELD_BACK, "mean_iou": round(mean, 6), "large": round(of_large, 6),
        "iou": dict(zip(["ground", *scenes.KINDS], (round(v, 6) for v in each)))}, indent=1) + "\n")


if __name__ == "__main__":
    main()
