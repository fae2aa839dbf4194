package layers

import (
	"math"

	"github.com/kerasrun/kerasrun/keras"
	"github.com/kerasrun/kerasrun/runtime/graph"
	"github.com/kerasrun/kerasrun/runtime/layers/operation"
)

type attentionConfig struct {
	UseScale  bool               `json:"use_scale"`
	ScoreMode string             `json:"score_mode"`
	Causal    bool               `json:"causal"` // early Keras 2
	Dropout   keras.TrainingOnly `json:"dropout"`
	Seed      keras.TrainingOnly `json:"seed"`
}

// attentionLayer weighs the values by softmax(query · keyᵀ) (Luong et al.,
// 2015). With score_mode="concat" the score of a query q and a key k is
// concat_score_weight · Σ tanh(scale·(q + k)). Keys are the values when they are
// not given. With return_attention_scores the weights are a second result, and
// with use_causal_mask a query does not see later values.
//
//	query                (batch, tq, dim)
//	value                (batch, tv, dimv)
//	key                  (batch, tv, dim); optional
//	masks                (batch, tq) and (batch, tv); optional: where the query's is false, the result is 0
//	scale                ()                 when use_scale
//	concat_score_weight  ()                 when score_mode is "concat"
//	result               (batch, tq, dimv)
//	scores               (batch, tq, tv)
//
// See https://keras.io/api/layers/attention_layers/attention/.
var attentionLayer = define("Attention", attentionConfig{ScoreMode: "dot"},
	func(s *scope, c attentionConfig, in []graph.Value) []graph.Value {
		return s.attend(c, in, func(q, k, _ graph.Value) graph.Value {
			var scale graph.Value
			if c.UseScale {
				scale = s.Weight("scale")
			}
			switch c.ScoreMode {
			case "dot":
				scores := s.Apply(graph.MatMul{}, q, s.swapLast(k))
				if c.UseScale {
					scores = s.times(scores, scale)
				}
				return scores
			case "concat":
				weight := s.Weight("concat_score_weight")
				sum := s.pairs(q, k)
				if c.UseScale {
					sum = s.times(scale, sum)
				}
				sum = s.Apply(graph.Activation{Func: graph.Tanh}, sum)
				return s.times(weight, s.Apply(graph.Reduce{Func: graph.ReduceSum, Axes: []int{-1}}, sum))
			}
			s.Failf("%w: score_mode is %q", graph.ErrAttr, c.ScoreMode)
			return none()
		})
	})

type additiveAttentionConfig struct {
	UseScale bool               `json:"use_scale"`
	Causal   bool               `json:"causal"` // early Keras 2
	Dropout  keras.TrainingOnly `json:"dropout"`
	Seed     keras.TrainingOnly `json:"seed"`
}

// additiveAttentionLayer weighs the values by the softmax of the scores
// Σ scale·tanh(query + key) (Bahdanau et al., 2015). Keys are the values when
// they are not given. The calls are those of Attention.
//
//	query   (batch, tq, dim)
//	value   (batch, tv, dimv)
//	key     (batch, tv, dim); optional
//	masks   (batch, tq) and (batch, tv); optional: where the query's is false, the result is 0
//	scale   (dim)              when use_scale
//	result  (batch, tq, dimv)
//	scores  (batch, tq, tv)    with return_attention_scores
//
// See https://keras.io/api/layers/attention_layers/additive_attention/.
var additiveAttentionLayer = define("AdditiveAttention", additiveAttentionConfig{UseScale: true},
	func(s *scope, c additiveAttentionConfig, in []graph.Value) []graph.Value {
		shared := attentionConfig{UseScale: c.UseScale, Causal: c.Causal}
		return s.attend(shared, in, func(q, k, v graph.Value) graph.Value {
			sum := s.Apply(graph.Activation{Func: graph.Tanh}, s.pairs(q, k))
			if c.UseScale {
				dim := q.Dim(-1)
				if s.version.Major < 3 {
					dim = v.Dim(-1) // a different one fails to broadcast there as here
				}
				sum = s.times(s.Weight("scale", dim), sum)
			}
			return s.Apply(graph.Reduce{Func: graph.ReduceSum, Axes: []int{-1}}, sum)
		})
	})

