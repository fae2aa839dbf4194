package zipdir_test

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"runtime/metrics"
	"testing"

	"github.com/kerasrun/kerasrun/internal/zipdir"
	"github.com/stretchr/testify/require"
)

// archive has n empty members.
func archive(t testing.TB, n int) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for i := range n {
		_, err := w.CreateHeader(&zip.FileHeader{Name: fmt.Sprintf("%d.txt", i)})
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return b.Bytes()
}

func TestOpen(t *testing.T) {
	for _, n := range []int{0, 1, 100, 70_000} {
		data := archive(t, n)
		z, err := zipdir.Open(bytes.NewReader(data), int64(len(data)), n)
		require.NoError(t, err)
		require.Len(t, z.File, n)
		if n > 0 {
			_, err = zipdir.Open(bytes.NewReader(data), int64(len(data)), n-1)
			require.ErrorIs(t, err, zipdir.ErrLimit)
		}
	}
}

// A directory that is longer than its end record says is refused before its
// entries are read, which would take memory for each.
func TestLyingEnd(t *testing.T) {
	const n = 200_000
	full := archive(t, n)
	// without zip64 records, whose end record is the last 22 bytes
	cut := bytes.Index(full, []byte("PK\x06\x06"))
	start := binary.LittleEndian.Uint64(full[cut+48:])
	for _, c := range []struct {
		name         string
		count        uint16
		bytes, start uint32
	}{
		{"few members", n % (1 << 16), 46 * 100, uint32(start)},
		{"at the end", 0, 0, uint32(cut)},
		{"before the end", 1, 0, uint32(start)},
		{"beyond the end", 1, 46, uint32(len(full)) + 100},
	} {
		end := make([]byte, 22)
		copy(end, "PK\x05\x06")
		binary.LittleEndian.PutUint16(end[8:], c.count)
		binary.LittleEndian.PutUint16(end[10:], c.count)
		binary.LittleEndian.PutUint32(end[12:], c.bytes)
		binary.LittleEndian.PutUint32(end[16:], c.start)
		data := append(bytes.Clone(full[:cut]), end...)
		before := allocated()
		z, err := zipdir.Open(bytes.NewReader(data), int64(len(data)), 4096)
		require.Less(t, allocated()-before, uint64(8<<20), c.name)
		if c.name == "at the end" { // a valid archive without members
			require.NoError(t, err)
			require.Empty(t, z.File)
			continue
		}
		require.ErrorIs(t, err, zipdir.ErrFormat, c.name)
	}
}

func allocated() uint64 {
	s := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64()
}

func FuzzOpen(f *testing.F) {
	f.Add(archive(f, 0))
	f.Add(archive(f, 3))
	f.Add(archive(f, 70_000)[70_000*30:])
	f.Fuzz(func(t *testing.T, data []byte) {
		z, err := zipdir.Open(bytes.NewReader(data), int64(len(data)), 10)
		if err == nil {
			require.LessOrEqual(t, len(z.File), 10)
		}
	})
}
