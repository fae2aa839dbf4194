package tfjs

import (
	"bytes"
	"io"
	"testing"

	"github.com/stretchr/testify/require"
)

// memory keeps files.
type memory map[string]*bytes.Buffer

func (m memory) Create(name string) (io.WriteCloser, error) {
	m[name] = &bytes.Buffer{}
	return nopCloser{m[name]}, nil
}

type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }

func TestShards(t *testing.T) {
	const extra = 5
	total := int64(2*shardBytes + extra)
	out := memory{}
	s := &shards{out: out, left: total, count: 3, prefix: "x-"}
	want := make([]byte, total)
	for i := range want {
		want[i] = byte(i * 7 / 3)
	}
	for rest := want; len(rest) > 0; {
		n := min(len(rest), 1<<20+13)
		written, err := s.Write(rest[:n])
		require.NoError(t, err)
		require.Equal(t, n, written)
		rest = rest[n:]
	}
	require.NoError(t, s.Close())
	require.Len(t, out, 3)
	var got []byte
	for i := range 3 {
		b := out[s.name(i)].Bytes()
		require.LessOrEqual(t, len(b), shardBytes)
		got = append(got, b...)
	}
	require.True(t, bytes.Equal(want, got))
	require.Len(t, out["x-group1-shard3of3.bin"].Bytes(), extra)
}
