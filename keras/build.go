package keras

import (
	"math"
	"slices"
	"strconv"
	"strings"
)

// NewNull returns null.
func NewNull() *Value { return &Value{} }

// NewBool returns a bool.
func NewBool(b bool) *Value { return &Value{kind: Bool, text: strconv.FormatBool(b)} }

// NewString returns a string.
func NewString(s string) *Value { return &Value{kind: String, text: s} }

// NewInt returns a whole number.
func NewInt(n int) *Value { return &Value{kind: Number, text: strconv.Itoa(n)} }

// NewNumber returns a number, written as Python writes a float: the shortest
// digits that name f, with a fraction or an exponent.
func NewNumber(f float64) *Value {
	text := ""
	switch {
	case math.IsNaN(f):
		text = "NaN"
	case math.IsInf(f, 1):
		text = "Infinity"
	case math.IsInf(f, -1):
		text = "-Infinity"
	case f != 0 && (math.Abs(f) < 1e-4 || math.Abs(f) >= 1e16):
		text = strconv.FormatFloat(f, 'e', -1, 64)
	default:
		text = strconv.FormatFloat(f, 'f', -1, 64)
		if !strings.Contains(text, ".") {
			text += ".0"
		}
	}
	return &Value{kind: Number, text: text}
}

// NewArray returns an array of items.
func NewArray(items ...*Value) *Value {
	return &Value{kind: Array, list: &children{items: slices.Clone(items)}}
}

// NewInts returns an array of whole numbers.
func NewInts(ns ...int) *Value {
	items := make([]*Value, len(ns))
	for i, n := range ns {
		items[i] = NewInt(n)
	}
	return &Value{kind: Array, list: &children{items: items}}
}

// NewObject returns an object without members; add them with [Value.With].
func NewObject() *Value { return &Value{kind: Object, list: &children{}} }

// With returns a copy of object v in which the member key is item, in place
// when v has the key and at the end when not. A v that is no object counts as
// an empty one.
func (v *Value) With(key string, item *Value) *Value {
	c := v.clone()
	if i := slices.Index(c.list.keys, key); i >= 0 {
		c.list.items[i] = item
		return c
	}
	c.list.keys = append(c.list.keys, key)
	c.list.items = append(c.list.items, item)
	return c
}

// Without returns a copy of object v without the members keys.
func (v *Value) Without(keys ...string) *Value {
	c := &Value{kind: Object, list: &children{}}
	if v.Kind() != Object {
		return c
	}
	for i, k := range v.list.keys {
		if !slices.Contains(keys, k) {
			c.list.keys = append(c.list.keys, k)
			c.list.items = append(c.list.items, v.list.items[i])
		}
	}
	return c
}

// rename returns a copy of object v in which the key from is called to. A
// member that is already called to stays, and from is dropped.
func (v *Value) rename(from, to string) *Value {
	if !v.Has(from) {
		return v
	}
	if v.Has(to) {
		return v.Without(from)
	}
	c := v.clone()
	c.list.keys[slices.Index(c.list.keys, from)] = to
	return c
}

// clone returns a copy of object v that may be changed at its top level.
func (v *Value) clone() *Value {
	c := NewObject()
	if v.Kind() == Object {
		c.list.keys = slices.Clone(v.list.keys)
		c.list.items = slices.Clone(v.list.items)
	}
	return c
}
