package layers

import (
	"slices"
	"strings"

	"github.com/kerasrun/kerasrun/keras"
	"github.com/kerasrun/kerasrun/runtime/graph"
)

// Masks say which time steps of a value count: (batch, time), Bool. Keras hangs
// them on tensors, from the layers that make them (Embedding, Masking) through
// those that pass them on to those that use them; a Functional model of Keras 3
// also passes them by keyword. See https://keras.io/guides/understanding_masking_and_padding/.

// A maskRule says what becomes of the masks of a layer's inputs.
type maskRule int

const (
	refuseMask maskRule = iota // what Keras does is not built
	dropMask
	passMask  // the results have the mask of the first input
	mergeMask // the result has the masks of the inputs together
	ownMask   // the layer's lowering knows
)

// maskRule is the rule of the class of s, as supports_masking and compute_mask
// of Keras 3.15 and tf_keras 2.21 have it.
func (s *scope) maskRule() maskRule {
	old := s.version.Major < 3
	switch s.class {
	case "Embedding", "ReversibleEmbedding", "Masking", "LSTM", "GRU", "SimpleRNN", "RNN", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D", "Bidirectional", "TimeDistributed", "GlobalAveragePooling1D",
		"Attention", "AdditiveAttention", "MultiHeadAttention", "GroupQueryAttention", "Pipeline", "SpectralNormalization":
		return ownMask
	case "Dense", "Activation", "ReLU", "LeakyReLU", "PReLU", "ELU", "ThresholdedReLU", "ParametricSoftplus", "SReLU", "Dropout", "SpatialDropout1D",
		"SpatialDropout2D", "SpatialDropout3D", "GaussianDropout", "AlphaDropout", "GaussianNoise",
		"ActivityRegularization", "BatchNormalization", "LayerNormalization", "UnitNormalization":
		return passMask
	case "Identity", "Rescaling", "Normalization":
		if old {
			return dropMask
		}
		return passMask
	case "GroupNormalization": // of Keras 2: leaves masked steps out of its moments
		if old {
			return refuseMask
		}
		return passMask
	case "Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum", "Concatenate":
		return mergeMask
	case "EinsumDense", "Dot", "CategoryEncoding", "Discretization", "Hashing", "HashedCrossing", "IntegerLookup", "StringLookup", "TextVectorization", "Reshape", "Flatten", "RepeatVector", "Permute", "RMSNormalization", "CenterCrop", "Resizing", "AutoContrast", "ContrastLimitedAdaptiveHistogramEqualization", "Equalization", "MaxNumBoundingBoxes", "STFTSpectrogram", "MelSpectrogram":
		return dropMask
	}
	for _, part := range []string{"Conv", "LocallyConnected", "Pooling", "Cropping", "UpSampling", "ZeroPadding", "Random"} {
		if strings.Contains(s.class, part) {
			return dropMask
		}
	}
	return refuseMask
}

// takesMask reports the classes that a mask can be passed to by keyword.
func takesMask(class string) bool {
	switch class {
	case "LSTM", "GRU", "SimpleRNN", "RNN", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D", "Bidirectional", "TimeDistributed", "GlobalAveragePooling1D":
		return true
	}
	return false
}

// implicitMask returns the mask that hangs on v.
func (s *scope) implicitMask(v graph.Value) (graph.Value, bool) {
	m, ok := s.masks[v.ID]
	return m, ok && s.Err() == nil
}

// setMask hangs a mask on v.
func (s *scope) setMask(v, mask graph.Value) {
	if s.Err() == nil {
		s.masks[v.ID] = s.truth(mask)
	}
}

// truth returns a mask as Bool.
func (s *scope) truth(mask graph.Value) graph.Value {
	return s.cast(mask, graph.Bool)
}

// sameMask hangs the mask of from on to, the same tensor in another form.
func (s *scope) sameMask(to, from graph.Value) graph.Value {
	if m, ok := s.implicitMask(from); ok && to.ID != from.ID {
		s.setMask(to, m)
	}
	return to
}

// apart returns v as a value of its own, which can have another mask.
func (s *scope) apart(v graph.Value) graph.Value {
	dims := make([]int, v.Rank())
	for i := range dims {
		dims[i] = graph.KeepDim(i)
	}
	return s.Apply(graph.Reshape{Dims: dims}, v)
}

// masked returns v with the given mask, whatever hung on it.
func (s *scope) masked(v, mask graph.Value) graph.Value {
	if m, ok := s.implicitMask(v); ok && m.ID == mask.ID {
		return v
	}
	v = s.apart(v)
	s.setMask(v, mask)
	return v
}

// unmasked returns values without masks.
func (s *scope) unmasked(vs []graph.Value) []graph.Value {
	out := make([]graph.Value, len(vs))
	for i, v := range vs {
		if out[i] = v; s.Err() == nil {
			if _, ok := s.masks[v.ID]; ok {
				out[i] = s.apart(v)
			}
		}
	}
	return out
}

// inputMask is the mask that the layer of s uses: the one passed by keyword,
// else the one that hangs on its first input.
func (s *scope) inputMask(in []graph.Value) (graph.Value, bool) {
	if m, ok := s.kwargs["mask"]; ok {
		return s.truth(m), true
	}
	if len(in) == 0 {
		return none(), false
	}
	return s.implicitMask(in[0])
}

