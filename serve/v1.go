package serve

import (
	"context"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/kerasrun/kerasrun"
	"github.com/kerasrun/kerasrun/vision"
)

// The paths of TensorFlow Serving's REST API.
var (
	v1Call   = regexp.MustCompile(`^/v1/models/([^/:]+)(?:/(?:versions/(\d+)|labels/([^/:]+)))?:(classify|regress|predict)$`)
	v1Status = regexp.MustCompile(`^/v1/models/([^/:]+)(?:/(?:versions/(\d+)|labels/([^/:]+)))?(/metadata)?$`)
)

// signatures are the names of the signature that every model has: TensorFlow's, and that of Keras 3's export.
var signatures = []string{"", "serving_default", "serve"}

// v1 answers TensorFlow Serving's REST API.
func (q *request) v1(path string) {
	if m := v1Call.FindStringSubmatch(path); m != nil && q.r.Method == http.MethodPost {
		q.v1Call(m[1], m[2], m[3], m[4])
		return
	}
	if m := v1Status.FindStringSubmatch(path); m != nil && q.r.Method == http.MethodGet {
		q.v1Status(m[1], m[2], m[3], m[4] != "")
		return
	}
	q.error(badRequest("Malformed request: %s %s", q.r.Method, path))
}

// hold finds a model for a request and notes its name.
func (q *request) hold(name, version string) (*instance, error) {
	in, err := q.s.repo.acquire(name, version)
	if err == nil {
		q.model = in.name()
	}
	return in, err
}

func (q *request) v1Call(name, version, label, method string) {
	q.predicts = true
	if label != "" {
		q.error(badRequest("Unrecognized servable version label: %s", label))
		return
	}
	in, err := q.hold(name, version)
	if err != nil {
		q.error(err)
		return
	}
	defer in.release()
	if method != "predict" {
		q.error(badRequest("Expected %s signature method_name to be tensorflow/serving/%s. Was: tensorflow/serving/predict", strings.TrimSuffix(method, "y")+map[string]string{"classify": "ication", "regress": "ion"}[method], method))
		return
	}
	data, err := q.body()
	if err != nil {
		q.error(err)
		return
	}
	ctx, cancel := context.WithDeadline(context.WithoutCancel(q.r.Context()), q.start.Add(q.s.config.Timeout))
	defer cancel()
	inputs, byRow, err := readV1(ctx, in, data, int(q.s.config.MaxBody))
	if err != nil {
		q.error(err)
		return
	}
	out, err := q.s.run(ctx, in, inputs)
	if err != nil {
		q.error(err)
		return
	}
	body, err := writeV1(in.model.Outputs(), out, inputs, byRow)
	if err != nil {
		q.error(err)
		return
	}
	q.json(http.StatusOK, body)
}

// A v1Reader reads the body of a prediction.
type v1Reader struct {
	scanner
	inputs   []kerasrun.IO
	builders []*builder
}

// readV1 reads the inputs of a prediction: by row ("instances") or by column ("inputs"). most bounds the elements of an
// input.
func readV1(ctx context.Context, in *instance, data []byte, most int) (inputs []kerasrun.Tensor, byRow bool, err error) {
	v := &v1Reader{scanner: scanner{data: data}, inputs: in.model.Inputs()}
	for _, io := range v.inputs {
		b := &builder{ctx: ctx, name: io.Name, dtype: io.DType, mode: in.config.Preprocess, most: most, rank: -1}
		if l, err := vision.LayoutOf(io); err == nil {
			b.image = &l
		}
		v.builders = append(v.builders, b)
	}
	found := ""
	err = v.object(func(key string) error {
		switch key {
		case "signature_name":
			name, err := v.text()
			if err == nil && !slices.Contains(signatures, name) {
				err = badRequest("Serving signature key %q not found.", name)
			}
			return err
		case "instances", "inputs":
			if found != "" {
				return badRequest(`both "instances" and "inputs", want one of them`)
			}
			found = key
			if key == "inputs" {
				return v.columns()
			}
			return v.rows()
		}
		_, err := v.skip() // as TensorFlow Serving does
		return err
	})
	if err == nil {
		err = v.end()
	}
	switch {
	case err != nil:
		return nil, false, err
	case found == "":
		return nil, false, badRequest(`Missing "instances" or "inputs" key`)
	}
	for _, b := range v.builders {
		inputs = append(inputs, b.tensor())
	}
	return inputs, found == "instances", nil
}

