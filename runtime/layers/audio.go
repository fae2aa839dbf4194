package layers

import (
	"math"

	"github.com/kerasrun/kerasrun/keras"
	"github.com/kerasrun/kerasrun/runtime/graph"
)

type stftSpectrogramConfig struct {
	Mode        string             `json:"mode"`
	FrameLength int                `json:"frame_length"`
	FrameStep   *int               `json:"frame_step"`
	FFTLength   *int               `json:"fft_length"`
	Window      keras.TrainingOnly `json:"window"`
	Periodic    keras.TrainingOnly `json:"periodic"`
	Scaling     keras.TrainingOnly `json:"scaling"`
	Padding     graph.PadMode      `json:"padding"`
	ExpandDims  bool               `json:"expand_dims"`
	DataFormat  dataFormat         `json:"data_format"`
}

// stftSpectrogramLayer is the short-time Fourier transform of each channel: a
// convolution with the stored kernels, into which Keras put window, periodic and
// scaling. frame_step is frame_length/2 when it is not given, fft_length the
// next power of two; bins is fft_length/2 + 1, twice that with mode="stft".
//
//	x            (batch, n, channels)                   (batch, channels, n) with data_format="channels_first"
//	real_kernel  (frame_length, 1, fft_length/2 + 1)    unless mode is "imag"
//	imag_kernel  (frame_length, 1, fft_length/2 + 1)    unless mode is "real"
//	result       (batch, n', channels·bins)             (batch, n', bins, channels) with expand_dims;
//	             (batch, channels·bins, n')             (batch, channels, n', bins) with data_format="channels_first"
//
// See https://keras.io/api/layers/preprocessing_layers/audio_preprocessing/stft_spectrogram/.
var stftSpectrogramLayer = define1("STFTSpectrogram",
	stftSpectrogramConfig{Mode: "log", FrameLength: 256, Padding: graph.Valid, DataFormat: channelsLast},
	func(s *scope, c stftSpectrogramConfig, x graph.Value) graph.Value {
		if !s.rank(x, 3) {
			return none()
		}
		if !x.DType.Floating() {
			s.Failf("%w: input is %v, want a floating type", graph.ErrDType, x.DType)
			return none()
		}
		frame := s.size("frame_length", c.FrameLength)
		step, fft := frame/2, 1
		if c.FrameStep != nil {
			step = *c.FrameStep
		}
		if step = s.size("frame_step", step); step > frame {
			s.Failf("%w: frame_step is %d for a frame_length of %d", graph.ErrAttr, step, frame)
		}
		for fft < frame {
			fft *= 2
		}
		if c.FFTLength != nil {
			if fft = s.size("fft_length", *c.FFTLength); fft < frame {
				s.Failf("%w: fft_length is %d for a frame_length of %d", graph.ErrAttr, fft, frame)
			}
		}
		x = s.toLast(c.DataFormat, x)
		channels := x.Dim(-1)
		if channels == graph.Dyn {
			s.Failf("%w: the number of channels is not known", graph.ErrShape)
		}
		if s.Err() != nil {
			return none()
		}
		// Every channel is an image of one column: (batch, n, channels, 1).
		x = s.insertAxis(x, 3)
		op := graph.Conv{
			Strides: []int{step, 1}, Dilation: []int{1, 1}, Groups: 1, Padding: s.padding(c.Padding, false),
		}
		transform := func(name string) graph.Value {
			k := s.Weight(name, frame, 1, fft/2+1)
			return s.Apply(op, x, s.Apply(graph.Reshape{Dims: []int{frame, 1, 1, fft/2 + 1}}, k))
		}
		y := s.spectrum(c.Mode, transform) // (batch, n', channels, bins)
		if s.Err() != nil {
			return none()
		}
		switch {
		case c.ExpandDims && c.DataFormat == channelsFirst:
			return s.Apply(graph.Transpose{Perm: []int{0, 2, 1, 3}}, y)
		case c.ExpandDims:
			return s.Apply(graph.Transpose{Perm: []int{0, 1, 3, 2}}, y)
		}
		return s.fromLast(c.DataFormat, s.Apply(graph.Reshape{Dims: []int{graph.KeepDim(0), graph.KeepDim(1), channels * y.Dim(-1)}}, y))
	})