// inputMasks are the masks of inputs, nil for none: those passed by keyword as
// a list, else those that hang on them.
func (s *scope) inputMasks(in []graph.Value) []*graph.Value {
	out := make([]*graph.Value, len(in))
	for i, v := range in {
		m, ok := s.implicitMask(v)
		if s.maskList != nil {
			if ok = i < len(s.maskList) && s.maskList[i] != nil; ok {
				m = s.truth(*s.maskList[i])
			}
		}
		if ok {
			out[i] = &m
		}
	}
	return out
}

// propagate gives the results of a layer, called on in, their masks.
func (s *scope) propagate(in, out []graph.Value) []graph.Value {
	if s.Err() != nil {
		return nil
	}
	var masks []graph.Value
	missing := 0
	for _, v := range in {
		if m, ok := s.implicitMask(v); ok {
			masks = append(masks, m)
		} else {
			missing++
		}
	}
	rule := s.maskRule()
	if len(masks) == 0 || rule == ownMask {
		return out
	}
	switch rule {
	case refuseMask:
		s.Failf("%w: called on a masked input", keras.ErrUnsupported)
		return nil
	case dropMask:
		return s.unmasked(out)
	case passMask:
		if m, ok := s.implicitMask(in[0]); ok {
			for _, v := range out {
				s.setMask(v, m)
			}
		}
		return out
	}
	out = s.unmasked(out) // of a single input
	if m, ok := s.mergedMask(in, masks, missing); ok {
		s.setMask(out[0], m)
	}
	return out
}

// eitherMask reports the versions from 3.4 on, whose merging layers let a step count
// that does in any input. Before, it had to count in all of them.
func (s *scope) eitherMask() bool {
	return !s.version.Before(3, 4)
}

// mergedMask is the mask of the result of a merging layer: a step counts if it
// does in all masked inputs, or by eitherMask in any input. Then an input
// without a mask counts everywhere, or in layers other than Concatenate takes
// the masks away.
func (s *scope) mergedMask(in, masks []graph.Value, missing int) (graph.Value, bool) {
	if s.class == "Concatenate" {
		axis, ok := s.layer.Config.Get("axis").Int()
		if !ok {
			axis = -1
		}
		if rank := in[0].Rank(); axis >= 0 {
			axis -= rank
		}
		switch {
		case axis == -1:
		case axis == 1-in[0].Rank() && missing == 0 && masks[0].Rank() == 2:
			return s.Apply(graph.Concat{Axis: 1}, masks...), true
		default:
			s.Failf("%w: concatenation of masked inputs along axis %d", keras.ErrUnsupported, axis+in[0].Rank())
			return none(), false
		}
	}
	f := graph.LogicalAnd
	if s.eitherMask() {
		if missing > 0 {
			return none(), false
		}
		f = graph.LogicalOr
	}
	m := masks[0]
	for _, other := range masks[1:] {
		m = s.Apply(graph.Binary{Func: f}, m, other)
	}
	return m, true
}

// customMask gives the results of a layer that the caller supplies, and whose
// function asked for no mask, theirs. Only for a Lambda is known what Keras does:
// its result has none, unless in Keras 3 it is the operand itself.
func (s *scope) customMask(in, out []graph.Value) []graph.Value {
	masked := slices.ContainsFunc(in, func(v graph.Value) bool { _, ok := s.implicitMask(v); return ok })
	switch {
	case !masked:
	case s.class != "Lambda" || !s.layer.Config.Get("mask").IsNull():
		s.Failf("%w: a supplied layer called on a masked input, whose function does not read the mask", keras.ErrUnsupported)
		return nil
	case s.version.Major < 3:
		return s.unmasked(out)
	}
	return out
}

// mergeMasked is f, a product, maximum or minimum of inputs of which some have a
// mask, by the rule of eitherMask: an input does not take part where it is
// masked. Where all are, a product is 0.
func (s *scope) mergeMasked(f graph.BinaryFunc, in []graph.Value) graph.Value {
	masks := make([]*graph.Value, len(in))
	for i, v := range in {
		if m, ok := s.implicitMask(v); ok {
			if m.Rank() != v.Rank()-1 || v.Rank() != in[0].Rank() {
				s.Failf("%w: a mask %v on an input %v", keras.ErrUnsupported, m.Shape, v.Shape)
				return none()
			}
			m = s.reshapeKeep(m, m.Rank(), true)
			masks[i] = &m
		}
	}
	in = s.merge(in)
	if s.Err() != nil {
		return none()
	}
	y, mask := in[0], masks[0]
	if f == graph.Mul && mask != nil {
		y = s.Apply(graph.Where{}, *mask, y, s.Scalar(y.DType, 1))
	}
	for i, v := range in[1:] {
		m := masks[i+1]
		switch {
		case m != nil && f == graph.Mul:
			v = s.Apply(graph.Where{}, *m, v, s.Scalar(v.DType, 1))
		case m != nil:
			v = s.Apply(graph.Where{}, *m, v, y)
		}
		if mask != nil && f != graph.Mul {
			y = s.Apply(graph.Where{}, *mask, y, v)
		}
		if m != nil && mask != nil {
			both := s.Apply(graph.Binary{Func: graph.LogicalOr}, *mask, *m)
			mask = &both
		} else {
			mask = nil
		}
		y = s.Apply(graph.Binary{Func: f}, y, v)
	}
	if f == graph.Mul && mask != nil {
		y = s.Apply(graph.Where{}, *mask, y, s.Scalar(y.DType, 0))
	}
	return y
}
