//go:build purego || !amd64

package rnn

// A Worker is the memory of the tiles between steps.
type Worker struct{}

// runTiles is not reached: without assembly all cells are generic.
func (c *Cell) runTiles(*Worker, *Step) {}
