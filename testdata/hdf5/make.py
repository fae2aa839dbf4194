"""Makes adv__small_*.h5 with h5py, and dumps HDF5 files as h5py reads them.

    python make.py                  # writes adv__small_*.h5 and their .json
    python make.py dump FILE...     # writes FILE.json

A dump has, for each path: kind, attributes, shape, dtype, and the first 16 hex
digits of the SHA-256 of the values as little-endian float64 ("sha"), of the bytes
of opaque elements ("raw"), or the strings themselves ("v").
"""
import hashlib
import json
import os
import sys

import h5py
import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))


def canon(value):
    if isinstance(value, h5py.Empty):
        return {"t": "null"}
    a = np.asarray(value)
    if a.dtype.kind in "SOU":
        text = [x.decode("utf8", "surrogateescape") if isinstance(x, bytes) else str(x) for x in a.ravel().tolist()]
        return {"t": "s", "shape": list(a.shape), "v": text}
    if a.dtype.kind in "fiub":
        return {"t": "n", "shape": list(a.shape), "v": [repr(float(x)) for x in a.ravel().astype("f8")]}
    return {"t": "other:" + str(a.dtype)}


def short(b):
    return hashlib.sha256(b).hexdigest()[:16]


def dataset(d):
    entry = {"kind": "dataset", "attrs": attrs(d), "shape": list(d.shape or ([0] if d.shape is None else [])), "dtype": str(d.dtype)}
    if d.shape is None:
        return entry
    try:
        a = np.asarray(d[()])
    except OSError as e:
        return entry | {"e": str(e)}
    if a.dtype.kind in "fiub":
        a = a.astype("<f8")
        a[np.isnan(a)] = np.nan
        entry["sha"] = short(np.ascontiguousarray(a).tobytes())
    elif a.dtype.kind in "SO":
        entry["v"] = canon(a)
    elif a.dtype.kind == "V" and not a.dtype.names:
        entry["raw"] = short(np.ascontiguousarray(a).tobytes())
    return entry


def attrs(o):
    return {k: canon(v) for k, v in o.attrs.items()}


def dump(path):
    out = {}

    def walk(p, g, above):
        out[p] = {"kind": "group", "attrs": attrs(g)}
        for name in g:
            q = p.rstrip("/") + "/" + name
            link = g.get(name, getlink=True)
            if not isinstance(link, h5py.HardLink):
                out[q] = {"kind": "link:" + type(link).__name__}
                continue
            o = g[name]
            if isinstance(o, h5py.Group):
                addr = h5py.h5o.get_info(o.id).addr
                if addr in above:
                    out[q] = {"kind": "cycle"}
                else:
                    walk(q, o, above + [addr])
            elif isinstance(o, h5py.Dataset):
                out[q] = dataset(o)
            else:
                out[q] = {"kind": "type"}

    with h5py.File(path, "r") as f:
        walk("/", f, [h5py.h5o.get_info(f.id).addr])
    with open(path + ".json", "w") as w:
        json.dump(out, w)


def low(f, name, dtype, shape, chunks, prepare=lambda p: None):
    """create_dataset with a property list."""
    p = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    p.set_chunk(chunks)
    prepare(p)
    return h5py.Dataset(h5py.h5d.create(f.id, name.encode(), dtype, h5py.h5s.create_simple(shape), p))


def chunks(f, rng):
    x = rng.random((19, 11, 5)).astype("f4")
    gz = dict(compression="gzip", shuffle=True, fletcher32=True)
    f.create_dataset("edge", data=x, chunks=(8, 7, 2))
    f.create_dataset("edge_gz", data=x, chunks=(8, 7, 2), **gz)
    f.create_dataset("edge_be", data=x.astype(">f8"), chunks=(8, 7, 2), **gz)
    f.create_dataset("fletcher_odd", data=rng.integers(0, 99, (7, 3)).astype("i1"), chunks=(5, 3), fletcher32=True)
    f.create_dataset("lzf", data=np.arange(500, dtype="i4") // 7, chunks=(100,), compression="lzf", shuffle=True)
    f.create_dataset("f16_gz", data=x[0].astype("f2"), compression="gzip", shuffle=True)
    f.create_dataset("single", data=x[0], chunks=(11, 5))
    f.create_dataset("single_gz", data=x[0], chunks=(11, 5), compression="gzip")
    latest = f.libver[0] != "earliest"
    f.create_dataset("deep", data=rng.random(1300 if latest else 200).astype("f4"), chunks=(1,))  # B-tree of two levels, paged fixed array
    d = f.create_dataset("sparse", (100, 100), "f4", chunks=(10, 10), fillvalue=1.5)
    d[5:15, 50:60] = 2
    f.create_dataset("unwritten", (5, 5), "f4", fillvalue=3.25)
    f.create_dataset("unwritten_be", (5, 5), ">i4", fillvalue=7)
    f.create_dataset("unwritten_chunked", (5, 5), "f4", chunks=(2, 2), fillvalue=3.25)
    f.create_dataset("zero", (0, 4), "f4")
    f.create_dataset("zero_chunked", (0, 4), "f4", maxshape=(9, 4), chunks=(2, 2))
    f.create_dataset("scalar", data=np.float32(4.5))
    f.create_dataset("bool_gz", data=rng.random(40) < 0.5, compression="gzip")
    f.create_dataset("strings_gz", data=np.array([b"one", b"three", b""]), compression="gzip")
    f.create_dataset("large_chunk", data=np.arange(3, dtype="f4"), maxshape=(8,), chunks=(8,))
    d = f.create_dataset("shrunk", data=np.arange(30, dtype="f4"), maxshape=(30,), chunks=(4,))
    d.resize((10,))
    d = low(f, "implicit", h5py.h5t.IEEE_F32LE, (19, 11), (4, 4), lambda p: p.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY))
    d[...] = x[:, :, 0]
    d = low(f, "skipped_szip_like", h5py.h5t.IEEE_F32LE, (4, 4), (4, 4), lambda p: p.set_deflate(1))
    d.id.write_direct_chunk((0, 0), x[0, :4, :4].tobytes(), filter_mask=1)  # a chunk without its filter


