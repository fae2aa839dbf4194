package step

import (
	"sync"

	"github.com/kerasrun/kerasrun/runtime/graph"
)

// Packs caches constant weights in the forms that kernels read them, so that
// the steps of all shapes of a model share them. It is safe for concurrent use.
type Packs struct {
	mu    sync.Mutex
	forms map[packKey]*form
	bytes int64
	// reserved are the bytes of forms that are kept within a budget.
	reserved int64
}

// NewPacks returns an empty cache.
func NewPacks() *Packs { return &Packs{forms: map[packKey]*form{}} }

// Bytes returns the size of the packed weights.
func (p *Packs) Bytes() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.bytes
}

// A packKey names the tensors that were packed, by identity, and how.
type packKey struct {
	tensors [4]*graph.Tensor
	form    string
}

type form struct {
	once sync.Once
	f32  []float32
	f64  []float64
}

func (p *Packs) form(k packKey) *form {
	p.mu.Lock()
	defer p.mu.Unlock()
	f := p.forms[k]
	if f == nil {
		f = &form{}
		p.forms[k] = f
	}
	return f
}

func (p *Packs) count(bytes int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.bytes += int64(bytes)
}

// float32s returns the form of k, n floats that pack fills the first time.
func (p *Packs) float32s(k packKey, n int, pack func(dst []float32)) []float32 {
	f := p.form(k)
	f.once.Do(func() {
		f.f32 = make([]float32, n)
		adviseHuge(f.f32)
		pack(f.f32)
		p.count(4 * n)
	})
	return f.f32
}

// reserve reports whether the form of k, which takes bytes, exists or fits into
// what the budget of such forms has left, and takes that.
func (p *Packs) reserve(k packKey, bytes, budget int64) bool {
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

// float64s returns t in float64.
func (p *Packs) float64s(t *graph.Tensor) []float64 {
	if d, ok := t.Data.([]float64); ok {
		return d
	}
	f := p.form(packKey{[4]*graph.Tensor{t}, "float64"})
	f.once.Do(func() {
		f.f64 = t.Float64s()
		p.count(8 * len(f.f64))
	})
	return f.f64
}
