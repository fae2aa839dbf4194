package input

import (
	"bytes"
	"context"
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kerasrun/kerasrun"
)

// wav makes a file of samples, which are of a fixed size each.
func wav(format, channels, rate, bits int, samples any) []byte {
	var data, b bytes.Buffer
	_ = binary.Write(&data, binary.LittleEndian, samples)
	b.WriteString("RIFF\x00\x00\x00\x00WAVE")
	b.WriteString("LIST\x03\x00\x00\x00abc\x00") // skipped, with its padding
	b.WriteString("fmt \x10\x00\x00\x00")
	for _, v := range []any{uint16(format), uint16(channels), uint32(rate), uint32(rate * channels * bits / 8), uint16(channels * bits / 8), uint16(bits)} {
		_ = binary.Write(&b, binary.LittleEndian, v)
	}
	b.WriteString("data")
	_ = binary.Write(&b, binary.LittleEndian, uint32(data.Len()))
	b.Write(data.Bytes())
	return b.Bytes()
}

func TestReadWAV(t *testing.T) {
	for name, c := range map[string]struct {
		file []byte
		want []float32
	}{
		"8 bits":  {wav(wavPCM, 1, 8000, 8, []uint8{0, 128, 255}), []float32{-1, 0, 127.0 / 128}},
		"16 bits": {wav(wavPCM, 1, 8000, 16, []int16{-32768, 0, 16384, 32767}), []float32{-1, 0, 0.5, 32767.0 / 32768}},
		"24 bits": {wav(wavPCM, 1, 8000, 24, []uint8{0, 0, 0x80, 0, 0, 0x40}), []float32{-1, 0.5}},
		"32 bits": {wav(wavPCM, 1, 8000, 32, []int32{math.MinInt32, 1 << 30}), []float32{-1, 0.5}},
		"float":   {wav(wavFloat, 1, 8000, 32, []float32{-1.5, 0.25}), []float32{-1.5, 0.25}},
		"double":  {wav(wavFloat, 1, 8000, 64, []float64{0.125}), []float32{0.125}},
		"stereo":  {wav(wavPCM, 2, 8000, 16, []int16{0, 16384, -16384, -16384, 7}), []float32{0, 0.5, -0.5, -0.5}},
		"cut":     {wav(wavPCM, 1, 8000, 16, []int16{8192, 8192})[:12+12+24+8+2], []float32{0.25}},
	} {
		s, err := readWAV(bytes.NewReader(c.file))
		require.NoError(t, err, name)
		require.Equal(t, c.want, s.samples, name)
		require.Equal(t, 8000, s.rate, name)
	}
	good := wav(wavPCM, 1, 8000, 16, []int16{1})
	for name, c := range map[string]struct {
		file []byte
		want error
	}{
		"mu-law":  {wav(7, 1, 8000, 8, []uint8{1}), kerasrun.ErrUnsupported},
		"12 bits": {wav(wavPCM, 1, 8000, 12, []int16{1}), kerasrun.ErrUnsupported},
		"no head": {good[:11], kerasrun.ErrInput},
		"no data": {good[:12+12+24], kerasrun.ErrInput},
		"no fmt":  {append([]byte("RIFF\x00\x00\x00\x00WAVE"), "data\x02\x00\x00\x00ab"...), kerasrun.ErrInput},
		"zero":    {wav(wavPCM, 0, 8000, 16, []int16{1}), kerasrun.ErrInput},
	} {
		_, err := readWAV(bytes.NewReader(c.file))
		require.ErrorIs(t, err, c.want, name)
	}
}

func TestAudioInputs(t *testing.T) {
	file := filepath.Join(t.TempDir(), "tone.wav")
	require.NoError(t, os.WriteFile(file, wav(wavPCM, 2, 16000, 16, []int16{0, 16384, 8192, 8192, -16384, -16384}), 0o666))
	read := func(rate int, shape ...int) (Group, *Reader, error) {
		r := &Reader{Inputs: []kerasrun.IO{{Name: "x", DType: kerasrun.Float32, Shape: shape}}, Rate: rate}
		g, err := r.Read(context.Background(), file)
		return g, r, err
	}
	for _, c := range []struct {
		shape, got []int
		want       []float32
		cut        bool
	}{
		{[]int{-1, -1}, []int{1, 3}, []float32{0.25, 0.25, -0.5}, false},
		{[]int{-1, 3, 1}, []int{1, 3, 1}, []float32{0.25, 0.25, -0.5}, false},
		{[]int{-1, 2}, []int{1, 2}, []float32{0.25, 0.25}, true},
		{[]int{-1, 4, 2}, []int{1, 4, 2}, []float32{0, 0.5, 0.25, 0.25, -0.5, -0.5, 0, 0}, true},
	} {
		g, r, err := read(16000, c.shape...)
		require.NoError(t, err)
		require.Equal(t, kerasrun.Floats(c.want, c.got...), g.Tensors[0])
		require.Equal(t, c.cut, r.Cut != "")
	}
	_, _, err := read(8000, -1, 3)
	require.ErrorContains(t, err, "tone.wav: invalid input: 16000 samples a second, but the model takes 8000")
	_, _, err = read(0, -1, 3, 5)
	require.ErrorContains(t, err, "2 channels, but input")
	_, _, err = read(0, -1, 3, 3, 1)
	require.ErrorContains(t, err, "a sound needs (batch, samples)")
}

func FuzzReadWAV(f *testing.F) {
	f.Add(wav(wavPCM, 2, 16000, 16, []int16{0, 16384}))
	f.Add(wav(wavFloat, 1, 16000, 64, []float64{1}))
	f.Fuzz(func(_ *testing.T, data []byte) {
		s, err := readWAV(bytes.NewReader(data))
		if err == nil {
			s.mono()
		}
	})
}