def refused(f, rng):
    x = rng.random((40, 8)).astype("f4")
    f.create_dataset("extensible", data=x, chunks=(4, 4), maxshape=(None, 8))
    f.create_dataset("tree2", data=x, chunks=(4, 4), maxshape=(None, None))
    f.create_dataset("scale_offset", data=np.arange(100, dtype="i4"), scaleoffset=0, chunks=(100,))
    f.create_dataset("external", (4,), "f4", external=[("absent.raw", 0, 16)])
    v = h5py.VirtualLayout((4,), "f4")
    v[:] = h5py.VirtualSource("absent.h5", "x", (4,))
    f.create_virtual_dataset("virtual", v)
    f["soft"] = h5py.SoftLink("/tree2")
    f["ext"] = h5py.ExternalLink("absent.h5", "/x")


def strings(f, rng):
    a = f.attrs
    a["vl_utf8"] = "h\u00e9llo \u4e16\u754c"
    a["vl_empty"] = ""
    a["vl_long"] = "x" * 9000
    a["bytes"] = b"plain"
    a["fixed"] = np.bytes_("fixed8__")
    a["fixed_arr"] = np.array([b"ab", b"abcd", b""])
    a["vl_arr"] = ["one", "two \u00fc", ""]
    a["vl_arr2d"] = np.array([["a", "b"], ["c", "d"]], dtype=h5py.string_dtype())
    a.create("fixed_utf8", "caf\u00e9".encode(), dtype=h5py.string_dtype("utf-8", 10))
    a["empty_f8"] = np.zeros((0,))
    a["empty_S"] = np.zeros((0,), "S1")
    a["null"] = h5py.Empty("f4")
    a["true"] = True
    a["int"] = 7
    a["arr2d"] = np.arange(6.0).reshape(2, 3)
    a["huge"] = np.array([b"%099d" % i for i in range(90)])  # too large for a block of the attribute heap
    f["type"] = np.dtype(">f4")
    a.create("named_type", [1.5, 2.5], dtype=f["type"])
    f.create_dataset("vl", data=["one", "two \u00fc", ""], dtype=h5py.string_dtype())
    f.create_dataset("fixed", data=np.array([b"ab", b"abcd"]))
    f.create_dataset("null", data=h5py.Empty("f4"))
    enum = h5py.enum_dtype({"RED": 0, "GREEN": 1}, basetype="u2")
    f.create_dataset("enum", data=np.array([0, 1, 1], "u2"), dtype=enum)


def split(f, rng):
    """The attributes of a legacy file with pieces, as Keras cuts them above 64 KiB."""
    f.attrs["layer_names0"] = np.array([b"a/b", b"conv2d"])
    f.attrs["layer_names1"] = np.array([b"flatten"])
    names = [f"k{i}:0".encode() for i in range(5)]
    g = f.create_group("a/b")
    for i in range(0, 5, 2):
        g.attrs[f"weight_names{i // 2}"] = np.array(names[i : i + 2])
    for i, n in enumerate(names):
        g.create_dataset(n, data=np.float32([i]))
    g = f.create_group("conv2d")
    g.attrs["weight_names"] = ["conv2d/kernel:0"]
    g.create_dataset("conv2d/kernel:0", data=np.float32([9]))
    f.create_group("flatten").attrs["weight_names"] = np.zeros((0,))


def many(f, rng):
    d = f.create_dataset("value", data=np.float32([1, 2]))
    g = f.create_group("links")
    for i in range(1200 if f.libver[0] != "earliest" else 400):  # B-trees of several levels
        g[f"link_{i:04d}"] = d


def vars_groups(f, rng):
    g = f.create_group("layers/dense/vars")
    g.attrs["name"] = "fc"
    for n in ["10", "0", "2", "1", "idf_weights"]:
        g.create_dataset(n, data=np.float32([len(n)]))
    f.create_group("vars")
    f.create_group("layers/cell/nested/vars").create_dataset("0", data=np.float32([5]))
    f["layers/cell/again"] = f["layers"]  # a cycle of hard links


def main():
    builders = [chunks, refused, strings, split, many, vars_groups]
    for build in builders:
        v110 = dict(libver=("v110", "v110"))
        for suffix, options in [("", {}), ("_v110", v110), ("_newest", dict(libver="latest")), ("_order", dict(track_order=True))]:
            if suffix == "_order" and build == chunks or suffix == "_newest" and build not in (chunks, strings):
                continue
            path = f"{HERE}/adv__small_{build.__name__}{suffix}.h5"
            with h5py.File(path, "w", **options) as f:
                build(f, np.random.default_rng(1))
            dump(path)


if __name__ == "__main__":
    if sys.argv[1:2] == ["dump"]:
        for name in sys.argv[2:]:
            dump(name)
    else:
        main()
