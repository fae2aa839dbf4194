//go:build linux

package hostile

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/kerasrun/kerasrun"
	"github.com/kerasrun/kerasrun/hdf5load"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "rewrite the files of testdata/attacks")

const attacksDir = root + "testdata/attacks"

// An attack is a file of a stranger and what must come of it.
type attack struct {
	name      string // of the file
	reference string // where such a file did harm
	what      string
	make      func(t *testing.T) []byte // nil for files that make.py writes
	beside    map[string][]byte         // for weights alone: the architecture
	is        error                     // nil where it is harmless and loads
	says      string
}

const (
	inputLayer = `{"class_name":"InputLayer","config":{"name":"in","batch_shape":%s,"dtype":"float32"},"registered_name":null,"build_config":null}`
	module     = `"module":"keras.layers","registered_name":null`
)

// sequential is the config of a Sequential of one layer.
func sequential(shape, layer string) string {
	return `{"module":"keras","class_name":"Sequential","config":{"name":"s","layers":[` + fmt.Sprintf(inputLayer, shape) + "," + layer + `]},"registered_name":null,"build_config":null}`
}

// layer is the config of a layer.
func layer(class, config string) string {
	if config != "" {
		config = "," + config
	}
	return fmt.Sprintf(`{%s,"class_name":%q,"config":{"name":"dense","dtype":"float32"%s}}`, module, class, config)
}

// denseWeights is the file of the weights of a Dense layer "dense" of (2, 2).
func denseWeights(t *testing.T) []byte {
	t.Helper()
	tree := hdf5load.NewTree()
	for name, shape := range map[string][]int{"0": {2, 2}, "1": {2}} {
		tree.Group("layers/dense/vars").Dataset(name, hdf5load.Float32, shape, func(w io.Writer) error {
			n := 1
			for _, d := range shape {
				n *= d
			}
			return binary.Write(w, binary.LittleEndian, make([]float32, n))
		})
	}
	var b bytes.Buffer
	require.NoError(t, hdf5load.Write(&b, tree))
	return b.Bytes()
}

// A member is a file of an archive.
type member struct {
	name string
	data []byte
}

// zipped is an archive of members, deflated where that is worth it.
func zipped(t *testing.T, members ...member) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, m := range members {
		method := zip.Store
		if len(m.data) > 1<<20 {
			method = zip.Deflate
		}
		o, err := w.CreateHeader(&zip.FileHeader{Name: m.name, Method: method})
		require.NoError(t, err)
		_, err = o.Write(m.data)
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return b.Bytes()
}

// of makes a .keras of a config, of which the weights do not matter, and of other members.
func of(config string, others ...member) func(t *testing.T) []byte {
	return func(t *testing.T) []byte {
		all := []member{
			{"metadata.json", []byte(`{"keras_version":"3.15.1","date_saved":"2026-11-26@00:00:00"}`)},
			{"config.json", []byte(config)}, {"model.weights.h5", denseWeights(t)},
		}
		return zipped(t, append(all, others...)...)
	}
}

// h5 makes a whole-model .h5 of a config.
func h5(config string) func(t *testing.T) []byte {
	return func(t *testing.T) []byte {
		tree := hdf5load.NewTree()
		tree.Attr("keras_version", "2.15.0")
		tree.Attr("backend", "tensorflow")
		tree.Attr("model_config", config)
		tree.Group("model_weights").Names("layer_names", nil)
		var b bytes.Buffer
		require.NoError(t, hdf5load.Write(&b, tree))
		return b.Bytes()
	}
}

func text(s string) func(*testing.T) []byte {
	return func(*testing.T) []byte { return []byte(s) }
}

// big is a class with one size that nobody has memory for.
func big(name, shape, class, config, says string, is error) attack {
	return attack{name: name + ".keras", reference: "CVE-2026-0897, CVE-2023-27579", what: class + " with " + config,
		make: of(sequential(shape, layer(class, config))), is: is, says: says}
}

var square = sequential("[null,2]", layer("Dense", `"units":2`))

// beside are the architectures of the weights that make.py writes.
func besides(rows, units int) map[string][]byte {
	return map[string][]byte{"model.json": []byte(sequential(fmt.Sprintf("[null,%d]", rows), layer("Dense", fmt.Sprintf(`"units":%d`, units))))}
}

