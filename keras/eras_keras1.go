package keras

import "strings"

// What Keras 1 wrote that takes more than another name.

// joinKeys makes the list to from the members parts. A single null stays null.
func joinKeys(to string, parts ...string) func(config, value *Value) *Value {
	return func(config, value *Value) *Value {
		var list []*Value
		for _, p := range parts {
			if v := config.Get(p); !v.IsNull() {
				list = append(list, v)
			}
		}
		joined := NewArray(list...)
		if len(list) == 0 {
			joined = NewNull()
		}
		if len(parts) == 1 && value.Kind() == Array {
			joined = value
		}
		return config.Without(parts...).With(to, joined)
	}
}

// paddingSides turns the padding of Keras 1 into today's: [top, bottom, left,
// right] and {"top_pad": ...} into pairs.
func paddingSides(config, value *Value) *Value {
	sides := value.Items()
	if value.Kind() == Object {
		keys := []string{"top_pad", "bottom_pad", "left_pad", "right_pad"}
		if value.Has("left_pad") && !value.Has("top_pad") {
			keys = keys[2:]
		}
		sides = nil
		for _, k := range keys {
			v := value.Get(k)
			if v == nil {
				v = NewInt(0)
			}
			sides = append(sides, v)
		}
		if len(sides) == 2 {
			return config.With("padding", NewArray(sides...))
		}
	}
	if len(sides) == 4 {
		value = NewArray(NewArray(sides[:2]...), NewArray(sides[2:]...))
	}
	return config.With("padding", value)
}

// outputPadding replaces the output_shape that a Deconvolution layer of Keras 1
// had to be given by the output_padding that leads to it, or by nothing when
// the sizes follow from the strides. A shape that the layer cannot have stays,
// so that strict decoding refuses it.
func outputPadding(config, value *Value) *Value {
	shape, kernel := value.Items(), config.Get("kernel_size").Items()
	rank := len(kernel)
	if rank == 0 || len(shape) != rank+2 {
		return config
	}
	sizes := shape[1 : 1+rank]
	if format, _ := config.Get("data_format").Str(); format == "channels_first" {
		sizes = shape[2:]
	}
	padding, _ := config.Get("padding").Str()
	strides := config.Get("strides").Items()
	extra := make([]int, rank)
	usual := true
	for i := range rank {
		out, known := sizes[i].Int()
		k, isSize := kernel[i].Int()
		s := 1
		if i < len(strides) {
			s, _ = strides[i].Int()
		}
		if !known || !isSize || out < 1 || k < 1 || s < 1 || max(out, k, s) > 1<<24 || padding != "same" && padding != "valid" {
			return config
		}
		// The input has the size that a convolution makes of out; least is the
		// size without output_padding, and normal the one when it is null.
		in, least, normal := (out+s-1)/s, 0, 0
		if padding == "same" {
			least, normal = (in-1)*s+k-2*(k/2), in*s
		} else {
			in = (out-k)/s + 1
			least, normal = (in-1)*s+k, in*s+max(k-s, 0)
		}
		extra[i] = out - least
		usual = usual && out == normal
		if out < k && padding == "valid" || extra[i] < 0 || extra[i] >= s && out != normal {
			return config
		}
	}
	config = config.Without("output_shape")
	if usual {
		return config
	}
	return config.With("output_padding", NewInts(extra...))
}

// orderedClasses are the classes that depend on the order of dimensions. Some
// versions of Keras 1 did not write it for all of them.
const orderedClasses = "UpSampling2D UpSampling3D ZeroPadding2D ZeroPadding3D Cropping2D Cropping3D " +
	"MaxPooling2D MaxPooling3D AveragePooling2D AveragePooling3D GlobalMaxPooling2D GlobalAveragePooling2D"

// commonFormat returns the data_format of all layers of a Keras 1 model that
// give one, or nil when none does or they differ.
func commonFormat(root *Value) *Value {
	formats := map[string]string{"tf": "channels_last", "th": "channels_first"}
	found := ""
	todo := []*Value{root}
	for len(todo) > 0 {
		v := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if order, _ := v.Get("dim_ordering").Str(); formats[order] != "" {
			if found != "" && found != order {
				return nil
			}
			found = order
		}
		if v.Len() > 0 {
			todo = append(todo, v.list.items...)
		}
	}
	if found == "" {
		return nil
	}
	return NewString(formats[found])
}

// withFormat gives the config of a Keras 1 layer that does not say its
// data_format the one of the model's other layers, which were made by the same
// Keras with the same setting.
func withFormat(class string, config, format *Value) *Value {
	if format == nil || config.Has("data_format") || !strings.Contains(" "+orderedClasses+" ", " "+class+" ") {
		return config
	}
	return config.With("data_format", format)
}
