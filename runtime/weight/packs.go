package weight

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"

	"github.com/kerasrun/kerasrun/runtime/graph"
)

// Packs caches values in the forms that kernels read them, so that the steps of
// all shapes of a model share them. It is safe for concurrent use.
type Packs struct {
	threads int // that pack a large value
	blocks  sync.Pool

	whole    sync.Mutex // of elements
	elements []float32  // of a value that is packed all at once

	mu    sync.Mutex
	forms map[Key]*form
	slab  slab
	bytes int64
	// reserved are the bytes of forms that are kept within a budget.
	reserved int64
}

// NewPacks returns an empty cache that packs with up to the given number of threads.
func NewPacks(threads int) *Packs {
	return &Packs{threads: max(1, threads), forms: map[Key]*form{}}
}

// Bytes returns the size of the packed values.
func (p *Packs) Bytes() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.bytes
}

// A Key names the values that were packed, by identity, and how.
type Key struct {
	Of   [4]*Value
	Form string
}

type form struct {
	once sync.Once
	f32  []float32
	f64  []float64
	err  error
}

func (p *Packs) form(k Key) *form {
	p.mu.Lock()
	defer p.mu.Unlock()
	f := p.forms[k]
	if f == nil {
		f = &form{}
		p.forms[k] = f
	}
	return f
}

// Reserve reports whether the form of k, which takes bytes, exists or fits into
// what the budget of such forms has left, and takes that.
func (p *Packs) Reserve(k Key, bytes, budget int64) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.forms[k] != nil {
		return true
	}
	if p.reserved+bytes > budget {
		return false
	}
	p.reserved += bytes
	p.forms[k] = &form{}
	return true
}

// wholeFloats returns room for n elements; whole is locked.
func (p *Packs) wholeFloats(n int) []float32 {
	if len(p.elements) < n {
		p.elements = make([]float32, n)
	}
	return p.elements[:n]
}

// Trim lets go of the room that packing needed. Where that is much, it is
// collected at once, so that the buffers of the first run get its pages: the
// next collection would be when the heap has doubled.
func (p *Packs) Trim() {
	p.whole.Lock()
	defer p.whole.Unlock()
	much := len(p.elements) >= 1<<20
	p.elements = nil
	if much {
		runtime.GC()
	}
}

// room returns n floats of zeros.
func (p *Packs) room(n int) []float32 {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.bytes += int64(n) * 4
	return p.slab.floats(n)
}

// Floats returns the form of k: n floats that pack fills the first time.
func (p *Packs) Floats(k Key, n int, pack func(dst []float32) error) ([]float32, error) {
	f := p.form(k)
	f.once.Do(func() {
		dst := p.room(n)
		if f.err = pack(dst); f.err == nil {
			f.f32 = dst
		}
	})
	return f.f32, f.err
}

// Float64s returns a held tensor in float64; v is its value.
func (p *Packs) Float64s(v *Value, t *graph.Tensor) []float64 {
	if d, ok := t.Data.([]float64); ok {
		return d
	}
	f := p.form(Key{Of: [4]*Value{v}, Form: "float64"})
	f.once.Do(func() {
		f.f64 = t.Float64s()
		p.mu.Lock()
		defer p.mu.Unlock()
		p.bytes += int64(len(f.f64)) * 8
	})
	return f.f64
}

// A Layout says how the elements of a Float32 or Int8 value lie in a packed form.
type Layout struct {
	// Len is the number of floats of the form.
	Len int
	// Unit is the number of elements that are packed together: a row of the
	// last dimension, or 0 for all of them.
	Unit int
	// Pack packs elements, which are whole units from number at on. Calls for
	// different units may run at the same time.
	Pack func(packed, elements []float32, at int)
	// Unpack is its inverse, or nil when the form has less than the elements.
	Unpack func(elements, packed []float32, at int)
	// Only says that no other form will be asked for once this one is made, so
	// that the elements need not stay beside it even without Unpack.
	Only bool
}

// blockFloats is the number of elements that are read and packed at a time:
// they stay in a second-level cache in between.
const blockFloats = 1 << 16

// Pack returns v in the form of a layout. A form from which the elements can
// be had back takes their place; beside another they stay in memory.
func (p *Packs) Pack(v *Value, name string, l Layout) ([]float32, error) {
	return p.Floats(Key{Of: [4]*Value{v}, Form: name}, l.Len, func(dst []float32) error {
		if l.Unpack == nil && !l.Only {
			if err := v.Settle(); err != nil {
				return err
			}
		}
		if err := p.fill(dst, v, l); err != nil {
			return err
		}
		switch {
		case l.Unpack != nil:
			v.yield(packed{v.Type, dst, l.Unpack})
		case l.Only:
			v.done()
		}
		return nil
	})
}

// fill packs all of v.
func (p *Packs) fill(dst []float32, v *Value, l Layout) error {
	n := v.Len()
	if d := v.floats(); d != nil || l.Unit == 0 {
		if d == nil {
			// Packs are made one after the other at load: they share the room for
			// the elements, which would be garbage for a while.
			p.whole.Lock()
			defer p.whole.Unlock()
			d = p.wholeFloats(n)
			if err := v.Floats(d, 0); err != nil {
				return err
			}
		}
		if l.Unit == 0 {
			l.Pack(dst, d, 0)
			return nil
		}
		return p.inBlocks(n, l.Unit, func(_ []float32, at, n int) error {
			l.Pack(dst, d[at:at+n], at)
			return nil
		})
	}
	return p.inBlocks(n, l.Unit, func(block []float32, at, n int) error {
		if err := v.Floats(block[:n], at); err != nil {
			return err
		}
		l.Pack(dst, block[:n], at)
		return nil
	})
}

// inBlocks calls do for blocks of whole units that together are n elements, on
// as many threads as that is worth. It gives do room for a block.
func (p *Packs) inBlocks(n, unit int, do func(block []float32, at, n int) error) error {
	size := max(1, blockFloats/unit) * unit
	blocks := (n + size - 1) / size
	each := func(from, step int) (err error) {
		defer func() {
			if r := recover(); r != nil { // a goroutine of its own would end the process
				err = fmt.Errorf("internal error: packing weights: %v\n%s", r, debug.Stack())
			}
		}()
		room, _ := p.blocks.Get().(*[]float32)
		if room == nil {
			room = new([]float32)
		}
		if most := min(size, n); len(*room) < most {
			*room = make([]float32, max(most, min(2*len(*room), blockFloats)))
		}
		defer p.blocks.Put(room)
		for i := from; i < blocks; i += step {
			if err := do(*room, i*size, min(size, n-i*size)); err != nil {
				return err
			}
		}
		return nil
	}
	threads := min(p.threads, blocks/parallelBlocks)
	if threads <= 1 {
		return each(0, 1)
	}
	errs := make([]error, threads)
	var done sync.WaitGroup
	done.Add(threads - 1)
	for i := 1; i < threads; i++ {
		go func() {
			defer done.Done()
			errs[i] = each(i, threads)
		}()
	}
	errs[0] = each(0, threads)
	done.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// parallelBlocks is the number of blocks that are worth another thread.
const parallelBlocks = 4

// packed is the Source of elements that lie in a lossless form.
type packed struct {
	of     graph.Type
	form   []float32
	unpack func(elements, packed []float32, at int)
}

func (s packed) Tensor() (graph.Tensor, error) {
	t := graph.NewTensor(s.of.DType, s.of.Shape)
	return t, s.Floats(t.Data.([]float32), 0)
}

func (s packed) Floats(dst []float32, at int) error {
	s.unpack(dst, s.form, at)
	return nil
}
