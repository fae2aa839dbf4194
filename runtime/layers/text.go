package layers

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/kerasrun/kerasrun/keras"
	"github.com/kerasrun/kerasrun/runtime/graph"
)

type hashingConfig struct {
	NumBins    int          `json:"num_bins"`
	MaskValue  *keras.Value `json:"mask_value"`
	Salt       saltKey      `json:"salt"`
	OutputMode string       `json:"output_mode"`
	Sparse     bool         `json:"sparse"`
}

// hashingLayer numbers the bin of each string or integer by the hash of its
// text: FarmHash, or SipHash with a salt. A mask_value has bin 0 to itself.
// Other output modes are those of CategoryEncoding over the bins.
//
//	x       (batch, ...)    strings or whole numbers
//	result  (batch, ...)    whole numbers with output_mode "int"
//
// See https://keras.io/api/layers/preprocessing_layers/categorical/hashing/.
var hashingLayer = define1("Hashing", hashingConfig{OutputMode: "int"},
	func(s *scope, c hashingConfig, x graph.Value) graph.Value {
		bins := s.size("num_bins", c.NumBins)
		if s.Err() != nil {
			return none()
		}
		if s.version.Major >= 3 && c.OutputMode == "one_hot" && x.Rank() > 1 && x.Dim(-1) == 1 {
			x = s.dropLast(x)
		}
		masked := !c.MaskValue.IsNull() && bins > 1
		var mask graph.Value
		if masked {
			bins--
			mask = s.Apply(graph.Binary{Func: graph.Equal}, x, s.element("mask_value", c.MaskValue, x.DType))
		}
		if x.DType.Floating() && s.version.Major >= 3 {
			x = s.cast(x, graph.Int64)
		}
		y := s.hash(x, bins, c.Salt)
		if masked {
			y = s.Apply(graph.Binary{Func: graph.Add}, y, s.Scalar(graph.Int64, 1))
			y = s.Apply(graph.Where{}, mask, s.Scalar(graph.Int64, 0), y)
		}
		return s.categories(y, c.OutputMode, c.NumBins, s.indexType(c.OutputMode), c.Sparse, nil)
	})

// A saltKey is null or two numbers of 64 bits, also where an int has 32.
type saltKey []int64

// UnmarshalKeras implements [keras.Unmarshaler].
func (k *saltKey) UnmarshalKeras(v *keras.Value) error {
	*k = nil
	if v.IsNull() {
		return nil
	}
	items := []*keras.Value{v}
	if v.Kind() == keras.Array {
		items = v.Items()
	}
	*k = saltKey{}
	for _, it := range items {
		n, err := strconv.ParseInt(it.JSON(), 10, 64)
		if err != nil {
			return fmt.Errorf("%w: %s, want a whole number or two", keras.ErrFormat, v.JSON())
		}
		*k = append(*k, n)
	}
	if v.Kind() != keras.Array {
		*k = append(*k, (*k)[0]) // a number stands for two
	}
	return nil
}

// String returns k as Keras writes a list.
func (k saltKey) String() string {
	if k == nil {
		return "null"
	}
	return strings.ReplaceAll(fmt.Sprint([]int64(k)), " ", ",")
}

// hash numbers bins by FarmHash, or by SipHash with a salt.
func (s *scope) hash(x graph.Value, bins int, salt saltKey) graph.Value {
	op := graph.Hash{Bins: bins, Strong: salt != nil}
	switch {
	case salt == nil:
	case len(salt) == 2:
		op.Key = [2]uint64{uint64(salt[0]), uint64(salt[1])}
	default:
		s.Failf("%w: salt is %v, want a number or two", graph.ErrAttr, salt)
	}
	return s.Apply(op, x)
}

// indexType is the type of the results of a layer that numbers elements: the
// compute dtype, unless that is none of indices.
func (s *scope) indexType(mode string) graph.DType {
	if mode == "int" && !s.compute.Integer() {
		return graph.Int64
	}
	return s.compute
}

