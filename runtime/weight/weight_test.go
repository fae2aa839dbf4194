package weight

import (
	"errors"
	"math/rand"
	"slices"
	"sync"
	"testing"

	"github.com/kerasrun/kerasrun/runtime/graph"
	"github.com/stretchr/testify/require"
)

// A file yields numbers and counts what it is asked for.
type file struct {
	mu    sync.Mutex
	data  []float32
	wide  int
	read  int
	fails error
}

func (f *file) Tensor() (graph.Tensor, error) {
	d := make([]float32, len(f.data))
	err := f.Floats(d, 0)
	return graph.Floats(d, len(d)/f.wide, f.wide), err
}

func (f *file) Floats(dst []float32, at int) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if at%f.wide != 0 || len(dst)%f.wide != 0 {
		return errors.New("no whole rows")
	}
	f.read += copy(dst, f.data[at:at+len(dst)])
	return f.fails
}

func newFile(rows, wide int) (*file, *Value) {
	f := &file{data: make([]float32, rows*wide), wide: wide}
	for i := range f.data {
		f.data[i] = rand.Float32()
	}
	return f, From(graph.Type{DType: graph.Float32, Shape: graph.Shape{rows, wide}}, f)
}

// backwards stores the elements last to first.
func backwards(n, unit int, lossless bool) Layout {
	l := Layout{Len: n, Unit: unit, Pack: func(packed, elements []float32, at int) {
		for i, v := range elements {
			packed[n-1-at-i] = v
		}
	}}
	if lossless {
		l.Unpack = func(elements, packed []float32, at int) {
			for i := range elements {
				elements[i] = packed[n-1-at-i]
			}
		}
	}
	return l
}

// A value is read once, whatever forms are made of it, and whatever is asked
// for later comes from memory.
func TestForms(t *testing.T) {
	for _, size := range [][2]int{{1, 1}, {7, 3}, {1000, 700}, {3, blockFloats + 5}} {
		for _, unit := range []int{0, size[1]} {
			for _, threads := range []int{1, 3} {
				f, v := newFile(size[0], size[1])
				n := v.Len()
				p := NewPacks(threads)
				want := slices.Clone(f.data)
				slices.Reverse(want)
				got, err := p.Pack(v, "lossless", backwards(n, unit, true))
				require.NoError(t, err)
				require.True(t, slices.Equal(want, got))
				require.Nil(t, v.floats(), "the elements lie in the form alone")
				lossy, err := p.Pack(v, "lossy", backwards(n, unit, false))
				require.NoError(t, err)
				require.True(t, slices.Equal(want, lossy))
				again, err := p.Pack(v, "lossless", backwards(n, unit, true))
				require.NoError(t, err)
				require.Same(t, &got[0], &again[0])
				require.Equal(t, int64(8*n), p.Bytes())
				require.NoError(t, v.Settle())
				held, err := v.Hold()
				require.NoError(t, err)
				require.True(t, slices.Equal(f.data, held.Data.([]float32)))
				require.Equal(t, size[:], []int(held.Shape))
				require.Equal(t, n, f.read)
			}
		}
	}
}

// A lossy form alone does not replace the elements.
func TestLossyForm(t *testing.T) {
	f, v := newFile(5, 4)
	_, err := NewPacks(1).Pack(v, "lossy", backwards(20, 4, false))
	require.NoError(t, err)
	f.fails = errors.New("closed")
	held, err := v.Hold()
	require.NoError(t, err)
	require.Equal(t, f.data, held.Data)
}

// An only form needs no elements beside it: closing the file does no harm.
func TestOnlyForm(t *testing.T) {
	f, v := newFile(5, 4)
	l := backwards(20, 4, false)
	l.Only = true
	got, err := NewPacks(1).Pack(v, "only", l)
	require.NoError(t, err)
	f.fails = errors.New("closed")
	require.NoError(t, v.Settle())
	slices.Reverse(got)
	require.Equal(t, f.data, got)
	_, err = v.Hold()
	require.ErrorIs(t, err, f.fails)
}

// What is held stays as it is beside its forms.
func TestHeld(t *testing.T) {
	_, v := newFile(5, 4)
	held, err := v.Hold()
	require.NoError(t, err)
	_, err = NewPacks(1).Pack(v, "lossless", backwards(20, 4, true))
	require.NoError(t, err)
	require.Same(t, held, v.Held())
}

func TestReadErrors(t *testing.T) {
	f, v := newFile(600, 700)
	f.fails = errors.New("broken disk")
	for _, lossless := range []bool{true, false} {
		for _, unit := range []int{0, 700} {
			p := NewPacks(2)
			_, err := p.Pack(v, "x", backwards(v.Len(), unit, lossless))
			require.ErrorIs(t, err, f.fails)
			_, err = p.Pack(v, "x", backwards(v.Len(), unit, lossless))
			require.ErrorIs(t, err, f.fails, "again")
		}
	}
	_, err := v.Hold()
	require.ErrorIs(t, err, f.fails)
	require.ErrorIs(t, v.Settle(), f.fails)
	f.fails = nil
	_, err = v.Hold()
	require.NoError(t, err)
	_, err = From(graph.Type{DType: graph.Float32, Shape: graph.Shape{2}}, f).Tensor()
	require.ErrorIs(t, err, graph.ErrShape)
}

// Parts of a slab are zeros of their own.
func TestSlab(t *testing.T) {
	var s slab
	var parts [][]float32
	for i := range 100 {
		p := s.floats(1 + i*i*3%70000)
		for _, x := range p {
			require.Zero(t, x)
		}
		for k := range p {
			p[k] = float32(i + 1)
		}
		parts = append(parts, p)
	}
	parts = append(parts, s.floats(mostPiece))
	for i, p := range parts[:100] {
		require.Equal(t, cap(p), len(p))
		for _, x := range p {
			if x != float32(i+1) {
				t.Fatalf("part %d was overwritten", i)
			}
		}
	}
}
