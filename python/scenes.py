"""Seeded scenes for the detector and the segmenter: discs, squares and triangles
of any colour on shaded ground, among lines and specks that are none of them."""

import numpy as np
from PIL import Image

KINDS = ["disc", "square", "triangle"]
FINE = 4  # each pixel is drawn from FINE x FINE samples
COLUMNS = 8  # scenes a row of a sheet


def colour(rng, ground, apart=60):
    """A colour that is apart from the ground's in at least one channel."""
    while True:
        c = rng.uniform(0, 255, 3)
        if np.abs(c - ground).max() > apart:
            return c


def background(rng, height, width):
    ground = rng.uniform(30, 225, 3)
    y, x = np.mgrid[0:height, 0:width] / max(height, width)
    angle = rng.uniform(0, 2 * np.pi)
    shade = (np.cos(angle) * x + np.sin(angle) * y) * rng.uniform(10, 50)
    return ground, ground + shade[..., None] * rng.uniform(0.5, 1, 3)


def cover(inside, top, left, bottom, right, height, width):
    """How much of each pixel of a window lies inside, and the window."""
    y0, x0 = max(int(top) - 1, 0), max(int(left) - 1, 0)
    y1, x1 = min(max(int(bottom), 0) + 2, height), min(max(int(right), 0) + 2, width)
    y = (np.arange((y1 - y0) * FINE) + 0.5) / FINE + y0
    x = (np.arange((x1 - x0) * FINE) + 0.5) / FINE + x0
    fine = inside(y[:, None], x[None, :])
    return fine.reshape(y1 - y0, FINE, x1 - x0, FINE).mean((1, 3)), np.s_[y0:y1, x0:x1]


def paint(image, part, window, c):
    image[window] += part[..., None] * (c - image[window])


def clutter(rng, image, count):
    height, width = image.shape[:2]
    for _ in range(count):
        y0, x0 = rng.uniform(0, height), rng.uniform(0, width)
        if rng.random() < 0.4:  # a line
            y1, x1 = y0 + rng.uniform(-50, 50), x0 + rng.uniform(-50, 50)
            size, half = np.hypot(y1 - y0, x1 - x0) + 1e-6, rng.uniform(0.4, 0.8)
            dy, dx = (y1 - y0) / size, (x1 - x0) / size
            part, window = cover(
                lambda y, x: (np.abs((y - y0) * dx - (x - x0) * dy) < half)
                & ((y - y0) * dy + (x - x0) * dx > 0) & ((y - y0) * dy + (x - x0) * dx < size),
                min(y0, y1), min(x0, x1), max(y0, y1), max(x0, x1), height, width)
        else:  # a speck
            r = rng.uniform(0.5, 1.5)
            part, window = cover(lambda y, x: (y - y0) ** 2 + (x - x0) ** 2 < r * r, y0 - r, x0 - r, y0 + r, x0 + r, height, width)
        paint(image, part, window, rng.uniform(0, 255, 3))


def shape(kind, top, left, bottom, right):
    """A function of (y, x): inside the disc, square or triangle of a box."""
    cy, cx, h, w = (top + bottom) / 2, (left + right) / 2, bottom - top, right - left
    if kind == 0:
        return lambda y, x: ((y - cy) / (h / 2)) ** 2 + ((x - cx) / (w / 2)) ** 2 < 1
    if kind == 1:
        return lambda y, x: (y > top) & (y < bottom) & (x > left) & (x < right)
    return lambda y, x: (y > top) & (y < bottom) & (np.abs(x - cx) < (y - top) / h * w / 2)


def overlap(a, b):
    inter = max(0, min(a[2], b[2]) - max(a[0], b[0])) * max(0, min(a[3], b[3]) - max(a[1], b[1]))
    return inter / min((a[2] - a[0]) * (a[3] - a[1]), (b[2] - b[0]) * (b[3] - b[1]))


def scene(rng, height=64, width=64, least=1, most=4, scale=1):
    """An image of 0..255 (uint8), the boxes in it (top, left, bottom, right in
    pixels), their kinds, and of each pixel the kind + 1 that covers half of it, or 0.
    Shapes have sides of 12 to 28 pixels, times scale."""
    ground, image = background(rng, height, width)
    clutter(rng, image, int(height * width / 64 / 64 * rng.integers(8, 20)))
    boxes, kinds, mask = [], [], np.zeros((height, width), "uint8")
    for _ in range(rng.integers(least, most + 1)):
        h = scale * rng.uniform(12, 28)
        w = h * rng.uniform(0.85, 1.18)
        if w > width - 2 or h > height - 2:
            continue
        top, left = rng.uniform(1, height - 1 - h), rng.uniform(1, width - 1 - w)
        box = (top, left, top + h, left + w)
        if any(overlap(box, b) > 0.25 for b in boxes):
            continue
        kind = int(rng.integers(len(KINDS)))
        part, window = cover(shape(kind, *box), *box, height, width)
        paint(image, part, window, colour(rng, ground))
        mask[window][part >= 0.5] = kind + 1
        boxes.append(box)
        kinds.append(kind)
    image += rng.normal(0, 4, image.shape)
    return np.clip(np.round(image), 0, 255).astype("uint8"), np.array(boxes, "float32"), np.array(kinds, "int64"), mask


def scenes(seed, count):
    rng = np.random.default_rng(seed)
    return [scene(rng) for _ in range(count)]


def sheet(images):
    """Images of one size side by side, COLUMNS a row."""
    images = np.stack(images)
    n, h, w = images.shape[:3]
    rows = images.reshape(n // COLUMNS, COLUMNS, h, w, -1).transpose(0, 2, 1, 3, 4)
    return Image.fromarray(rows.reshape(n // COLUMNS * h, COLUMNS * w, -1).squeeze())
