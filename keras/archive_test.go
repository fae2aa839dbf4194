package keras

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

type entry struct {
	name, body string
	method     uint16
}

var (
	metadataEntry = entry{"metadata.json", `{"keras_version": "3.15.1", "date_saved": "2025-01-01@00:00:00"}`, zip.Store}
	configEntry   = entry{"config.json", `{"class_name": "Sequential", "config": {"name": "s", "layers": []}}`, zip.Store}
	weightsEntry  = entry{"model.weights.h5", "the weights", zip.Store}
)

func archive(t testing.TB, entries ...entry) []byte {
	var buf bytes.Buffer
	z := zip.NewWriter(&buf)
	for _, e := range entries {
		w, err := z.CreateHeader(&zip.FileHeader{Name: e.name, Method: e.method})
		require.NoError(t, err)
		_, err = io.WriteString(w, e.body)
		require.NoError(t, err)
	}
	require.NoError(t, z.Close())
	return buf.Bytes()
}

func openBytes(data []byte, lim Limits) (*Archive, error) {
	return OpenArchive(bytes.NewReader(data), int64(len(data)), lim)
}

func TestArchive(t *testing.T) {
	for _, method := range []uint16{zip.Store, zip.Deflate} {
		weights := weightsEntry
		weights.method = method
		a, err := openBytes(archive(t, metadataEntry, configEntry, weights, entry{"assets/", "", zip.Store}, entry{"assets/layers/v/vocabulary.txt", "a\nb", zip.Store}), Limits{})
		require.NoError(t, err)
		require.Equal(t, configEntry.body, string(a.Config))
		require.Equal(t, []string{"assets/layers/v/vocabulary.txt"}, a.Assets)
		require.Equal(t, "model.weights.h5", a.WeightsName)
		r, n, err := a.Weights()
		require.NoError(t, err)
		body, err := io.ReadAll(io.NewSectionReader(r, 0, n))
		require.NoError(t, err)
		require.Equal(t, weights.body, string(body))
		meta, err := ParseMetadata(a.Metadata, Limits{})
		require.NoError(t, err)
		require.Equal(t, Metadata{"3.15.1", "2025-01-01@00:00:00"}, meta)
		m, err := ParseArchitecture(a.Config, Hint{Metadata: a.Metadata}, Limits{})
		require.NoError(t, err)
		require.Equal(t, "3.15.1", m.Version.Text)
		vocabulary, err := a.ReadFile(a.Assets[0], 10)
		require.NoError(t, err)
		require.Equal(t, "a\nb", string(vocabulary))
		_, err = a.ReadFile(a.Assets[0], 2)
		require.ErrorIs(t, err, ErrLimit)
		require.False(t, a.Has("vocabulary.txt"))
	}
}

func TestArchiveInPlace(t *testing.T) {
	data := archive(t, configEntry, weightsEntry)
	a, err := openBytes(data, Limits{})
	require.NoError(t, err)
	r, _, err := a.Weights()
	require.NoError(t, err)
	copy(data[bytes.Index(data, []byte("the weights")):], "THE")
	var got [11]byte
	_, err = r.ReadAt(got[:], 0)
	require.NoError(t, err)
	require.Equal(t, "THE weights", string(got[:]))
}

