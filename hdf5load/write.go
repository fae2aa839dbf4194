package hdf5load

import (
	"errors"
	"fmt"
	"io"
	"math"
	"math/bits"
	"slices"
	"strings"
)

// A Tree describes a group of an HDF5 file that is to be written, with its
// attributes and members: [Write] writes one as the root group. Mistakes are
// remembered, and Write returns the first. A Tree is not safe for concurrent use.
type Tree struct {
	whole   *whole
	attrs   []*treeAttr
	members []*treeMember
	named   map[string]*treeMember
}

// whole is what all groups of a tree share.
type whole struct{ err error }

func (w *whole) fail(format string, args ...any) {
	if w.err == nil {
		w.err = fmt.Errorf("HDF5 to write: "+format, args...)
	}
}

// A treeMember is a link: to a group, or to a dataset.
type treeMember struct {
	name  string
	group *Tree
	data  *treeData
}

type treeData struct {
	path  string
	dtype DType
	shape []int
	bytes int64
	attrs []*treeAttr
	data  func(io.Writer) error
}

type treeAttr struct {
	name  string
	value any
}

// NewTree returns an empty root group.
func NewTree() *Tree { return newTree(&whole{}) }

func newTree(w *whole) *Tree { return &Tree{whole: w, named: map[string]*treeMember{}} }

// Group returns the group at a slash-separated path below t, which is made
// where it is missing, with the groups on the way to it.
func (t *Tree) Group(path string) *Tree {
	for _, name := range strings.Split(path, "/") {
		t = t.group(name)
	}
	return t
}

func (t *Tree) group(name string) *Tree {
	m := t.named[name]
	if m == nil {
		m = t.add(name)
		m.group = newTree(t.whole)
	}
	if m.group == nil {
		t.whole.fail("%q is a dataset, want a group", name)
		return newTree(t.whole)
	}
	return m.group
}

func (t *Tree) add(name string) *treeMember {
	if name == "" || name == "." || strings.ContainsAny(name, "/\x00") {
		t.whole.fail("link name %q", name)
	}
	m := &treeMember{name: name}
	t.members = append(t.members, m)
	t.named[name] = m
	return m
}

// Dataset adds a dataset at a path below t. data writes its elements when the
// file is written: row-major, little-endian, exactly as many bytes as shape and
// dtype say. String, Opaque and Other cannot be written.
//
// BFloat16 becomes what Keras makes of it: opaque elements of two bytes with
// the attribute dtype="bfloat16".
func (t *Tree) Dataset(path string, dtype DType, shape []int, data func(w io.Writer) error) {
	parent, name := t, path
	if i := strings.LastIndexByte(path, '/'); i >= 0 {
		parent, name = t.Group(path[:i]), path[i+1:]
	}
	if parent.named[name] != nil {
		t.whole.fail("two members are named %q", path)
		return
	}
	size, ok := elementSizes[dtype]
	if !ok {
		t.whole.fail("dataset %q of %s", path, dtype)
		return
	}
	n := int64(size)
	for _, d := range shape {
		hi, lo := bits.Mul64(uint64(n), uint64(d))
		if d < 0 || hi != 0 || lo > math.MaxInt64 {
			t.whole.fail("dataset %q with shape %v", path, shape)
			return
		}
		n = int64(lo)
	}
	d := &treeData{path: path, dtype: dtype, shape: slices.Clone(shape), bytes: n, data: data}
	if dtype == BFloat16 {
		d.attrs = []*treeAttr{{"dtype", "bfloat16"}}
	}
	parent.add(name).data = d
}

// FixedStrings are strings of an attribute that are stored with one length, in
// bytes, as h5py stores arrays of bytes.
type FixedStrings []string

// Attr sets an attribute, which must be new. value is a string (UTF-8, variable
// length, a scalar), a []string (likewise, one axis), [FixedStrings], an int64 or a
// float64 (scalars), an []int64 or a []float64. No strings are stored as no
// float64s, which is what h5py makes of an empty list.
func (t *Tree) Attr(name string, value any) {
	switch v := value.(type) {
	case []string:
		if len(v) == 0 {
			value = []float64{}
		}
	case FixedStrings:
		if len(v) == 0 {
			value = []float64{}
		}
	case string, int64, float64, []int64, []float64:
	default:
		t.whole.fail("attribute %q of Go type %T", name, value)
		return
	}
	if name == "" || strings.ContainsRune(name, 0) {
		t.whole.fail("attribute name %q", name)
	}
	for _, a := range t.attrs {
		if a.name == name {
			t.whole.fail("two attributes are named %q", name)
		}
	}
	t.attrs = append(t.attrs, &treeAttr{name, value})
}

// Names sets an attribute that is a list of names, of fixed length, which
// Keras splits over name0, name1, ... where it would be longer than an object
// header can hold. [AttrStrings] reads it back.
func (t *Tree) Names(name string, names []string) {
	most := 1
	for _, s := range names {
		most = max(most, len(s))
	}
	each := max(1, maxListBytes/most)
	if len(names) <= each {
		t.Attr(name, FixedStrings(names))
		return
	}
	for i, part := 0, names; len(part) > 0; i++ {
		n := min(each, len(part))
		t.Attr(fmt.Sprint(name, i), FixedStrings(part[:n]))
		part = part[n:]
	}
}

// maxListBytes is HDF5_OBJECT_HEADER_LIMIT of Keras.
const maxListBytes = 64512

// Write writes root as an HDF5 file of the kind that h5py writes by default:
// superblock 0, symbol-table groups, contiguous data; any HDF5 library reads
// it. The same tree gives the same bytes. Metadata comes first and is made in memory; datasets follow in
// the order they were added, each as its function writes it.
//
// Errors are those of the description (a name twice, a wrong type, an attribute
// of more than 64 KiB), of w, and of the data functions.
func Write(w io.Writer, root *Tree) error {
	if err := root.whole.err; err != nil {
		return err
	}
	l := newFilePlan(root)
	if l.err != nil {
		return fmt.Errorf("HDF5 to write: %w", l.err)
	}
	if _, err := w.Write(l.b); err != nil {
		return err
	}
	var zeros [8]byte
	for _, d := range l.data {
		c := &counter{w: w, left: d.bytes}
		if err := d.data(c); err != nil {
			return fmt.Errorf("dataset %q: %w", d.path, err)
		}
		if c.left != 0 {
			return fmt.Errorf("dataset %q: %d bytes written, want %d", d.path, d.bytes-c.left, d.bytes)
		}
		if _, err := w.Write(zeros[:-d.bytes&7]); err != nil {
			return err
		}
	}
	return nil
}

var errTooLong = errors.New("more bytes than the dataset has")

// A counter lets no more than left bytes through.
type counter struct {
	w    io.Writer
	left int64
}

func (c *counter) Write(b []byte) (int, error) {
	if int64(len(b)) > c.left {
		return 0, errTooLong
	}
	n, err := c.w.Write(b)
	c.left -= int64(n)
	return n, err
}