var attacks = []attack{
	{name: "lambda.keras", reference: "CVE-2024-3660, CVE-2025-1550", what: "a Lambda with Python bytecode",
		make: of(sequential("[null,2]", layer("Lambda", `"function":{"class_name":"__lambda__","config":{"code":"4wAAAAAAAAAAAAAAAAMAAAADAAAA8woAAACVAGQBVQAtBQAAAFMA","defaults":null,"closure":null}},"arguments":{}`))),
		is:   kerasrun.ErrUnsupported, says: "WithLambda"},
	{name: "lambda.h5", reference: "CVE-2025-9905: safe_mode was not heeded for .h5", what: "a Lambda with Python bytecode",
		make: h5(`{"class_name":"Sequential","config":{"name":"s","layers":[{"class_name":"Lambda","config":{"name":"l","batch_input_shape":[null,2],"dtype":"float32","function":["4wEAAAAAAAAAAAAAAAEAAAABAAAAQwAAAHMEAAAAfABTAKkBTqkA",null,null],"function_type":"lambda","module":"__main__","arguments":{}}}]}}`),
		is:   kerasrun.ErrUnsupported, says: "WithLambda"},
	{name: "module_os.keras", reference: "CVE-2025-1550, CVE-2025-8747", what: "a layer whose module and class name os.system",
		make: of(sequential("[null,2]", `{"module":"os","class_name":"system","registered_name":null,"config":{"command":"touch /tmp/harm","name":"dense"}}`)),
		is:   kerasrun.ErrUnsupported, says: "system"},
	{name: "unsafe_on.keras", reference: "CVE-2025-9906", what: "a config that turns off Keras's safe mode before a Lambda",
		make: of(sequential("[null,2]", `{"module":"keras.config","class_name":"function","config":"enable_unsafe_deserialization","registered_name":"enable_unsafe_deserialization"}`)),
		is:   kerasrun.ErrFormat, says: "function"},
	{name: "torch_module.keras", reference: "CVE-2025-49655", what: "a TorchModuleWrapper, which unpickles",
		make: of(sequential("[null,2]", layer("TorchModuleWrapper", `"module":"gASVHAAAAA=="`))), is: kerasrun.ErrUnsupported, says: "TorchModuleWrapper"},
	{name: "tfsm_layer.keras", reference: "CVE-2026-1462", what: "a TFSMLayer, which loads a SavedModel from a path",
		make: of(sequential("[null,2]", layer("TFSMLayer", `"filepath":"/tmp/saved_model","call_endpoint":"serve"`))), is: kerasrun.ErrUnsupported, says: "TFSMLayer"},
	{name: "activation_path.keras", reference: "CVE-2025-8747", what: "an activation that is a function of another module",
		make: of(sequential("[null,2]", layer("Dense", `"units":2,"activation":{"module":"keras.utils","class_name":"function","config":"get_file","registered_name":"get_file"}`))), is: kerasrun.ErrUnsupported, says: "activation"},
	{name: "vocabulary_path.keras", reference: "CVE-2025-12058", what: "a StringLookup whose vocabulary is a path",
		make: of(sequential("[null,2]", layer("StringLookup", `"vocabulary":"/etc/passwd"`))), is: kerasrun.ErrUnsupported, says: "vocabulary"},
	{name: "vocabulary_url.keras", reference: "CVE-2025-12058", what: "a StringLookup whose vocabulary is a URL",
		make: of(sequential("[null,2]", layer("StringLookup", `"vocabulary":"http://127.0.0.1:1/words"`))), is: kerasrun.ErrUnsupported, says: "vocabulary"},
	{name: "model.yaml", reference: "CVE-2021-37678", what: "an architecture as YAML, which can make Python objects",
		make: text("!!python/object/apply:os.system ['touch /tmp/harm']\n"), is: kerasrun.ErrFormat, says: "model.yaml"},

	{name: "external_storage.weights.h5", reference: "CVE-2026-1669", what: "a dataset whose elements are in /etc/passwd", beside: besides(2, 2), is: kerasrun.ErrUnsupported, says: "external"},
	{name: "external_link.weights.h5", reference: "CVE-2026-1669", what: "a link into another file", beside: besides(2, 2), is: kerasrun.ErrUnsupported, says: "external"},
	{name: "soft_link.weights.h5", reference: "CVE-2026-1669, keras PR 22900", what: "a soft link in the place of a dataset", beside: besides(2, 2), is: kerasrun.ErrUnsupported, says: "soft link"},
	{name: "virtual.weights.h5", reference: "keras PR 22976", what: "a virtual dataset of another file", beside: besides(2, 2), is: kerasrun.ErrUnsupported, says: "virtual"},
	{name: "hard_link_cycle.weights.h5", reference: "", what: "a group that is in itself", beside: besides(2, 2), is: kerasrun.ErrShape, says: "dense"},
	{name: "declared_4gb.weights.h5", reference: "CVE-2026-0897: 16 GB of memory", what: "4.1 GB declared in 5 kB, of the shape that the layer has", beside: besides(32000, 32000), is: kerasrun.ErrLimit, says: "bytes of values"},
	{name: "declared_8eb.weights.h5", reference: "CVE-2026-0897", what: "8 EB declared", beside: besides(2, 2), is: kerasrun.ErrLimit, says: ""},
	{name: "deflated_32mb.weights.h5", reference: "CVE-2026-0897", what: "32 MiB deflated to 35 kB, of another shape than the layer's", beside: besides(2, 2), is: kerasrun.ErrShape, says: "kernel"},

	{name: "config_1gib.keras", reference: "measured: 2.6 GB in Keras", what: "a config.json of 1 GiB, deflated to 1 MB",
		make: func(t *testing.T) []byte {
			return deflated(t, "config.json", 1<<10)
		}, is: kerasrun.ErrLimit, says: "config.json"},
	{name: "deep.json", reference: "measured: RecursionError in Keras", what: "JSON nested 100,000 deep",
		make: text(strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000)), is: kerasrun.ErrLimit, says: "deep"},
	{name: "many_nodes.keras", reference: "", what: "a config of two million numbers",
		make: of(`{"class_name":"Sequential","config":{"x":[` + strings.Repeat("0,", 2_000_000) + `0]}}`), is: kerasrun.ErrLimit, says: "values"},
	{name: "doubling_models.json", reference: "", what: "24 models, each of which calls the one inside it twice",
		make: func(*testing.T) []byte { return []byte(doubling(24)) }, beside: map[string][]byte{"empty.weights.h5": nil}, is: kerasrun.ErrLimit, says: "calls"},
	{name: "million_members.keras", reference: "", what: "a zip of a million members",
		make: func(t *testing.T) []byte { return manyMembers(t, 1_000_000, false) }, is: kerasrun.ErrLimit, says: "members"},
	{name: "million_members_hidden.keras", reference: "", what: "the same, whose end record says one",
		make: func(t *testing.T) []byte { return manyMembers(t, 15<<16+1, true) }, is: kerasrun.ErrFormat, says: "directory"},
	{name: "two_configs.keras", reference: "readers differ in which they take", what: "two members config.json",
		make: of(square, member{"config.json", []byte("{}")}), is: kerasrun.ErrFormat, says: "config.json"},
	{name: "paths.keras", reference: "zip slip, keras PR 22973", what: "members named ../../x, /etc/x and C:\\x beside a valid model",
		make: of(square, member{"../../x", []byte("x")}, member{"/etc/x", []byte("x")}, member{`C:\x`, []byte("x")})},
	{name: "overlapping_vocabularies.keras", reference: "Fifield, 2019: a better zip bomb", what: "4,000 vocabularies of 16 MiB that lie on the same bytes",
		make: overlapping, is: kerasrun.ErrLimit, says: "vocabular"},
	{name: "tfjs_path.json", reference: "ONNX CVE-2026-27489: external data", what: "weights of TensorFlow.js in ../../etc/passwd",
		make: text(`{"format":"layers-model","generatedBy":"keras v2.15.0","modelTopology":{"keras_version":"2.15.0","backend":"tensorflow","model_config":{"class_name":"Sequential","config":{"name":"s","layers":[{"class_name":"Dense","config":{"name":"d","batch_input_shape":[null,2],"units":2,"dtype":"float32"}}]}}},"weightsManifest":[{"paths":["../../etc/passwd"],"weights":[{"name":"d/kernel","shape":[2,2],"dtype":"float32"},{"name":"d/bias","shape":[2],"dtype":"float32"}]}]}`),
		is:   kerasrun.ErrFormat, says: "etc/passwd"},
	{name: "btree_cycle.h5", reference: "libhdf5 hangs", what: "B-tree nodes that are their own siblings and children",
		make: func(t *testing.T) []byte { return pointBack(t, "TREE", 8, 16, 32) }, is: kerasrun.ErrFormat, says: ""},
	{name: "heap_cycle.h5", reference: "libhdf5 hangs", what: "a local heap whose data and free list are the heap itself",
		make: func(t *testing.T) []byte { return pointBack(t, "HEAP", 16, 24) }, is: kerasrun.ErrNotFound, says: ""},

	big("dense_2_40", "[null,2]", "Dense", `"units":1099511627776`, "units", kerasrun.ErrShape),
	big("dense_2_24", "[null,16777216]", "Dense", `"units":16777216`, "dense", kerasrun.ErrLimit),
	big("upsampling_2_20", "[null,4,4,3]", "UpSampling2D", `"size":[1048576,1048576]`, "dense", kerasrun.ErrLimit),
	big("padding_2_31", "[null,4,4,3]", "ZeroPadding2D", `"padding":2147483648`, "padding", kerasrun.ErrShape),
	big("repeat_2_40", "[null,2]", "RepeatVector", `"n":1099511627776`, " n ", kerasrun.ErrShape),
	big("dilation_2_31", "[null,4,4,3]", "Conv2D", `"filters":1,"kernel_size":[2,2],"dilation_rate":[2147483648,1]`, "dilation_rate", kerasrun.ErrShape),
	big("embedding_2_31", "[null,2]", "Embedding", `"input_dim":2147483648,"output_dim":8`, "input_dim", kerasrun.ErrShape),
	big("strides_0", "[null,4,4,3]", "Conv2D", `"filters":1,"kernel_size":[2,2],"strides":[0,0]`, "strides", kerasrun.ErrShape),
	big("groups_0", "[null,4,4,3]", "Conv2D", `"filters":1,"kernel_size":[2,2],"groups":0`, "groups", kerasrun.ErrShape),
	big("pool_0", "[null,4,4,3]", "MaxPooling2D", `"pool_size":[0,0]`, "pool_size", kerasrun.ErrShape),
	big("channels_0", "[null,4,4,0]", "Conv2D", `"filters":1,"kernel_size":[2,2]`, "shape", kerasrun.ErrFormat),
}

