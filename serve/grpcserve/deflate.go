package grpcserve

import (
	"compress/zlib"
	"io"

	"google.golang.org/grpc/encoding"
	_ "google.golang.org/grpc/encoding/gzip" // clients may compress requests by it
)

// gRPC knows compressors by a table that is filled before anything runs.
func init() { encoding.RegisterCompressor(deflate{}) }

// deflate is gRPC's "deflate", the format of zlib, which gRPC for Go leaves out and clients in Python and C++ offer.
type deflate struct{}

func (deflate) Name() string { return "deflate" }

func (deflate) Compress(w io.Writer) (io.WriteCloser, error) { return zlib.NewWriter(w), nil }

func (deflate) Decompress(r io.Reader) (io.Reader, error) { return zlib.NewReader(r) }
