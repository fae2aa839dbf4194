"""Goldens of package vision, made by real Keras 3, Keras 2 (tf_keras), TensorFlow and Pillow: testdata/vision.

Run in the environment of the other goldens: python python/goldens_vision.py
"""

import io
import os
import struct
import zlib

os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf
import tf_keras
from keras.applications import imagenet_utils
from PIL import Image

OUT = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "testdata", "vision")
KERAS3 = ["nearest", "bilinear", "bicubic", "area", "lanczos3", "lanczos5"]
KERAS2 = ["mitchellcubic", "gaussian"]


def resize_goldens():
    """Keys: <image>/<method>/<aa or plain>/<h>x<w>, with the images under in_<image>."""
    rng = np.random.default_rng(3)
    sizes = {"small": [(14, 10), (3, 4), (11, 2), (7, 5), (1, 1), (2, 13)], "tall": [(331, 2), (37, 3)], "wide": [(5, 61)]}
    images = {"small": (7, 5, 3), "tall": (200, 3, 1), "wide": (4, 97, 2)}
    images = {k: (rng.random(s) * 255).astype("float32") for k, s in images.items()}
    out = {"in_" + k: v for k, v in images.items()}
    for name, x in images.items():
        for h, w in sizes[name]:
            for m in KERAS3:
                for aa in (False, True):
                    y = keras.layers.Resizing(h, w, interpolation=m, antialias=aa)(x[None])
                    out[f"{name}/{m}/{'aa' if aa else 'plain'}/{h}x{w}"] = np.array(y)[0]
            for m in KERAS2:
                out[f"{name}/{m}/plain/{h}x{w}"] = np.array(tf_keras.layers.Resizing(h, w, interpolation=m)(x[None]))[0]
                # No Keras offers these with antialias, but TensorFlow does.
                out[f"{name}/{m}/aa/{h}x{w}"] = tf.image.resize(x, (h, w), method=m, antialias=True).numpy()
    np.savez_compressed(os.path.join(OUT, "resize.npz"), **out)


def aspect_goldens():
    """Keys: crop, pad (fill 7), smart or center, /<method>/<h>x<w>, of the image in."""
    rng = np.random.default_rng(4)
    x = (rng.random((9, 14, 2)) * 255).astype("float32")
    out = {"in": x}
    for h, w in [(4, 4), (3, 9), (9, 3), (6, 2), (10, 7), (5, 5), (20, 13), (2, 31)]:
        for m in ("bilinear", "bicubic", "nearest"):
            crop = keras.layers.Resizing(h, w, interpolation=m, crop_to_aspect_ratio=True)
            pad = keras.layers.Resizing(h, w, interpolation=m, pad_to_aspect_ratio=True, fill_value=7.0)
            out[f"crop/{m}/{h}x{w}"] = np.array(crop(x[None]))[0]
            out[f"pad/{m}/{h}x{w}"] = np.array(pad(x[None]))[0]
            out[f"smart/{m}/{h}x{w}"] = keras.preprocessing.image.smart_resize(x, (h, w), interpolation=m)
        out[f"center/bilinear/{h}x{w}"] = np.array(keras.layers.CenterCrop(h, w)(x[None]))[0]
    np.savez_compressed(os.path.join(OUT, "aspect.npz"), **out)


def preprocess_goldens():
    x = (np.random.default_rng(5).random((5, 4, 3)) * 255).astype("float32")
    out = {"in": x, "none": x, "scale": x / np.float32(255)}
    for mode in ("tf", "caffe", "torch"):
        out[mode] = np.ascontiguousarray(imagenet_utils.preprocess_input(x.copy(), data_format="channels_last", mode=mode))
    np.savez_compressed(os.path.join(OUT, "preprocess.npz"), **out)


