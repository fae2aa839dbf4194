package keras

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
)

// Unmarshaler is a config field that reads itself, such as an activation that
// may be a name or an object. The value is never nil, but may be null. An error
// that wraps none of the package's sentinels is taken for [ErrFormat].
type Unmarshaler interface {
	UnmarshalKeras(v *Value) error
}

// TrainingOnly declares a config key that has no effect at inference. Any value
// is accepted and none is kept; the layer's Config still has it.
type TrainingOnly struct{}

// Common holds the config keys of every layer.
type Common struct {
	Name      string      `json:"name"`
	Trainable bool        `json:"trainable"`
	DType     DTypePolicy `json:"dtype"`
	// BatchShape is the input shape that Keras 1 and 2 note in the first layer
	// of a model, or null.
	BatchShape *Value `json:"batch_shape"`
}

// DecodeCommon reads the keys that every layer has. A layer that does not say
// otherwise is trainable and computes in float32.
func DecodeCommon(v *Value) (Common, error) {
	c := Common{Trainable: true, DType: DefaultPolicy()}
	err := decode(v, &c, false)
	return c, err
}

// DecodeConfig reads the object v into dst, a pointer to a struct that holds
// Keras's defaults. A field takes the key of its json tag; a key that v lacks
// leaves its field alone. Embedded structs count as part of the struct.
//
// Field types:
//
//	int, float64, bool, string     and types made from them; an int may be written as 2.0, a bool as 0 or 1
//	[]T                            null gives nil
//	[N]T                           a scalar n stands for N times n, also inside:
//	                               [2][2]int takes n, [a,b] for [[a,a],[b,b]], and [[a,b],[c,d]]
//	*T                             null gives nil
//	Value, *Value                  any value as it is
//	TrainingOnly                   any value, unused
//	Unmarshaler                    (on the pointer) decides for itself
//
// Decoding is strict: a key that dst does not declare is an error that wraps
// [ErrUnsupported], as it may mean something that changes the numbers, unless
//
//   - its value is null: new versions of Keras write new keys that are off;
//   - it ends in _initializer, _regularizer or _constraint, which only matter in training;
//   - it is a key of [Common].
//
// A value of the wrong type wraps [ErrFormat].
func DecodeConfig(v *Value, dst any) error { return decode(v, dst, true) }

// DecodeKnownKeys is DecodeConfig, except that undeclared keys are skipped.
func DecodeKnownKeys(v *Value, dst any) error { return decode(v, dst, false) }

func decode(v *Value, dst any, strict bool) error {
	p := reflect.ValueOf(dst)
	if p.Kind() != reflect.Pointer || p.IsNil() || p.Elem().Kind() != reflect.Struct {
		return fmt.Errorf("keras: cannot decode a config into %T, want a pointer to a struct", dst)
	}
	if v.Kind() != Object && !v.IsNull() {
		return fmt.Errorf("%w: config is %s, want an object", ErrFormat, v.Brief())
	}
	fields := map[string]reflect.Value{}
	collect(p.Elem(), fields)
	if v.IsNull() {
		return nil
	}
	for i, key := range v.list.keys {
		item := v.list.items[i]
		f, ok := fields[key]
		if !ok {
			if strict && !ignorable(key, item) {
				return fmt.Errorf("%w: config key %q = %s", ErrUnsupported, key, item.Brief())
			}
			continue
		}
		if err := decodeField(f, item); err != nil {
			return fmt.Errorf("config key %q: %w", key, err)
		}
	}
	return nil
}

// collect lists the fields of struct s by the name in their json tag.
func collect(s reflect.Value, into map[string]reflect.Value) {
	for i := range s.NumField() {
		f := s.Type().Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous && name == "" && f.Type.Kind() == reflect.Struct:
			collect(s.Field(i), into)
		case name != "" && name != "-" && f.IsExported():
			into[name] = s.Field(i)
		}
	}
}