// doubling returns models that each call the one inside twice.
func doubling(levels int) string {
	model := `{"class_name":"Sequential","config":{"name":"m0","layers":[` + fmt.Sprintf(inputLayer, "[null,2]") + `,{"class_name":"Dropout","config":{"name":"d","rate":0.5}}]}}`
	tensor := func(layer string) string {
		return fmt.Sprintf(`{"class_name":"__keras_tensor__","config":{"shape":[null,2],"dtype":"float32","keras_history":["%s",0,0]}}`, layer)
	}
	for n := 1; n <= levels; n++ {
		inside := fmt.Sprintf("m%d", n-1)
		model = fmt.Sprintf(`{"class_name":"Functional","config":{"name":"m%[1]d","layers":[{"class_name":"InputLayer","name":"i%[1]d","config":{"name":"i%[1]d","batch_shape":[null,2],"dtype":"float32"},"inbound_nodes":[]},%[2]s,"inbound_nodes":[{"args":[%[3]s],"kwargs":{}},{"args":[%[4]s],"kwargs":{}}]}],"input_layers":[["i%[1]d",0,0]],"output_layers":[["%[5]s",1,0]]}}`,
			n, strings.TrimSuffix(strings.Replace(model, `"config"`, fmt.Sprintf(`"name":%q,"config"`, inside), 1), "}"), tensor(fmt.Sprintf("i%d", n)), tensor(inside), inside)
	}
	return model
}

