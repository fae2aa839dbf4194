"""Goldens of boxes, masks and tiles of package vision, made by TensorFlow, Keras and plain NumPy: testdata/vision.

Run in the environment of the other goldens: python python/goldens_boxes.py

Random cases stand one after the other in flat arrays, with their lengths beside them."""

import os
from pathlib import Path

os.environ.update(CUDA_VISIBLE_DEVICES="", TF_CPP_MIN_LOG_LEVEL="3", GOLDEN_ERA="3")

import numpy as np
import tensorflow as tf

import detection
import golden
from golden import K
from tiles import tiled

OUT = Path(__file__).resolve().parent.parent / "testdata" / "vision"
CASES = 1000


def random_boxes(rng, n):
    """Boxes in quarters of a pixel of a 64x64 image, in clusters, so that they overlap; as whole numbers."""
    middle = rng.integers(40, 216, (rng.integers(1, 5), 2))
    size = rng.integers(20, 120, (n, 2))
    centre = middle[rng.integers(0, len(middle), n)] + rng.integers(-25, 26, (n, 2))
    return np.clip(np.concatenate([centre - size // 2, centre + size // 2], 1), 0, 255).astype("uint8")


def flat(rows, dtype):
    return np.concatenate([np.asarray(r, dtype).reshape(-1) for r in rows])


def suppress_goldens():
    rng = np.random.default_rng(11)
    out = {k: [] for k in ("boxes", "scores", "classes", "options")}
    kinds = ("hard", "gaussian", "linear", "classes")
    kept = {k: ([], []) for k in kinds}
    for i in range(CASES):
        n = int(rng.integers(1, 25))
        whole = random_boxes(rng, n)
        boxes = whole.astype("float32") / 4
        parts = rng.permutation(65535)[:n] if i % 4 else rng.integers(0, 16, n) * 4096  # each fourth has equal scores
        scores = (parts / 65536).astype("float32")
        classes = rng.integers(0, 3, n)
        overlap, least, sigma = (np.float32(v) for v in (rng.uniform(0.2, 0.8), rng.uniform(0, 0.3), rng.uniform(0.2, 1)))
        most = int(rng.integers(1, n + 1))
        for key, v in zip(out, (whole, parts, classes, (overlap, least, sigma, most))):
            out[key].append(v)

        hard = tf.image.non_max_suppression(boxes, scores, most, overlap, least).numpy()
        np.testing.assert_array_equal(hard, detection.suppress(boxes.astype("float64"), scores, overlap, least, most=most)[0])
        kept["hard"][0].append(hard)
        kept["hard"][1].append(scores[hard])
        soft = tf.image.non_max_suppression_with_scores(boxes, scores, most, 1.0, least, soft_nms_sigma=sigma)
        for key, found in (("gaussian", [v.numpy() for v in soft]),
                           ("linear", detection.suppress(boxes.astype("float64"), scores, overlap, least, "linear", most=most))):
            kept[key][0].append(found[0])
            kept[key][1].append(found[1])
        # combined_non_max_suppression takes scores (boxes, classes) and says which class, not which box.
        table = np.zeros((n, 3), "float32")
        table[np.arange(n), classes] = scores
        if i % 4 == 0:
            table += (np.arange(n * 3, dtype="float32").reshape(n, 3) % 101) / 65536 * (table > 0)  # its order of equal scores is its own
            table = table.astype("float32")
        best = tf.image.combined_non_max_suppression(
            boxes[None, :, None], table[None], most, 2 * most, overlap, max(least, np.float32(1e-3)), clip_boxes=False)
        count = int(best.valid_detections[0])
        kept["classes"][0].append(best.nmsed_classes[0, :count].numpy())
        kept["classes"][1].append(best.nmsed_scores[0, :count].numpy())
    arrays = {"boxes": flat(out["boxes"], "uint8"), "scores": flat(out["scores"], "uint16"), "classes": flat(out["classes"], "uint8"),
              "lengths": np.array([len(b) for b in out["boxes"]], "uint8"), "options": np.array(out["options"], "float32")}
    for key, (found, scores) in kept.items():
        arrays["classes_kept" if key == "classes" else key] = flat(found, "uint8")
        arrays[key + "_lengths"] = np.array([len(f) for f in found], "uint8")
        if key != "hard":
            arrays[key + "_scores"] = flat(scores, "float32")
    golden.write_npz(OUT / "suppress.npz", arrays)


def boxes_goldens():
    rng = np.random.default_rng(12)
    a, b = random_boxes(rng, CASES), random_boxes(rng, CASES)
    a[:, 2:], b[:, 2:] = np.maximum(a[:, 2:], a[:, :2] + 1), np.maximum(b[:, 2:], b[:, :2] + 1)
    deltas = rng.normal(0, 2, (CASES, 4)).astype("float32")
    variances = np.array([0.1, 0.15, 0.2, 0.25], "float32")
    fa, fb = a.astype("float32") / 4, b.astype("float32") / 4
    decoded = K.utils.bounding_boxes.decode_deltas_to_boxes(fa, deltas, "yxyx", "yxyx", variance=[float(v) for v in variances])
    decoded = K.ops.convert_to_numpy(decoded)
    np.testing.assert_allclose(decoded, detection.decode(deltas.astype("float64"), fa.astype("float64"), variances), atol=1e-4)
    over = np.diag(K.ops.convert_to_numpy(K.utils.bounding_boxes.compute_iou(fa, fb, "yxyx")))
    np.testing.assert_allclose(over, np.diag(detection.iou(fa.astype("float64"), fb.astype("float64"))), atol=1e-6)
    sizes = np.array([(5, 8.5), (12, 3), (40, 41)], "float32")
    golden.write_npz(OUT / "boxes.npz", {
        "a": a, "b": b, "iou": over, "deltas": deltas, "variances": variances, "decoded": decoded, "sizes": sizes,
        "anchors": detection.anchors(4, 7, 50, 90, sizes).astype("float32")})


def precision_goldens():
    """Random detections around random truth: cases of several images and 3 kinds."""
    rng = np.random.default_rng(13)
    rows, truths, means, each = [], [], [], []
    for case in range(100):
        found, truth = [], []
        for image in range(int(rng.integers(1, 5))):
            boxes, kinds = random_boxes(rng, int(rng.integers(0, 6))), None
            kinds = rng.integers(0, 3, len(boxes))
            truth.append((boxes / 4.0, kinds))
            truths += [(case, image, k, *b) for k, b in zip(kinds, boxes)]
            mine = []
            for k, b in zip(kinds, boxes):
                for _ in range(rng.integers(0, 3)):
                    near = np.clip(b.astype("int64") + rng.integers(-12, 13, 4), 0, 255).astype("uint8")
                    mine.append((int(k if rng.random() < 0.8 else rng.integers(0, 3)), int(rng.integers(1, 65536)), near))
            rows += [(case, image, k, s, *b) for k, s, b in mine]
            found.append([(k, s / 65536, b / 4.0) for k, s, b in mine])
        ap = [detection.average_precision(found, truth, k) if any((t[1] == k).any() for t in truth) else np.nan for k in range(3)]
        each.append(ap)
        means.append(np.nanmean(ap) if not np.isnan(ap).all() else np.nan)
    golden.write_npz(OUT / "precision.npz", {
        "found": np.array(rows, "uint16"), "truth": np.array(truths, "uint16"), "mean": np.array(means), "each": np.array(each)})


def letterbox_goldens():
    """Keys: <method>/<aa or plain>/<h>x<w>, tf.image.resize_with_pad of the image in."""
    rng = np.random.default_rng(14)
    x = (rng.random((19, 34, 2)) * 255).astype("float32")
    out = {"in": x}
    for h, w in [(16, 16), (40, 40), (7, 33), (33, 7), (19, 34), (50, 21), (9, 2)]:
        for method in ("bilinear", "nearest", "bicubic"):
            for aa in (False, True):
                out[f"{method}/{'aa' if aa else 'plain'}/{h}x{w}"] = tf.image.resize_with_pad(x, h, w, method, aa).numpy()
    golden.write_npz(OUT / "letterbox.npz", out)


def tiles_goldens():
    """Tiles of 8x12 that share 3 pixels: each result is the tile's pixels plus the
    mean of the tile, so that neighbours disagree. Every pixel's mean is taken over
    its tiles in float64."""
    rng = np.random.default_rng(15)
    x = (rng.random((29, 12, 1)) * 255).astype("float32")
    wide = (rng.random((8, 51, 1)) * 255).astype("float32")
    both = (rng.random((21, 40, 1)) * 255).astype("float32")
    out = {}
    for name, image in (("tall", x), ("wide", wide), ("both", both)):
        found = tiled(image.astype("float64"), 8, 12, 3, lambda tile: tile + tile.mean())
        out["in_" + name], out[name] = image, found.astype("float32")
    golden.write_npz(OUT / "tiles.npz", out)


def masks_goldens():
    rng = np.random.default_rng(16)
    truth = rng.integers(0, 5, (100, 60)).astype("uint8")
    truth[truth == 3] = 0
    found = np.where(rng.random(truth.shape) < 0.7, truth, rng.integers(0, 5, truth.shape)).astype("uint8")
    found[::3][found[::3] == 3] = 1
    mean, each = [], []
    for t, f in zip(truth, found):
        m = K.metrics.MeanIoU(5)
        m.update_state(t, f)
        mean.append(float(m.result()))
        confusion = np.zeros((5, 5))
        np.add.at(confusion, (t, f), 1)
        either = confusion.sum(0) + confusion.sum(1) - np.diag(confusion)
        each.append(np.where(either > 0, np.diag(confusion) / np.maximum(either, 1), np.nan))
    golden.write_npz(OUT / "masks.npz", {"truth": truth, "found": found, "mean": np.array(mean), "each": np.array(each)})


if __name__ == "__main__":
    suppress_goldens()
    boxes_goldens()
    precision_goldens()
    letterbox_goldens()
    tiles_goldens()
    masks_goldens()