// ignorable reports whether an undeclared key cannot change what a layer computes.
func ignorable(key string, v *Value) bool {
	switch key {
	case "name", "trainable", "dtype", "batch_shape":
		return true
	}
	return v.IsNull() ||
		strings.HasSuffix(key, "_initializer") ||
		strings.HasSuffix(key, "_regularizer") ||
		strings.HasSuffix(key, "_constraint")
}

// mismatch is the error for a value of the wrong type.
func mismatch(v *Value, want string) error {
	return fmt.Errorf("%w: %s, want %s", ErrFormat, v.Brief(), want)
}

// decodeField sets f to v.
func decodeField(f reflect.Value, v *Value) error {
	switch dst := f.Addr().Interface().(type) {
	case Unmarshaler:
		if v == nil {
			v = NewNull()
		}
		err := dst.UnmarshalKeras(v)
		if err != nil && !errors.Is(err, ErrFormat) && !errors.Is(err, ErrUnsupported) && !errors.Is(err, ErrLimit) {
			err = fmt.Errorf("%w: %w", ErrFormat, err)
		}
		return err
	case *TrainingOnly:
		return nil
	case *Value:
		if v != nil {
			*dst = *v
		}
		return nil
	case **Value:
		*dst = v
		if v.IsNull() {
			*dst = nil
		}
		return nil
	}
	switch f.Kind() {
	case reflect.Pointer:
		if v.IsNull() {
			f.SetZero()
			return nil
		}
		p := reflect.New(f.Type().Elem())
		if err := decodeField(p.Elem(), v); err != nil {
			return err
		}
		f.Set(p)
		return nil
	case reflect.Slice:
		return decodeSlice(f, v)
	case reflect.Array:
		return decodeArray(f, v)
	}
	return decodeScalar(f, v)
}

func decodeScalar(f reflect.Value, v *Value) error {
	switch f.Kind() {
	case reflect.Int:
		n, ok := v.Int()
		if !ok {
			return mismatch(v, "a whole number")
		}
		f.SetInt(int64(n))
	case reflect.Float64:
		x, ok := v.Float()
		if !ok {
			return mismatch(v, "a number")
		}
		f.SetFloat(x)
	case reflect.Bool:
		b, ok := v.Bool()
		if n, number := v.Int(); number && (n == 0 || n == 1) { // Python takes them for bools, and files have them
			b, ok = n == 1, true
		}
		if !ok {
			return mismatch(v, "true or false")
		}
		f.SetBool(b)
	case reflect.String:
		s, ok := v.Str()
		if !ok {
			return mismatch(v, "a string")
		}
		f.SetString(s)
	default:
		return fmt.Errorf("keras: a config field cannot have the type %v", f.Type())
	}
	return nil
}

func decodeSlice(f reflect.Value, v *Value) error {
	if v.IsNull() {
		f.SetZero()
		return nil
	}
	if v.Kind() != Array {
		return mismatch(v, "a list")
	}
	s := reflect.MakeSlice(f.Type(), v.Len(), v.Len())
	for i, it := range v.list.items {
		if err := decodeField(s.Index(i), it); err != nil {
			return err
		}
	}
	f.Set(s)
	return nil
}

func decodeArray(f reflect.Value, v *Value) error {
	n := f.Len()
	switch {
	case v.Kind() == Array && v.Len() == n:
		for i, it := range v.list.items {
			if err := decodeField(f.Index(i), it); err != nil {
				return err
			}
		}
		return nil
	case v.Kind() == Array && n == 1 && f.Type().Elem().Kind() == reflect.Array:
		return decodeField(f.Index(0), v) // [1][2]int from [a, b], as one-dimensional padding is written
	case v.Kind() == Array || v.Kind() == Object || v.IsNull():
		return mismatch(v, fmt.Sprintf("a list of %d", n))
	}
	for i := range n {
		if err := decodeField(f.Index(i), v); err != nil {
			return err
		}
	}
	return nil
}