// named reports whether an object with names of inputs follows; {"b64": ...} is a value.
func (v *v1Reader) named() (bool, error) {
	if v.peek() != '{' {
		return false, nil
	}
	ahead := scanner{data: v.data, at: v.at + 1}
	if ahead.peek() == '}' {
		return true, nil
	}
	name, err := ahead.text()
	return name != "b64", err
}

// rows reads "instances": a list with a value, or an object of values by name, for each example.
func (v *v1Reader) rows() error {
	if v.peek() != '[' {
		return badRequest(`"instances" is %s, want a list`, v.found())
	}
	n, names := 0, false
	err := v.array(func(i int) error {
		n = i + 1
		for _, b := range v.builders {
			b.path = append(b.path[:0], i)
			if len(b.shape) == 0 {
				b.shape = []int{-1}
			}
		}
		named, err := v.named()
		if err != nil {
			return err
		}
		if i == 0 {
			names = named
		} else if names != named {
			return badRequest("instance %d: names of inputs are to stand in every instance or in none", i)
		}
		if named {
			return v.byName(1)
		}
		if len(v.builders) != 1 {
			return badRequest("instance %d has no names, but the model has the inputs %s", i, v.names())
		}
		return v.builders[0].read(&v.scanner, 1)
	})
	if err != nil {
		return err
	}
	if n == 0 {
		return badRequest(`"instances" is an empty list`)
	}
	for _, b := range v.builders {
		b.shape[0] = n
	}
	return nil
}

// columns reads "inputs": a value, or an object of values by name.
func (v *v1Reader) columns() error {
	named, err := v.named()
	switch {
	case err != nil:
		return err
	case named:
		return v.byName(0)
	case len(v.builders) != 1:
		return badRequest(`"inputs" has no names, but the model has the inputs %s`, v.names())
	}
	return v.builders[0].read(&v.scanner, 0)
}

// byName reads an object with a value for each input.
func (v *v1Reader) byName(depth int) error {
	found := map[string]bool{}
	err := v.object(func(name string) error {
		for i, in := range v.inputs {
			if in.Name == name {
				found[name] = true
				return v.builders[i].read(&v.scanner, depth)
			}
		}
		return badRequest("the model has no input %q; its inputs are %s", name, v.names())
	})
	if err != nil {
		return err
	}
	for _, b := range v.builders {
		if !found[b.name] {
			return b.errorf("it is missing")
		}
	}
	return nil
}

func (v *v1Reader) names() string {
	var names []string
	for _, in := range v.inputs {
		names = append(names, strconv.Quote(in.Name))
	}
	return strings.Join(names, ", ")
}

// writeV1 writes the answer to a prediction: "predictions" by row, "outputs" by column.
func writeV1(outputs []kerasrun.IO, out, inputs []kerasrun.Tensor, byRow bool) ([]byte, error) {
	var b []byte
	if !byRow {
		b = append(b, `{"outputs":`...)
		if len(out) == 1 {
			b = appendNested(b, out[0])
		} else {
			b = appendNamed(b, outputs, out)
		}
		return append(b, "}\n"...), nil
	}
	n := inputs[0].Shape[0]
	for i, t := range out {
		if len(t.Shape) == 0 || t.Shape[0] != n {
			return nil, badRequest(`output %q is %v, not a row for each of %d instances: send "inputs" instead`, outputs[i].Name, t.Shape, n)
		}
	}
	b = append(b, `{"predictions":`...)
	if len(out) == 1 {
		b = appendNested(b, out[0])
		return append(b, "}\n"...), nil
	}
	row := make([]kerasrun.Tensor, len(out))
	for k := range n {
		b = append(b, ",["[boolInt(k == 0)])
		for i, t := range out {
			row[i] = t.Rows(k, k+1)
			row[i].Shape = row[i].Shape[1:]
		}
		b = appendNamed(b, outputs, row)
	}
	return append(b, "]}\n"...), nil
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// appendNamed appends an object of outputs by name.
func appendNamed(b []byte, outputs []kerasrun.IO, out []kerasrun.Tensor) []byte {
	b = append(b, '{')
	for i, t := range out {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendQuoted(b, outputs[i].Name), ':')
		b = appendNested(b, t)
	}
	return append(b, '}')
}

