package main

import "strings"

// A mapping is a kernel that goes over slices: what it computes of elements at
// the same place.
type mapping struct {
	name    string
	formula func(f *formula) // the last operation is the result
}

func (m *mapping) build(a *vectors) *formula {
	f := &formula{arch: a, known: map[string]value{}}
	m.formula(f)
	if len(f.results()) != 1 {
		panic(m.name + " computes what it does not use")
	}
	return f
}

// mappings are all of them.
var mappings = []mapping{
	{"add", add}, {"sub", sub}, {"mul", mul}, {"div", div}, {"maximum", maximum}, {"minimum", minimum},
	{"addScalar", addScalar}, {"subFromScalar", subFromScalar}, {"mulScalar", mulScalar},
	{"divScalar", divScalar}, {"divIntoScalar", divIntoScalar},
	{"maxScalar", maxScalar}, {"minScalar", minScalar},
	{"scaleShift", scaleShift}, {"scaleShiftClip", scaleShiftClip},
	{"clip", clip}, {"leakyReLU", leakyReLU}, {"prelu", prelu}, {"threshold", threshold},
	{"hardSigmoid", hardSigmoid}, {"hardSigmoid2", hardSigmoid2}, {"hardSilu", hardSilu},
	{"hardShrink", hardShrink}, {"softShrink", softShrink}, {"softsign", softsign},
	{"abs", abs}, {"square", square}, {"sqrt", sqrt},
	{"exp", exp}, {"expLess", expLess}, {"sigmoid", sigmoid}, {"silu", silu}, {"tanh", tanh}, {"glu", glu},
	{"elu", elu}, {"selu", selu}, {"celu", celu}, {"softplus", softplus}, {"logSigmoid", logSigmoid},
	{"mish", mish}, {"gelu", gelu}, {"geluTanh", geluTanh},
}

// mapAssembly writes every mapping for some instruction sets.
func mapAssembly(t *text, archs ...*vectors) {
	t.begin()
	var table constants
	for _, a := range archs {
		for _, m := range mappings {
			if a == neonVectors {
				mapNEON(t, &table, m.name+a.name, m.build(a))
			} else {
				mapX86(t, &table, m.name+a.name, m.build(a))
			}
		}
	}
	table.write(t)
	if archs[0] != neonVectors {
		maskTable(t)
	}
}

// constant is the Go name of a mapping.
func (m *mapping) constant() string { return "map" + strings.ToUpper(m.name[:1]) + m.name[1:] }

// mapKernels writes the names of the mappings.
func mapKernels(t *text) {
	t.line("package vec\n\n// A mapKernel is a function of elements that has assembly.\ntype mapKernel int\n\nconst (")
	for i, m := range mappings {
		if i == 0 {
			t.line("%s mapKernel = iota", m.constant())
		} else {
			t.line("%s", m.constant())
		}
	}
	t.line(")")
}

// mapStubs writes the declarations of the mappings, and the choice among them.
func mapStubs(t *text, archs ...*vectors) {
	t.line("//go:build !purego\n\npackage vec\n\nimport \"github.com/kerasrun/kerasrun/kernels/cpu\"")
	for _, a := range archs {
		for _, m := range mappings {
			t.line("\n//go:noescape\nfunc %s%s(args *mapArgs)", m.name, a.name)
		}
	}
	t.line("\n// run calls the kernel of the active variant, which is not Generic.\nfunc (k mapKernel) run(args *mapArgs) {\nswitch use {")
	for _, a := range archs {
		t.line("case cpu.%s:\nswitch k {", a.name)
		for _, m := range mappings {
			t.line("case %s:\n%s%s(args)", m.constant(), m.name, a.name)
		}
		t.line("}")
	}
	t.line("}\n}")
}