// spectrum makes of the parts of a Fourier transform what an STFTSpectrogram of
// that mode returns; transform calculates a part by the name of its kernel. The
// bins are the last axis.
func (s *scope) spectrum(mode string, transform func(kernel string) graph.Value) graph.Value {
	switch mode {
	case "real":
		return transform("real_kernel")
	case "imag":
		return transform("imag_kernel")
	case "angle", "stft", "psd", "magnitude", "log":
	default:
		s.Failf("%w: mode is %q", graph.ErrAttr, mode)
		return none()
	}
	re, im := transform("real_kernel"), transform("imag_kernel")
	switch mode {
	case "angle":
		return s.Apply(graph.Binary{Func: graph.Atan2}, im, re)
	case "stft":
		return s.Apply(graph.Concat{Axis: -1}, re, im)
	}
	power := s.Apply(graph.Binary{Func: graph.Add}, s.Apply(graph.Unary{Func: graph.Square}, re), s.Apply(graph.Unary{Func: graph.Square}, im))
	if s.Err() != nil {
		return none()
	}
	if mode == "psd" {
		// The bins between the first and the last stand for their mirror images too.
		twice, ok := s.Zeros(power.DType, power.Dim(-1))
		if !ok {
			return none()
		}
		for i := range power.Dim(-1) {
			twice.SetFloat(i, 2)
		}
		twice.SetFloat(0, 1)
		twice.SetFloat(power.Dim(-1)-1, 1)
		return s.Apply(graph.Binary{Func: graph.Mul}, power, s.Const(twice))
	}
	least := s.Scalar(power.DType, 1e-7) // keras.config.epsilon(), which no file holds
	magnitude := s.Apply(graph.Unary{Func: graph.Sqrt}, s.Apply(graph.Binary{Func: graph.Maximum}, power, least))
	if mode == "magnitude" {
		return magnitude
	}
	return s.Apply(graph.Unary{Func: graph.Log}, s.Apply(graph.Binary{Func: graph.Maximum}, magnitude, least))
}

type melSpectrogramConfig struct {
	FFTLength      int          `json:"fft_length"`
	SequenceStride int          `json:"sequence_stride"`
	SequenceLength *int         `json:"sequence_length"`
	Window         *keras.Value `json:"window"`
	SamplingRate   float64      `json:"sampling_rate"`
	NumMelBins     int          `json:"num_mel_bins"`
	MinFreq        float64      `json:"min_freq"`
	MaxFreq        *float64     `json:"max_freq"`
	PowerToDB      bool         `json:"power_to_db"`
	TopDB          float64      `json:"top_db"`
	MagExp         float64      `json:"mag_exp"`
	MinPower       float64      `json:"min_power"`
	RefPower       float64      `json:"ref_power"`
}

