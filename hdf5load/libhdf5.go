//go:build cgo && libhdf5

package hdf5load

/*
#cgo LDFLAGS: -lhdf5
#cgo darwin CFLAGS: -I/usr/local/include -I/opt/homebrew/include
#cgo darwin LDFLAGS: -L/usr/local/lib -L/opt/homebrew/lib
#cgo linux,!arm64 CFLAGS: -I/usr/local/include -I/usr/lib/x86_64-linux-gnu/hdf5/serial/include
#cgo linux,!arm64 LDFLAGS: -L/usr/local/lib -L/usr/lib/x86_64-linux-gnu/hdf5/serial
#cgo linux,arm64 CFLAGS: -I/usr/local/include -I/usr/lib/aarch64-linux-gnu/hdf5/serial/include
#cgo linux,arm64 LDFLAGS: -L/usr/local/lib -L/usr/lib/aarch64-linux-gnu/hdf5/serial
#define H5_USE_110_API
#include <stdlib.h>
#include "hdf5.h"

// libhdf5 prints its error stack by default, and the setting belongs to the
// thread: each goroutine mutes the thread it is locked to.
static void k_mute(void) { H5Eset_auto2(H5E_DEFAULT, NULL, NULL); }

// An image needs a name no other open file has: the core driver compares names.
static hid_t k_image(void *p, size_t n, const char *name) {
	hid_t f = -1, fapl = H5Pcreate(H5P_FILE_ACCESS);
	if (fapl < 0) return -1;
	if (H5Pset_fapl_core(fapl, 65536, 0) >= 0 && H5Pset_file_image(fapl, p, n) >= 0)
		f = H5Fopen(name, H5F_ACC_RDONLY, fapl);
	H5Pclose(fapl);
	return f;
}

static int k_object(hid_t at, const char *name, haddr_t *addr) {
	H5O_info_t i;
	if (H5Oget_info_by_name(at, name, &i, H5P_DEFAULT) < 0) return -1;
	*addr = i.addr;
	return (int)i.type;
}

// -1 none, else the link's type
static int k_link(hid_t at, const char *name) {
	H5L_info_t i;
	if (H5Lexists(at, name, H5P_DEFAULT) <= 0 || H5Lget_info(at, name, &i, H5P_DEFAULT) < 0) return -1;
	return (int)i.type;
}

static H5_index_t k_order(unsigned flags) { return flags & H5P_CRT_ORDER_TRACKED ? H5_INDEX_CRT_ORDER : H5_INDEX_NAME; }

static long long k_links(hid_t group, H5_index_t *by) {
	H5G_info_t i;
	unsigned flags = 0;
	hid_t p = H5Gget_create_plist(group);
	if (p >= 0) { H5Pget_link_creation_order(p, &flags); H5Pclose(p); }
	*by = k_order(flags);
	return H5Gget_info(group, &i) < 0 ? -1 : (long long)i.nlinks;
}

static long long k_attrs(hid_t o, int dataset, H5_index_t *by) {
	H5O_info_t i;
	unsigned flags = 0;
	hid_t p = dataset ? H5Dget_create_plist(o) : H5Gget_create_plist(o);
	if (p >= 0) { H5Pget_attr_creation_order(p, &flags); H5Pclose(p); }
	*by = k_order(flags);
	return H5Oget_info(o, &i) < 0 ? -1 : (long long)i.num_attrs;
}

static ssize_t k_link_name(hid_t g, H5_index_t by, unsigned long long k, char *b, size_t n) {
	return H5Lget_name_by_idx(g, ".", by, H5_ITER_INC, (hsize_t)k, b, n, H5P_DEFAULT);
}
static ssize_t k_attr_name(hid_t o, H5_index_t by, unsigned long long k, char *b, size_t n) {
	return H5Aget_name_by_idx(o, ".", by, H5_ITER_INC, (hsize_t)k, b, n, H5P_DEFAULT);
}

static int k_is_bool(hid_t t) {
	int yes = 0;
	if (H5Tget_nmembers(t) == 2) {
		char *a = H5Tget_member_name(t, 0), *b = H5Tget_member_name(t, 1);
		signed char v[2] = {9, 9};
		H5Tget_member_value(t, 0, v);
		H5Tget_member_value(t, 1, v + 1);
		yes = a && b && v[0] == 0 && v[1] == 1 && a[0] == 'F' && b[0] == 'T';
		H5free_memory(a);
		H5free_memory(b);
	}
	return yes;
}

static int k_exponent(hid_t t) {
	size_t spos, epos, esize, mpos, msize;
	return H5Tget_fields(t, &spos, &epos, &esize, &mpos, &msize) < 0 ? -1 : (int)esize;
}
*/
import "C"

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"unsafe"

	"gonum.org/v1/hdf5"
)

