"""Writes the HDF5 files of this folder: python make.py [DIR]. The other attacks are made by attacks_test.go."""

import os
import sys

import h5py
import numpy as np

here = sys.argv[1] if len(sys.argv) > 1 else os.path.dirname(os.path.abspath(__file__))


def weights(name, kernel, bias=lambda g: g.create_dataset("1", data=np.ones(2, "float32"))):
    """The weights of a Dense layer "dense" of (2, 2) in the layout of Keras 3; kernel and bias make them in group vars."""
    with h5py.File(os.path.join(here, name), "w") as f:
        g = f.create_group("layers/dense/vars")
        kernel(g)
        bias(g)


def virtual(g):
    layout = h5py.VirtualLayout((2, 2), "float32")
    layout[:] = h5py.VirtualSource("/etc/passwd", "x", (2, 2))
    g.create_virtual_dataset("0", layout)


def soft(g):
    g["0"] = h5py.SoftLink("/layers/dense/vars/1")


def link(g):
    g["0"] = h5py.ExternalLink("/etc/passwd", "/x")


def cycle(g):
    g["0"] = g.parent  # a hard link upwards


weights("external_storage.weights.h5", lambda g: g.create_dataset("0", (2, 2), "float32", external=[("/etc/passwd", 0, 16)]))
weights("external_link.weights.h5", link)
weights("soft_link.weights.h5", soft)
weights("virtual.weights.h5", virtual)
weights("hard_link_cycle.weights.h5", cycle)
# 4.1 GB of zeros in a few kB: chunks that are never written, and ones that are
weights("declared_4gb.weights.h5", lambda g: g.create_dataset("0", (32000, 32000), "float32", chunks=(1000, 1000), compression="gzip"))
weights("declared_8eb.weights.h5", lambda g: g.create_dataset("0", (2**31, 2**30), "float32", chunks=(1000, 1000), compression="gzip"))


def deflated(g):
    d = g.create_dataset("0", (2, 2**22), "float32", chunks=(1, 2**22), compression="gzip", compression_opts=9)
    d[:] = 0


weights("deflated_32mb.weights.h5", deflated)