// melSpectrogramLayer is the power (mag_exp=2) of the frequencies of a signal over
// time, summed in overlapping triangles of equal width on the mel scale; with
// power_to_db in decibels over ref_power, at most top_db below the largest of the
// batch. The signal is mirrored at its ends by fft_length/2, and a frame of
// sequence_length samples (fft_length when not given) weighed by window: "hann",
// "hamming", null or a list.
//
//	x       (batch, n)
//	result  (batch, num_mel_bins, n/sequence_stride + 1)
//
// See https://keras.io/api/layers/preprocessing_layers/audio_preprocessing/mel_spectrogram/.
var melSpectrogramLayer = define1("MelSpectrogram",
	melSpectrogramConfig{FFTLength: 2048, SequenceStride: 512, Window: keras.NewString("hann"), SamplingRate: 16000, NumMelBins: 128,
		MinFreq: 20, PowerToDB: true, TopDB: 80, MagExp: 2, MinPower: 1e-10, RefPower: 1},
	func(s *scope, c melSpectrogramConfig, x graph.Value) graph.Value {
		fft, stride, bins := s.size("fft_length", c.FFTLength), s.size("sequence_stride", c.SequenceStride), s.size("num_mel_bins", c.NumMelBins)
		length := fft
		if c.SequenceLength != nil && *c.SequenceLength != 0 {
			if length = s.size("sequence_length", *c.SequenceLength); length > fft {
				s.Failf("%w: sequence_length is %d for an fft_length of %d", graph.ErrAttr, length, fft)
			}
		}
		if fft > maxFFT || bins > maxFFT {
			s.Failf("%w: fft_length is %d and num_mel_bins %d, want %d at most", keras.ErrUnsupported, fft, bins, maxFFT)
		}
		if s.Err() != nil {
			return none()
		}
		window := s.taper(c.Window, length)
		if !s.rank(x, 2) {
			return none()
		}
		d := s.compute
		if d != graph.Float64 {
			d = graph.Float32
		}
		if n := x.Dim(1); n != graph.Dyn && n <= fft/2 {
			s.Failf("%w: %d samples for an fft_length of %d", graph.ErrShape, n, fft)
			return none()
		}
		// The zeros that Keras puts around the window take as much from the borders.
		left := (fft - length) / 2
		before, after := fft/2-left, fft/2-(fft-length-left)
		x = s.Apply(graph.Pad{Before: []int{0, before}, After: []int{0, after}, Mode: graph.FillReflect}, s.cast(s.cast(x, s.compute), d))
		waves, ok := s.Zeros(d, length, 1, 2*(fft/2+1))
		if !ok {
			return none()
		}
		for t, w := range window {
			for k := range fft/2 + 1 {
				sin, cos := math.Sincos(2 * math.Pi * float64(k*t%fft) / float64(fft))
				waves.SetFloat(2*(t*(fft/2+1)+k), w*cos)
				waves.SetFloat(2*(t*(fft/2+1)+k)+1, w*sin)
			}
		}
		op := graph.Conv{Strides: []int{stride}, Dilation: []int{1}, Groups: 1, Padding: s.padding(graph.Valid, false)}
		y := s.Apply(graph.Unary{Func: graph.Square}, s.Apply(op, s.insertAxis(x, 2), s.Const(waves)))
		y = s.Apply(graph.Reshape{Dims: []int{graph.KeepDim(0), graph.KeepDim(1), fft/2 + 1, 2}}, y)
		y = s.Apply(graph.Reduce{Func: graph.ReduceSum, Axes: []int{3}}, y)
		scalar := func(n float64) graph.Value { return s.Scalar(d, n) }
		by := func(f graph.BinaryFunc, x graph.Value, n float64) graph.Value {
			return s.Apply(graph.Binary{Func: f}, x, scalar(n))
		}
		if c.MagExp != 2 {
			y = by(graph.Pow, s.Apply(graph.Unary{Func: graph.Sqrt}, y), c.MagExp)
		}
		y = s.Apply(graph.MatMul{}, y, s.triangles(c, d, fft/2+1))
		if c.PowerToDB {
			y = by(graph.Mul, s.Apply(graph.Unary{Func: graph.Log10}, by(graph.Maximum, y, c.MinPower)), 10)
			y = by(graph.Sub, y, 10*math.Log10(max(math.Abs(c.RefPower), c.MinPower)))
			top := s.Apply(graph.Reduce{Func: graph.ReduceMax, Axes: []int{0, 1, 2}}, y)
			y = s.Apply(graph.Binary{Func: graph.Maximum}, y, by(graph.Sub, top, c.TopDB))
		}
		return s.cast(s.Apply(graph.Transpose{Perm: []int{0, 2, 1}}, y), s.compute)
	})

// maxFFT bounds fft_length and num_mel_bins, whose products are constants.
const maxFFT = 1 << 13

// taper returns the weights that a window gives to n samples.
func (s *scope) taper(v *keras.Value, n int) []float64 {
	w := make([]float64, n)
	name, named := v.Str()
	switch {
	case v.IsNull():
		for i := range w {
			w[i] = 1
		}
	case named && (name == "hann" || name == "hamming"):
		a := 0.5
		if name == "hamming" {
			a = 0.54
		}
		period := n - n%2 // TensorFlow's is periodic for even n only
		if n == 1 {
			a, period = 1, 1
		}
		for i := range w {
			w[i] = a - (1-a)*math.Cos(2*math.Pi*float64(i)/float64(period))
		}
	case v.Len() == n && !named:
		for i, it := range v.Items() {
			var ok bool
			if w[i], ok = it.Float(); !ok {
				s.Failf("%w: window has %s, want numbers", keras.ErrFormat, it.JSON())
			}
		}
	default:
		s.Failf("%w: window is %s for %d samples", graph.ErrAttr, v.JSON(), n)
	}
	return w
}

// triangles returns the weight of each frequency in each bin of the mel scale.
func (s *scope) triangles(c melSpectrogramConfig, d graph.DType, frequencies int) graph.Value {
	mel := func(hertz float64) float64 { return 1127 * math.Log(1+hertz/700) }
	most := math.Trunc(c.SamplingRate / 2)
	if c.MaxFreq != nil && *c.MaxFreq != 0 {
		most = *c.MaxFreq
	}
	low, high := mel(c.MinFreq), mel(most)
	width := (high - low) / float64(c.NumMelBins+1)
	m, ok := s.Zeros(d, frequencies, c.NumMelBins)
	if !ok {
		return none()
	}
	for k := 1; k < frequencies; k++ { // the first, 0 Hz, counts nowhere
		at := (mel(c.SamplingRate/2*float64(k)/float64(frequencies-1)) - low) / width
		for b := range c.NumMelBins {
			m.SetFloat(k*c.NumMelBins+b, max(0, min(at-float64(b), float64(b+2)-at)))
		}
	}
	return s.Const(m)
}
