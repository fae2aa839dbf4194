package plan

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/kerasrun/kerasrun/runtime/graph"
)

// String returns the plan as text, one step a line: what is computed with what
// fused, the result, the kernel and the layers.
func (p *Plan) String() string {
	var b strings.Builder
	for i, s := range p.Steps {
		if s.Chain != nil {
			fmt.Fprintf(&b, "%3d %-40s %s\n", i, s.Describe(), p.results(s))
			for _, line := range strings.SplitAfter(strings.TrimSuffix(s.Chain.Plan.String(), "\n"), "\n") {
				b.WriteString("    " + line)
			}
			b.WriteByte('\n')
			continue
		}
		fmt.Fprintf(&b, "%3d %-40s %-24s %-28s %s\n", i, s.Describe(), p.results(s), s.Info().Kernel, strings.Join(s.Layers, " "))
	}
	return b.String()
}

func (p *Plan) results(s Step) string {
	var out []string
	for _, v := range s.Out {
		t := p.Slots[v].Type
		text := t.Shape.String()
		if t.DType != graph.Float32 {
			text += " " + t.DType.String()
		}
		out = append(out, text)
	}
	return strings.Join(out, ", ")
}

// Describe names the op of s and what is fused, and the concatenation that the
// result is a part of: "Conv + bias + residual + relu into concatenate".
func (s Step) Describe() string {
	if s.Chain != nil {
		return fmt.Sprintf("%d parts of the batch, each:", s.Chain.Parts)
	}
	text := graph.Name(s.Op)
	switch op := s.Op.(type) {
	case graph.Activation:
		text = string(op.Func)
	case graph.Unary:
		text = string(op.Func)
	case graph.Binary:
		text = string(op.Func)
	case graph.Call:
		text = "call " + op.Name
	case graph.Pool:
		text = string(op.Kind) + " pool"
	case graph.Reduce:
		text = "reduce " + string(op.Func)
	}
	if s.Fused.Bias {
		text += " + bias"
	}
	if s.Fused.Residual {
		text += " + residual"
	}
	if s.Fused.Act != nil {
		text += " + " + string(s.Fused.Act.Func)
	}
	if p := s.Fused.Pool; p != nil {
		text += " + max pool " + sizes(p.Size)
	}
	if s.Into != "" {
		text += " into " + s.Into
	}
	return text
}

// sizes is the size of a window: "2x2".
func sizes(n []int) string {
	text := make([]string, len(n))
	for i, d := range n {
		text[i] = strconv.Itoa(d)
	}
	return strings.Join(text, "x")
}