// attend lowers the layers that weigh values by the softmax of a score of
// queries and keys.
func (s *scope) attend(c attentionConfig, in []graph.Value, score func(q, k, v graph.Value) graph.Value) []graph.Value {
	if len(in) != 2 && len(in) != 3 {
		s.Failf("%w: %d inputs, want query, value and perhaps key", graph.ErrShape, len(in))
		return nil
	}
	if s.version.Major < 3 && in[0].Rank() == 2 {
		return s.attendBatch(c, in, score)
	}
	for _, v := range in {
		if !s.rank(v, 3) {
			return nil
		}
	}
	masks := s.inputMasks(in)
	q, v := in[0], in[1]
	k := in[len(in)-1]
	scores := score(q, k, v)
	causal := c.Causal || s.flags["use_causal_mask"]
	var mask graph.Value
	if masks[1] != nil {
		mask = s.insertAxis(*masks[1], 1)
	}
	if causal {
		band := s.Apply(graph.Band{Below: -1}, scores)
		if masks[1] != nil {
			band = s.Apply(graph.Binary{Func: graph.LogicalAnd}, mask, band)
		}
		mask = band
	}
	if masks[1] != nil || causal {
		far := 1e9
		if scores.DType == graph.Float16 {
			far = 65504
		}
		less := s.Apply(graph.Binary{Func: graph.Sub}, scores, s.Scalar(scores.DType, far))
		scores = s.Apply(graph.Where{}, mask, scores, less)
	}
	weights := s.Apply(graph.Softmax{Axes: []int{-1}}, scores)
	y := s.Apply(graph.MatMul{}, weights, v)
	if masks[0] != nil {
		y = s.Apply(graph.Where{}, s.insertAxis(*masks[0], 2), y, s.Scalar(y.DType, 0))
		s.setMask(y, *masks[0])
	}
	if s.flags["return_attention_scores"] {
		return []graph.Value{y, weights}
	}
	return []graph.Value{y}
}

// attendBatch lowers attention on inputs (batch, dim), which only Keras 2 takes:
// its matrix products make the samples of the batch the queries and the values.
func (s *scope) attendBatch(c attentionConfig, in []graph.Value, score func(q, k, v graph.Value) graph.Value) []graph.Value {
	whole := make([]graph.Value, len(in))
	for i, v := range in {
		if !s.rank(v, 2) {
			return nil
		}
		if _, masked := s.implicitMask(v); masked {
			s.Failf("%w: a mask on an input %v", keras.ErrUnsupported, v.Shape)
			return nil
		}
		whole[i] = s.Apply(graph.Reshape{Dims: []int{1, graph.Infer1, graph.KeepDim(1)}}, v)
	}
	out := s.attend(c, whole, score)
	for i, y := range out {
		out[i] = s.Apply(graph.Reshape{Dims: []int{graph.Infer1, graph.KeepDim(2)}}, y)
	}
	return out
}

// pairs is q + k for every query and key: (batch, tq, tv, dim).
func (s *scope) pairs(q, k graph.Value) graph.Value {
	return s.Apply(graph.Binary{Func: graph.Add}, s.insertAxis(q, 2), s.insertAxis(k, 1))
}

func (s *scope) times(a, b graph.Value) graph.Value {
	return s.Apply(graph.Binary{Func: graph.Mul}, a, b)
}

// swapLast transposes the matrices of the last two axes.
func (s *scope) swapLast(x graph.Value) graph.Value {
	perm := make([]int, x.Rank())
	for i := range perm {
		perm[i] = i
	}
	if n := len(perm); n > 1 {
		perm[n-2], perm[n-1] = n-1, n-2
	}
	return s.Apply(graph.Transpose{Perm: perm}, x)
}

