// Package tfjs writes layers models of TensorFlow.js: a model.json with the
// architecture, in the form of Keras 2, and files with the weights beside it.
//
// TensorFlow.js knows part of the layers of Keras 2, ignores the options that it
// does not know, and some layers compute something else there. All of that is
// refused by name (package-level table knows).
package tfjs

import (
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/kerasrun/kerasrun/convert/kerasfile"
	"github.com/kerasrun/kerasrun/convert/target"
	"github.com/kerasrun/kerasrun/keras"
	"github.com/kerasrun/kerasrun/runtime/graph"
	"github.com/kerasrun/kerasrun/runtime/source"
)

// shardBytes is how much a file of weights has at most: what browsers cache.
const shardBytes = 4 << 20

// Write writes a layers model. main is the name of the model's JSON, beside
// which the weights go: group1-shard1of2.bin and so on, with the name of the
// JSON in front unless that is model.json.
func Write(j *target.Job, main string, out target.Files) error {
	k, err := kerasfile.NewKeras2(j)
	if err != nil {
		return err
	}
	program := k.Program()
	names := source.TFJSNames(program)
	c := checker{j: j, program: program, layers: layersByPath(program)}
	config := c.model(k.Config(), "")
	var specs []*keras.Value
	total := int64(0)
	seen := map[string]bool{}
	for i, p := range program.Graph.Params {
		switch {
		case p.DType != graph.Float32 && p.DType != graph.Int32 && p.DType != graph.Bool:
			j.Refuse(p.Layer, "weight %q of type %v", p.Name, p.DType)
		case seen[names[i]]:
			j.Refuse(p.Layer, "two layers inside models have the name of this one: TensorFlow.js knows their weights as %q", names[i])
		case !validName.MatchString(names[i]):
			j.Refuse(p.Layer, "a name that TensorFlow.js does not take")
		}
		seen[names[i]] = true
		var shape []*keras.Value
		for _, d := range p.Shape {
			shape = append(shape, keras.NewInt(d))
		}
		spec := keras.NewObject().With("name", keras.NewString(names[i])).
			With("shape", keras.NewArray(shape...)).With("dtype", keras.NewString(p.DType.String()))
		if d := k.Stored(i); d != p.DType {
			spec = spec.With("quantization", keras.NewObject().With("dtype", keras.NewString(d.String())).With("original_dtype", keras.NewString(p.DType.String())))
		}
		specs = append(specs, spec)
		total += target.Bytes(graph.Type{DType: k.Stored(i), Shape: p.Shape})
	}
	if err := j.Refused(); err != nil {
		return err
	}
	f, err := out.Create(main)
	if err != nil {
		return err
	}
	w := &shards{out: out, left: total, count: int((total + shardBytes - 1) / shardBytes)}
	if stem := strings.TrimSuffix(strings.TrimSuffix(main, ".json"), ".tfjs"); stem != "model" {
		w.prefix = stem + "-"
	}
	var groups []*keras.Value
	if total > 0 {
		var paths []*keras.Value
		for i := range w.count {
			paths = append(paths, keras.NewString(w.name(i)))
		}
		groups = append(groups, keras.NewObject().With("paths", keras.NewArray(paths...)).With("weights", keras.NewArray(specs...)))
	}
	topology := keras.NewObject().With("keras_version", keras.NewString(k.Version())).
		With("backend", keras.NewString("tensorflow")).With("model_config", config)
	model := keras.NewObject().With("format", keras.NewString("layers-model")).
		With("generatedBy", keras.NewString("keras v"+k.Version())).With("convertedBy", keras.NewString("kerasrun")).
		With("modelTopology", topology).With("weightsManifest", keras.NewArray(groups...))
	if _, err := io.WriteString(f, model.JSON()); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	for i := range program.Graph.Params {
		if err := k.WriteWeight(w, i); err != nil {
			return err
		}
	}
	return w.Close()
}

// validName is what TensorFlow.js takes as the name of a weight.
var validName = regexp.MustCompile(`^[A-Za-z0-9][-A-Za-z0-9._/]*$`)

// shards writes the weights to files of shardBytes.
type shards struct {
	out    target.Files
	prefix string
	count  int
	next   int   // the file that is begun next
	left   int64 // bytes that are to come, of all files
	room   int64 // bytes that the file still takes
	file   io.WriteCloser
}

func (s *shards) name(i int) string {
	return fmt.Sprintf("%sgroup1-shard%dof%d.bin", s.prefix, i+1, s.count)
}

func (s *shards) Write(p []byte) (n int, err error) {
	for len(p) > 0 {
		if s.room == 0 {
			if err := s.Close(); err != nil {
				return n, err
			}
			if s.file, err = s.out.Create(s.name(s.next)); err != nil {
				return n, err
			}
			s.next++
			s.room = min(shardBytes, s.left)
		}
		k, err := s.file.Write(p[:min(int64(len(p)), s.room)])
		n, s.room, s.left = n+k, s.room-int64(k), s.left-int64(k)
		if err != nil {
			return n, err
		}
		p = p[k:]
	}
	return n, nil
}

func (s *shards) Close() error {
	if s.file == nil {
		return nil
	}
	err := s.file.Close()
	s.file = nil
	return err
}