// element is the value of a config key as a scalar of type d.
func (s *scope) element(key string, v *keras.Value, d graph.DType) graph.Value {
	text, isText := v.Str()
	n, isNumber := v.Float()
	switch {
	case isText && d == graph.String:
		return s.Const(graph.Tensor{DType: d, Shape: graph.Shape{}, Data: []string{text}})
	case isNumber && d != graph.String:
		return s.Scalar(d, n)
	}
	s.Failf("%w: %s is %s for elements of type %v", graph.ErrAttr, key, v.JSON(), d)
	return none()
}

// dropLast drops the last axis, which is 1.
func (s *scope) dropLast(x graph.Value) graph.Value {
	var dims []int
	for i := range x.Rank() - 1 {
		dims = append(dims, graph.KeepDim(i))
	}
	return s.Apply(graph.Reshape{Dims: dims}, x)
}

type hashedCrossingConfig struct {
	NumBins    int    `json:"num_bins"`
	OutputMode string `json:"output_mode"`
	Sparse     bool   `json:"sparse"`
}

// hashedCrossingLayer numbers the bin of each combination of its inputs'
// elements by a hash, as tf.sparse.cross_hashed does.
//
//	x...    (batch,) or (batch, 1)    strings or whole numbers
//	result  the same; (batch, num_bins) with output_mode "one_hot"
//
// See https://keras.io/api/layers/preprocessing_layers/categorical/hashed_crossing/.
var hashedCrossingLayer = define("HashedCrossing", hashedCrossingConfig{OutputMode: "int"},
	func(s *scope, c hashedCrossingConfig, in []graph.Value) []graph.Value {
		if c.OutputMode != "int" && c.OutputMode != "one_hot" {
			s.Failf("%w: output_mode is %q", graph.ErrAttr, c.OutputMode)
		}
		if len(in) < 2 {
			s.Failf("%w: %d inputs, want 2 or more", graph.ErrShape, len(in))
		}
		bins := s.size("num_bins", c.NumBins)
		if s.Err() != nil {
			return nil
		}
		for _, x := range in {
			if r := x.Rank(); r > 2 || r < 1 || r == 2 && x.Dim(-1) != 1 {
				s.Failf("%w: input is %v, want (batch) or (batch, 1)", graph.ErrShape, x.Shape)
				return nil
			}
		}
		y := s.Apply(graph.CrossHash{Bins: bins}, in...)
		return []graph.Value{s.categories(y, c.OutputMode, bins, s.indexType(c.OutputMode), c.Sparse, nil)}
	})

type lookupConfig struct {
	Invert          bool               `json:"invert"`
	MaxTokens       *int               `json:"max_tokens"`
	NumOOVIndices   int                `json:"num_oov_indices"`
	OOVToken        *keras.Value       `json:"oov_token"`
	MaskToken       *keras.Value       `json:"mask_token"`
	OutputMode      string             `json:"output_mode"`
	Sparse          bool               `json:"sparse"`
	PadToMaxTokens  bool               `json:"pad_to_max_tokens"`
	VocabularyDType string             `json:"vocabulary_dtype"`
	IDFWeights      numbers            `json:"idf_weights"`
	Vocabulary      *keras.Value       `json:"vocabulary"`
	VocabularySize  keras.TrainingOnly `json:"vocabulary_size"`
	OOVMethod       string             `json:"oov_method"`
	Salt            saltKey            `json:"salt"`
	Encoding        string             `json:"encoding"`
}