// insertAxis gives x an axis of length 1 at position at.
func (s *scope) insertAxis(x graph.Value, at int) graph.Value {
	var dims []int
	for i := range x.Rank() + 1 {
		switch {
		case i < at:
			dims = append(dims, graph.KeepDim(i))
		case i == at:
			dims = append(dims, 1)
		default:
			dims = append(dims, graph.KeepDim(i-1))
		}
	}
	return s.Apply(graph.Reshape{Dims: dims}, x)
}

type multiHeadAttentionConfig struct {
	NumHeads             int                `json:"num_heads"`
	KeyDim               int                `json:"key_dim"`
	ValueDim             *int               `json:"value_dim"`
	UseBias              bool               `json:"use_bias"`
	UseGate              bool               `json:"use_gate"`
	OutputShape          whole              `json:"output_shape"`
	AttentionAxes        whole              `json:"attention_axes"`
	SlidingWindow        *int               `json:"sliding_window"`
	SoftmaxRobustMasking bool               `json:"softmax_robust_masking"` // Keras 2
	QueryShape           keras.TrainingOnly `json:"query_shape"`            // Keras 2: what it was built for
	KeyShape             keras.TrainingOnly `json:"key_shape"`
	ValueShape           keras.TrainingOnly `json:"value_shape"`
	Dropout              float64            `json:"dropout"`
	Seed                 keras.TrainingOnly `json:"seed"`
}

// multiHeadAttentionLayer projects query, key and value for each of num_heads
// heads, weighs the values by softmax(query · keyᵀ/√key_dim), and projects the
// heads together (Vaswani et al., 2017). Attention is over attention_axes, all
// axes but the batch and the last when they are not given. Keys are the values when they are
// not given. With sliding_window a query sees the keys that are fewer steps away.
//
//	query             (batch, t..., dim)
//	value             (batch, s..., dimv)
//	key               (batch, s..., dimk); optional
//	masks             of query, value and key: (batch, t) or (batch, s); optional
//	attention_mask    (batch, t, s) or broadcast to it; optional
//	query kernel      (dim, num_heads, key_dim)     bias (num_heads, key_dim) when use_bias; the key's alike
//	value kernel      (dimv, num_heads, value_dim)  bias (num_heads, value_dim)
//	gate kernel       (dim, num_heads, value_dim)   bias (num_heads, value_dim); when use_gate
//	output kernel     (num_heads, value_dim, out)   bias (out)
//	result            (batch, t..., out)            out is dim, or output_shape
//	scores            (batch, num_heads, t, s)      with return_attention_scores
//
// See https://keras.io/api/layers/attention_layers/multi_head_attention/.
var multiHeadAttentionLayer = define("MultiHeadAttention", multiHeadAttentionConfig{UseBias: true},
	func(s *scope, c multiHeadAttentionConfig, in []graph.Value) []graph.Value {
		h := s.heads(in)
		if s.Err() != nil {
			return nil
		}
		heads, keyDim := s.size("num_heads", c.NumHeads), s.size("key_dim", c.KeyDim)
		valueDim := keyDim
		if c.ValueDim != nil && *c.ValueDim != 0 {
			valueDim = s.size("value_dim", *c.ValueDim)
		}
		out := []int{h.query.Dim(-1)}
		if len(c.OutputShape.list) > 0 {
			out = c.OutputShape.list
			for _, n := range out {
				s.size("output_shape", n)
			}
		}
		rank := h.query.Rank() + 1
		axes := make([]int, 0, rank)
		for i := 1; i < rank-2; i++ {
			axes = append(axes, i)
		}
		if c.AttentionAxes.list != nil {
			axes = axes[:0]
			for _, a := range c.AttentionAxes.list {
				if a < 0 {
					a += rank - 1
				}
				axes = append(axes, a)
			}
		}
		h.bias, h.segment = c.UseBias, ""
		q := h.project("query", h.query, heads, keyDim)
		k := h.project("key", h.key, heads, keyDim)
		var gate graph.Value
		if c.UseGate {
			h.segment = "_"
			gate = s.Apply(graph.Activation{Func: graph.Sigmoid}, h.project("gate", h.query, heads, valueDim))
			h.segment = ""
		}
		v := h.project("value", h.value, heads, valueDim)
		h.robust = c.SoftmaxRobustMasking
		h.window = s.window(c.SlidingWindow)
		h.fused = s.version.Major >= 3 && !s.version.Before(3, 7) && c.Dropout == 0 && !s.flags["return_attention_scores"] && rank == 4
		y, scores := h.attend(q, k, v, axes, keyDim)
		if c.UseGate {
			y = s.times(y, gate)
		}
		return h.results(h.join(y, out), scores)
	})