func TestArchiveErrors(t *testing.T) {
	good := archive(t, metadataEntry, configEntry, weightsEntry)
	lie := func(at int, size uint32) []byte { // in the first directory entry
		data := bytes.Clone(good)
		binary.LittleEndian.PutUint32(data[bytes.Index(data, []byte("PK\x01\x02"))+at:], size)
		return data
	}
	for _, c := range []struct {
		what string
		data []byte
		lim  Limits
		is   error
		want string
	}{
		{"empty", nil, Limits{}, ErrFormat, "not a valid zip: 0 bytes"},
		{"no end", good[:len(good)-30], Limits{}, ErrFormat, "no end record"},
		{"text", []byte(strings.Repeat("x", 100)), Limits{}, ErrFormat, "no end record"},
		{"no config", archive(t, weightsEntry), Limits{}, ErrFormat, "zip without config.json"},
		{"PyTorch", archive(t, entry{"archive/data.pkl", "", zip.Store}), Limits{}, ErrUnsupported, "PyTorch"},
		{"case", archive(t, entry{"Config.json", "{}", zip.Store}), Limits{}, ErrFormat, "zip without config.json"},
		{"twice", archive(t, configEntry, configEntry), Limits{}, ErrFormat, `two members "config.json"`},
		{"members", archive(t, configEntry, weightsEntry), Limits{Members: 1}, ErrLimit, "2 members"},
		{"large config", archive(t, configEntry), Limits{JSONSize: 10}, ErrLimit, `"config.json" has 67 bytes`},
		{"sizes differ", lie(24, 9), Limits{}, ErrFormat, "is stored as 64 bytes, want 9"},
		{"beyond the file", lie(20, 1<<30), Limits{}, ErrFormat, "has 1073741824 bytes in a file of"},
		{"method", lie(10, 93), Limits{}, ErrUnsupported, "compression method 93"},
		{"encrypted", lie(8, 1), Limits{}, ErrUnsupported, "encrypted"},
		{"offset", lie(42, 1<<30), Limits{}, ErrFormat, "zip"},
	} {
		t.Run(c.what, func(t *testing.T) {
			_, err := openBytes(c.data, c.lim)
			require.ErrorIs(t, err, c.is)
			require.ErrorContains(t, err, c.want)
		})
	}
	a, err := openBytes(archive(t, configEntry), Limits{})
	require.NoError(t, err)
	_, _, err = a.Weights()
	require.ErrorIs(t, err, ErrFormat)
	a, err = openBytes(archive(t, configEntry, entry{"model.weights.npz", "", zip.Store}), Limits{})
	require.NoError(t, err)
	_, _, err = a.Weights()
	require.ErrorIs(t, err, ErrUnsupported)
}

func TestArchiveInflation(t *testing.T) {
	zeros := entry{"model.weights.h5", strings.Repeat("\x00", 1<<20), zip.Deflate}
	data := archive(t, configEntry, zeros)
	a, err := openBytes(data, Limits{Inflated: 1 << 19})
	require.NoError(t, err)
	_, _, err = a.Weights()
	require.ErrorIs(t, err, ErrLimit)
	a, err = openBytes(data, Limits{})
	require.NoError(t, err)
	_, n, err := a.Weights()
	require.NoError(t, err)
	require.EqualValues(t, 1<<20, n)

	// A member that claims more than deflate can do, and one with more than it claims.
	dir := bytes.LastIndex(data, []byte("PK\x01\x02"))
	for size, want := range map[uint32]string{1 << 31: "inflates from", 1 << 19: "zip member"} {
		binary.LittleEndian.PutUint32(data[dir+24:], size)
		a, err = openBytes(data, Limits{})
		require.NoError(t, err)
		_, _, err = a.Weights()
		require.ErrorIs(t, err, ErrFormat)
		require.ErrorContains(t, err, want)
	}
}

func TestArchiveDirectorySize(t *testing.T) {
	data := archive(t, configEntry)
	end := bytes.LastIndex(data, []byte("PK\x05\x06"))
	binary.LittleEndian.PutUint32(data[end+12:], 1<<30)
	_, err := openBytes(data, Limits{})
	require.ErrorIs(t, err, ErrLimit)

	// zip64: the sizes stand in a record of their own.
	data = archive(t, configEntry)
	end = bytes.LastIndex(data, []byte("PK\x05\x06"))
	le := binary.LittleEndian
	size, at := le.Uint32(data[end+12:]), le.Uint32(data[end+16:])
	record := make([]byte, 56+20)
	copy(record, "PK\x06\x06")
	le.PutUint64(record[4:], 44)
	le.PutUint64(record[24:], 1)
	le.PutUint64(record[32:], 1)
	le.PutUint64(record[40:], uint64(size))
	le.PutUint64(record[48:], uint64(at))
	copy(record[56:], "PK\x06\x07")
	le.PutUint64(record[64:], uint64(end))
	le.PutUint32(record[72:], 1)
	big := append(append(bytes.Clone(data[:end]), record...), data[end:]...)
	tail := big[end+len(record):]
	le.PutUint16(tail[8:], 1<<16-1)
	le.PutUint16(tail[10:], 1<<16-1)
	le.PutUint32(tail[12:], 1<<32-1)
	le.PutUint32(tail[16:], 1<<32-1)
	a, err := openBytes(big, Limits{})
	require.NoError(t, err)
	require.Equal(t, configEntry.body, string(a.Config))
	le.PutUint64(big[end+40:], 1<<40)
	_, err = openBytes(big, Limits{})
	require.ErrorIs(t, err, ErrLimit)
	le.PutUint64(big[end+64:], 1<<63)
	_, err = openBytes(big, Limits{})
	require.ErrorIs(t, err, ErrFormat)
}

