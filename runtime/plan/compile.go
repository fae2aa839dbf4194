package plan

import (
	"fmt"

	"github.com/kerasrun/kerasrun/runtime/graph"
	"github.com/kerasrun/kerasrun/runtime/weight"
)

// ErrLimit reports a plan that needs more memory than its limit.
var ErrLimit = graph.ErrLimit

// Options change how a graph is compiled.
type Options struct {
	// Keep lists value IDs that must come out of the plan, besides the outputs.
	Keep []int
	// NoFuse leaves every op a step of its own and every value memory of its own, for tests.
	NoFuse bool
	// MaxActivation bounds the bytes of intermediate values of one session; 0 means 2 GiB.
	MaxActivation int64
	// Winograd bounds the bytes of weights transformed for Winograd's convolution; 0 leaves it out.
	Winograd int64
	// Funcs are the functions that Calls run, by name.
	Funcs map[string]graph.Func
}

// Compiled is a graph after the passes. It is immutable and safe for concurrent use.
type Compiled struct {
	p     *program
	packs *weight.Packs
	limit int64
	// winograd is Options.Winograd.
	winograd int64
	// joins makes operands of concatenations parts of their results.
	joins bool
}

// Compile runs the passes over g, whose parameters have the given values, in the order of g.Params.
func Compile(g *graph.Graph, weights []*weight.Value, packs *weight.Packs, o Options) (*Compiled, error) {
	if len(weights) != len(g.Params) {
		return nil, fmt.Errorf("%w: %d weights, want %d", graph.ErrShape, len(weights), len(g.Params))
	}
	p := newProgram(g, weights, o.Keep)
	p.funcs = o.Funcs
	for _, pass := range passes {
		if o.NoFuse && pass.fuses {
			continue
		}
		err := pass.run(p)
		if err == nil {
			err = p.err
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", pass.name, err)
		}
	}
	p.dropConstants()
	p.settle()
	if o.MaxActivation <= 0 {
		o.MaxActivation = 2 << 30
	}
	return &Compiled{p, packs, o.MaxActivation, o.Winograd, !o.NoFuse}, nil
}

// Settle brings all constants into memory that no plan has packed or kept yet.
func (c *Compiled) Settle() error {
	defer c.packs.Trim()
	for _, v := range c.p.consts {
		if err := v.Settle(); err != nil {
			return err
		}
	}
	return nil
}

// passes run in this order. Each may only rewrite the program's nodes and constants.
var passes = []struct {
	name  string
	fuses bool
	run   func(*program) error
}{
	{"drop identities", false, dropIdentities},
	{"cancel transposes", false, cancelTransposes},
	{"fold constants", false, foldConstants},
	{"fuse bias", true, fuseBias},
	{"gather affine maps", true, affine}, // Normalization and Rescaling become one scale and shift
	{"fold batch normalization", true, foldBatchNorm},
	{"fuse padding", true, fusePadding}, // before activations are absorbed: it looks for a ReLU
	{"fuse activation", true, fuseActivation},
	{"fuse residual", true, fuseResidual}, // takes the activation of the addition along
	{"fuse pooling", true, fusePooling},
	{"drop unused", false, dropUnused},
}