// libMu serialises all calls: many builds of libhdf5 are not thread-safe.
var libMu sync.Mutex

// libImages numbers in-memory files.
var libImages atomic.Int64

// enterLib locks libhdf5 and mutes it on this thread, until the result is called.
func enterLib() (leave func()) {
	libMu.Lock()
	runtime.LockOSThread()
	C.k_mute()
	return func() {
		runtime.UnlockOSThread()
		libMu.Unlock()
	}
}

// LibHDF5File is a file opened by libhdf5. Its objects are safe for concurrent
// use (one call runs at a time, in the whole process) until Close.
type LibHDF5File struct {
	file    *hdf5.File
	root    *libObject
	objects map[C.haddr_t]*libObject
	closed  bool
}

// OpenLibHDF5 opens the HDF5 file at path. Trusted files only: libhdf5 can crash
// the process on damaged ones.
func OpenLibHDF5(path string) (*LibHDF5File, error) {
	if _, err := os.Stat(path); err != nil { // libhdf5 does not say why
		return nil, err
	}
	defer enterLib()()
	f, err := hdf5.OpenFile(path, hdf5.F_ACC_RDONLY)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, corrupt("libhdf5 does not open it"))
	}
	return newLibFile(f)
}

// OpenLibHDF5Image opens the HDF5 file in b, which libhdf5 copies. Trusted files
// only, see [OpenLibHDF5].
func OpenLibHDF5Image(b []byte) (*LibHDF5File, error) {
	if len(b) == 0 {
		return nil, corrupt("empty file")
	}
	defer enterLib()()
	name := C.CString(fmt.Sprintf("hdf5load image %d", libImages.Add(1)))
	defer C.free(unsafe.Pointer(name))
	id := C.k_image(unsafe.Pointer(&b[0]), C.size_t(len(b)), name)
	if id < 0 {
		return nil, corrupt("libhdf5 does not open it")
	}
	// NewDatatype is gonum's only exported way from an id to an Identifier, and
	// the type of its parameter is not exported.
	f := reflect.ValueOf(hdf5.NewDatatype)
	wrapped := f.Call([]reflect.Value{reflect.ValueOf(int64(id)).Convert(f.Type().In(0))})[0].Interface().(*hdf5.Datatype)
	return newLibFile(&hdf5.File{CommonFG: hdf5.CommonFG{Identifier: wrapped.Identifier}})
}

func newLibFile(f *hdf5.File) (*LibHDF5File, error) {
	l := &LibHDF5File{file: f, objects: map[C.haddr_t]*libObject{}}
	var err error
	if l.root, err = l.object(&f.CommonFG, "/"); err != nil {
		f.Close()
		return nil, err
	}
	return l, nil
}

// Root returns the root group.
func (l *LibHDF5File) Root() Object { return l.root }

// Close closes the file and every object opened from it.
func (l *LibHDF5File) Close() error {
	defer enterLib()()
	if l.closed {
		return nil
	}
	l.closed = true
	for _, o := range l.objects {
		o.close()
	}
	return l.file.Close()
}

// libObject implements [Object] over libhdf5.
type libObject struct {
	file  *LibHDF5File
	kind  Kind
	id    C.hid_t
	close func() error
	fg    *hdf5.CommonFG // of a group
	attr  func(name string) (*hdf5.Attribute, error)
	typ   datatype // of a dataset or named type
	conv  bool     // libhdf5 converts the values to floats
	ftype C.hid_t  // the stored type of a dataset
	space dataspace
}