func TestParseShards(t *testing.T) {
	got, err := ParseShards([]byte(`{"metadata": {"total_size": 63108.0}, "weight_map": {"/layers/conv2d/vars": ["m_00000.weights.h5", "m_00001.weights.h5"], "/layers/dense/vars": "m_00001.weights.h5"}}`), Limits{})
	require.NoError(t, err)
	require.Equal(t, map[string][]string{
		"layers/conv2d/vars": {"m_00000.weights.h5", "m_00001.weights.h5"},
		"layers/dense/vars":  {"m_00001.weights.h5"},
	}, got)
	for text, want := range map[string]string{
		`{}`:                                      "weight_map is null, want an object",
		`{"weight_map": {"a": 3}}`:                "has 3, want the name of a file",
		`{"weight_map": {"a": "../x"}}`:           "want the name of a file",
		`{"weight_map": {"a": "/x"}}`:             "want the name of a file",
		`{"weight_map": {"a": "c:\\x"}}`:          "want the name of a file",
		`{"weight_map": {"a": ".."}}`:             "want the name of a file",
		`{"weight_map": {"a": ""}}`:               "want the name of a file",
		`{"weight_map": {"/a": "x", "a": ["y"]}}`: `group "a" twice`,
	} {
		_, err := ParseShards([]byte(text), Limits{})
		require.ErrorIs(t, err, ErrFormat, text)
		require.ErrorContains(t, err, want, text)
	}
}

func TestSniff(t *testing.T) {
	hdf5 := "\x89HDF\r\n\x1a\n\x00\x00"
	for head, want := range map[string]FileKind{
		"":                                 FileEmpty,
		hdf5:                               FileHDF5,
		strings.Repeat("\x00", 512) + hdf5: FileHDF5,
		strings.Repeat("x", 2048) + hdf5:   FileHDF5,
		strings.Repeat("x", 1000) + hdf5:   FileUnknown,
		"PK\x03\x04":                       FileZip,
		" \n{\"class_name\"":               FileJSON,
		`"{\"class_name\"`:                 FileJSON,
		"\x08\x01\x12\xf0\x80":             FileSavedModel,
		"\x08\x07\x12\x07pytorch":          FileONNX,
		"\x1c\x00\x00\x00TFL3":             FileTFLite,
		"\x00\x00\x06\x08\x01\x1a\x02\x08\x01\x00\x1c": FileCheckpoint,
		"model_checkpoint_path: \"x\"":                 FileCheckpoint,
		"\x93NUMPY\x01":                                FileNumPy,
		"\x80\x04\x95\x00":                             FilePickle,
		"\x40\x00\x00\x00\x00\x00\x00\x00{\"":          FileSafetensors,
		"\x1f\x8b\x08":                                 FileGzip,
		"<!DOCTYPE html>":                              FileXML,
		"version https://git-lfs.github.com":           FileLFS,
		"\x00\x01\x02":                                 FileUnknown,
		"hello":                                        FileUnknown,
	} {
		require.Equal(t, want, Sniff([]byte(head)), "%q", head)
	}
	for k := FileUnknown; k <= FileLFS; k++ {
		holds := k == FileHDF5 || k == FileZip || k == FileJSON
		require.Equal(t, holds, k.Advice() == "", k.String())
		require.True(t, strings.HasPrefix(k.Describe(), k.String()))
	}
}
