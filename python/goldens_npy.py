"""Files of package npy, written by real NumPy: runtime/npy/testdata. The values stand in its tests too.

Run in the environment of the other goldens: python python/goldens_npy.py
"""

import io
import os
import zipfile

import ml_dtypes
import numpy as np

OUT = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "runtime", "npy", "testdata")

GRID = np.array([[0, 1, 2], [3, 4, 5]])
ARRAYS = {
    "f4": GRID.astype("<f4") / 4,
    "f4_big": GRID.astype(">f4") / 4,
    "f8": GRID.astype("<f8") / 4,
    "f8_big": (GRID / 4).astype(">f8"),
    "f2": GRID.astype("<f2"),
    "f2_big": GRID.astype(">f2"),
    "i1": GRID.astype("i1") - 3,
    "i2_big": (GRID - 3).astype(">i2"),
    "i4": GRID.astype("<i4") - 3,
    "i8_big": ((GRID - 3) * 2**40).astype(">i8"),
    "u1": GRID.astype("u1") + 250,
    "u2": GRID.astype("<u2") + 65530,
    "u4_big": (GRID + 2**32 - 6).astype(">u4"),
    "u8": GRID.astype("<u8") + np.uint64(2**64 - 6),
    "bool": GRID % 2 == 0,
    "U": np.array(["", "a", "héé", "日本\U0001f600"]),
    "U_big": np.array(["a", "日本"]).astype(">U3"),
    "S": np.array([b"", b"ab", b"\xff\x00c"]),
    "fortran": np.asfortranarray(np.arange(24, dtype="<i4").reshape(2, 3, 4)),
    "fortran_U": np.asfortranarray(np.array([["a", "b"], ["c", "d"]])),
    "scalar": np.array(1.5, "<f4"),
    "empty": np.zeros((0, 3), "<f8"),
    "vector": np.arange(5, dtype="<i8"),
    "bfloat16": np.array([1, -2, 0.5], ml_dtypes.bfloat16),
    "void": np.array([b"\x80\x3f"], "V2"),
    "complex": np.zeros(2, "<c8"),
    "object": np.array([1, "a", None], object),
    "struct": np.zeros(2, [("a", "<f4"), ("b", "<i4")]),
    "date": np.zeros(2, "<M8[s]"),
}


def main():
    os.makedirs(OUT, exist_ok=True)
    for name, a in ARRAYS.items():
        np.save(os.path.join(OUT, name + ".npy"), a, allow_pickle=True)
    for version in ((2, 0), (3, 0)):
        with open(os.path.join(OUT, f"version{version[0]}.npy"), "wb") as f:
            np.lib.format.write_array(f, ARRAYS["f4"], version=version)
    members = {k: ARRAYS[k] for k in ("scalar", "f4", "U", "bool")}
    np.savez(os.path.join(OUT, "stored.npz"), **members)
    np.savez_compressed(os.path.join(OUT, "deflated.npz"), **members)
    with zipfile.ZipFile(os.path.join(OUT, "lzma.npz"), "w", zipfile.ZIP_LZMA) as z:
        b = io.BytesIO()
        np.save(b, ARRAYS["f4"])
        z.writestr("f4.npy", b.getvalue())


if __name__ == "__main__":
    main()