// manyMembers is a zip of n empty members, whose end record hides them or not.
func manyMembers(t *testing.T, n int, hidden bool) []byte {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for i := range n {
		_, err := w.CreateRaw(&zip.FileHeader{Name: fmt.Sprint(i)})
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	if !hidden {
		return b.Bytes()
	}
	data := b.Bytes()
	end64 := bytes.LastIndex(data, []byte("PK\x06\x06"))
	start := binary.LittleEndian.Uint64(data[end64+48:])
	end := make([]byte, 22)
	copy(end, "PK\x05\x06")
	for _, at := range []int{8, 10} {
		binary.LittleEndian.PutUint16(end[at:], uint16(n))
	}
	binary.LittleEndian.PutUint32(end[12:], 100)
	binary.LittleEndian.PutUint32(end[16:], uint32(start))
	return append(data[:end64:end64], end...)
}

// deflated is an archive of one member of mib MiB of spaces.
func deflated(t *testing.T, name string, mib int) []byte {
	var one, b bytes.Buffer
	f, err := flate.NewWriter(&one, flate.BestCompression)
	require.NoError(t, err)
	_, err = f.Write(bytes.Repeat([]byte{' '}, 1<<20))
	require.NoError(t, err)
	require.NoError(t, f.Flush())
	data := bytes.Repeat(one.Bytes(), mib)
	one.Reset()
	require.NoError(t, f.Close())
	data = append(data, one.Bytes()...)
	w := zip.NewWriter(&b)
	o, err := w.CreateRaw(&zip.FileHeader{Name: name, Method: zip.Deflate, CompressedSize64: uint64(len(data)), UncompressedSize64: uint64(mib) << 20})
	require.NoError(t, err)
	_, err = o.Write(data)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return b.Bytes()
}

// overlapping is an archive whose vocabularies all lie on the same deflated bytes.
func overlapping(t *testing.T) []byte {
	words := bytes.Repeat([]byte("a\n"), 8<<20)
	one := of(square, member{"assets/layers/x0000/vocabulary.txt", words})(t)
	// each further entry of the directory is that of the first vocabulary under another name
	end := bytes.LastIndex(one, []byte("PK\x05\x06"))
	start := int(binary.LittleEndian.Uint32(one[end+16:]))
	entry := bytes.LastIndex(one[:end], []byte("PK\x01\x02"))
	const n = 4000
	out := bytes.Clone(one[:end])
	for i := 1; i < n; i++ {
		out = append(out, bytes.Replace(one[entry:end], []byte("x0000"), fmt.Appendf(nil, "x%04d", i), 1)...)
	}
	last := bytes.Clone(one[end:])
	count := binary.LittleEndian.Uint16(last[10:]) + n - 1
	binary.LittleEndian.PutUint16(last[8:], count)
	binary.LittleEndian.PutUint16(last[10:], count)
	binary.LittleEndian.PutUint32(last[12:], uint32(len(out)-start))
	return append(out, last...)
}

// pointBack is a whole-model .h5 of Keras in which, at all places where a
// signature stands, the addresses at these offsets are that place.
func pointBack(t *testing.T, signature string, offsets ...int) []byte {
	b, err := os.ReadFile(root + "testdata/models/dense_k2_h5/model.h5")
	require.NoError(t, err)
	places := find(b, signature)
	require.NotEmpty(t, places)
	for _, at := range places {
		if signature == "TREE" {
			b[at+5] = 1 // a level above the leaves: its children are nodes
		}
		for _, o := range offsets {
			binary.LittleEndian.PutUint64(b[at+o:], uint64(at))
		}
	}
	return b
}

// A watchedFS records what is opened.
type watchedFS struct {
	fs.FS
	opened map[string]bool
}

func (w watchedFS) Open(name string) (fs.File, error) {
	w.opened[name] = true
	return w.FS.Open(name)
}

// stored is the largest attack that is a file of testdata.
const stored = 64 << 10

// data is the file of an attack, from the folder when it is there.
func (a attack) data(t *testing.T) []byte {
	t.Helper()
	name := filepath.Join(attacksDir, a.name)
	if a.make == nil {
		b, err := os.ReadFile(name)
		require.NoError(t, err)
		return b
	}
	if !*update {
		if b, err := os.ReadFile(name); err == nil {
			return b
		}
	}
	b := a.make(t)
	if *update && len(b) <= stored {
		require.NoError(t, os.WriteFile(name, b, 0o644))
	}
	return b
}

// TestAttacks opens every attack: an error of its kind or a model, at once, with
// little memory, and no other file is opened.
func TestAttacks(t *testing.T) {
	const most = 128 << 20
	var rows []string
	for _, a := range attacks {
		t.Run(a.name, func(t *testing.T) {
			data := a.data(t)
			all := fstest.MapFS{a.name: {Data: data}}
			name, weights := a.name, ""
			for other, d := range a.beside {
				if d == nil {
					d = denseWeights(t)
				}
				all[other] = &fstest.MapFile{Data: d}
				if strings.HasSuffix(other, ".h5") {
					weights = other
				} else {
					name, weights = other, a.name
				}
			}
			fsys := watchedFS{all, map[string]bool{}}
			var o []kerasrun.Option
			if weights != "" {
				o = append(o, kerasrun.WithWeights(weights))
			}
			allocs, cpu := allocated(), cpuTime()
			m, err := kerasrun.LoadFS(fsys, name, o...)
			used, took := allocated()-allocs, cpuTime()-cpu
			if err == nil {
				m.Close()
			}
			rows = append(rows, fmt.Sprintf("%-36s %7.3f s %5d MiB  %v", a.name, took.Seconds(), used>>20, brief(err)))
			switch {
			case a.is == nil:
				require.NoError(t, err)
			case strconv.IntSize == 32 && errors.Is(err, kerasrun.ErrFormat): // the number is no int there
			default:
				require.ErrorIs(t, err, a.is)
				require.ErrorContains(t, err, a.says)
			}
			if err != nil {
				require.NotContains(t, err.Error(), "internal error")
			}
			if !raceDetector {
				require.Less(t, used, uint64(most))
				require.Less(t, took, 20*time.Second) // 1 on an idle machine
			}
			for opened := range fsys.opened {
				require.Contains(t, all, opened, "it was opened")
			}
		})
	}
	t.Logf("\n%s", strings.Join(rows, "\n"))
	readme(t)
}

func brief(err error) string {
	if err == nil {
		return "loads"
	}
	s := err.Error()
	return s[:min(len(s), 160)]
}

// kinds are the names of the errors.
var kinds = map[error]string{
	kerasrun.ErrFormat: "ErrFormat", kerasrun.ErrUnsupported: "ErrUnsupported", kerasrun.ErrLimit: "ErrLimit", kerasrun.ErrShape: "ErrShape", kerasrun.ErrNotFound: "ErrNotFound",
}

// readme holds the list of attacks to README.md.
func readme(t *testing.T) {
	t.Helper()
	var b strings.Builder
	b.WriteString("# Attacks\n\nFiles that did harm to a loader, or would: what must come of each. `make.py` writes the HDF5 files, the test\n`TestAttacks` (`cmd/kerasrun/internal/hostile`) the others with `-update`; those of more than 64 KiB are made when they are needed.\nEach must be refused with at most 128 MiB of memory, and no other file may be opened. All were made by this project and carry its license.\n\n| file | what | where it did harm | verdict |\n| --- | --- | --- | --- |\n")
	for _, a := range attacks {
		verdict := "loads, harmless"
		if a.is != nil {
			verdict = kinds[a.is]
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", a.name, strings.ReplaceAll(a.what, "|", `\|`), a.reference, verdict)
	}
	name := filepath.Join(attacksDir, "README.md")
	if *update {
		require.NoError(t, os.WriteFile(name, []byte(b.String()), 0o644))
	}
	text, err := os.ReadFile(name)
	require.NoError(t, err)
	require.Equal(t, string(text), b.String(), "run the test with -update")
	listed := map[string]bool{"README.md": true, "make.py": true}
	for _, a := range attacks {
		listed[a.name] = true
	}
	files, err := os.ReadDir(attacksDir)
	require.NoError(t, err)
	for _, f := range files {
		require.True(t, listed[f.Name()], "%s is in no list: %v", f.Name(), slices.Sorted(maps.Keys(listed)))
	}
}