// integerLookupLayer numbers whole numbers by their place in a vocabulary,
// after a place for mask_token and num_oov_indices for the numbers that are not
// in it. Other output modes are those of CategoryEncoding over the places, without
// one for mask_token; "tf_idf" weighs counts. invert turns places into numbers.
//
//	x            (batch, ...)       whole numbers
//	idf_weights  (vocabulary)       with output_mode "tf_idf"
//	result       (batch, ...)       places with output_mode "int"
//
// See https://keras.io/api/layers/preprocessing_layers/categorical/integer_lookup/.
var integerLookupLayer = define1("IntegerLookup", lookupConfig{OutputMode: "int", NumOOVIndices: 1, OOVMethod: "floormod", VocabularyDType: "int64", Encoding: "utf-8", OOVToken: keras.NewInt(-1)},
	func(s *scope, c lookupConfig, x graph.Value) graph.Value { return s.lookup(c, x) })

// stringLookupLayer numbers strings by their place in a vocabulary, as
// IntegerLookup does whole numbers. The strings that are not in the vocabulary
// are spread over several num_oov_indices by their hash.
//
//	x            (batch, ...)       strings
//	idf_weights  (vocabulary)       with output_mode "tf_idf"
//	result       (batch, ...)       places with output_mode "int"
//
// See https://keras.io/api/layers/preprocessing_layers/categorical/string_lookup/.
var stringLookupLayer = define1("StringLookup", lookupConfig{OutputMode: "int", NumOOVIndices: 1, OOVMethod: "floormod", VocabularyDType: "string", Encoding: "utf-8", OOVToken: keras.NewString("[UNK]")},
	func(s *scope, c lookupConfig, x graph.Value) graph.Value { return s.lookup(c, x) })

// lookup is IndexLookup, the base of the two classes.
func (s *scope) lookup(c lookupConfig, x graph.Value) graph.Value {
	d, ok := graph.ParseDType(c.VocabularyDType)
	if !ok || d != graph.String && d != graph.Int64 {
		s.Failf("%w: vocabulary_dtype is %q", keras.ErrUnsupported, c.VocabularyDType)
		return none()
	}
	if c.NumOOVIndices < 0 || c.NumOOVIndices > maxSize {
		s.Failf("%w: num_oov_indices is %d, want a number from 0 to %d", graph.ErrAttr, c.NumOOVIndices, maxSize)
		return none()
	}
	if c.OOVMethod != "floormod" && c.OOVMethod != "farmhash" {
		s.Failf("%w: oov_method is %q", graph.ErrAttr, c.OOVMethod)
	}
	if c.Invert && c.OutputMode != "int" {
		s.Failf("%w: invert with output_mode %q", graph.ErrAttr, c.OutputMode)
	}
	first := 0 // place of the first index for others
	if !c.MaskToken.IsNull() && c.OutputMode == "int" {
		first = 1
	}
	start := first + c.NumOOVIndices
	words, given := s.vocabulary(c, d, first)
	if s.Err() != nil {
		return none()
	}
	if key := d; !c.Invert && key == graph.String && x.DType != graph.String || (c.Invert || key == graph.Int64) && !x.DType.Integer() {
		s.Failf("%w: input is %v", graph.ErrDType, x.DType)
		return none()
	}
	if x.DType != graph.String {
		x = s.cast(x, graph.Int64)
	}
	if c.Invert {
		return s.places(c, x, words, first)
	}

	number := func(n int) graph.Value { return s.Scalar(graph.Int64, float64(n)) }
	keys := s.Const(words)
	if c.NumOOVIndices == 0 && !c.MaskToken.IsNull() { // all others stop the run
		one := s.Apply(graph.Reshape{Dims: []int{1}}, s.element("mask_token", c.MaskToken, d))
		keys = s.Apply(graph.Concat{}, keys, one)
	}
	at := s.Apply(graph.Lookup{Strict: c.NumOOVIndices == 0}, x, keys)
	y := s.Apply(graph.Binary{Func: graph.Add}, at, number(start))
	var other graph.Value
	switch {
	case c.NumOOVIndices <= 1:
		other = number(first)
	case d == graph.Int64 && c.OOVMethod == "floormod":
		other = s.Apply(graph.Binary{Func: graph.Mod}, x, number(c.NumOOVIndices))
		other = s.Apply(graph.Binary{Func: graph.Add}, other, number(first))
	default:
		other = s.Apply(graph.Binary{Func: graph.Add}, s.hash(x, c.NumOOVIndices, c.Salt), number(first))
	}
	if c.NumOOVIndices > 0 {
		y = s.Apply(graph.Where{}, s.Apply(graph.Binary{Func: graph.Less}, at, number(0)), other, y)
	}
	if !c.MaskToken.IsNull() {
		place := 0
		if c.OutputMode != "int" {
			place = -1 // counts nowhere
		}
		mask := s.Apply(graph.Binary{Func: graph.Equal}, x, s.element("mask_token", c.MaskToken, d))
		y = s.Apply(graph.Where{}, mask, number(place), y)
	}

	depth := s.vocabularySize(c, start, words)
	result := graph.Int64
	if s.version.Major < 3 {
		result = s.indexType(c.OutputMode)
	}
	if s.Err() != nil {
		return none()
	}
	if c.OutputMode != "tf_idf" {
		return s.categories(y, c.OutputMode, depth, result, c.Sparse, nil)
	}
	return s.weigh(c, s.categories(y, "count", depth, result, c.Sparse, nil), words.Len(), given, start)
}

