package kerasfile

import (
	"archive/zip"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/kerasrun/kerasrun/convert/target"
	"github.com/kerasrun/kerasrun/hdf5load"
	"github.com/kerasrun/kerasrun/keras"
	"github.com/kerasrun/kerasrun/runtime/graph"
	"github.com/kerasrun/kerasrun/runtime/source"
)

// major is the Keras that a job writes for.
func major(j *target.Job) int {
	if j.Options.Keras == 2 {
		return 2
	}
	return 3
}

// only3 refuses a format that is Keras 3's alone.
func only3(j *target.Job, format string) error {
	if major(j) == 2 {
		return fmt.Errorf("%w: a %s of Keras 2; write an .h5", source.ErrUnsupported, format)
	}
	return nil
}

// Archive writes a .keras archive.
func Archive(j *target.Job, w io.Writer) error {
	if err := only3(j, ".keras"); err != nil {
		return err
	}
	r, err := prepare(j, form{major: 3})
	if err != nil {
		return err
	}
	z := zip.NewWriter(w)
	member := func(name string, write func(io.Writer) error) error {
		f, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store})
		if err != nil {
			return err
		}
		return write(f)
	}
	text := func(v *keras.Value) func(io.Writer) error {
		return func(w io.Writer) error {
			_, err := io.WriteString(w, v.JSON())
			return err
		}
	}
	// No date: the same model gives the same bytes.
	metadata := keras.NewObject().With("keras_version", keras.NewString(version)).With("date_saved", keras.NewString("1980-01-01@00:00:00"))
	if err := member("metadata.json", text(metadata)); err != nil {
		return err
	}
	config := r.config
	if r.compile != nil {
		config = config.With("compile_config", r.compile)
	}
	if err := member("config.json", text(config)); err != nil {
		return err
	}
	if err := member("model.weights.h5", func(w io.Writer) error { return hdf5load.Write(w, r.pathTree()) }); err != nil {
		return err
	}
	for _, of := range slices.Sorted(maps.Keys(j.Vocabularies)) {
		if err := member("assets/"+of+"/vocabulary.txt", func(w io.Writer) error {
			_, err := io.WriteString(w, j.Vocabularies[of])
			return err
		}); err != nil {
			return err
		}
	}
	return z.Close()
}

// refuseHDF5 refuses weights that Kerases write into an .h5 and then cannot open or run.
func (r *result) refuseHDF5() {
	for i, p := range r.program.Graph.Params {
		switch {
		case r.j.Stored(r.from[i]) == graph.BFloat16:
			r.j.Refuse(p.Layer, "weights in bfloat16, which Keras does not read from an .h5")
		case p.Name == "inputs_amax_history", p.Name == "kernel_zero" && p.DType == graph.Uint8:
			r.j.Refuse(p.Layer, "weights of float8, GPTQ or AWQ, which Keras does not read from an .h5")
		}
	}
	for _, l := range r.j.Program.Layers {
		for _, c := range l.Layer.Calls {
			if r.form.major == 3 && slices.ContainsFunc(c.Args, ellipsis) {
				r.j.Refuse(l.Path, "an index with an ellipsis, which Keras 3 does not read from an .h5")
			}
		}
	}
}

// ellipsis reports whether an argument of a call is or has one.
func ellipsis(a *keras.Arg) bool {
	return a.Kind == keras.ArgEllipsis || slices.ContainsFunc(a.Items, ellipsis)
}

// HDF5 writes a whole-model .h5, of Keras 3 or 2.
func HDF5(j *target.Job, w io.Writer) error {
	r, err := prepare(j, form{major: major(j), inline: true, functions: true})
	if err != nil {
		return err
	}
	r.refuseHDF5()
	if err := j.Refused(); err != nil {
		return err
	}
	t := hdf5load.NewTree()
	t.Attr("backend", "tensorflow")
	t.Attr("keras_version", r.version())
	t.Attr("model_config", r.config.JSON())
	if r.compile != nil {
		t.Attr("training_config", trainingConfig(r.compile).JSON())
	}
	r.legacyTree(t.Group("model_weights"))
	if state := r.optimizer(); len(state) > 0 {
		g := t.Group("optimizer_weights")
		var names []string
		for k, v := range state {
			names = append(names, fmt.Sprint("variable_", k))
			copyDataset(g, names[k], v)
		}
		g.Names("weight_names", names)
	}
	return hdf5load.Write(w, t)
}

// Weights writes a .weights.h5.
func Weights(j *target.Job, w io.Writer) error {
	if err := only3(j, ".weights.h5"); err != nil {
		return err
	}
	r, err := prepare(j, form{major: 3})
	if err != nil {
		return err
	}
	return hdf5load.Write(w, r.pathTree())
}

// JSON writes the architecture alone, as Model.to_json does.
func JSON(j *target.Job, w io.Writer) error {
	r, err := prepare(j, form{major: major(j), inline: true, functions: true})
	if err != nil {
		return err
	}
	_, err = io.WriteString(w, r.config.JSON())
	return err
}
