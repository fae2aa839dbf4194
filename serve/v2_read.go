package serve

import (
	"context"
	"strconv"
	"time"

	"github.com/kerasrun/kerasrun"
)

// readV2 reads the JSON text of a request for a prediction and the binary tensors after it.
func readV2(in *instance, text, tail []byte) (*v2Request, error) {
	r := &v2Reader{scanner: scanner{data: text}, tail: tail}
	found := false
	err := r.object(func(key string) error {
		switch key {
		case "id":
			var err error
			r.out.id, err = r.text()
			return err
		case "parameters":
			return r.parameters(r.requestParameter)
		case "inputs":
			found = true
			return r.list(key, r.input)
		case "outputs":
			return r.list(key, r.output)
		}
		return badRequest("the request has the key %q, want id, parameters, inputs and outputs", key)
	})
	if err == nil {
		err = r.end()
	}
	switch {
	case err != nil:
		return nil, err
	case !found:
		return nil, badRequest(`the request has no "inputs"`)
	case len(r.tail) > 0:
		return nil, badRequest("%d bytes after the binary tensors", len(r.tail))
	}
	return &r.out, nil
}

// A v2Reader reads a request for a prediction.
type v2Reader struct {
	scanner
	tail []byte // binary tensors that were not read yet
	out  v2Request
}

// list reads an array of objects.
func (r *v2Reader) list(key string, element func(i int) error) error {
	if r.peek() != '[' {
		return badRequest("%q is %s, want a list", key, r.found())
	}
	return r.array(func(i int) error {
		if r.peek() != '{' {
			return badRequest("%q at [%d]: %s, want an object", key, i, r.found())
		}
		return element(i)
	})
}

// A parameter is the value of a parameter: a bool, int64, float64 or string.
type parameter = any

// parameters reads an object of parameters.
func (r *v2Reader) parameters(set func(name string, value parameter) error) error {
	if r.peek() != '{' {
		return badRequest(`"parameters" is %s, want an object`, r.found())
	}
	return r.object(func(name string) error {
		switch c := r.peek(); c {
		case '"':
			text, err := r.text()
			if err != nil {
				return err
			}
			return set(name, text)
		case 't', 'f':
			switch r.word() {
			case "true":
				return set(name, true)
			case "false":
				return set(name, false)
			}
		case 'n':
			if r.word() == "null" {
				return nil
			}
		}
		text, err := r.number("a string, number or boolean")
		if err != nil {
			return err
		}
		if n, err := strconv.ParseInt(string(text), 10, 64); err == nil {
			return set(name, n)
		}
		x, err := strconv.ParseFloat(string(text), 64)
		if err != nil {
			return badRequest("parameter %q: %s, want a number of 64 bits", name, text)
		}
		return set(name, x)
	})
}

// requestParameter notes a parameter of the request. Those that nobody knows have no effect, as the protocol has it.
func (r *v2Reader) requestParameter(name string, value parameter) error {
	ok := true
	switch name {
	case "binary_data_output":
		r.out.allBinary, ok = value.(bool)
	case "timeout": // microseconds
		var n int64
		if n, ok = value.(int64); ok && n > 0 {
			r.out.timeout = time.Duration(min(n, int64(time.Hour/time.Microsecond))) * time.Microsecond
		}
		ok = ok && n >= 0
	case "sequence_id":
		if value != int64(0) && value != "" {
			return badRequest("sequence_id: sequences are not supported; every request begins with the zero state")
		}
	}
	if !ok {
		return badRequest("parameter %q: an unexpected value", name)
	}
	return nil
}