// vocabularySize is the number of places of a vocabulary whose first word has
// the place start, with those that pad_to_max_tokens adds.
func (s *scope) vocabularySize(c lookupConfig, start int, words graph.Tensor) int {
	n := start + words.Len()
	if c.MaxTokens != nil && n > s.size("max_tokens", *c.MaxTokens) {
		s.Failf("%w: max_tokens is %d with a vocabulary of %d", graph.ErrAttr, *c.MaxTokens, n)
	}
	switch {
	case !c.PadToMaxTokens:
		return n
	case c.MaxTokens == nil:
		s.Failf("%w: pad_to_max_tokens without max_tokens", graph.ErrAttr)
		return n
	}
	return *c.MaxTokens
}

// weigh multiplies counts by idf_weights: those of the config, for the given
// words, or those that are stored, for every place. Keras 3 stores what adapt
// learnt, Keras 2 always.
func (s *scope) weigh(c lookupConfig, counts graph.Value, words, given, start int) graph.Value {
	float := graph.Float32
	if s.version.Major < 3 && s.compute.Floating() {
		float = s.compute
	}
	if s.Err() != nil {
		return none()
	}
	depth := counts.Dim(-1)
	weights := c.IDFWeights.data
	if !c.Vocabulary.IsNull() && len(weights) != given {
		s.Failf("%w: %d idf_weights for a vocabulary of %d", keras.ErrFormat, len(weights), given)
	}
	var idf graph.Value
	if s.version.Major < 3 || c.Vocabulary.IsNull() {
		idf = s.declare("idf_weights", false, float, graph.Shape{depth})
	} else {
		idf = s.idf(weights, float, given == words, start, depth)
	}
	return s.Apply(graph.Binary{Func: graph.Mul}, s.cast(counts, float), idf)
}

// idf returns the weights of depth places: when only words have one, their mean
// in front; zeros behind.
func (s *scope) idf(weights []float64, d graph.DType, words bool, start, depth int) graph.Value {
	all, ok := s.Zeros(d, depth)
	if !ok {
		return none()
	}
	front := 0
	if words {
		front = start
	}
	mean := 0.0
	for i, w := range weights {
		mean += w
		all.SetFloat(front+i, w)
	}
	for i := range front {
		all.SetFloat(i, mean/float64(len(weights)))
	}
	return s.Const(all)
}

