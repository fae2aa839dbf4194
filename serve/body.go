package serve

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"
)

// body reads the body of a request, decompressed, within the limits.
func (q *request) body() ([]byte, error) {
	most := q.s.config.MaxBody
	if q.r.ContentLength > most {
		q.w.Header().Set("Connection", "close") // the rest is not read
		return nil, tooLarge(most)
	}
	if q.s.gate.full() { // before the body costs anything
		return nil, errBusy
	}
	q.rc.SetReadDeadline(q.start.Add(q.s.config.Timeout)) // where the server cannot, it has deadlines of its own
	defer q.rc.SetReadDeadline(time.Time{})
	raw, err := q.readAll(http.MaxBytesReader(q.w, q.r.Body, most), max(0, q.r.ContentLength))
	if err != nil {
		return nil, err
	}
	switch encoding := strings.ToLower(q.r.Header.Get("Content-Encoding")); encoding {
	case "", "identity":
		return raw, nil
	case "gzip", "deflate":
		var z io.Reader
		if encoding == "gzip" {
			z, err = gzip.NewReader(bytes.NewReader(raw))
		} else {
			z, err = zlib.NewReader(bytes.NewReader(raw))
		}
		if err != nil {
			return nil, badRequest("the body is no %s: %v", encoding, err)
		}
		data, err := q.readAll(io.LimitReader(z, most+1), int64(len(raw)))
		if err == nil && int64(len(data)) > most {
			err = tooLarge(most)
		}
		return data, err
	default:
		return nil, fail(http.StatusUnsupportedMediaType, "content encoding %q, want gzip or deflate", encoding)
	}
}

func tooLarge(most int64) error {
	return fail(http.StatusRequestEntityTooLarge, "the body has more than %d bytes", most)
}

// readAll reads r, of about size bytes, and reserves the memory for it.
func (q *request) readAll(r io.Reader, size int64) ([]byte, error) {
	data := make([]byte, 0, min(size, 1<<20)+bytes.MinRead) // a promised size is not believed
	for {
		if len(data) == cap(data) {
			grown := make([]byte, len(data), 2*cap(data))
			copy(grown, data)
			data = grown
		}
		n, err := r.Read(data[len(data):cap(data)])
		data = data[:len(data)+n]
		q.reserved += int64(n)
		if q.s.bodies.Add(int64(n)) > q.s.config.MaxBodies {
			return nil, errMemory
		}
		var large *http.MaxBytesError
		switch {
		case err == io.EOF:
			return data, nil
		case errors.As(err, &large):
			return nil, tooLarge(q.s.config.MaxBody)
		case err != nil && asError(err).Status != http.StatusInternalServerError: // a deadline
			return nil, err
		case err != nil:
			return nil, badRequest("the body ends early: %v", err)
		}
	}
}
