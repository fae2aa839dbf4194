"""Boxes in plain NumPy, the reference of package vision: anchors, box decoding,
overlap, non-maximum suppression, average precision. Boxes are rows of (top, left,
bottom, right). Loops stand where a formula would need a second look."""

import numpy as np


def anchors(rows, columns, height, width, sizes):
    """Boxes of the sizes (h, w) around the middle of each cell of a grid over an
    image of height x width: (rows * columns * len(sizes), 4)."""
    out = []
    for r in range(rows):
        for c in range(columns):
            y, x = (r + 0.5) * height / rows, (c + 0.5) * width / columns
            out += [(y - h / 2, x - w / 2, y + h / 2, x + w / 2) for h, w in sizes]
    return np.array(out, "float64")


def centres(boxes):
    return (boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]


def encode(boxes, around, variances):
    """The deltas (y, x, h, w) of boxes from the anchors around them."""
    c, s = centres(boxes)
    ac, a = centres(around)
    return np.concatenate([(c - ac) / a, np.log(s / a)], 1) / variances


def decode(deltas, around, variances):
    """The boxes that encode made deltas of."""
    d = deltas * variances
    ac, a = centres(around)
    c, s = ac + d[:, :2] * a, a * np.exp(d[:, 2:])
    return np.concatenate([c - s / 2, c + s / 2], 1)


def iou(a, b):
    """Intersection over union of each of a with each of b: (len(a), len(b))."""
    inter = np.maximum(0, np.minimum(a[:, None, 2:], b[None, :, 2:]) - np.maximum(a[:, None, :2], b[None, :, :2])).prod(2)
    union = (a[:, 2:] - a[:, :2]).prod(1)[:, None] + (b[:, 2:] - b[:, :2]).prod(1)[None] - inter
    return np.where(union > 0, inter / np.where(union > 0, union, 1), 0)


def suppress(boxes, scores, threshold, least, soft="", sigma=0.5, most=None):
    """Indices and scores of what non-maximum suppression keeps, the best first.
    soft is "" (drop what overlaps more than threshold), "linear" (weaken that by
    1 - overlap) or "gaussian" (weaken all by exp(-overlap² / 2 sigma))."""
    over, scores = iou(boxes, boxes), np.array(scores, "float64")
    left, kept, found = [i for i in range(len(boxes)) if scores[i] > least], [], []
    while left and (most is None or len(kept) < most):
        best = max(left, key=lambda i: (scores[i], -i))
        kept.append(best)
        found.append(scores[best])
        left.remove(best)
        for i in list(left):
            o = over[best, i]
            if soft == "gaussian":
                scores[i] *= np.exp(-o * o / (2 * sigma))
            elif o > threshold:
                scores[i] *= 1 - o if soft == "linear" else 0
            if scores[i] <= least or (not soft and o > threshold):
                left.remove(i)
    return np.array(kept, "int64"), np.array(found)


def detect(boxes, scores, threshold, least):
    """Per class: (class, score, box) of what is left of boxes (n, 4) with scores (n, classes), the best first."""
    found = []
    for k in range(scores.shape[1]):
        kept, s = suppress(boxes, scores[:, k], threshold, least)
        found += [(k, float(v), boxes[i]) for i, v in zip(kept, s)]
    return sorted(found, key=lambda d: -d[1])


def average_precision(found, truth, kind, least=0.5):
    """The area under precision, made monotone, over recall: of detections of one
    kind over all images. found and truth are lists over images, truth of (boxes, kinds)."""
    total = sum(int((kinds == kind).sum()) for _, kinds in truth)
    ranked = sorted(((s, i, b) for i, image in enumerate(found) for k, s, b in image if k == kind), key=lambda d: -d[0])
    used, right = [set() for _ in truth], []
    for _, i, box in ranked:
        mine = np.flatnonzero(truth[i][1] == kind)
        o = iou(box[None], truth[i][0][mine])[0] if len(mine) else np.zeros(0)
        best = int(o.argmax()) if len(o) else -1
        ok = best >= 0 and o[best] >= least and best not in used[i]
        if ok:
            used[i].add(best)
        right.append(ok)
    area, last, hits = 0.0, 0.0, np.cumsum(right)
    precision = hits / (np.arange(len(right)) + 1)
    precision = np.maximum.accumulate(precision[::-1])[::-1]
    for p, h in zip(precision, hits):
        area += p * (h / total - last)
        last = h / total
    return area


def mean_average_precision(found, truth, kinds, least=0.5):
    return float(np.mean([average_precision(found, truth, k, least) for k in range(kinds)]))