// vocabulary returns the words from the config or from the layer's file in the
// archive, without the special tokens that may stand in front, and how many
// there were with them.
func (s *scope) vocabulary(c lookupConfig, d graph.DType, masks int) (words graph.Tensor, given int) {
	if c.Encoding != "utf-8" {
		s.Failf("%w: encoding is %q", keras.ErrUnsupported, c.Encoding)
	}
	var texts []string
	if c.Vocabulary.IsNull() {
		text, ok := s.options.Vocabularies[s.file]
		if !ok {
			s.Failf("%w: the vocabulary is not in the file; Keras keeps one that adapt learnt in .keras files only", keras.ErrUnsupported)
			return words, 0
		}
		if strings.ContainsAny(text, "\r\v\f\x1c\x1d\x1e\u0085\u2028\u2029") {
			s.Failf("%w: a vocabulary with line separators other than newlines", keras.ErrUnsupported)
		}
		if s.version.Major >= 3 {
			text = strings.TrimRight(text, "\n")
		}
		texts = strings.Split(text, "\n")
	} else {
		if name, ok := c.Vocabulary.Str(); ok {
			s.Failf("%w: vocabulary is %q; no file or URL that a config names is opened", keras.ErrUnsupported, name)
			return words, 0
		}
		for _, it := range c.Vocabulary.Items() {
			text, isText := it.Str()
			n, isNumber := it.Int()
			switch {
			case isText && d == graph.String:
				texts = append(texts, text)
			case isNumber && d == graph.Int64:
				texts = append(texts, strconv.Itoa(n))
			default:
				s.Failf("%w: vocabulary has %s, want elements of type %v", keras.ErrFormat, it.JSON(), d)
				return words, 0
			}
		}
	}
	given = len(texts)
	special := make([]string, 0, masks+len(texts))
	for range masks {
		special = append(special, plainText(c.MaskToken))
	}
	for range min(c.NumOOVIndices, len(texts)) {
		special = append(special, plainText(c.OOVToken))
	}
	if n := masks + c.NumOOVIndices; n <= len(texts) && slices.Equal(special[:n], texts[:n]) {
		texts = texts[n:]
	}
	if len(texts) == 0 {
		s.Failf("%w: the vocabulary is empty", keras.ErrFormat)
		return words, 0
	}
	words = graph.NewTensor(d, graph.Shape{len(texts)})
	seen := make(map[string]bool, len(texts))
	for i, t := range texts {
		if seen[t] {
			s.Failf("%w: the vocabulary has %q twice", keras.ErrFormat, t)
		}
		seen[t] = true
		if d == graph.String {
			words.Data.([]string)[i] = t
			continue
		}
		n, err := strconv.ParseInt(t, 10, 64)
		if err != nil {
			s.Failf("%w: vocabulary has %q, want whole numbers", keras.ErrFormat, t)
		}
		words.Data.([]int64)[i] = n
	}
	return words, given
}

// plainText is a token as a vocabulary file has it.
func plainText(v *keras.Value) string {
	if text, ok := v.Str(); ok {
		return text
	}
	return v.JSON()
}

// places turns places back into words: the table has oov_token in front, for
// numbers that are no places.
func (s *scope) places(c lookupConfig, x graph.Value, words graph.Tensor, masks int) graph.Value {
	other := s.element("oov_token", c.OOVToken, words.DType)
	if s.Err() != nil {
		return none()
	}
	one := func(v graph.Value) graph.Value { return s.Apply(graph.Reshape{Dims: []int{1}}, v) }
	rows := []graph.Value{one(other)}
	if masks > 0 {
		rows = append(rows, one(s.element("mask_token", c.MaskToken, words.DType)))
	}
	if c.NumOOVIndices > 0 {
		rows = append(rows, s.Apply(graph.Tile{Reps: []int{c.NumOOVIndices}}, one(other)))
	}
	n := masks + c.NumOOVIndices + words.Len()
	known, ok := s.Zeros(graph.Int64, n)
	if !ok {
		return none()
	}
	for i := range n {
		known.SetFloat(i, float64(i))
	}
	at := s.Apply(graph.Lookup{}, x, s.Const(known))
	at = s.Apply(graph.Binary{Func: graph.Add}, at, s.Scalar(graph.Int64, 1))
	return s.Apply(graph.Gather{}, s.Apply(graph.Concat{}, append(rows, s.Const(words))...), at)
}

