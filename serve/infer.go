package serve

import (
	"context"
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/kerasrun/kerasrun"
)

// A NamedTensor is an input or output by name.
type NamedTensor struct {
	Name string
	kerasrun.Tensor
}

// A Request asks for a prediction, in the terms of the Open Inference Protocol.
type Request struct {
	Model, Version string // the newest version if it is ""
	Inputs         []NamedTensor
	Outputs        []OutputRequest // all of them, in the model's order, if there are none
	Timeout        time.Duration   // that of the server if it is 0 or longer
}

// An OutputRequest names an output. With Classes, its best classes are wanted, as strings "score:index" or
// "score:index:label", instead of its elements.
type OutputRequest struct {
	Name    string
	Classes int
}

// A Response is the answer to a Request.
type Response struct {
	Model, Version string
	Outputs        []NamedTensor
}

// Infer answers a request under the limits of the server. Errors are of type [*Error].
func (s *Server) Infer(ctx context.Context, r Request) (_ *Response, err error) {
	start := time.Now()
	name, status := "", 200
	defer func() {
		if p := recover(); p != nil {
			s.metrics.panics.add(1)
			err = panicked(p)
		}
		if err != nil {
			e := asError(err)
			if e.Status == 500 {
				id := newID()
				s.log.Error("internal error", "id", id, "model", name, "error", e.cause)
				e = fail(e.Status, "internal error %s", id)
			}
			err, status = e, e.Status
		}
		s.metrics.requests.add(1, name, "call", strconv.Itoa(status))
		if name != "" {
			s.metrics.seconds.observe(time.Since(start).Seconds(), name)
		}
	}()
	in, err := s.repo.acquire(r.Model, r.Version)
	if err != nil {
		return nil, v2NotFound(r.Model, r.Version)
	}
	defer in.release()
	name = in.name()
	timeout := s.config.Timeout
	if r.Timeout > 0 {
		timeout = min(timeout, r.Timeout)
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	inputs, err := orderInputs(in, r.Inputs)
	if err != nil {
		return nil, err
	}
	wanted := make([]v2Output, len(r.Outputs))
	for i, o := range r.Outputs {
		wanted[i].OutputRequest = o
	}
	chosen, err := chooseOutputs(in, wanted)
	if err != nil {
		return nil, err
	}
	out, err := s.run(ctx, in, inputs)
	if err != nil {
		return nil, err
	}
	named, err := pickOutputs(in, chosen, out)
	return &Response{Model: name, Version: in.versionText(), Outputs: named}, err
}

// Describe describes a version of a model, the newest if version is "". Its error is of type [*Error].
func (s *Server) Describe(model, version string) (ModelInfo, error) {
	in, err := s.repo.acquire(model, version)
	if err != nil {
		return ModelInfo{}, v2NotFound(model, version)
	}
	defer in.release()
	return s.describe(in), nil
}

// orderInputs brings inputs into the order of the model, which must have their types.
func orderInputs(in *instance, given []NamedTensor) ([]kerasrun.Tensor, error) {
	ios := in.model.Inputs()
	inputs := make([]kerasrun.Tensor, len(ios))
	found := make([]bool, len(ios))
	for _, t := range given {
		i := slices.IndexFunc(ios, func(io kerasrun.IO) bool { return io.Name == t.Name })
		switch {
		case i < 0:
			return nil, badRequest("unexpected inference input '%s' for model '%s'; its inputs are %s", t.Name, in.name(), names(ios))
		case found[i]:
			return nil, badRequest("input '%s' stands twice", t.Name)
		case t.DType != ios[i].DType:
			return nil, badRequest("inference input '%s' data-type is '%s', but model '%s' expects '%s'", t.Name, Datatype(t.DType), in.name(), Datatype(ios[i].DType))
		case !ios[i].Shape.Fits(t.Shape):
			return nil, badRequest("unexpected shape for input '%s' for model '%s'. Expected %v, got %v", t.Name, in.name(), shape64(ios[i].Shape), shape64(t.Shape))
		}
		found[i], inputs[i] = true, t.Tensor
	}
	for i, ok := range found {
		if !ok {
			return nil, badRequest("expected %d inputs but got %d inputs for model '%s': '%s' is missing", len(ios), len(given), in.name(), ios[i].Name)
		}
	}
	return inputs, nil
}

func names(ios []kerasrun.IO) string {
	list := make([]string, len(ios))
	for i, io := range ios {
		list[i] = "'" + io.Name + "'"
	}
	return strings.Join(list, ", ")
}

// A chosen output is an output of the model by its place, and how many of its best classes are wanted.
type chosenOutput struct{ index, classes int }

// chooseOutputs finds the outputs that are asked for.
func chooseOutputs(in *instance, wanted []v2Output) ([]chosenOutput, error) {
	ios := in.model.Outputs()
	var chosen []chosenOutput
	for _, o := range wanted {
		i := slices.IndexFunc(ios, func(io kerasrun.IO) bool { return io.Name == o.Name })
		if i < 0 {
			return nil, badRequest("unexpected inference output '%s' for model '%s'; its outputs are %s", o.Name, in.name(), names(ios))
		}
		if o.Classes > 0 && (ios[i].DType == kerasrun.String || ios[i].DType == kerasrun.Bool) {
			return nil, badRequest("output '%s' has no classes: its elements are of type %s", o.Name, Datatype(ios[i].DType))
		}
		chosen = append(chosen, chosenOutput{i, o.Classes})
	}
	if len(wanted) == 0 {
		for i := range ios {
			chosen = append(chosen, chosenOutput{index: i})
		}
	}
	return chosen, nil
}

// pickOutputs names the outputs that were asked for.
func pickOutputs(in *instance, chosen []chosenOutput, out []kerasrun.Tensor) ([]NamedTensor, error) {
	named := make([]NamedTensor, len(chosen))
	for i, c := range chosen {
		t := out[c.index]
		if c.classes > 0 {
			t = best(t, c.classes, in.config.Labels)
		}
		named[i] = NamedTensor{in.model.Outputs()[c.index].Name, t}
	}
	return named, nil
}

// best turns scores, whose last axis is that of the classes, into the n best classes as strings.
func best(t kerasrun.Tensor, n int, labels []string) kerasrun.Tensor {
	if len(t.Shape) == 0 {
		t.Shape = kerasrun.Shape{1}
	}
	classes := t.Shape[len(t.Shape)-1]
	n = min(n, classes)
	out := kerasrun.Tensor{DType: kerasrun.String, Shape: append(t.Shape[:len(t.Shape)-1].Clone(), n)}
	texts := []string{}
	for from := 0; from+classes <= t.Len() && classes > 0; from += classes {
		for _, k := range ranked(t, from, classes)[:n] {
			text := fmt.Sprintf("%s:%d", strconv.FormatFloat(t.Float(from+k), 'f', 6, 64), k)
			if len(labels) == classes {
				text += ":" + labels[k]
			}
			texts = append(texts, text)
		}
	}
	out.Data = texts
	return out
}

// ranked orders the classes of one example, the best first; NaN is the worst.
func ranked(t kerasrun.Tensor, from, classes int) []int {
	order := make([]int, classes)
	for k := range order {
		order[k] = k
	}
	sort.SliceStable(order, func(a, b int) bool {
		x, y := t.Float(from+order[a]), t.Float(from+order[b])
		return x > y || x == x && y != y
	})
	return order
}