type groupQueryAttentionConfig struct {
	HeadDim          int                `json:"head_dim"`
	NumQueryHeads    int                `json:"num_query_heads"`
	NumKeyValueHeads int                `json:"num_key_value_heads"`
	UseBias          bool               `json:"use_bias"`
	UseGate          bool               `json:"use_gate"`
	SlidingWindow    *int               `json:"sliding_window"`
	Dropout          float64            `json:"dropout"`
	Seed             keras.TrainingOnly `json:"seed"`
}

// groupQueryAttentionLayer is multi-head attention in which groups of query
// heads share a head of keys and values (Ainslie et al., 2023). The calls are
// those of MultiHeadAttention.
//
//	query             (batch, t, dim)
//	value, key        (batch, s, dim)
//	masks             of query, value and key: (batch, t) or (batch, s); optional
//	attention_mask    (batch, t, s) or broadcast to it; optional
//	query kernel      (dim, num_query_heads, head_dim)      bias (num_query_heads, head_dim) when use_bias
//	key, value kernel (dim, num_key_value_heads, head_dim)  bias (num_key_value_heads, head_dim)
//	gate kernel       (dim, num_query_heads, head_dim)      bias (num_query_heads, head_dim); when use_gate
//	output kernel     (num_query_heads, head_dim, dim)      bias (dim)
//	result            (batch, t, dim)
//	scores            (batch, num_query_heads, t, s)        with return_attention_scores
//
// See https://keras.io/api/layers/attention_layers/group_query_attention/.
var groupQueryAttentionLayer = define("GroupQueryAttention", groupQueryAttentionConfig{UseBias: true},
	func(s *scope, c groupQueryAttentionConfig, in []graph.Value) []graph.Value {
		h := s.heads(in)
		dim, heads, shared := s.size("head_dim", c.HeadDim), s.size("num_query_heads", c.NumQueryHeads), s.size("num_key_value_heads", c.NumKeyValueHeads)
		if s.Err() != nil || !s.rank(h.query, 3) || !s.rank(h.value, 3) {
			return nil
		}
		if heads%shared != 0 {
			s.Failf("%w: %d query heads over %d heads of keys", graph.ErrAttr, heads, shared)
			return nil
		}
		h.bias, h.segment = c.UseBias, "_"
		q := h.project("query", h.query, heads, dim)
		k := h.project("key", h.key, shared, dim)
		var gate graph.Value
		if c.UseGate {
			gate = s.Apply(graph.Activation{Func: graph.Sigmoid}, h.project("gate", h.query, heads, dim))
		}
		v := h.project("value", h.value, shared, dim)
		if n := heads / shared; n > 1 {
			k, v = s.Apply(graph.Repeat{Axis: 2, N: n}, k), s.Apply(graph.Repeat{Axis: 2, N: n}, v)
		}
		h.window = s.window(c.SlidingWindow)
		h.fused = !s.version.Before(3, 7) && c.Dropout == 0 && !s.flags["return_attention_scores"]
		y, scores := h.attend(q, k, v, []int{1}, dim)
		if c.UseGate {
			y = s.times(y, gate)
		}
		return h.results(h.join(y, []int{h.query.Dim(-1)}), scores)
	})

