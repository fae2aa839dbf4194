package serve

import (
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"time"

	"github.com/kerasrun/kerasrun"
	"github.com/kerasrun/kerasrun/vision"
)

// A Config says what a server serves. Zero fields have the defaults that are named.
type Config struct {
	Models []Model
	// Concurrency is the number of predictions that run at a time; one for each CPU that Go uses.
	Concurrency int
	// Queue is the number of requests that may wait for them; 1024.
	Queue int
	// Timeout is the time from the arrival of a request to its outputs; one minute.
	Timeout time.Duration
	// MaxBody is the bytes of a request's body, before and after it is decompressed; 64 MiB.
	MaxBody int64
	// MaxBodies is the bytes of the bodies of all requests under way; 16 times MaxBody.
	MaxBodies int64
	// BatchWait is how long a request may wait for others to share its prediction, while another one runs; 0 is
	// no batching.
	BatchWait time.Duration
	// BatchMost is the number of examples that share a prediction; 32.
	BatchMost int
	// Poll is the time between two looks at the files of the models; 0 is never.
	Poll time.Duration
	// NoPage leaves out the page at /, which shows what each layer makes of an image: a prediction there costs some ten
	// times as much as one by a protocol.
	NoPage bool
	// Logger gets a line for each request (debug; info from status 400 on, error from 500 on) and each model that was
	// loaded; slog.Default().
	Logger *slog.Logger
	// Version of the server, for its metadata.
	Version string
}

// A Model is a model that is served under a name.
type Model struct {
	Name string // letters, digits, '_', '-' and '.'
	// Path is a model file, or a folder with a folder for each version, whose name is its number.
	Path string
	// Versions is the number of versions of a folder that are served, the newest ones; 1, and all if it is negative.
	Versions int
	// Options are those of opening the model.
	Options []kerasrun.Option
	// Watch names other files that the model is read from, such as that of WithWeights.
	Watch []string
	// Preprocess is what becomes of the values of images, 0 to 255.
	Preprocess vision.Mode
	// Labels are the names of the classes, where they are known.
	Labels []string
}

var (
	modelName  = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]*$`)
	namedModel = regexp.MustCompile(`^([A-Za-z0-9_][A-Za-z0-9_.-]*)=(.+)$`)
)

// ParseModel reads "NAME=PATH", or a path, whose model has the name of the file without its ending.
func ParseModel(text string) (Model, error) {
	if m := namedModel.FindStringSubmatch(text); m != nil {
		return Model{Name: m[1], Path: m[2]}, nil
	}
	name := filepath.Base(filepath.Clean(text))
	if name == "model.json" { // of TensorFlow.js, in a folder of the model's name
		name = filepath.Base(filepath.Dir(filepath.Clean(text)))
	}
	name = strings.TrimSuffix(name, filepath.Ext(name))
	if !modelName.MatchString(name) {
		return Model{}, fmt.Errorf("%s: %q is no name for a model, which has letters, digits, '_', '-' and '.'; want NAME=%s", text, name, text)
	}
	return Model{Name: name, Path: text}, nil
}

// settled checks c and fills in the defaults.
func (c Config) settled() (Config, error) {
	if len(c.Models) == 0 {
		return c, errors.New("serve: no models")
	}
	names := map[string]bool{}
	for _, m := range c.Models {
		if !modelName.MatchString(m.Name) {
			return c, fmt.Errorf("serve: the model name %q, want letters, digits, '_', '-' and '.'", m.Name)
		}
		if names[m.Name] {
			return c, fmt.Errorf("serve: the model name %q stands twice", m.Name)
		}
		names[m.Name] = true
	}
	if c.Concurrency <= 0 {
		c.Concurrency = runtime.GOMAXPROCS(0)
	}
	if c.Queue <= 0 {
		c.Queue = 1024
	}
	if c.Timeout <= 0 {
		c.Timeout = time.Minute
	}
	if c.MaxBody <= 0 {
		c.MaxBody = 64 << 20
	}
	if c.MaxBodies <= 0 {
		c.MaxBodies = 16 * c.MaxBody
	}
	if c.BatchMost <= 0 {
		c.BatchMost = 32
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	return c, nil
}