// object opens the object of that name, or returns the one that is open. The
// caller has entered the library.
func (l *LibHDF5File) object(at *hdf5.CommonFG, name string) (*libObject, error) {
	c := C.CString(name)
	defer C.free(unsafe.Pointer(c))
	var addr C.haddr_t
	kind := C.k_object(C.hid_t(at.ID()), c, &addr)
	if o := l.objects[addr]; kind >= 0 && o != nil {
		return o, nil
	}
	o := &libObject{file: l}
	switch kind {
	case C.H5O_TYPE_GROUP:
		g, err := at.OpenGroup(name)
		if err != nil {
			return nil, corrupt("libhdf5 does not open group %q", name)
		}
		o.kind, o.id, o.fg, o.close, o.attr = Group, C.hid_t(g.ID()), &g.CommonFG, g.Close, g.OpenAttribute
	case C.H5O_TYPE_DATASET:
		d, err := at.OpenDataset(name)
		if err != nil {
			return nil, corrupt("libhdf5 does not open dataset %q", name)
		}
		o.kind, o.id, o.attr = Dataset, C.hid_t(d.ID()), d.OpenAttribute
		t, err := d.Datatype()
		if err != nil {
			d.Close()
			return nil, corrupt("libhdf5 does not open the type of dataset %q", name)
		}
		o.ftype = C.hid_t(t.ID())
		o.close = func() error { t.Close(); return d.Close() }
		o.typ, o.conv = libType(o.ftype)
		s := d.Space()
		if s == nil {
			o.close()
			return nil, corrupt("dataset %q without dataspace", name)
		}
		o.space = libSpace(s)
		s.Close()
		o.detectBFloat16()
	case C.H5O_TYPE_NAMED_DATATYPE:
		t, err := hdf5.OpenDatatype(*at, name, 0)
		if err != nil {
			return nil, corrupt("libhdf5 does not open type %q", name)
		}
		o.kind, o.id, o.close = NamedType, C.hid_t(t.ID()), t.Close
		o.typ, _ = libType(o.id)
	default:
		return nil, corrupt("libhdf5 does not open object %q", name)
	}
	l.objects[addr] = o
	return o, nil
}

// libSpace describes a dataspace. SimpleExtentDims panics for rank 0.
func libSpace(s *hdf5.Dataspace) dataspace {
	d := dataspace{shape: []int{}, n: int64(s.SimpleExtentNPoints())}
	if s.SimpleExtentType() == hdf5.S_NULL {
		return dataspace{shape: []int{0}}
	}
	if s.SimpleExtentNDims() > 0 {
		dims, _, _ := s.SimpleExtentDims()
		for _, x := range dims {
			d.shape = append(d.shape, int(x))
		}
	}
	return d
}

// libType describes a stored type, and says whether libhdf5 converts it to floats.
func libType(id C.hid_t) (t datatype, conv bool) {
	class := C.H5Tget_class(id)
	t = datatype{dtype: Other, size: int(C.H5Tget_size(id)), big: C.H5Tget_order(id) == C.H5T_ORDER_BE, what: "type"}
	switch class {
	case C.H5T_INTEGER, C.H5T_ENUM:
		base := Uint8
		if C.H5Tget_sign(id) == C.H5T_SGN_2 {
			base = Int8
		}
		width := strings.IndexByte("\x01\x02\x04\x08", byte(t.size))
		if width < 0 || int(C.H5Tget_precision(id)) != 8*t.size && class == C.H5T_INTEGER {
			return t, false
		}
		t.dtype = base + DType(width)
		if class == C.H5T_ENUM {
			if t.dtype == Int8 && C.k_is_bool(id) != 0 {
				t.dtype = Bool
			}
			return t, false
		}
		return t, true
	case C.H5T_FLOAT:
		switch [2]int{t.size, int(C.k_exponent(id))} {
		case [2]int{2, 5}:
			t.dtype = Float16
		case [2]int{2, 8}:
			t.dtype = BFloat16
		case [2]int{4, 8}:
			t.dtype = Float32
		case [2]int{8, 11}:
			t.dtype = Float64
		}
		return t, t.dtype != Other
	case C.H5T_STRING:
		t.dtype = String
		t.varLen = C.H5Tis_variable_str(id) > 0
		t.padding = int(C.H5Tget_strpad(id))
	case C.H5T_OPAQUE:
		t.dtype = Opaque
	case C.H5T_VLEN:
		t.varLen = true
	}
	return t, false
}