// attentionHeads is a call of a layer with several heads.
type attentionHeads struct {
	*scope
	query, value, key graph.Value
	masks             []*graph.Value // of the three; the key's is that of the value when it is not given
	bias              bool
	segment           string // what stands before the names of the projections in the weights file
	robust            bool   // of the Softmax layer inside, in Keras 2
	window            int    // steps that a query sees, with its own; 0 for all
	// fused tells that Keras computes all in one function, which gives a query
	// without keys the mean of all values. Its Softmax layer gives 0.
	fused bool
}

// heads sorts the inputs of a layer with several heads.
func (s *scope) heads(in []graph.Value) *attentionHeads {
	h := &attentionHeads{scope: s}
	if len(in) != 2 && len(in) != 3 {
		s.Failf("%w: %d inputs, want query, value and perhaps key", graph.ErrShape, len(in))
		return h
	}
	h.query, h.value, h.key = in[0], in[1], in[len(in)-1]
	for _, v := range in[1:] {
		if v.Rank() != in[0].Rank() || v.Rank() < 3 {
			s.Failf("%w: query %v and value or key %v", graph.ErrShape, in[0].Shape, v.Shape)
			return h
		}
	}
	h.masks = make([]*graph.Value, 3)
	for i, name := range []string{"query_mask", "value_mask", "key_mask"} {
		m, ok := s.kwargs[name]
		if i == 0 && s.class == "MultiHeadAttention" && !s.version.Before(3, 8) {
			ok = false // Keras puts the query's own mask, or none, in its place
		}
		if ok {
			m = s.truth(m)
			h.masks[i] = &m
		} else if i < len(in) {
			if m, ok := s.implicitMask(in[i]); ok {
				h.masks[i] = &m
			}
		}
	}
	return h
}

// window is the sliding_window of a layer, 0 for none.
func (s *scope) window(n *int) int {
	if n == nil {
		return 0
	}
	return s.size("sliding_window", *n)
}

// project is x · kernel + bias with a kernel (in, heads, dim).
func (h *attentionHeads) project(name string, x graph.Value, heads, dim int) graph.Value {
	w := h.sub(h.segment + name + "_dense")
	in := x.Dim(-1)
	y := h.Apply(graph.MatMul{}, x, h.Apply(graph.Reshape{Dims: []int{in, heads * dim}}, w.Weight(name+" kernel", in, heads, dim)))
	if h.bias {
		y = h.Apply(graph.AddBias{}, y, h.Apply(graph.Reshape{Dims: []int{heads * dim}}, w.Weight(name+" bias", heads, dim)))
	}
	var dims []int
	for i := range x.Rank() - 1 {
		dims = append(dims, graph.KeepDim(i))
	}
	return h.Apply(graph.Reshape{Dims: append(dims, heads, dim)}, y)
}

// join projects the heads together: (batch, ..., heads, dim) with a kernel
// (heads, dim, out...).
func (h *attentionHeads) join(x graph.Value, out []int) graph.Value {
	w := h.sub(h.segment + "output_dense")
	heads, dim := x.Dim(-2), x.Dim(-1)
	n := 1
	for _, d := range out {
		n *= d
	}
	kernel := w.Weight("output kernel", append([]int{heads, dim}, out...)...)
	var dims []int
	for i := range x.Rank() - 2 {
		dims = append(dims, graph.KeepDim(i))
	}
	y := h.Apply(graph.Reshape{Dims: append(dims[:len(dims):len(dims)], heads*dim)}, x)
	y = h.Apply(graph.MatMul{}, y, h.Apply(graph.Reshape{Dims: []int{heads * dim, n}}, kernel))
	if h.bias {
		y = h.Apply(graph.AddBias{}, y, h.Apply(graph.Reshape{Dims: []int{n}}, w.Weight("output bias", out...)))
	}
	if len(out) > 1 {
		y = h.Apply(graph.Reshape{Dims: append(dims[:len(dims):len(dims)], out...)}, y)
	}
	return y
}

