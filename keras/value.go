package keras

import (
	"math"
	"slices"
	"strconv"
	"strings"
)

// Kind is the kind of a JSON value.
type Kind uint8

// The kinds of a Value.
const (
	Null Kind = iota
	Bool
	Number
	String
	Array
	Object
)

// String returns the name of the kind, as messages use it.
func (k Kind) String() string {
	switch k {
	case Bool:
		return "bool"
	case Number:
		return "number"
	case String:
		return "string"
	case Array:
		return "list"
	case Object:
		return "object"
	}
	return "null"
}

// A Value is a JSON value as Python writes it: NaN, Infinity and -Infinity are
// numbers, an object keeps the order of its keys, and an integer keeps its
// digits. It is immutable, safe for concurrent use, and a nil Value is null.
type Value struct {
	kind Kind
	text string // Number: the digits; String: the string; Bool: "true" or "false"
	list *children
}

// children are the elements of an Array or the members of an Object. A pointer
// to them keeps the leaves, which are most values, small.
type children struct {
	items []*Value
	keys  []string // Object: parallel to items
}

// Kind returns the kind of v; a nil Value is Null.
func (v *Value) Kind() Kind {
	if v == nil {
		return Null
	}
	return v.kind
}

// IsNull reports whether v is nil or null.
func (v *Value) IsNull() bool { return v.Kind() == Null }

// Get returns the member key of an object, or nil when v has none.
func (v *Value) Get(key string) *Value {
	if v.Kind() != Object {
		return nil
	}
	if i := slices.Index(v.list.keys, key); i >= 0 {
		return v.list.items[i]
	}
	return nil
}

// Has reports whether v is an object with the member key, which may be null.
func (v *Value) Has(key string) bool {
	return v.Kind() == Object && slices.Contains(v.list.keys, key)
}

// Len returns the number of items of an array or members of an object, else 0.
func (v *Value) Len() int {
	if v == nil || v.list == nil {
		return 0
	}
	return len(v.list.items)
}

// Keys returns the keys of an object in the order of the file, else nil. The
// caller may keep and change the slice.
func (v *Value) Keys() []string {
	if v.Kind() != Object {
		return nil
	}
	return slices.Clone(v.list.keys)
}

// Items returns the items of an array, or the values of an object in the order
// of [Value.Keys], else nil. The caller may keep and change the slice.
func (v *Value) Items() []*Value {
	if v.Len() == 0 {
		return nil
	}
	return slices.Clone(v.list.items)
}

// Str returns the text of a string.
func (v *Value) Str() (string, bool) {
	if v.Kind() != String {
		return "", false
	}
	return v.text, true
}

// Bool returns the value of a bool.
func (v *Value) Bool() (value, ok bool) {
	if v.Kind() != Bool {
		return false, false
	}
	return v.text == "true", true
}

// Float returns the value of a number: the nearest float64, ±Inf beyond its range.
func (v *Value) Float() (float64, bool) {
	if v.Kind() != Number {
		return 0, false
	}
	switch v.text {
	case "NaN":
		return math.NaN(), true
	case "Infinity":
		return math.Inf(1), true
	case "-Infinity":
		return math.Inf(-1), true
	}
	f, err := strconv.ParseFloat(v.text, 64)
	if err != nil && !math.IsInf(f, 0) {
		return 0, false
	}
	return f, true
}

// Int returns the value of a number that is whole and fits, also when it is written as 2.0.
func (v *Value) Int() (int, bool) {
	if v.Kind() != Number {
		return 0, false
	}
	if n, err := strconv.Atoi(v.text); err == nil {
		return n, true
	}
	f, ok := v.Float()
	// 2^53 bounds what a float names exactly.
	if !ok || f != math.Trunc(f) || math.Abs(f) > 1<<53 || f > math.MaxInt || f < math.MinInt {
		return 0, false
	}
	return int(f), true
}

// Embedded returns the value that v holds as JSON text when v is a string, as
// Keras wrote some configs, else v itself.
func (v *Value) Embedded(lim Limits) (*Value, error) {
	s, ok := v.Str()
	if !ok {
		return v, nil
	}
	return ParseJSON([]byte(s), lim)
}

// JSON returns v as compact JSON in ASCII with Python's tokens, as
// json.dumps(v, separators=(",", ":")) does: keys in order, numbers with their
// digits.
func (v *Value) JSON() string {
	var b strings.Builder
	v.write(&b)
	return b.String()
}

// write appends v. Its recursion is as deep as v, which ParseJSON bounds.
func (v *Value) write(b *strings.Builder) {
	switch v.Kind() {
	case Null:
		b.WriteString("null")
	case Bool, Number:
		b.WriteString(v.text)
	case String:
		quote(b, v.text)
	case Array:
		b.WriteByte('[')
		for i, it := range v.list.items {
			if i > 0 {
				b.WriteByte(',')
			}
			it.write(b)
		}
		b.WriteByte(']')
	case Object:
		b.WriteByte('{')
		for i, it := range v.list.items {
			if i > 0 {
				b.WriteByte(',')
			}
			quote(b, v.list.keys[i])
			b.WriteByte(':')
			it.write(b)
		}
		b.WriteByte('}')
	}
}

// quote appends s as Python's json quotes a string.
func quote(b *strings.Builder, s string) {
	const hex = "0123456789abcdef"
	escape := func(u uint16) {
		b.WriteString(`\u`)
		for shift := 12; shift >= 0; shift -= 4 {
			b.WriteByte(hex[u>>shift&15])
		}
	}
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteByte(byte(r))
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case r == '\f':
			b.WriteString(`\f`)
		case r == '\b':
			b.WriteString(`\b`)
		case r >= ' ' && r <= '~':
			b.WriteByte(byte(r))
		case r > 0xffff:
			r -= 0x10000
			escape(uint16(0xd800 + r>>10))
			escape(uint16(0xdc00 + r&0x3ff))
		default:
			escape(uint16(r))
		}
	}
	b.WriteByte('"')
}

// Brief returns the JSON of v, shortened for a message.
func (v *Value) Brief() string {
	const most = 80
	switch v.Kind() {
	case Array, Object:
		if v.Len() > 40 {
			return "a long " + v.kind.String()
		}
	case String:
		if len(v.text) > most {
			return strconv.QuoteToASCII(v.text[:most-3]) + "..."
		}
	}
	s := v.JSON()
	if len(s) > most {
		return s[:most-3] + "..."
	}
	return s
}
