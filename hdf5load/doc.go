// Package hdf5load reads and writes HDF5 files, and knows the two layouts in
// which Keras keeps weights in them.
//
// [Open] reads from an io.ReaderAt in plain Go. It knows what Keras writes
// (superblock 0, symbol-table groups, contiguous data) and what h5py, h5repack
// and newer libraries make of it: superblocks 0 to 3, user blocks, both kinds of
// groups and object headers, dense attributes, compact, contiguous and chunked
// data (indexed by B-tree version 1, single chunk, implicit or fixed array) with
// deflate, shuffle, fletcher32 and LZF, hard links, both byte orders, integers,
// float16 to float64, bfloat16, bool, strings of fixed and variable length, and
// opaque bytes.
//
// Refused by name with [ErrUnsupported]: szip, scale-offset, nbit and other
// filters, extensible-array and B-tree version 2 chunk indexes, soft, external and
// user-defined links, external and virtual storage, shared-message heaps,
// filtered groups, files split over several; other types open as [Other].
//
// Files are not trusted: nothing is allocated before its size has been compared
// with the file, structures are walked without recursion, loops, overlaps and
// wrong checksums are errors, and [Limits] bound the rest. Values go from the file
// into the caller's slice without a copy of the whole: see [Object].
//
// With the build tag libhdf5 (and cgo, and libhdf5's headers) the functions
// OpenLibHDF5 and OpenLibHDF5Image open files through gonum.org/v1/hdf5 behind the
// same interface, for what this reader refuses. libhdf5 can crash on damaged
// files, and no Go program survives that: give it trusted files only.
//
// [Write] writes a [Tree] of groups, attributes and datasets as h5py does by
// default, streaming the datasets: superblock 0, symbol-table groups, contiguous data.
//
// The format is specified in https://support.hdfgroup.org/documentation/hdf5/latest/_f_m_t3.html;
// comments cite its sections.
package hdf5load
