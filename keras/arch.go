package keras

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// A Hint is what the container of an architecture says about it. All fields are optional.
type Hint struct {
	// Version is the keras_version attribute of an .h5 file.
	Version string
	// Metadata is the metadata.json of a .keras archive or directory.
	Metadata []byte
	// Backend is the backend attribute of an .h5 file.
	Backend string
	// Training is the training_config attribute of an .h5 file, as JSON. It is
	// kept when it can be read and never a reason to fail.
	Training []byte
}

// ParseArchitecture reads the architecture of a model: the config.json of a
// .keras archive, the model_config attribute of an .h5 file, or what to_json
// returned, of any version of Keras. The result uses today's names.
//
// Errors wrap [ErrFormat] (also for an architecture that contradicts itself: a
// reference to a layer that is not there, a cycle), [ErrUnsupported] or
// [ErrLimit], and name the layer.
func ParseArchitecture(data []byte, hint Hint, lim Limits) (*Model, error) {
	root, err := ParseJSON(data, lim)
	if err != nil {
		return nil, err
	}
	// to_json returns a string, which people write with json.dump again.
	for range 2 {
		if root, err = root.Embedded(lim); err != nil {
			return nil, err
		}
	}
	if inner := root.Get("model_config"); inner != nil && !root.Has("class_name") {
		if inner, err = inner.Embedded(lim); err != nil {
			return nil, err
		}
		for _, k := range []string{"keras_version", "backend", "training_config"} {
			if v := root.Get(k); v != nil && !inner.Has(k) {
				inner = inner.With(k, v)
			}
		}
		root = inner
	}
	if err := checkRoot(root); err != nil {
		return nil, err
	}
	if len(hint.Metadata) > 0 && hint.Version == "" {
		about, err := ParseMetadata(hint.Metadata, lim)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", metadataName, err)
		}
		hint.Version = about.KerasVersion
	}
	m := &Model{File: root, Version: versionOf(root, hint), Backend: hint.Backend, Training: trainingOf(root, hint, lim)}
	if m.Backend == "" {
		m.Backend, _ = root.Get("backend").Str()
	}
	p := archParser{era: eraOf(m.Version), limits: lim.withDefaults(), root: root}
	if p.era == keras1 {
		p.format = commonFormat(root)
	}
	m.Root, err = p.layer(root, "")
	if err != nil {
		return nil, err
	}
	if m.Root.Graph == nil {
		return nil, fmt.Errorf("%w: model class %q: the file has its name but not its layers, as for a subclassed model, whose code is needed", ErrUnsupported, m.Root.FileClass)
	}
	if m.Root.Name == "" { // Keras 1.x to 2.1 named no Sequential in its file
		m.Root.Name = SnakeCase(m.Root.FileClass) + "_1"
	}
	return m, nil
}

// checkRoot says what a JSON document is that is no architecture.
func checkRoot(root *Value) error {
	switch {
	case root.Has("class_name"):
		return nil
	case root.Has("modelTopology"):
		return fmt.Errorf("%w: a TensorFlow.js model", ErrUnsupported)
	case root.Has("weight_map"):
		return fmt.Errorf("%w: an index of sharded weights, not an architecture", ErrFormat)
	case root.Kind() == Object:
		return fmt.Errorf("%w: not an architecture: no class_name, keys are %s", ErrFormat, someNames(root.Keys()))
	}
	return fmt.Errorf("%w: not an architecture: %s, want an object", ErrFormat, root.Brief())
}

func versionOf(root *Value, hint Hint) Version {
	text := hint.Version
	if text == "" {
		text, _ = root.Get("keras_version").Str()
	}
	module, _ := root.Get("module").Str()
	v := ParseVersion(text)
	if v.Major == 0 {
		guess := guessVersion(root)
		guess.Text = text
		v = guess
	}
	v.TF = v.TF || v.Major == 2 && strings.HasPrefix(module, "tf_keras")
	return v
}

func trainingOf(root *Value, hint Hint, lim Limits) *Value {
	if len(hint.Training) > 0 {
		if v, err := ParseJSON(hint.Training, lim); err == nil {
			if v, err = v.Embedded(lim); err == nil {
				return v
			}
		}
		return nil
	}
	for _, k := range []string{"compile_config", "training_config"} {
		if v := root.Get(k); v.Len() > 0 {
			return v
		}
	}
	return nil
}

// archParser turns JSON values into layers. Its recursion is as deep as the
// JSON, which has been bounded.
type archParser struct {
	era    eraSet
	limits Limits // what is left of it
	root   *Value
	format *Value // of layers of Keras 1 that do not say; may be nil
}

// embedded is [Value.Embedded] within the limits of the whole document.
func (p *archParser) embedded(v *Value) (*Value, error) {
	s, ok := v.Str()
	if !ok {
		return v, nil
	}
	if p.limits.JSONNodes -= len(s) / 2; p.limits.JSONNodes <= 0 {
		return nil, fmt.Errorf("%w: JSON inside JSON", ErrLimit)
	}
	return v.Embedded(p.limits)
}

// placed is an error that names its layer already.
type placed struct{ error }

func (e placed) Unwrap() error { return e.error }

// at names the layer that an error is about, unless an inner layer did.
func at(path, class string, err error) error {
	if err == nil || errors.As(err, new(placed)) {
		return err
	}
	return placed{fmt.Errorf("layer %s (%s): %w", path, class, err)}
}

// innerKeys are the config keys under which wrappers hold layers.
var innerKeys = []string{"layer", "forward_layer", "backward_layer", "cell", "cells", "layers"}