// v1Status answers the status or the metadata of a model.
func (q *request) v1Status(name, version, label string, metadata bool) {
	if label != "" {
		q.error(badRequest("Unrecognized servable version label: %s", label))
		return
	}
	if metadata {
		q.v1Metadata(name, version)
		return
	}
	states, ok := q.s.repo.states(name)
	if !ok {
		q.error(fail(http.StatusNotFound, "Could not find any versions of model %s", name))
		return
	}
	q.model = name
	type status struct {
		Code    string `json:"error_code"`
		Message string `json:"error_message"`
	}
	type line struct {
		Version string `json:"version"`
		State   string `json:"state"`
		Status  status `json:"status"`
	}
	lines := []line{}
	for _, v := range states {
		if version != "" && version != strconv.FormatInt(v.version, 10) {
			continue
		}
		l := line{strconv.FormatInt(v.version, 10), "AVAILABLE", status{"OK", ""}}
		if v.err != nil {
			l.Status = status{"UNKNOWN", "the newest file could not be loaded: see the log"}
			if !v.served {
				l.State = "END"
			}
		}
		lines = append(lines, l)
	}
	if len(lines) == 0 {
		q.error(fail(http.StatusNotFound, "Could not find version %s of model %s", version, name))
		return
	}
	q.marshal(map[string]any{"model_version_status": lines})
}

// v1Metadata answers with a model's signature.
func (q *request) v1Metadata(name, version string) {
	in, err := q.hold(name, version)
	if err != nil {
		q.error(err)
		return
	}
	defer in.release()
	type object = map[string]any
	tensors := func(ios []kerasrun.IO) object {
		out := object{}
		for _, io := range ios {
			dims := []object{}
			for _, d := range io.Shape {
				dims = append(dims, object{"size": strconv.Itoa(d), "name": ""})
			}
			out[io.Name] = object{"dtype": tensorFlowTypes[io.DType], "tensor_shape": object{"dim": dims, "unknown_rank": false}, "name": io.Name + ":0"}
		}
		return out
	}
	signature := object{"inputs": tensors(in.model.Inputs()), "outputs": tensors(in.model.Outputs()), "method_name": "tensorflow/serving/predict"}
	q.marshal(object{
		"model_spec": object{"name": in.name(), "signature_name": "", "version": in.versionText()},
		"metadata":   object{"signature_def": object{"signature_def": object{"serving_default": signature}}},
	})
}

// tensorFlowTypes are the names that TensorFlow has for element types.
var tensorFlowTypes = map[kerasrun.DType]string{
	kerasrun.Float32: "DT_FLOAT", kerasrun.Float64: "DT_DOUBLE", kerasrun.Float16: "DT_HALF", kerasrun.BFloat16: "DT_BFLOAT16",
	kerasrun.Int8: "DT_INT8", kerasrun.Int16: "DT_INT16", kerasrun.Int32: "DT_INT32", kerasrun.Int64: "DT_INT64",
	kerasrun.Uint8: "DT_UINT8", kerasrun.Uint16: "DT_UINT16", kerasrun.Uint32: "DT_UINT32", kerasrun.Uint64: "DT_UINT64",
	kerasrun.Bool: "DT_BOOL", kerasrun.String: "DT_STRING",
}
