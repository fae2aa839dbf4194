"""Prediction in overlapping tiles in plain NumPy, the reference of vision.Tiled."""

import numpy as np


def starts(n, size, share):
    """Where tiles begin along a side of n pixels, neighbours of which share at least so many."""
    count = 1 if n <= size else 1 + -(-(n - size) // (size - share))
    return [i * (n - size) // max(count - 1, 1) for i in range(count)]


def tiled(image, height, width, share, predict):
    """The mean, weighted by how far a pixel is from the tile's edge, of what predict says of the tiles of an image."""
    total, weight = 0, np.zeros(image.shape[:2])
    for top in starts(image.shape[0], height, share):
        for left in starts(image.shape[1], width, share):
            found = predict(image[top:top + height, left:left + width])
            if not np.ndim(total):
                total = np.zeros((*image.shape[:2], found.shape[2]))
            for i in range(height):
                for j in range(width):
                    near = min(i + 1, height - i, share + 1) * min(j + 1, width - j, share + 1)
                    total[top + i, left + j] += near * found[i, j]
                    weight[top + i, left + j] += near
    return total / weight[..., None]
