package cpu

import (
	"os"
	"slices"
)

// Variant names a set of kernels.
type Variant string

const (
	// Generic is plain Go: it runs everywhere and is what the others are
	// tested against.
	Generic Variant = "generic"
	// AVX2 needs AVX2 and FMA.
	AVX2 Variant = "avx2"
	// AVX512 needs AVX-512F besides.
	AVX512 Variant = "avx512"
	// NEON is part of every arm64 processor.
	NEON Variant = "neon"
)

// Env is the environment variable that asks for a variant by name. A name
// that is unknown, or that this processor cannot run, is ignored.
const Env = "KERASRUN_CPU"

// active is chosen once, so that a process never mixes packed weights of
// different variants.
var active = choose(os.Getenv(Env), variants())

// Active is the variant the kernels of this process use.
func Active() Variant { return active }

// Runnable lists what this processor can run in this build, fastest first and
// [Generic] last.
func Runnable() []Variant { return variants() }

// choose takes the variant asked for if it is there, else the first, which is
// the fastest.
func choose(name string, runnable []Variant) Variant {
	if slices.Contains(runnable, Variant(name)) {
		return Variant(name)
	}
	return runnable[0]
}
