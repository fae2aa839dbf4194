// Package zipdir opens zip archives of strangers: it bounds the directory before
// archive/zip reads it, which allocates for as many entries as there are.
package zipdir

import (
	"archive/zip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Sentinel errors. Test for them with [errors.Is].
var (
	ErrFormat = errors.New("not a valid zip")
	ErrLimit  = errors.New("zip directory beyond a limit")
)

const (
	endSize     = 22 // of the end record, without its comment
	locatorSize = 20 // of the zip64 locator before it
	end64Size   = 56 // of the zip64 end record
	entrySize   = 46 // of a directory entry, without its names
	nameSize    = 512
	none32      = 1<<32 - 1
)

// Open reads the directory of the archive in the first size bytes of r. It
// refuses more than members entries, a directory that is larger than so many
// take, and one that does not lie right before its end record. Names may be
// unsafe paths: nothing is extracted by them.
func Open(r io.ReaderAt, size int64, members int) (*zip.Reader, error) {
	if err := check(r, size, members); err != nil {
		return nil, err
	}
	z, err := zip.NewReader(io.NewSectionReader(r, 0, size), size)
	switch {
	case errors.Is(err, zip.ErrFormat), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return nil, fmt.Errorf("%w: %w", ErrFormat, err)
	case err != nil && !errors.Is(err, zip.ErrInsecurePath):
		return nil, err
	}
	if len(z.File) > members {
		return nil, fmt.Errorf("%w: %d members, want at most %d", ErrLimit, len(z.File), members)
	}
	return z, nil
}

// check bounds the directory by its end record.
func check(r io.ReaderAt, size int64, members int) error {
	tail := min(size, endSize+locatorSize+1<<16)
	if tail < endSize {
		return fmt.Errorf("%w: %d bytes", ErrFormat, size)
	}
	buf := make([]byte, tail)
	if _, err := io.ReadFull(io.NewSectionReader(r, size-tail, tail), buf); err != nil {
		return err
	}
	at := -1
	for i := len(buf) - endSize; i >= 0 && at < 0; i-- {
		if string(buf[i:i+4]) == "PK\x05\x06" && i+endSize+int(binary.LittleEndian.Uint16(buf[i+20:])) <= len(buf) {
			at = i
		}
	}
	if at < 0 {
		return fmt.Errorf("%w: there is no end record: cut off, or another kind of file", ErrFormat)
	}
	end := size - tail + int64(at)
	bytes, start := uint64(binary.LittleEndian.Uint32(buf[at+12:])), uint64(binary.LittleEndian.Uint32(buf[at+16:]))
	count := uint64(binary.LittleEndian.Uint16(buf[at+10:]))
	if at >= locatorSize && string(buf[at-locatorSize:at-locatorSize+4]) == "PK\x06\x07" && (bytes == none32 || start == none32 || count == 1<<16-1) {
		at64 := binary.LittleEndian.Uint64(buf[at-locatorSize+8:])
		if at64 > uint64(end) {
			return fmt.Errorf("%w: the zip64 end record is at %d in a file of %d bytes", ErrFormat, at64, size)
		}
		var record [end64Size]byte
		if _, err := io.ReadFull(io.NewSectionReader(r, int64(at64), size-int64(at64)), record[:]); err != nil {
			return fmt.Errorf("%w: zip64 end record: %w", ErrFormat, err)
		}
		if string(record[:4]) == "PK\x06\x06" {
			end = int64(at64)
			count, bytes, start = binary.LittleEndian.Uint64(record[32:]), binary.LittleEndian.Uint64(record[40:]), binary.LittleEndian.Uint64(record[48:])
		}
	}
	if count > uint64(members) {
		return fmt.Errorf("%w: %d members, want at most %d", ErrLimit, count, members)
	}
	if most := uint64(members) * (entrySize + nameSize); bytes > most {
		return fmt.Errorf("%w: %d bytes, want at most %d", ErrLimit, bytes, most)
	}
	// The entries are read until one is none, wherever the end record says that they end.
	if start > uint64(end) || uint64(end)-start != bytes {
		return fmt.Errorf("%w: a directory of %d bytes at %d, but it ends at %d", ErrFormat, bytes, start, end)
	}
	return nil
}
