//go:build cgo && libhdf5

package hdf5load

/*
#define H5_USE_110_API
#include <stdlib.h>
#include "hdf5.h"

static int k_has_attr(hid_t o, const char *n) { return H5Aexists(o, n) > 0; }
static int k_values(hid_t d, int attr, hid_t mem, void *b) {
	return attr ? H5Aread(d, mem, b) : H5Dread(d, mem, H5S_ALL, H5S_ALL, H5P_DEFAULT, b);
}
static hid_t k_float(void) { return H5T_NATIVE_FLOAT; }
static hid_t k_double(void) { return H5T_NATIVE_DOUBLE; }
static hid_t k_space(hid_t d, int attr) { return attr ? H5Aget_space(d) : H5Dget_space(d); }
static int k_reclaim(hid_t t, hid_t s, void *b) { return H5Dvlen_reclaim(t, s, H5P_DEFAULT, b); }
*/
import "C"

import (
	"fmt"
	"unsafe"

	"gonum.org/v1/hdf5"
)

// libSource is where values are read from: a dataset or an attribute.
type libSource struct {
	id    C.hid_t
	attr  C.int
	ftype C.hid_t
	typ   datatype
	n     int64
}

// read fills b, whose size fits the elements in the memory type mem.
func (s libSource) read(mem C.hid_t, b []byte) error {
	if len(b) == 0 {
		return nil
	}
	if C.k_values(s.id, s.attr, mem, unsafe.Pointer(&b[0])) < 0 {
		return corrupt("libhdf5 does not read the values")
	}
	return nil
}

// raw returns the elements as stored: without conversion the memory type is the
// stored one.
func (s libSource) raw() ([]byte, error) {
	n, err := s.typ.bytesOf(s.n)
	if err != nil {
		return nil, err
	}
	b := make([]byte, n)
	return b, s.read(s.ftype, b)
}

func (s libSource) strings(dst []string) error {
	if !s.typ.varLen {
		b, err := s.raw()
		for i := 0; err == nil && i < len(dst); i++ {
			dst[i] = string(s.typ.fixedString(b[i*s.typ.size:][:s.typ.size]))
		}
		return err
	}
	if s.n == 0 {
		return nil
	}
	p := C.calloc(C.size_t(s.n), C.size_t(unsafe.Sizeof((*C.char)(nil))))
	defer C.free(p)
	if C.k_values(s.id, s.attr, s.ftype, p) < 0 {
		return corrupt("libhdf5 does not read the strings")
	}
	for i, c := range unsafe.Slice((**C.char)(p), s.n) {
		if c != nil {
			dst[i] = C.GoString(c)
		}
	}
	space := C.k_space(s.id, s.attr)
	C.k_reclaim(s.ftype, space, p)
	C.H5Sclose(space)
	return nil
}

func (o *libObject) Attr(name string) (*Attr, error) {
	defer enterLib()()
	if err := o.isOpen(); err != nil {
		return nil, err
	}
	return o.readAttr(name)
}

func (o *libObject) readAttr(name string) (*Attr, error) {
	c := C.CString(name)
	defer C.free(unsafe.Pointer(c))
	if o.attr == nil || C.k_has_attr(o.id, c) == 0 {
		return nil, fmt.Errorf("%w: attribute %q", ErrNotFound, name)
	}
	a, err := o.attr(name)
	if err != nil {
		return nil, corrupt("libhdf5 does not open attribute %q", name)
	}
	defer a.Close()
	t := &hdf5.Datatype{Identifier: a.GetType()}
	defer t.Close()
	space := a.Space()
	if space == nil {
		return nil, corrupt("attribute %q without dataspace", name)
	}
	defer space.Close()
	shape := libSpace(space)
	typ, _ := libType(C.hid_t(t.ID()))
	out := &Attr{Name: name, DType: typ.dtype, Shape: shape.shape, typ: typ, n: int(shape.n)}
	s := libSource{id: C.hid_t(a.ID()), attr: 1, ftype: C.hid_t(t.ID()), typ: typ, n: shape.n}
	switch {
	case typ.dtype == String:
		out.strings = make([]string, shape.n)
		err = s.strings(out.strings)
	case !typ.varLen:
		out.raw, err = s.raw()
	}
	if err != nil {
		return nil, fmt.Errorf("attribute %q: %w", name, err)
	}
	return out, nil
}

// detectBFloat16 is the counterpart of object's.
func (o *libObject) detectBFloat16() {
	if o.typ.dtype != Opaque || o.typ.size != 2 {
		return
	}
	if a, err := o.readAttr("dtype"); err == nil && len(a.strings) == 1 && a.strings[0] == "bfloat16" {
		o.typ.dtype = BFloat16
	}
}

func (o *libObject) source() (libSource, error) {
	if o.kind != Dataset {
		return libSource{}, unsupported("values of a %s", o.kind)
	}
	return libSource{id: o.id, ftype: o.ftype, typ: o.typ, n: o.space.n}, o.isOpen()
}

func (o *libObject) Read(dst any) error {
	defer enterLib()()
	src, err := o.source()
	if err != nil {
		return err
	}
	if d, ok := dst.([]string); ok {
		if o.typ.dtype != String {
			return unsupported("%s into []string", o.typ.describe())
		}
		if err := checkLen(len(d), src.n); err != nil {
			return err
		}
		return src.strings(d)
	}
	s, err := newSink(o.typ, dst, src.n)
	if err != nil {
		return err
	}
	if o.conv {
		switch d := dst.(type) {
		case []float32:
			return src.read(C.k_float(), memory(d))
		case []float64:
			return src.read(C.k_double(), memory(d))
		}
	}
	if s.view != nil {
		return src.read(o.ftype, s.view)
	}
	b, err := src.raw()
	if err != nil {
		return err
	}
	return s.place(0, b)
}

func (o *libObject) ReadRaw(dst []byte) error {
	defer enterLib()()
	src, err := o.source()
	if err != nil {
		return err
	}
	if o.typ.varLen {
		return unsupported("raw bytes of a variable-length type")
	}
	if _, err := rawSink(o.typ, dst, src.n); err != nil {
		return err
	}
	return src.read(o.ftype, dst)
}