// input reads an input. Its data may stand before its type: they are read last.
func (r *v2Reader) input(i int) error {
	var name, datatype string
	var shape kerasrun.Shape
	var data []byte
	binary := int64(-1)
	seen := map[string]bool{}
	err := r.object(func(key string) error {
		seen[key] = true
		var err error
		switch key {
		case "name":
			name, err = r.text()
		case "datatype":
			datatype, err = r.text()
		case "shape":
			shape, err = r.shape()
		case "data":
			data, err = r.skip()
		case "parameters":
			err = r.parameters(func(name string, value parameter) error {
				switch name {
				case "binary_data_size":
					n, ok := value.(int64)
					if !ok || n < 0 {
						return badRequest("input %d: binary_data_size is no size", i)
					}
					binary = n
				case "shared_memory_region":
					return badRequest("input %d: shared memory is not supported", i)
				}
				return nil
			})
		default:
			err = badRequest("input %d has the key %q, want name, shape, datatype, parameters and data", i, key)
		}
		return err
	})
	if err != nil {
		return err
	}
	for _, key := range []string{"name", "shape", "datatype"} {
		if !seen[key] {
			return badRequest("input %d has no %q", i, key)
		}
	}
	dtype, ok := ParseDatatype(datatype)
	if !ok {
		return badRequest("input %q: datatype %q, want one of %s", name, datatype, datatypeList())
	}
	elems, ok := shape.Elems()
	if !ok {
		return badRequest("input %q: shape %v is too large", name, shape)
	}
	t := kerasrun.Tensor{DType: dtype, Shape: shape}
	switch {
	case seen["data"] && binary >= 0:
		return badRequest("input %q has both data and binary_data_size", name)
	case seen["data"]:
		b := &builder{ctx: context.Background(), name: name, dtype: dtype, rank: -1, flat: true}
		s := &scanner{data: data}
		if s.peek() != '[' {
			return badRequest("input %q: data is %s, want a list", name, s.found())
		}
		if err := b.read(s, 0); err != nil {
			return err
		}
		if b.count() != elems {
			return badRequest("input %q: data has %d elements, shape %v asks for %d", name, b.count(), shape, elems)
		}
		t.Data = b.elements()
	case binary >= 0:
		if binary > int64(len(r.tail)) {
			return badRequest("input %q: binary_data_size is %d, but %d bytes are left", name, binary, len(r.tail))
		}
		if t, err = DecodeBinary(dtype, shape, r.tail[:binary]); err != nil {
			return badRequest("input %q: %v", name, err)
		}
		r.tail = r.tail[binary:]
	default:
		return badRequest("input %q has no data", name)
	}
	r.out.inputs = append(r.out.inputs, NamedTensor{name, t})
	return nil
}

// shape reads a list of dimensions.
func (r *v2Reader) shape() (kerasrun.Shape, error) {
	shape := kerasrun.Shape{}
	if r.peek() != '[' {
		return nil, badRequest("shape is %s, want a list", r.found())
	}
	err := r.array(func(i int) error {
		text, err := r.number("a dimension")
		if err != nil {
			return err
		}
		n, err := strconv.ParseInt(string(text), 10, 32)
		if err != nil || n < 0 {
			return badRequest("dimension %d of a shape is %s", i, text)
		}
		if i >= maxDepth {
			return badRequest("a shape of more than %d dimensions", maxDepth)
		}
		shape = append(shape, int(n))
		return nil
	})
	return shape, err
}

// output reads an output that is asked for.
func (r *v2Reader) output(i int) error {
	o := v2Output{}
	named := false
	err := r.object(func(key string) error {
		switch key {
		case "name":
			named = true
			var err error
			o.Name, err = r.text()
			return err
		case "parameters":
			return r.parameters(func(name string, value parameter) error {
				switch name {
				case "binary_data":
					b, ok := value.(bool)
					if !ok {
						return badRequest("output %d: binary_data is no boolean", i)
					}
					o.binary = &b
				case "classification":
					n, ok := value.(int64)
					if !ok || n < 0 || n > 1<<31-1 {
						return badRequest("output %d: classification is no number of classes", i)
					}
					o.Classes = int(n)
				case "shared_memory_region":
					return badRequest("output %d: shared memory is not supported", i)
				}
				return nil
			})
		}
		return badRequest("output %d has the key %q, want name and parameters", i, key)
	})
	if err != nil {
		return err
	}
	if !named {
		return badRequest(`output %d has no "name"`, i)
	}
	r.out.outputs = append(r.out.outputs, o)
	return nil
}
