package keras

import (
	"bytes"
	"encoding/binary"
)

// FileKind is what the first bytes of a file show it to be.
type FileKind uint8

// The kinds of file that Sniff knows.
const (
	FileUnknown     FileKind = iota
	FileEmpty                // no bytes
	FileHDF5                 // .h5, .hdf5, .weights.h5, and some .keras
	FileZip                  // .keras; also .npz and PyTorch's files
	FileJSON                 // an architecture, or an index of shards
	FileSavedModel           // saved_model.pb of TensorFlow
	FileCheckpoint           // TensorFlow checkpoint: its index, or the text file beside it
	FileTFLite               // .tflite
	FileONNX                 // .onnx
	FileNumPy                // .npy
	FilePickle               // Python pickle, as old PyTorch files
	FileSafetensors          // .safetensors
	FileGzip                 // something compressed
	FileXML                  // OpenVINO, or a web page
	FileLFS                  // a pointer to a file that Git LFS has not fetched
)

// SniffLen is how many bytes of a file [Sniff] looks at. HDF5 may begin after a
// user block of any power of two; longer ones are not recognized.
const SniffLen = 4096 + 8

// Sniff tells the kind of a file from its first bytes, at best SniffLen.
func Sniff(head []byte) FileKind {
	text := bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\ufeff")), " \t\r\n")
	starts := func(s string) bool { return bytes.HasPrefix(head, []byte(s)) }
	switch {
	case len(head) == 0:
		return FileEmpty
	case starts("PK\x03\x04") || starts("PK\x05\x06"):
		return FileZip
	case starts("\x93NUMPY"):
		return FileNumPy
	case starts("\x1f\x8b"):
		return FileGzip
	case len(head) >= 8 && string(head[4:8]) == "TFL3":
		return FileTFLite
	case starts("version https://git-lfs"):
		return FileLFS
	case bytes.HasPrefix(text, []byte("<")):
		return FileXML
	case starts("model_checkpoint_path:"):
		return FileCheckpoint
	case len(head) >= 4 && head[0] == 0x80 && head[1] >= 2 && head[1] <= 5 && (head[2] == '}' || head[2] == 0x95 || head[2] == 0x8a || head[2] == 'c' || head[2] == ']' || head[2] == 'K'):
		return FilePickle
	case len(head) > 9 && head[8] == '{' && binary.LittleEndian.Uint64(head) < 1<<40:
		return FileSafetensors
	case isHDF5(head):
		return FileHDF5
	}
	switch {
	case len(text) > 0 && (text[0] == '{' || text[0] == '['), bytes.HasPrefix(text, []byte(`"{`)):
		return FileJSON
	case starts("\x08\x01\x12"): // schema version 1, then the first graph
		return FileSavedModel
	case len(head) > 3 && head[0] == 0x08 && head[1] >= 3 && head[1] < 32 && (head[2] == 0x12 || head[2] == 0x1a || head[2] == 0x3a):
		return FileONNX // a format version, then the producer or the graph
	case len(head) > 8 && head[0] == 0 && head[1] == 0 && head[3] == 0x08 && head[4] >= 1: // an empty key, then the header of a bundle
		return FileCheckpoint
	}
	return FileUnknown
}

func isHDF5(head []byte) bool {
	const signature = "\x89HDF\r\n\x1a\n"
	for at := 0; at+len(signature) <= len(head); at = max(512, 2*at) {
		if string(head[at:at+len(signature)]) == signature {
			return true
		}
	}
	return false
}

// String says what the file is, with the article: "an HDF5 file".
func (k FileKind) String() string {
	switch k {
	case FileEmpty:
		return "an empty file"
	case FileHDF5:
		return "an HDF5 file"
	case FileZip:
		return "a zip file"
	case FileJSON:
		return "a JSON file"
	case FileSavedModel:
		return "a TensorFlow SavedModel"
	case FileCheckpoint:
		return "a TensorFlow checkpoint"
	case FileTFLite:
		return "a TensorFlow Lite model"
	case FileONNX:
		return "an ONNX model"
	case FileNumPy:
		return "a NumPy array"
	case FilePickle:
		return "a Python pickle"
	case FileSafetensors:
		return "a safetensors file"
	case FileGzip:
		return "a gzip file"
	case FileXML:
		return "an XML or HTML file"
	case FileLFS:
		return "a Git LFS pointer"
	}
	return "not a file of a known kind"
}

// Advice says what is missing in a file of a kind that holds no Keras model,
// and how to get one; "" for a kind that may hold one.
func (k FileKind) Advice() string {
	switch k {
	case FileHDF5, FileZip, FileJSON:
		return ""
	case FileSavedModel:
		return "it has a TensorFlow graph but no Keras layers; save the model with model.save(\"model.keras\")"
	case FileCheckpoint:
		return "it has weights in TensorFlow's own format and no architecture; load it in Keras and save the model with model.save(\"model.keras\")"
	case FileTFLite, FileONNX:
		return "it was exported from a model; use the .keras or .h5 file it was made from"
	case FileSafetensors, FileNumPy, FilePickle:
		return "it has arrays but no Keras architecture; save the model with model.save(\"model.keras\")"
	case FileGzip:
		return "unpack it first"
	case FileLFS:
		return "fetch the file itself with git lfs pull"
	case FileXML:
		return "the download may have gone wrong; the file should be a .keras or .h5 file"
	}
	return "want a .keras file, an .h5 file, or an architecture as JSON"
}

// Describe returns String and Advice: "a TensorFlow checkpoint: it has weights ...".
func (k FileKind) Describe() string {
	if advice := k.Advice(); advice != "" {
		return k.String() + ": " + advice
	}
	return k.String()
}