// attend weighs the values over axes. Operands are (batch, ..., heads, dim).
func (h *attentionHeads) attend(q, k, v graph.Value, axes []int, keyDim int) (y, weights graph.Value) {
	if h.Err() != nil {
		return none(), none()
	}
	product, combine, ok := attentionEquations(q.Rank(), axes)
	if !ok {
		h.Failf("%w: attention_axes is %v for a query %v", graph.ErrAttr, axes, h.query.Shape)
		return none(), none()
	}
	q = h.times(q, h.Scalar(q.DType, 1/math.Sqrt(float64(keyDim))))
	scores := operation.Einsum(h.Builder, product, k, q)
	op := graph.Softmax{}
	for i := range axes {
		op.Axes = append(op.Axes, i-len(axes))
	}
	if mask, ok := h.mask(scores, axes); ok {
		weights = h.maskedSoftmax(op, scores, mask, h.robust, !h.fused)
	} else {
		weights = h.Apply(op, scores)
	}
	return operation.Einsum(h.Builder, combine, weights, v), weights
}

// attentionEquations are the einsums of the scores, from key and query, and of
// the result, from scores and value. Axes that take no part, the heads among
// them, are a batch. It reports false for axes that are not apart or not between
// the first and the heads.
func attentionEquations(rank int, axes []int) (product, combine string, ok bool) {
	const letters = "abcdefghijklmnopqrstuvwxyz"
	if 2*rank > len(letters) || len(axes) == 0 {
		return "", "", false
	}
	query := letters[:rank]
	key := []byte(query)
	for i, a := range axes {
		if a < 1 || a >= rank-2 || key[a] != query[a] {
			return "", "", false
		}
		key[a] = letters[rank+i]
	}
	var batch, of, over string
	for i := range rank - 1 {
		if key[i] == query[i] {
			batch += query[i : i+1]
		}
	}
	for _, a := range axes {
		of += query[a : a+1]
		over += string(key[a])
	}
	scores := batch + of + over
	return string(key) + "," + query + "->" + scores, scores + "," + string(key) + "->" + query, true
}

// mask joins the masks of a call in the form that broadcasts to the scores,
// (batch, ..., heads, t, s), and reports whether there is any. Keras's masks are
// over axis 1, and so serve attention over that axis alone.
func (h *attentionHeads) mask(scores graph.Value, axes []int) (mask graph.Value, any bool) {
	and := func(m graph.Value) {
		if any {
			m = h.Apply(graph.Binary{Func: graph.LogicalAnd}, mask, m)
		}
		mask, any = m, true
	}
	for i, m := range h.masks {
		switch {
		case m == nil:
		case i == 0:
			and(h.insertAxis(*m, 2))
		default:
			and(h.insertAxis(*m, 1))
		}
	}
	if h.flags["use_causal_mask"] {
		and(h.Apply(graph.Band{Below: -1}, scores))
	}
	if h.window > 0 {
		and(h.Apply(graph.Band{Below: h.window - 1, Above: h.window - 1}, scores))
	}
	if m, ok := h.kwargs["attention_mask"]; ok {
		and(h.truth(m))
	}
	if !any || h.Err() != nil {
		return none(), false
	}
	if len(axes) != 1 || axes[0] != 1 {
		h.Failf("%w: masked attention over axes of a query %v", keras.ErrUnsupported, h.query.Shape)
		return none(), false
	}
	for mask.Rank() > 2 && mask.Rank() < scores.Rank() {
		mask = h.insertAxis(mask, 1)
		if h.Err() != nil {
			return none(), false
		}
	}
	return mask, true
}

// results are those of a call: y has the mask of the query.
func (h *attentionHeads) results(y, scores graph.Value) []graph.Value {
	if h.Err() != nil {
		return nil
	}
	if !h.version.Before(3, 9) {
		// Keras takes the masks off the inputs themselves: layers after this one, such
		// as an addition to the query, find none.
		for _, v := range []graph.Value{h.query, h.value, h.key} {
			delete(h.scope.masks, v.ID)
		}
	}
	if h.masks[0] != nil {
		h.setMask(y, *h.masks[0])
	}
	if h.flags["return_attention_scores"] {
		return []graph.Value{y, scores}
	}
	return []graph.Value{y}
}
