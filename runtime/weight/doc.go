// Package weight holds the constants of a plan, wherever their elements are.
//
// A [Value] is a weight or another value that is known before the run. Its
// elements lie in the file it came from, in memory, or in a form that a kernel
// reads. [Packs] makes those forms, block by block straight from the file where
// the form allows it, and keeps one of each for all plans of a model. What a
// lossless form holds is in memory once: the elements can be had back from it.
package weight
