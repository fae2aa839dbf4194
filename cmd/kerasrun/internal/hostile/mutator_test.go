//go:build linux

package hostile

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"io"
	"math"
	"math/rand"
	"strconv"
	"strings"

	"github.com/kerasrun/kerasrun/keras"
)

// A mutator damages files. The same seed damages them in the same way.
type mutator struct{ *rand.Rand }

// lengths are numbers that arithmetic on sizes fails at.
var lengths = []uint64{0, 1, 2, 7, 255, 1 << 15, 1<<16 - 1, 1 << 20, 1<<31 - 1, 1 << 31, 1<<32 - 1, 1 << 32, 1 << 40, 1<<63 - 1, 1 << 63, math.MaxUint64, math.MaxUint64 - 7}

// length is one of them, or a number near the size of the file or near old.
func (m *mutator) length(old uint64, size int) uint64 {
	switch m.Intn(4) {
	case 0:
		return uint64(size + m.Intn(5) - 2)
	case 1:
		return old + uint64(m.Intn(9)) - 4
	}
	return lengths[m.Intn(len(lengths))]
}

// bytes flips bits, overwrites, cuts, repeats and changes numbers anywhere.
func (m *mutator) bytes(b []byte) []byte { return m.near(b, nil) }

// near does so, where the damage is not to the whole file near one of the
// places at; anywhere when there are none.
func (m *mutator) near(b []byte, at []int) []byte {
	if len(b) == 0 {
		return []byte{byte(m.Intn(256))}
	}
	b = bytes.Clone(b)
	place := func() int {
		if len(at) == 0 || m.Intn(8) == 0 {
			return m.Intn(len(b))
		}
		return min(at[m.Intn(len(at))]+m.Intn(64), len(b)-1)
	}
	switch k := m.Intn(20); {
	case k < 2:
		return b[:m.Intn(len(b))]
	case k < 7:
		b[place()] ^= 1 << m.Intn(8)
	case k < 11:
		for range 1 + m.Intn(8) {
			b[place()] = []byte{0, 0x7f, 0x80, 0xff, byte(m.Intn(256))}[m.Intn(5)]
		}
	case k < 17: // a number of 2, 4 or 8 bytes
		i := place()
		switch n := m.Intn(3); {
		case n == 0 && i+2 <= len(b):
			binary.LittleEndian.PutUint16(b[i:], uint16(m.length(uint64(binary.LittleEndian.Uint16(b[i:])), len(b))))
		case n == 1 && i&^3+4 <= len(b):
			i &^= 3
			binary.LittleEndian.PutUint32(b[i:], uint32(m.length(uint64(binary.LittleEndian.Uint32(b[i:])), len(b))))
		case i&^7+8 <= len(b):
			i &^= 7
			binary.LittleEndian.PutUint64(b[i:], m.length(binary.LittleEndian.Uint64(b[i:]), len(b)))
		}
	case k < 18: // a part twice
		i := m.Intn(len(b))
		n := m.Intn(min(len(b)-i, 256) + 1)
		return bytes.Join([][]byte{b[:i+n], b[i : i+n], b[i+n:]}, nil)
	case k < 19: // a part over another
		i, j := place(), place()
		copy(b[i:], bytes.Clone(b[j:min(j+8+m.Intn(64), len(b))]))
	default: // a part missing
		i := m.Intn(len(b))
		n := m.Intn(min(len(b)-i, 64) + 1)
		return append(b[:i:i], b[i+n:]...)
	}
	return b
}

// find lists where one of the signatures stands.
func find(b []byte, signatures ...string) (at []int) {
	for _, s := range signatures {
		for i := 0; ; {
			k := bytes.Index(b[i:], []byte(s))
			if k < 0 {
				break
			}
			at = append(at, i+k)
			i += k + 1
		}
	}
	return at
}

// hdf5 damages the structures of an HDF5 file: the superblock, object headers,
// groups, B-trees and heaps; and the numbers in the architecture.
func (m *mutator) hdf5(b []byte) []byte {
	if m.Intn(4) == 0 {
		b = bytes.Clone(b)
		if at := bytes.Index(b, []byte(`"config": {`)); at >= 0 {
			var digits []int
			for i := at; i < len(b) && b[i] != 0; i++ {
				if b[i] >= '0' && b[i] <= '9' {
					digits = append(digits, i)
				}
			}
			for range 1 + m.Intn(3) {
				if len(digits) > 0 {
					b[digits[m.Intn(len(digits))]] = "0123456789-.e"[m.Intn(13)]
				}
			}
			return b
		}
	}
	at := find(b, "\x89HDF", "TREE", "SNOD", "HEAP", "GCOL", "OHDR", "OCHK", "FRHP", "FHDB", "FHIB", "BTHD", "BTLF", "BTIN", "FAHD", "EAHD", "FADB")
	for i := 0; i+16 <= len(b); i += 8 { // object headers of version 1
		if b[i] == 1 && b[i+1] == 0 && b[i+3] == 0 && b[i+4] == 1 && b[i+5]|b[i+6]|b[i+7] == 0 && b[i+12]|b[i+13]|b[i+14]|b[i+15] == 0 {
			at = append(at, i, i+64, i+128)
		}
	}
	return m.near(b, at)
}