func (o *libObject) Kind() Kind    { return o.kind }
func (o *libObject) DType() DType  { return o.typ.dtype }
func (o *libObject) ElemSize() int { return o.typ.elemSize() }

func (o *libObject) Shape() []int {
	return append([]int{}, o.space.shape...)
}

// isOpen refuses what libhdf5 would do to objects of a closed file.
func (o *libObject) isOpen() error {
	if o.file.closed {
		return errors.New("HDF5 file is closed")
	}
	return nil
}

func (o *libObject) Links() ([]string, error) {
	defer enterLib()()
	if err := o.isOpen(); err != nil || o.kind != Group {
		return nil, err
	}
	var by C.H5_index_t
	n := C.k_links(o.id, &by)
	return libNames(n, func(k C.ulonglong, b *C.char, size C.size_t) C.ssize_t {
		return C.k_link_name(o.id, by, k, b, size)
	})
}

func (o *libObject) Attrs() ([]string, error) {
	defer enterLib()()
	if err := o.isOpen(); err != nil || o.kind == NamedType {
		return nil, err
	}
	var by C.H5_index_t
	dataset := C.int(0)
	if o.kind == Dataset {
		dataset = 1
	}
	n := C.k_attrs(o.id, dataset, &by)
	return libNames(n, func(k C.ulonglong, b *C.char, size C.size_t) C.ssize_t {
		return C.k_attr_name(o.id, by, k, b, size)
	})
}

// libNames lists n names, each asked for twice: for its length, then itself.
func libNames(n C.longlong, get func(C.ulonglong, *C.char, C.size_t) C.ssize_t) ([]string, error) {
	if n < 0 {
		return nil, corrupt("libhdf5 does not list names")
	}
	var out []string
	for k := range C.ulonglong(n) {
		size := get(k, nil, 0)
		if size < 0 {
			return nil, corrupt("libhdf5 does not give name %d", k)
		}
		b := (*C.char)(C.malloc(C.size_t(size) + 1))
		get(k, b, C.size_t(size)+1)
		out = append(out, C.GoStringN(b, C.int(size)))
		C.free(unsafe.Pointer(b))
	}
	return out, nil
}

func (o *libObject) Open(path string) (Object, error) {
	defer enterLib()()
	if err := o.isOpen(); err != nil {
		return nil, err
	}
	at := o
	if strings.HasPrefix(path, "/") {
		at = o.file.root
	}
	for part := range splitPath(path) {
		kind := C.int(-1)
		if at.kind == Group {
			c := C.CString(part)
			kind = C.k_link(at.id, c)
			C.free(unsafe.Pointer(c))
		}
		switch {
		case kind < 0:
			return nil, fmt.Errorf("%w: object %q: no %q", ErrNotFound, path, part)
		case kind == C.H5L_TYPE_SOFT:
			return nil, fmt.Errorf("opening %q: %w", path, unsupported("soft link %q", part))
		case kind == C.H5L_TYPE_EXTERNAL:
			return nil, fmt.Errorf("opening %q: %w", path, unsupported("external link %q", part))
		case kind != C.H5L_TYPE_HARD:
			return nil, fmt.Errorf("opening %q: %w", path, unsupported("user-defined link %q", part))
		}
		var err error
		if at, err = o.file.object(at.fg, part); err != nil {
			return nil, fmt.Errorf("opening %q: %w", path, err)
		}
	}
	return at, nil
}
