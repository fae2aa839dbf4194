package hdf5load

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"io"
)

const (
	filterDeflate    = 1
	filterShuffle    = 2
	filterFletcher32 = 3
	filterLZF        = 32000
)

var filterNames = map[int]string{4: "szip", 5: "nbit", 6: "scale-offset", 32001: "blosc", 32004: "lz4", 32008: "bitshuffle", 32015: "zstd"}

type filter struct {
	id    int
	shift int // element size, of shuffle
}

// filters reads a filter pipeline message, versions 1 and 2 (IV.A.2.l).
func (im *image) filters(c *cursor) ([]filter, error) {
	v, n := c.version("filter pipeline", 1, 2), c.u8()
	if v == 1 {
		c.skip(6)
	}
	if n > 32 {
		return nil, corrupt("%d filters", n)
	}
	var out []filter
	for i := 0; i < n && c.err == nil; i++ {
		f := filter{id: c.u16()}
		nameLen := 0
		if v == 1 || f.id >= 256 {
			nameLen = c.u16()
		}
		c.skip(2) // flags
		values := c.u16()
		if v == 1 {
			nameLen = (nameLen + 7) &^ 7
		}
		c.skip(nameLen)
		if f.id == filterShuffle && values > 0 && c.err == nil {
			p := *c
			f.shift = int(min(p.u32(), 1<<20))
		}
		c.skip(4 * values)
		if v == 1 && values%2 == 1 {
			c.skip(4)
		}
		out = append(out, f)
	}
	return out, c.err
}

// refuse is the error for a filter that is not undone here.
func (f filter) refuse() error {
	if name, ok := filterNames[f.id]; ok {
		return unsupported("filter %s", name)
	}
	return unsupported("filter %d", f.id)
}

// decoder undoes the filters of chunks; its buffers serve one chunk after the other.
type decoder struct {
	filters []filter
	inflate io.ReadCloser
	bufs    [2][]byte
}

// buffer returns a buffer of n bytes that is not src's.
func (d *decoder) buffer(n int, src []byte) []byte {
	k := 0
	if len(src) > 0 && len(d.bufs[0]) > 0 && &src[0] == &d.bufs[0][:1][0] {
		k = 1
	}
	if cap(d.bufs[k]) < n {
		d.bufs[k] = make([]byte, n)
	}
	d.bufs[k] = d.bufs[k][:cap(d.bufs[k])]
	return d.bufs[k][:n]
}

// decode returns the want bytes of a chunk, which are valid until the next call.
// Bit i of mask says that filter i was skipped.
func (d *decoder) decode(b []byte, mask uint32, want int) ([]byte, error) {
	for i := len(d.filters) - 1; i >= 0; i-- {
		if mask>>i&1 != 0 {
			continue
		}
		var err error
		switch f := d.filters[i]; f.id {
		case filterDeflate:
			b, err = d.undeflate(b, want+want/1000+64) // room for the checksum or growth of an earlier filter
		case filterShuffle:
			if f.shift <= 0 {
				return nil, corrupt("shuffle filter without an element size")
			}
			b = d.unshuffle(b, f.shift)
		case filterFletcher32:
			if len(b) < 4 || fletcher32(b[:len(b)-4]) != binary.LittleEndian.Uint32(b[len(b)-4:]) {
				return nil, corrupt("checksum of a chunk does not match")
			}
			b = b[:len(b)-4]
		case filterLZF:
			b, err = d.unlzf(b, want+want/1000+64)
		default:
			err = f.refuse()
		}
		if err != nil {
			return nil, err
		}
	}
	if len(b) != want {
		return nil, corrupt("chunk of %d bytes, want %d", len(b), want)
	}
	return b, nil
}

func (d *decoder) undeflate(b []byte, most int) ([]byte, error) {
	src := bytes.NewReader(b)
	var err error
	if d.inflate == nil {
		d.inflate, err = zlib.NewReader(src)
	} else {
		err = d.inflate.(zlib.Resetter).Reset(src, nil)
	}
	if err != nil {
		return nil, corrupt("deflated chunk: %v", err)
	}
	out := d.buffer(most, b)
	n, err := io.ReadFull(d.inflate, out)
	if err == nil {
		return nil, corrupt("deflated chunk of more than %d bytes", most)
	}
	if !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) || src.Len() > 0 && n == 0 {
		return nil, corrupt("deflated chunk: %v", err)
	}
	return out[:n], nil
}

func (d *decoder) unshuffle(b []byte, size int) []byte {
	n := len(b) / size
	out := d.buffer(len(b), b)
	for j := range size {
		for k, x := range b[j*n : (j+1)*n] {
			out[k*size+j] = x
		}
	}
	copy(out[n*size:], b[n*size:])
	return out
}

// fletcher32 is HDF5's: of big-endian 16-bit words.
func fletcher32(b []byte) uint32 {
	var s1, s2 uint32
	for len(b) > 0 {
		part := b[:min(len(b), 720)] // 360 words do not overflow
		b = b[len(part):]
		for ; len(part) >= 2; part = part[2:] {
			s1 += uint32(part[0])<<8 | uint32(part[1])
			s2 += s1
		}
		if len(part) == 1 {
			s1 += uint32(part[0]) << 8
			s2 += s1
		}
		s1 = s1&0xffff + s1>>16
		s2 = s2&0xffff + s2>>16
	}
	s1 = s1&0xffff + s1>>16
	s2 = s2&0xffff + s2>>16
	return s2<<16 | s1
}

// unlzf undoes LibLZF, h5py's own filter.
func (d *decoder) unlzf(in []byte, most int) ([]byte, error) {
	out := d.buffer(most, in)[:0]
	for i := 0; i < len(in); {
		c := int(in[i])
		i++
		if c < 32 { // c+1 literal bytes
			if i+c+1 > len(in) || len(out)+c+1 > most {
				return nil, corrupt("LZF chunk")
			}
			out = append(out, in[i:i+c+1]...)
			i += c + 1
			continue
		}
		n := c>>5 + 2
		if n == 9 {
			if i >= len(in) {
				return nil, corrupt("LZF chunk")
			}
			n += int(in[i])
			i++
		}
		if i >= len(in) {
			return nil, corrupt("LZF chunk")
		}
		from := len(out) - (c&31)<<8 - int(in[i]) - 1
		i++
		if from < 0 || len(out)+n > most {
			return nil, corrupt("LZF chunk")
		}
		for k := range n {
			out = append(out, out[from+k])
		}
	}
	return out, nil
}
