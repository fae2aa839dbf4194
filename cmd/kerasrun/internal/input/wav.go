package input

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/kerasrun/kerasrun"
)

// maxSamples bounds the samples of a sound, all channels together: 256 Mi, 1 GiB as float32.
const maxSamples = 1 << 28

// A sound is a decoded WAV file.
type sound struct {
	rate, channels int
	samples        []float32 // -1 to 1; the channels of a moment are neighbours
}

// The formats of WAV samples.
const (
	wavPCM        = 1
	wavFloat      = 3
	wavExtensible = 0xfffe
)

// readWAV reads a RIFF WAVE file of integer samples of 8, 16, 24 or 32 bits or floats of 32 or 64. Integers are divided by their
// largest value plus one, as tf.audio.decode_wav does with those of 16 bits.
func readWAV(f io.Reader) (sound, error) {
	var s sound
	var head [12]byte
	if _, err := io.ReadFull(f, head[:]); err != nil || string(head[:4]) != "RIFF" || string(head[8:]) != "WAVE" {
		return s, fmt.Errorf("%w: no WAVE file", kerasrun.ErrInput)
	}
	format, bits := 0, 0
	for {
		var chunk [8]byte
		if _, err := io.ReadFull(f, chunk[:]); err != nil {
			return s, fmt.Errorf("%w: the WAVE file ends before its data", kerasrun.ErrInput)
		}
		size := int64(binary.LittleEndian.Uint32(chunk[4:]))
		switch string(chunk[:4]) {
		case "fmt ":
			body := make([]byte, min(size, 64))
			if _, err := io.ReadFull(f, body); err != nil || len(body) < 16 {
				return s, fmt.Errorf("%w: a damaged header of the WAVE file", kerasrun.ErrInput)
			}
			format, bits = int(binary.LittleEndian.Uint16(body)), int(binary.LittleEndian.Uint16(body[14:]))
			s.channels, s.rate = int(binary.LittleEndian.Uint16(body[2:])), int(binary.LittleEndian.Uint32(body[4:]))
			if format == wavExtensible && len(body) >= 26 {
				format = int(binary.LittleEndian.Uint16(body[24:]))
			}
			size -= int64(len(body))
		case "data":
			if s.channels == 0 { // or there was no header
				return s, fmt.Errorf("%w: the WAVE file has data before its header", kerasrun.ErrInput)
			}
			return s, s.decode(io.LimitReader(f, size), format, bits)
		}
		if _, err := io.CopyN(io.Discard, f, size+size&1); err != nil { // chunks begin at even places
			return s, fmt.Errorf("%w: the WAVE file ends early", kerasrun.ErrInput)
		}
	}
}

// decode reads the samples, as many as there are.
func (s *sound) decode(f io.Reader, format, bits int) error {
	var sample func(b []byte) float32
	switch {
	case format == wavPCM && bits == 8:
		sample = func(b []byte) float32 { return (float32(b[0]) - 128) / 128 }
	case format == wavPCM && bits == 16:
		sample = func(b []byte) float32 { return float32(int16(binary.LittleEndian.Uint16(b))) / (1 << 15) }
	case format == wavPCM && bits == 24:
		sample = func(b []byte) float32 {
			return float32(int32(uint32(b[0])<<8|uint32(b[1])<<16|uint32(b[2])<<24)>>8) / (1 << 23)
		}
	case format == wavPCM && bits == 32:
		sample = func(b []byte) float32 {
			return float32(float64(int32(binary.LittleEndian.Uint32(b))) / (1 << 31))
		}
	case format == wavFloat && bits == 32:
		sample = func(b []byte) float32 { return math.Float32frombits(binary.LittleEndian.Uint32(b)) }
	case format == wavFloat && bits == 64:
		sample = func(b []byte) float32 { return float32(math.Float64frombits(binary.LittleEndian.Uint64(b))) }
	default:
		return fmt.Errorf("%w: WAVE samples of format %d and %d bits, want PCM of 8, 16, 24 or 32 bits or floats of 32 or 64", kerasrun.ErrUnsupported, format, bits)
	}
	width := bits / 8
	buffer := make([]byte, width<<12)
	for {
		n, err := io.ReadFull(f, buffer)
		for i := 0; i+width <= n; i += width {
			s.samples = append(s.samples, sample(buffer[i:]))
		}
		if len(s.samples) > maxSamples {
			return fmt.Errorf("%w: more than %d samples", kerasrun.ErrLimit, maxSamples)
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			s.samples = s.samples[:len(s.samples)/s.channels*s.channels]
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// mono is the mean of the channels.
func (s *sound) mono() []float32 {
	if s.channels == 1 {
		return s.samples
	}
	out := make([]float32, len(s.samples)/s.channels)
	for i := range out {
		sum := 0.0
		for _, v := range s.samples[i*s.channels : (i+1)*s.channels] {
			sum += float64(v)
		}
		out[i] = float32(sum / float64(s.channels))
	}
	return out
}

// audio reads a sound for an input (batch, samples) or (batch, samples, channels): the mean of the channels where the input has
// one, cut or filled with zeros at the end to its length, as tf.audio.decode_wav with desired_samples.
func (r *Reader) audio(f io.Reader, name string, in kerasrun.IO) (kerasrun.Tensor, error) {
	shape := in.Shape
	if in.DType == kerasrun.String || len(shape) != 2 && len(shape) != 3 {
		return kerasrun.Tensor{}, fmt.Errorf("%w: a sound, but input %q is %v %v: a sound needs (batch, samples) or (batch, samples, channels)", kerasrun.ErrInput, in.Name, in.DType, shape)
	}
	s, err := readWAV(f)
	if err != nil {
		return kerasrun.Tensor{}, err
	}
	if r.Rate > 0 && s.rate != r.Rate {
		return kerasrun.Tensor{}, fmt.Errorf("%w: %d samples a second, but the model takes %d", kerasrun.ErrInput, s.rate, r.Rate)
	}
	channels := 1
	if len(shape) == 3 && shape[2] != 1 {
		if channels = s.channels; shape[2] > 0 && shape[2] != channels {
			return kerasrun.Tensor{}, fmt.Errorf("%w: %d channels, but input %q is %v", kerasrun.ErrInput, channels, in.Name, shape)
		}
	}
	data := s.samples
	if channels == 1 {
		data = s.mono()
	}
	n := len(data) / channels
	if n == 0 {
		return kerasrun.Tensor{}, fmt.Errorf("%w: a sound without samples", kerasrun.ErrInput)
	}
	if want := shape[1]; want > 0 && want != n {
		r.mu.Lock()
		r.Cut = fmt.Sprintf("%s: %d samples cut or filled with zeros to %d", shown(name), n, want)
		r.mu.Unlock()
		fitted := make([]float32, want*channels)
		copy(fitted, data)
		data, n = fitted, want
	}
	if len(shape) == 2 {
		return kerasrun.Floats(data, 1, n), nil
	}
	return kerasrun.Floats(data, 1, n, channels), nil
}