// layer reads one layer: {"class_name": ..., "config": {...}}. The container's
// path is "" for the root; its own layers are named without it.
func (p *archParser) layer(entry *Value, container string) (*Layer, error) {
	class, ok := entry.Get("class_name").Str()
	if !ok || class == "" {
		return nil, fmt.Errorf("%w: a layer is %s, want an object with a class_name", ErrFormat, entry.Brief())
	}
	config, err := p.embedded(entry.Get("config"))
	if err != nil {
		return nil, at(join(container, class), class, err)
	}
	name, ok := entry.Get("name").Str()
	if !ok {
		name, _ = config.Get("name").Str()
	}
	path := join(container, name)
	if name == "" {
		path = join(container, class)
	}
	l, err := p.layerOf(entry, config, class, name, path)
	return l, at(path, class, err)
}

func join(container, name string) string {
	if container == "" {
		return name
	}
	return container + "/" + name
}

func (p *archParser) layerOf(entry, config *Value, class, name, path string) (l *Layer, err error) {
	if config.Kind() == Array && class == "Sequential" { // Keras 1.x to 2.1
		config = NewObject().With("layers", config)
	}
	if config.Kind() != Object && !config.IsNull() {
		return nil, fmt.Errorf("%w: config is %s, want an object", ErrFormat, config.Brief())
	}
	l = &Layer{Name: name, BuildConfig: entry.Get("build_config")}
	l.Module, _ = entry.Get("module").Str()
	l.Registered, _ = entry.Get("registered_name").Str()
	if l.Registered == "" && strings.Contains(class, ">") { // Keras 2, and Keras 3 in .h5
		l.Registered = class
	}
	if l.BuildConfig.IsNull() {
		l.BuildConfig = nil
	}
	if l.FileClass = class[strings.LastIndexByte(class, '>')+1:]; l.FileClass == "" {
		return nil, fmt.Errorf("%w: class_name is %q, want the name of a class", ErrFormat, class)
	}

	if model := modelClass(class, config); model != "" {
		l.Class = model
		l.Config = config.Without("layers", "input_layers", "output_layers")
		if entry == p.root { // layers are named from the outermost model inwards
			path = ""
		}
		l.Graph, err = p.graph(l, config, path)
		return l, err
	}
	if p.isOperation(entry, class, config) {
		l.Class, l.Operation, l.Config = class, true, plainMembers(config)
		return l, nil
	}
	l.Class, l.Config = modernize(customClass(l, class), config, p.era)
	l.Config = withFormat(l.Class, l.Config, p.format)
	return l, p.inner(l, path)
}

// modelClass returns the class of a model whose layers are in its config, else "".
func modelClass(class string, config *Value) string {
	switch class {
	case "Sequential":
		return class
	case "Functional", "Model":
		if config.Get("layers").Kind() == Array {
			return "Functional"
		}
	}
	return ""
}

// customClass returns the name of a layer's class by which it can be looked up.
// It keeps a custom class apart from Keras's own of the same name.
func customClass(l *Layer, class string) string {
	pkg, name := "", class
	if i := strings.LastIndexByte(class, '>'); i >= 0 { // Keras 2, and Keras 3 in .h5
		pkg, name = class[:i], class[i+1:]
	} else if i := strings.LastIndexByte(l.Registered, '>'); i >= 0 {
		pkg = l.Registered[:i]
	} else if m := l.Module; m != "" && m != "builtins" {
		if top, _, _ := strings.Cut(m, "."); top != "keras" && top != "tf_keras" && top != "tensorflow" {
			pkg = m
		}
	}
	if _, known := knownClasses[name]; known && pkg != "" && pkg != "keras" && pkg != "Keras" {
		return pkg + ">" + name
	}
	return name
}

// isOperation reports a node that stands for a call of keras.ops. An .h5 file
// has no module to tell Add of keras.ops from Add of keras.layers; there, every
// layer has the config key trainable, with few exceptions, and no operation has.
func (p *archParser) isOperation(entry *Value, class string, config *Value) bool {
	if module, ok := entry.Get("module").Str(); ok {
		return strings.HasPrefix(module, "keras.src.ops.") || strings.HasPrefix(module, "keras.ops")
	}
	return p.era == keras3 && !entry.Has("module") && entry.Get("inbound_nodes").Len() > 0 &&
		!config.Has("trainable") && !slices.Contains(withoutTrainable, class) && !strings.Contains(class, ">")
}

// inner reads the layers that a wrapper holds in its config.
func (p *archParser) inner(l *Layer, path string) error {
	for _, key := range innerKeys {
		if key == "layers" && l.Class != "Pipeline" {
			continue // those of a model
		}
		v := l.Config.Get(key)
		entries := []*Value{v}
		if v.Kind() == Array {
			entries = v.Items()
		}
		var layers []*Layer
		for i, e := range entries {
			if _, ok := e.Get("class_name").Str(); !ok || !e.Has("config") {
				layers = nil
				break
			}
			in, err := p.layer(e, path)
			if err != nil {
				return err
			}
			if in.Name == "" {
				in.Name = SnakeCase(in.FileClass)
			}
			layers = append(layers, in)
			if in.Graph == nil {
				entries[i] = e.With("class_name", NewString(in.Class)).With("config", in.Config)
			}
		}
		if len(layers) == 0 {
			continue
		}
		if l.Inner == nil {
			l.Inner = map[string][]*Layer{}
		}
		l.Inner[key] = layers
		if v.Kind() == Array {
			l.Config = l.Config.With(key, NewArray(entries...))
		} else {
			l.Config = l.Config.With(key, entries[0])
		}
	}
	return nil
}

// someNames joins names for a message, shortened.
func someNames(names []string) string {
	if len(names) > 8 {
		names = append(slices.Clone(names[:8]), "...")
	}
	return strings.Join(names, ", ")
}
