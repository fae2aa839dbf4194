//go:build purego || !(amd64 || arm64)

package conv

// gemmArgs is what the assembly works on where there is any.
type gemmArgs struct{}

// vectorBlock is not reached: without assembly all blocks are generic.
func (j *job) vectorBlock(*gemmArgs, []float32, []float32, []float32, *strip, *block, place, int) {}
