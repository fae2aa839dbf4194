package cpu

import "os"

// Variant names a set of kernels.
type Variant string

// Generic is plain Go: it runs everywhere and is what the others are tested
// against.
const Generic Variant = "generic"

// Env is the environment variable that asks for a variant by name. A name
// that is unknown, or that this processor cannot run, is ignored.
const Env = "KERASRUN_CPU"

// active is chosen once, so that a process never mixes packed weights of
// different variants.
var active = choose(os.Getenv(Env), variants())

// Active is the variant the kernels of this process use.
func Active() Variant { return active }

// choose takes the variant asked for if it is there, else the first, which is
// the fastest.
func choose(name string, runnable []Variant) Variant {
	for _, v := range runnable {
		if string(v) == name {
			return v
		}
	}
	return runnable[0]
}
