package source

import (
	"context"
	"io"
)

// A stopping is a reader that fails when its context is done. It reads large
// pieces in parts, so that it need not end one first.
type stopping struct {
	io.ReaderAt
	ctx context.Context
}

// until returns r, stopped when ctx is done.
func until(ctx context.Context, r io.ReaderAt) io.ReaderAt {
	if ctx == nil || ctx.Done() == nil {
		return r
	}
	return stopping{r, ctx}
}

// ReadAt implements [io.ReaderAt].
func (s stopping) ReadAt(p []byte, off int64) (n int, err error) {
	const most = 8 << 20
	for {
		if err := s.ctx.Err(); err != nil {
			return n, err
		}
		part := p[n:]
		if len(part) > most {
			part = part[:most]
		}
		k, err := s.ReaderAt.ReadAt(part, off+int64(n))
		if n += k; err != nil || n == len(p) {
			return n, err
		}
	}
}

// stopped returns the error of the context of the options when it is done.
func (o *Options) stopped() error {
	if o.Context == nil {
		return nil
	}
	return o.Context.Err()
}
