package npy_test

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"io/fs"
	"testing"

	"github.com/sbinet/npyio/npz"
	"github.com/stretchr/testify/require"

	"github.com/kerasrun/kerasrun/runtime/npy"
)

func readZip(b []byte, lim npy.Limits) (*npy.Zip, error) {
	return npy.ReadZip(bytes.NewReader(b), int64(len(b)), lim)
}

// NumPy writes the sizes of every member as zip64.
func TestReadZipByNumPy(t *testing.T) {
	for _, name := range []string{"stored.npz", "deflated.npz"} {
		z, err := readZip(golden(t, name), npy.Limits{})
		require.NoError(t, err)
		require.Equal(t, []string{"scalar", "f4", "U", "bool"}, z.Names())
		for _, n := range z.Names() {
			a, err := z.Open(n)
			require.NoError(t, err)
			require.Equal(t, written[n], a)
		}
		_, err = z.Open("f8")
		require.ErrorIs(t, err, fs.ErrNotExist)
	}
}

func TestReadZipUnsupportedMethod(t *testing.T) {
	z, err := readZip(golden(t, "lzma.npz"), npy.Limits{})
	require.NoError(t, err)
	_, err = z.Open("f4")
	require.ErrorIs(t, err, npy.ErrUnsupported)
}

func TestReadZipLimits(t *testing.T) {
	b := golden(t, "stored.npz")
	_, err := readZip(b, npy.Limits{Members: 3})
	require.ErrorIs(t, err, npy.ErrLimit)
	z, err := readZip(b, npy.Limits{Members: 4, ArrayBytes: 8})
	require.NoError(t, err)
	_, err = z.Open("scalar")
	require.NoError(t, err)
	_, err = z.Open("f4")
	require.ErrorIs(t, err, npy.ErrLimit)
	require.ErrorContains(t, err, `npz member "f4": npy array float32 [2 3]`)
}

// archive makes a zip of members given as name, content, name, content...
func archive(t testing.TB, method uint16, members ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	zw := zip.NewWriter(&b)
	for i := 0; i < len(members); i += 2 {
		w, err := zw.CreateHeader(&zip.FileHeader{Name: members[i], Method: method})
		require.NoError(t, err)
		_, err = w.Write([]byte(members[i+1]))
		require.NoError(t, err)
	}
	require.NoError(t, zw.Close())
	return b.Bytes()
}

func TestReadZipBad(t *testing.T) {
	f4 := string(golden(t, "f4.npy"))
	for _, b := range [][]byte{
		nil, []byte("PK"), golden(t, "f4.npy"),
		archive(t, zip.Store, "a.npy", f4, "a.npy", f4),
		archive(t, zip.Store, "a.npy", f4, "a", f4),
	} {
		_, err := readZip(b, npy.Limits{})
		require.ErrorIs(t, err, npy.ErrFormat)
	}
	z, err := readZip(archive(t, zip.Deflate, "dir/", "", "more.npy", f4+"x", "text", "hello", "../up.npy", f4), npy.Limits{})
	require.NoError(t, err)
	require.Equal(t, []string{"more", "text", "../up"}, z.Names())
	for _, name := range []string{"more", "text"} {
		_, err = z.Open(name)
		require.ErrorIs(t, err, npy.ErrFormat, name)
	}
	a, err := z.Open("../up")
	require.NoError(t, err)
	require.Equal(t, written["f4"], a)
}

// One changed byte of a payload is found by the checksum, whether the member is stored or deflated.
func TestReadZipChecksum(t *testing.T) {
	b := archive(t, zip.Store, "a.npy", string(golden(t, "f4.npy")))
	at := bytes.Index(b, []byte("NUMPY")) + 127
	b[at] ^= 1
	z, err := readZip(b, npy.Limits{})
	require.NoError(t, err)
	_, err = z.Open("a")
	require.ErrorIs(t, err, npy.ErrFormat)
}

// A directory that promises more than the file can hold is refused before a member is opened.
func TestReadZipLyingSizes(t *testing.T) {
	b := archive(t, zip.Store, "a.npy", string(golden(t, "f4.npy")))
	dir := bytes.Index(b, []byte("PK\x01\x02"))
	for _, field := range []int{20, 24} { // compressed and uncompressed size
		lie := bytes.Clone(b)
		binary.LittleEndian.PutUint32(lie[dir+field:], 1<<30)
		_, err := readZip(lie, npy.Limits{})
		require.ErrorIs(t, err, npy.ErrFormat)
	}
}

func TestReadZipEncrypted(t *testing.T) {
	b := archive(t, zip.Store, "a.npy", string(golden(t, "f4.npy")))
	b[bytes.Index(b, []byte("PK\x01\x02"))+8] |= 1
	z, err := readZip(b, npy.Limits{})
	require.NoError(t, err)
	_, err = z.Open("a")
	require.ErrorIs(t, err, npy.ErrUnsupported)
}

func TestWriteZip(t *testing.T) {
	var names []string
	var arrays []npy.Array
	for _, name := range []string{"vector", "f4", "U", "empty", "scalar"} {
		names = append(names, "x/"+name)
		arrays = append(arrays, written[name])
	}
	var one, two bytes.Buffer
	require.NoError(t, npy.WriteZip(&one, names, arrays))
	require.NoError(t, npy.WriteZip(&two, names, arrays))
	require.Equal(t, one.Bytes(), two.Bytes())

	z, err := readZip(one.Bytes(), npy.Limits{})
	require.NoError(t, err)
	require.Equal(t, names, z.Names())
	for i, n := range names {
		a, err := z.Open(n)
		require.NoError(t, err)
		require.Equal(t, arrays[i], a)
	}

	second, err := npz.NewReader(bytes.NewReader(one.Bytes()), int64(one.Len()))
	require.NoError(t, err)
	var f4 []float32
	require.NoError(t, second.Read("x/f4.npy", &f4))
	require.Equal(t, written["f4"].Data, f4)
}

func TestWriteZipErrors(t *testing.T) {
	a := written["f4"]
	for _, names := range [][]string{{"a"}, {"a", "a"}, {"a", ""}, {"a", "b/"}} {
		require.ErrorIs(t, npy.WriteZip(&bytes.Buffer{}, names, []npy.Array{a, a}), npy.ErrFormat, fmt.Sprint(names))
	}
	err := npy.WriteZip(&bytes.Buffer{}, []string{"a"}, []npy.Array{{DType: npy.Bool, Shape: []int{2}}})
	require.ErrorIs(t, err, npy.ErrFormat)
	require.ErrorContains(t, err, `npz member "a"`)
}

func FuzzReadZip(f *testing.F) {
	f.Add(golden(f, "stored.npz"))
	f.Add(golden(f, "deflated.npz"))
	f.Add(archive(f, zip.Deflate, "a", "b", "c.npy", string(golden(f, "fortran.npy"))))
	f.Fuzz(func(t *testing.T, data []byte) {
		z, err := readZip(data, npy.Limits{ArrayBytes: 1 << 20, Members: 100})
		if err != nil {
			return
		}
		for _, name := range z.Names() {
			a, err := z.Open(name)
			if err != nil {
				continue
			}
			n := 1
			for _, d := range a.Shape {
				n *= d
			}
			require.Equal(t, n, a.Len())
		}
	})
}
