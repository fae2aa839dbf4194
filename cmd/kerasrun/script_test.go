package main

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"image"
	"image/color"
	"image/color/palette"
	"image/gif"
	"image/jpeg"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/require"
	"golang.org/x/image/bmp"

	"github.com/kerasrun/kerasrun"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"kerasrun": main})
}

// TestScripts runs the scripts of testdata/script. MODELS is the folder of the
// golden cases, IMAGES that of the digits. Beyond the usual commands there are
//
//	exits CODE PROGRAM ARG...    run a program that must end with an exit code
//	oneline                      stderr of the last program is one line
//	cut FILE BYTES TO            copy the first bytes of a file
//	hex FILE DIGITS...           write bytes
//	picture FILE WIDTH HEIGHT    write an image in the format of the file's name
//	npy FILE SHAPE NUMBER...     write a float32 array; numbers repeat
//	npytext FILE WORD...         write an array of strings
//	npz FILE NAME NUMBERS...     write float32 arrays of one row each
//	serving ARG...               start kerasrun serve at a free port; URL and PID are set
//	stopped                      end it with SIGTERM; stderr is its log
//	fetch METHOD URL [BODY]      send a request; stdout is the answer. @FILE is a body in a file
//	eventually TEXT URL BODY     send requests until TEXT is in the answer
//	wav FILE RATE CHANNELS NUMBER...  write a sound of 16 bits
func TestScripts(t *testing.T) {
	testdata, err := filepath.Abs("../../testdata")
	require.NoError(t, err)
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "script"),
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("MODELS", filepath.Join(testdata, "models"))
			e.Setenv("IMAGES", filepath.Join(testdata, "images"))
			e.Setenv("TERM", "xterm")
			e.Values["served"] = map[string]*served{}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "oneline": oneLine, "cut": cut, "hex": writeHex, "picture": drawPicture, "npy": npy, "npytext": npyText, "npz": npz, "wav": wav,
			"serving": serving, "stopped": stopped, "fetch": fetch, "eventually": eventually,
		},
	})
}

func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM ARG...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var e *exec.ExitError
		if !errors.As(err, &e) {
			ts.Fatalf("%v", err)
		}
		got = e.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d; stderr: %s", got, want, ts.ReadFile("stderr"))
	}
}

func oneLine(ts *testscript.TestScript, neg bool, _ []string) {
	text := ts.ReadFile("stderr")
	if one := strings.Count(text, "\n") == 1 && strings.HasPrefix(text, "kerasrun: "); one == neg {
		ts.Fatalf("stderr is %q", text)
	}
}

func cut(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	data, err := os.ReadFile(ts.MkAbs(args[0]))
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[2]), data[:n], 0o666))
}

func writeHex(ts *testscript.TestScript, _ bool, args []string) {
	data, err := hex.DecodeString(strings.Join(args[1:], ""))
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), data, 0o666))
}

func drawPicture(ts *testscript.TestScript, _ bool, args []string) {
	w, err := strconv.Atoi(args[1])
	ts.Check(err)
	h, err := strconv.Atoi(args[2])
	ts.Check(err)
	img := image.NewPaletted(image.Rect(0, 0, w, h), palette.WebSafe)
	for y := range h {
		for x := range w {
			img.Set(x, y, color.RGBA{R: uint8(255 * x / w), G: uint8(255 * y / h), B: 51, A: 255})
		}
	}
	var b bytes.Buffer
	switch filepath.Ext(args[0]) {
	case ".png":
		err = png.Encode(&b, img)
	case ".jpg":
		err = jpeg.Encode(&b, img, nil)
	case ".gif":
		err = gif.Encode(&b, img, nil)
	case ".bmp":
		err = bmp.Encode(&b, img)
	default:
		ts.Fatalf("picture: no format for %s", args[0])
	}
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), b.Bytes(), 0o666))
}

func npy(ts *testscript.TestScript, _ bool, args []string) {
	shape, err := parseShape(args[1])
	ts.Check(err)
	n, _ := shape.Elems()
	data := make([]float32, n)
	for i := range data {
		x, err := strconv.ParseFloat(args[2+i%(len(args)-2)], 32)
		ts.Check(err)
		data[i] = float32(x)
	}
	writeNpy(ts, args[0], kerasrun.Floats(data, shape...))
}

func npyText(ts *testscript.TestScript, _ bool, args []string) {
	words := args[1:]
	writeNpy(ts, args[0], kerasrun.Tensor{DType: kerasrun.String, Shape: kerasrun.Shape{len(words)}, Data: words})
}

func npz(ts *testscript.TestScript, _ bool, args []string) {
	var names []string
	var tensors []kerasrun.Tensor
	for i := 1; i+1 < len(args); i += 2 {
		var row []float32
		for _, text := range strings.Fields(args[i+1]) {
			x, err := strconv.ParseFloat(text, 32)
			ts.Check(err)
			row = append(row, float32(x))
		}
		names, tensors = append(names, args[i]), append(tensors, kerasrun.Floats(row, 1, len(row)))
	}
	var b bytes.Buffer
	ts.Check(kerasrun.WriteNpz(&b, names, tensors))
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), b.Bytes(), 0o666))
}

func wav(ts *testscript.TestScript, _ bool, args []string) {
	var numbers []int
	for _, text := range args[1:] {
		n, err := strconv.Atoi(text)
		ts.Check(err)
		numbers = append(numbers, n)
	}
	rate, channels, samples := numbers[0], numbers[1], numbers[2:]
	b := []byte("RIFF\x00\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00")
	b = binary.LittleEndian.AppendUint16(b, uint16(channels))
	b = binary.LittleEndian.AppendUint32(b, uint32(rate))
	b = binary.LittleEndian.AppendUint32(b, uint32(rate*channels*2))
	b = binary.LittleEndian.AppendUint16(b, uint16(channels*2))
	b = binary.LittleEndian.AppendUint16(b, 16)
	b = append(b, "data"...)
	b = binary.LittleEndian.AppendUint32(b, uint32(2*len(samples)))
	for _, v := range samples {
		b = binary.LittleEndian.AppendUint16(b, uint16(int16(v)))
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), b, 0o666))
}

func writeNpy(ts *testscript.TestScript, file string, t kerasrun.Tensor) {
	var b bytes.Buffer
	ts.Check(kerasrun.WriteNpy(&b, t))
	ts.Check(os.WriteFile(ts.MkAbs(file), b.Bytes(), 0o666))
}
