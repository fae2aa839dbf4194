package input

import (
	"bytes"
	"path/filepath"
	"strings"
	"unicode/utf8"
)

// A kind is a format of input files.
type kind uint8

const (
	unknown kind = iota
	imageFile
	audioFile
	npyFile
	npzFile
	jsonFile
	textTable
	textLines // of texts where the input takes those, else a table
)

// magics are the first bytes of the binary formats.
var magics = []struct {
	prefix string
	kind   kind
}{
	{"\x93NUMPY", npyFile},
	{"PK\x03\x04", npzFile},
	{"PK\x05\x06", npzFile}, // without members
	{"\x89PNG", imageFile},
	{"\xff\xd8\xff", imageFile},
	{"GIF8", imageFile},
	{"RIFF", imageFile}, // WebP, unless it is WAVE
	{"BM", imageFile},
}

// extensions decide where the first bytes do not.
var extensions = map[string]kind{
	".png": imageFile, ".jpg": imageFile, ".jpeg": imageFile, ".gif": imageFile, ".webp": imageFile, ".bmp": imageFile,
	".npy": npyFile, ".npz": npzFile, ".json": jsonFile, ".csv": textTable, ".tsv": textTable, ".txt": textLines, ".wav": audioFile,
}

// sniff tells the kind of a file from its first bytes, then from its name.
func sniff(name string, head []byte) kind {
	ext := extensions[strings.ToLower(filepath.Ext(name))]
	if len(head) >= 12 && string(head[:4]) == "RIFF" && string(head[8:12]) == "WAVE" {
		return audioFile
	}
	for _, m := range magics {
		// "BM" may also begin the header of a table, or a text.
		if bytes.HasPrefix(head, []byte(m.prefix)) && (m.prefix != "BM" || ext != textTable && ext != textLines) {
			return m.kind
		}
	}
	if ext != unknown {
		return ext
	}
	trimmed := bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf")), " \t\r\n")
	switch {
	case len(trimmed) == 0:
		return unknown
	case trimmed[0] == '[' || trimmed[0] == '{':
		return jsonFile
	case isText(head):
		return textLines
	}
	return unknown
}

// isText reports whether head, which may end inside a character, is text.
func isText(head []byte) bool {
	for len(head) > 0 {
		r, n := utf8.DecodeRune(head)
		if r == utf8.RuneError && n == 1 && len(head) >= utf8.UTFMax || r < ' ' && !strings.ContainsRune("\t\r\n", r) {
			return false
		}
		head = head[n:]
	}
	return true
}