def png(pixels, colour, depth, extra=b""):
    """A PNG as Pillow cannot write it: any colour type and depth, rows unfiltered, extra chunks before the data."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    h, w = pixels.shape[:2]
    rows = pixels.reshape(h, -1)
    if depth == 16:
        raw = [b"\0" + r.astype(">u2").tobytes() for r in rows]
    elif depth == 8:
        raw = [b"\0" + r.astype("u1").tobytes() for r in rows]
    else:
        bits = [np.array([(v >> (depth - 1 - b)) & 1 for v in r for b in range(depth)], "u1") for r in rows]
        raw = [b"\0" + np.packbits(b).tobytes() for b in bits]
    head = struct.pack(">IIBBBBB", w, h, depth, colour, 0, 0, 0)
    body = chunk(b"IHDR", head) + extra + chunk(b"IDAT", zlib.compress(b"".join(raw))) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body, chunk


def image_files():
    rng = np.random.default_rng(6)

    def noise(*shape, high=256):
        return rng.integers(0, high, shape)

    def smooth(h, w, c):
        y, x = np.mgrid[0:h, 0:w]
        return np.stack([127 + 120 * np.sin(x / (5 + 3 * k) + k) * np.cos(y / (7 - k)) for k in range(c)], -1).astype("u1")

    def chunk(kind, data):
        return png(np.zeros((1, 1), int), 0, 8)[1](kind, data)

    palette = chunk(b"PLTE", bytes(noise(12).astype("u1")))
    files = {
        "gray.png": png(noise(3, 5), 0, 8)[0],
        "gray1.png": png(noise(3, 5, high=2), 0, 1)[0],
        "gray2.png": png(noise(3, 5, high=4), 0, 2)[0],
        "gray4.png": png(noise(3, 5, high=16), 0, 4)[0],
        "gray16.png": png(np.array([[0, 1, 200, 255, 256], [300, 4095, 32768, 65280, 65535]]), 0, 16)[0],
        "gray_alpha.png": png(noise(3, 5, 2), 4, 8)[0],
        "gray_alpha16.png": png(noise(3, 5, 2, high=65536), 4, 16)[0],
        "gray_trns.png": png(np.array([[7, 8], [9, 7]]), 0, 8, chunk(b"tRNS", b"\0\7"))[0],
        "rgb.png": png(noise(3, 5, 3), 2, 8)[0],
        "rgb16.png": png(noise(3, 5, 3, high=65536), 2, 16)[0],
        "rgb_trns.png": png(np.array([[[1, 2, 3], [4, 5, 6]]]), 2, 8, chunk(b"tRNS", b"\0\4\0\5\0\6"))[0],
        "rgba.png": png(noise(3, 5, 4), 6, 8)[0],
        "rgba16.png": png(noise(3, 5, 4, high=65536), 6, 16)[0],
        "palette.png": png(noise(3, 5, high=4), 3, 8, palette)[0],
        "palette_trns.png": png(noise(3, 5, high=4), 3, 2, palette + chunk(b"tRNS", b"\x80\0"))[0],
    }

    def save(name, img, **kw):
        b = io.BytesIO()
        img.save(b, name.rsplit(".")[-1].replace("jpg", "jpeg"), **kw)
        files[name] = b.getvalue()

    indexed = Image.new("P", (6, 4))
    indexed.putdata([int(v) for v in noise(24, high=4)])
    indexed.putpalette([10, 20, 30, 40, 50, 60, 70, 80, 90, 200, 100, 50])
    save("palette.gif", indexed)
    save("transparent.gif", indexed, transparency=2)
    # A first frame smaller than its screen: 2x2 at (1, 1) of 4x3.
    g = b"GIF89a" + struct.pack("<HHBBB", 4, 3, 0x81, 1, 0) + bytes([9, 8, 7, 60, 50, 40, 1, 2, 3, 99, 98, 97])
    lzw = b"\x02\x03\x44\x34\x05\x00"
    frame = b"\x2c" + struct.pack("<HHHHB", 1, 1, 2, 2, 0) + lzw + b"\x3b"
    files["offset.gif"] = g + frame
    files["offset_transparent.gif"] = g + b"\x21\xf9\x04\x01\x00\x00\x03\x00" + frame

    save("gray.jpg", Image.fromarray(smooth(19, 13, 1)[..., 0]), quality=90)
    save("rgb444.jpg", Image.fromarray(smooth(19, 13, 3)), quality=90, subsampling="4:4:4")
    save("rgb422.jpg", Image.fromarray(smooth(19, 13, 3)), quality=90, subsampling="4:2:2")
    save("rgb420.jpg", Image.fromarray(smooth(37, 21, 3)), quality=90, subsampling="4:2:0")
    save("progressive.jpg", Image.fromarray(smooth(18, 34, 3)), quality=80, subsampling="4:2:0", progressive=True)
    exif = Image.Exif()
    exif[0x0112] = 6  # orientation: rotate by 90 degrees, which load_img does not do
    save("rotated.jpg", Image.fromarray(smooth(19, 13, 3)), quality=90, subsampling="4:4:4", exif=exif)
    save("cmyk.jpg", Image.fromarray(smooth(16, 16, 4), "CMYK"), quality=95)
    return files


def image_goldens():
    """Keys: <file>/<color_mode>, what load_img and img_to_array make of testdata/vision/<file>."""
    out = {}
    for name, data in image_files().items():
        with open(os.path.join(OUT, name), "wb") as f:
            f.write(data)
        for mode in ("grayscale", "rgb", "rgba"):
            out[f"{name}/{mode}"] = keras.utils.img_to_array(keras.utils.load_img(io.BytesIO(data), color_mode=mode))
    np.savez_compressed(os.path.join(OUT, "images.npz"), **out)


if __name__ == "__main__":
    os.makedirs(OUT, exist_ok=True)
    resize_goldens()
    aspect_goldens()
    preprocess_goldens()
    image_goldens()
