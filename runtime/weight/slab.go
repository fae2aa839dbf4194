package weight

// A slab is memory for packed values, cut from few large pieces: small weights
// lie side by side, on huge pages where there are enough of them.
type slab struct {
	free []float32
	next int // floats of the next piece
}

const (
	firstPiece = 16 << 10 // floats
	mostPiece  = 1 << 20
	// lineFloats is what parts begin at a multiple of, within a piece: a cache line.
	lineFloats = 16
)

// floats returns n floats of zeros. Values of their own size get a piece of their own.
func (s *slab) floats(n int) []float32 {
	if n >= mostPiece/2 {
		return Zeros(n)
	}
	if len(s.free) < n {
		s.next = min(max(2*s.next, firstPiece), mostPiece)
		for s.next < n {
			s.next *= 2
		}
		s.free = Zeros(s.next)
	}
	part := s.free[:n:n]
	s.free = s.free[min((n+lineFloats-1)/lineFloats*lineFloats, len(s.free)):]
	return part
}

// Zeros returns n zeros, on huge pages where there are enough of them and the
// system has them.
func Zeros(n int) []float32 {
	d := make([]float32, n)
	adviseHuge(d)
	return d
}
