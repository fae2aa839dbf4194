package layers

import (
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
//	x            (batch, n, channels)
//	real_kernel  (frame_length, 1, fft_length/2 + 1)    unless mode is "imag"
//	imag_kernel  (frame_length, 1, fft_length/2 + 1)    unless mode is "real"
//	result       (batch, n', channels·bins)             (batch, n', bins, channels) with expand_dims
//
// data_format="channels_first" is refused.
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
			s.Failf("%w: frame_step is %d for frames of %d", graph.ErrAttr, step, frame)
		}
		for fft < frame {
			fft *= 2
		}
		if c.FFTLength != nil {
			if fft = s.size("fft_length", *c.FFTLength); fft < frame {
				s.Failf("%w: fft_length is %d for frames of %d", graph.ErrAttr, fft, frame)
			}
		}
		if c.DataFormat != channelsLast {
			s.Failf("%w: data_format %q", keras.ErrUnsupported, c.DataFormat)
		}
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
		if c.ExpandDims {
			return s.Apply(graph.Transpose{Perm: []int{0, 1, 3, 2}}, y)
		}
		return s.Apply(graph.Reshape{Dims: []int{graph.KeepDim(0), graph.KeepDim(1), channels * y.Dim(-1)}}, y)
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
		twice := graph.NewTensor(power.DType, graph.Shape{power.Dim(-1)})
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