type textVectorizationConfig struct {
	MaxTokens            *int               `json:"max_tokens"`
	Standardize          *keras.Value       `json:"standardize"`
	Split                *keras.Value       `json:"split"`
	NGrams               whole              `json:"ngrams"`
	OutputMode           string             `json:"output_mode"`
	OutputSequenceLength *int               `json:"output_sequence_length"`
	PadToMaxTokens       bool               `json:"pad_to_max_tokens"`
	Sparse               bool               `json:"sparse"`
	Ragged               bool               `json:"ragged"`
	Vocabulary           *keras.Value       `json:"vocabulary"`
	VocabularySize       keras.TrainingOnly `json:"vocabulary_size"`
	IDFWeights           numbers            `json:"idf_weights"`
	Encoding             string             `json:"encoding"`
}

// textVectorizationLayer splits texts into tokens and numbers those by their
// place in a vocabulary: 0 is padding and 1 a token that is not in it. The other
// output modes mark, count or weigh tokens as StringLookup does.
//
// Python functions for standardize and split, ragged and sparse results are
// refused, and so is output_mode "int" with a split but without
// output_sequence_length: the size of its result depends on the texts.
//
//	x            (batch, 1) or (batch)              texts; (batch, n) tokens with split=None
//	idf_weights  (vocabulary)                       with output_mode "tf_idf"
//	result       (batch, output_sequence_length)    places with output_mode "int"
//	             (batch, vocabulary)                with "multi_hot", "count" and "tf_idf"
//
// See https://keras.io/api/layers/preprocessing_layers/text/text_vectorization/.
var textVectorizationLayer = define1("TextVectorization",
	textVectorizationConfig{Standardize: keras.NewString("lower_and_strip_punctuation"), Split: keras.NewString("whitespace"), OutputMode: "int", Encoding: "utf-8"},
	func(s *scope, c textVectorizationConfig, x graph.Value) graph.Value {
		op := s.tokens(c)
		l := lookupConfig{
			MaxTokens: c.MaxTokens, NumOOVIndices: 1, OOVToken: keras.NewString("[UNK]"), MaskToken: keras.NewString(""), OutputMode: c.OutputMode,
			PadToMaxTokens: c.PadToMaxTokens, IDFWeights: c.IDFWeights, Vocabulary: c.Vocabulary, Encoding: c.Encoding,
		}
		if x.DType != graph.String {
			s.Failf("%w: input is %v, want strings", graph.ErrDType, x.DType)
		}
		if c.Ragged || c.Sparse {
			s.Failf("%w: ragged and sparse results", keras.ErrUnsupported)
		}
		start := 1 // place of the first word
		if c.OutputMode == "int" {
			start = 2
		}
		words, given := s.vocabulary(l, graph.String, start-1)
		if s.Err() != nil {
			return none()
		}
		depth := s.vocabularySize(l, start, words)
		if op.Split != graph.NoSplit && x.Rank() > 1 {
			if x.Dim(-1) != 1 {
				s.Failf("%w: input is %v, want a last dimension of 1", graph.ErrShape, x.Shape)
				return none()
			}
			x = s.dropLast(x)
		}
		if c.OutputMode == "int" || c.OutputMode == "one_hot" {
			return s.tokenPlaces(c, op, x, words, depth)
		}
		if x.Rank() != 1 && op.Split != graph.NoSplit || x.Rank() != 2 && op.Split == graph.NoSplit {
			s.Failf("%w: output_mode %q of an input %v", keras.ErrUnsupported, c.OutputMode, x.Shape)
			return none()
		}
		op.Size, op.Count = depth, true
		y := s.Apply(op, x, s.Const(words))
		result := graph.Int64
		if s.version.Major < 3 {
			result = graph.Float32
		}
		switch c.OutputMode {
		case "tf_idf":
			return s.weigh(l, y, words.Len(), given, start)
		case "multi_hot":
			y = s.Apply(graph.Binary{Func: graph.Minimum}, y, s.Scalar(graph.Int64, 1))
		case "count":
		default:
			s.Failf("%w: output_mode is %q", graph.ErrAttr, c.OutputMode)
		}
		return s.cast(y, result)
	})