// safetensors damages the length of the header, the header, or any byte.
func (m *mutator) safetensors(b []byte) []byte {
	n := len(b)
	if len(b) >= 8 {
		n = int(min(binary.LittleEndian.Uint64(b), uint64(len(b)-8))) + 8
	}
	if n <= 8 || m.Intn(3) == 0 {
		return m.near(b, []int{0, 8})
	}
	header := m.json(bytes.TrimRight(b[8:n], " "))
	out := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(out, header...), b[n:]...)
}

// archive damages a zip: its headers, or a member, whose checksum then fits.
func (m *mutator) archive(b []byte) []byte {
	z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil || len(z.File) == 0 || m.Intn(3) == 0 {
		return m.near(b, find(b, "PK"))
	}
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	damaged := m.Intn(len(z.File))
	for i, f := range z.File {
		r, err := f.Open()
		if err != nil {
			return m.bytes(b)
		}
		data, err := io.ReadAll(r)
		if err != nil {
			return m.bytes(b)
		}
		name := f.Name
		if i == damaged {
			switch {
			case m.Intn(20) == 0:
				name = []string{"", "/etc/passwd", "../" + name, name + "/", "C:\\" + name, strings.Repeat("x", 3000), z.File[m.Intn(len(z.File))].Name}[m.Intn(7)]
			case strings.HasSuffix(name, ".json"):
				data = m.json(data)
			case strings.HasSuffix(name, ".h5"):
				data = m.hdf5(data)
			default:
				data = m.bytes(data)
			}
		}
		o, err := w.CreateHeader(&zip.FileHeader{Name: name, Method: uint16(8 * m.Intn(2))})
		if err == nil {
			_, err = o.Write(data)
		}
		if err != nil {
			return m.bytes(b)
		}
	}
	if w.Close() != nil {
		return m.bytes(b)
	}
	return out.Bytes()
}

// bad are values that are put in the place of others in JSON.
var bad = []string{"-1", "0", "1", "2", "3", "1048576", "2147483648", "9223372036854775807", "1e308", "-0.5", "NaN", "-Infinity", `"x"`, `""`, `"same"`, "null", "true", "false", "[]", "{}", "[1,2]", "[[],[]]", `[-1,2]`, `{"class_name":"Dense","config":{}}`}

// json changes one value of a JSON text: puts another in its place, leaves it
// out, repeats it or swaps it with one from elsewhere. Sometimes it damages the text.
func (m *mutator) json(b []byte) []byte {
	root, err := keras.ParseJSON(b, keras.Limits{})
	if err != nil || m.Intn(6) == 0 {
		return m.bytes(b)
	}
	var all []*keras.Value
	var walk func(v *keras.Value)
	walk = func(v *keras.Value) {
		all = append(all, v)
		for _, it := range v.Items() {
			walk(it)
		}
		for _, k := range v.Keys() {
			walk(v.Get(k))
		}
	}
	walk(root)
	at, from, how := all[m.Intn(len(all))], all[m.Intn(len(all))], m.Intn(8)
	var out strings.Builder
	var write func(v *keras.Value, whole bool)
	member := func(first *bool, v *keras.Value, key string) {
		n := 1
		switch {
		case v == at && how == 0:
			return
		case v == at && how == 1:
			n = 2
		}
		for range n {
			if !*first {
				out.WriteByte(',')
			}
			*first = false
			if key != "" {
				out.WriteString(key + ":")
			}
			write(v, false)
		}
	}
	write = func(v *keras.Value, whole bool) {
		switch {
		case v == at && !whole && how == 2:
			write(from, true)
		case v == at && !whole && how == 3:
			out.WriteString("[")
			write(v, true)
			out.WriteString("]")
		case v == at && how == 4 && v.Kind() == keras.Number:
			n, _ := v.Int()
			out.WriteString(strconv.Itoa(n + m.Intn(5) - 2))
		case v == at && !whole && how > 3:
			out.WriteString(bad[m.Intn(len(bad))])
		case v.Kind() == keras.Array:
			out.WriteByte('[')
			first := true
			for _, it := range v.Items() {
				member(&first, it, "")
			}
			out.WriteByte(']')
		case v.Kind() == keras.Object:
			out.WriteByte('{')
			first := true
			for _, k := range v.Keys() {
				member(&first, v.Get(k), keras.NewString(k).JSON())
			}
			out.WriteByte('}')
		default:
			out.WriteString(v.JSON())
		}
	}
	if strings.HasPrefix(string(b), "\n") {
		out.WriteByte('\n')
	}
	if how == 2 && within(from, at) { // it would be in itself without end
		how = 7
	}
	write(root, false)
	return []byte(out.String())
}

// within reports whether v is x or inside x.
func within(x, v *keras.Value) bool {
	if x == v {
		return true
	}
	for _, it := range x.Items() {
		if within(it, v) {
			return true
		}
	}
	for _, k := range x.Keys() {
		if within(x.Get(k), v) {
			return true
		}
	}
	return false
}
