//go:build purego || !(amd64 || arm64)

package conv

// gemmArgs is what the assembly works on where there is any.
type gemmArgs struct{}

// vectorBlock is not reached: without assembly all blocks are generic.
func (j *job) vectorBlock(*gemmArgs, []float32, []float32, []float32, *strip, *block, int, place) {}

// alike is not reached.
func (*job) alike(*strip, *block, int, int) int { return 1 }

// winogradArgs is the memory of Winograd's transforms during a call.
type winogradArgs struct{ outputs [16]float32 }

// inVectors transforms no channels: there is no assembly.
func (*winogradArgs) inVectors(_, _ []float32, _, _, _, _, _, _ int) int { return 0 }

// outVectors brings no channels back: there is no assembly.
func (*winogradArgs) outVectors(*Epilogue, []float32, []float32, *winogradOutput) int { return 0 }

// vectorProducts computes nothing: job.strip does.
func (*winogradJob) vectorProducts([]float32, int) bool { return false }