// tokens is the part of the op that says what a token is.
func (s *scope) tokens(c textVectorizationConfig) graph.Tokens {
	op := graph.Tokens{}
	name, isText := c.Standardize.Str()
	switch {
	case c.Standardize.IsNull():
	case name == "lower_and_strip_punctuation":
		op.Lower, op.Strip = true, true
	case name == "lower":
		op.Lower = true
	case name == "strip_punctuation":
		op.Strip = true
	case isText:
		s.Failf("%w: standardize is %q", graph.ErrAttr, name)
	default:
		s.Failf("%w: standardize is Python code: %s", keras.ErrUnsupported, c.Standardize.JSON())
	}
	name, isText = c.Split.Str()
	switch {
	case c.Split.IsNull():
	case name == "whitespace":
		op.Split = graph.SplitWhitespace
	case name == "character":
		op.Split = graph.SplitCharacter
	case isText:
		s.Failf("%w: split is %q", graph.ErrAttr, name)
	default:
		s.Failf("%w: split is Python code: %s", keras.ErrUnsupported, c.Split.JSON())
	}
	for _, n := range c.NGrams.list {
		n = s.size("ngrams", n)
		if c.NGrams.scalar && n <= maxNGrams { // all lengths up to it
			for i := range n - 1 {
				op.NGrams = append(op.NGrams, i+1)
			}
		}
		op.NGrams = append(op.NGrams, n)
		if c.NGrams.scalar && n > maxNGrams || len(op.NGrams) > maxNGrams {
			s.Failf("%w: ngrams is %v, want %d lengths at most", graph.ErrAttr, c.NGrams, maxNGrams)
			break
		}
	}
	return op
}

// maxNGrams bounds the lengths of n-grams of one layer.
const maxNGrams = 1 << 10

// tokenPlaces is TextVectorization with a place for each token.
func (s *scope) tokenPlaces(c textVectorizationConfig, op graph.Tokens, x graph.Value, words graph.Tensor, depth int) graph.Value {
	single := x.Rank() == 1 && op.Split == graph.NoSplit
	if single {
		if op.NGrams != nil || c.OutputSequenceLength != nil {
			s.Failf("%w: split is null and the input is %v: the batch would be one text", keras.ErrUnsupported, x.Shape)
			return none()
		}
		x = s.insertAxis(x, 1)
	}
	if op.Split != graph.NoSplit && c.OutputMode != "int" {
		s.Failf("%w: output_mode %q with a split", keras.ErrUnsupported, c.OutputMode)
		return none()
	}
	switch {
	case c.OutputSequenceLength != nil:
		op.Size = s.size("output_sequence_length", *c.OutputSequenceLength)
	case op.Split != graph.NoSplit || x.Dim(-1) == graph.Dyn:
		s.Failf("%w: no output_sequence_length: the size of the result depends on the texts", keras.ErrUnsupported)
	case op.NGrams == nil:
		op.Size = x.Dim(-1)
	default:
		for _, length := range op.NGrams {
			op.Size += max(0, x.Dim(-1)-length+1)
		}
	}
	if s.Err() != nil {
		return none()
	}
	y := s.Apply(op, x, s.Const(words))
	if single {
		y = s.dropLast(y)
	}
	if c.OutputMode == "int" {
		return y
	}
	y = s.Apply(graph.Binary{Func: graph.Sub}, y, s.Scalar(graph.Int64, 1)) // the empty token has no place
	return s.categories(y, c.OutputMode, depth, graph.Int64, false, nil)
}
