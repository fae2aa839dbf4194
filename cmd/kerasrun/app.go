package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/kerasrun/kerasrun"
	"github.com/kerasrun/kerasrun/cmd/kerasrun/internal/help"
	"github.com/kerasrun/kerasrun/cmd/kerasrun/internal/output"
	"github.com/kerasrun/kerasrun/internal/atomicfile"
)

// An app is one run of the command: its streams and the flags that all
// subcommands share.
type app struct {
	in       io.Reader
	out, err io.Writer

	color          string
	quiet, verbose bool
	started        bool // a subcommand has been found and its arguments are right
}

// run parses args, runs the subcommand and returns the exit code.
func (a *app) run(ctx context.Context, args []string) int {
	root := a.rootCommand()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	var f *failure
	if !a.started && !errors.As(err, &f) {
		err = usageError(err)
	}
	if !errors.Is(err, errShown) {
		fmt.Fprintf(a.err, "%s %s\n", a.style(a.err).Bad("kerasrun:"), message(err))
	}
	return exitCode(err)
}

// errShown is in the chain of errors that a subcommand has already reported.
var errShown = errors.New("already reported")

func (a *app) rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "kerasrun",
		Short: "Run and convert Keras models",
		Long: `kerasrun runs and converts Keras models: .keras and .h5 files of Keras 1, 2 and 3.

Results go to standard output, messages to standard error. Exit codes: 0 success,
1 failure, 2 wrong usage, 3 model missing, invalid or unsupported, 4 wrong input
data, 5 verification failed, 6 limit exceeded, 130 interrupted.`,
		Example: `  kerasrun predict model.keras photo.jpg
  kerasrun predict model.h5 rows.csv --format json -o results.json
  kerasrun inspect model.keras --plan
  kerasrun convert model.h5 weights.safetensors
  kerasrun verify model.keras --expect expect.npz`,
		Version:       buildInfo().version,
		SilenceErrors: true,
		SilenceUsage:  true,
		PersistentPreRunE: func(*cobra.Command, []string) error {
			switch a.color {
			case "auto", "always", "never":
			default:
				return usageError(fmt.Errorf("--color %q, want auto, always or never", a.color))
			}
			a.started = true
			return nil
		},
	}
	root.SetIn(a.in)
	root.SetOut(a.out)
	root.SetErr(a.err)
	root.SetFlagErrorFunc(flagError)
	root.SetVersionTemplate("{{.Name}} {{.Version}}\n")
	flags := root.PersistentFlags()
	flags.StringVar(&a.color, "color", "auto", "colours: auto, always or never; auto heeds NO_COLOR and TERM=dumb")
	flags.BoolVarP(&a.quiet, "quiet", "q", false, "print no notes, only results and errors")
	flags.BoolVarP(&a.verbose, "verbose", "v", false, "say what was loaded and how long it took")
	root.AddCommand(a.predictCommand(), a.evaluateCommand(), a.explainCommand(), a.plotCommand(), a.inspectCommand(), a.verifyCommand(), a.diffCommand(), a.convertCommand(), a.benchCommand(), a.serveCommand(), a.layersCommand(), a.versionCommand(), a.manCommand())
	help.Set(root)
	return root
}

// style decides about colours for a stream.
func (a *app) style(w io.Writer) output.Style {
	switch a.color {
	case "always":
		return output.Style{Color: true}
	case "auto":
		return output.Style{Color: isTerminal(w) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"}
	}
	return output.Style{}
}

func isTerminal(w any) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// note tells the user something that is no error.
func (a *app) note(format string, args ...any) {
	if !a.quiet {
		fmt.Fprintf(a.err, "kerasrun: "+format+"\n", args...)
	}
}

// timed tells the verbose user how long something took.
func (a *app) timed(start time.Time, format string, args ...any) {
	if a.verbose {
		args = append(args, time.Since(start).Round(10*time.Microsecond))
		fmt.Fprintf(a.err, "kerasrun: "+format+" in %v\n", args...)
	}
}

// modelFlags are the flags of all commands that open a model.
type modelFlags struct {
	weights     string
	threads     int
	unknownKeys bool
	thirdParty  bool
	exact       bool
	shapes      inputShapes
	lambdas     lambdaFlag
}

func (m *modelFlags) add(c *cobra.Command) {
	c.Flags().StringVar(&m.weights, "weights", "", "`FILE` with the weights of an architecture JSON: of Keras, .safetensors or .npz")
	c.Flags().IntVar(&m.threads, "threads", 0, "number of threads (default: one for each CPU)")
	c.Flags().Var(&m.shapes, "input-shape", "`DIMS` of an input that the file does not say, batch included, ? where open: ?,28,28,1; once for each input")
	c.Flags().Var(&m.lambdas, "lambda", "`LAYER=EXPRESSION` that a Lambda layer computes, as in its Python code: 'scale=x / 127.5 - 1'; once for each")
	c.Flags().BoolVar(&m.unknownKeys, "allow-unknown-keys", false, "load layers with config keys that kerasrun does not know")
	c.Flags().BoolVar(&m.thirdParty, "third-party", false, "load layer classes of widespread packages (docs/THIRD_PARTY.md)")
}

// lambdaFlag is the value of a flag: what Lambda layers compute.
type lambdaFlag []struct{ layer, text string }

// Type is the kind of value, for the help.
func (lambdaFlag) Type() string { return "LAYER=EXPRESSION" }

// String writes them as they are given.
func (l *lambdaFlag) String() string {
	var all []string
	for _, one := range *l {
		all = append(all, one.layer+"="+one.text)
	}
	return strings.Join(all, " ")
}

// Set adds one.
func (l *lambdaFlag) Set(text string) error {
	layer, expr, ok := strings.Cut(text, "=")
	if !ok || layer == "" {
		return fmt.Errorf("%q, want LAYER=EXPRESSION", text)
	}
	*l = append(*l, struct{ layer, text string }{layer, expr})
	return nil
}

// inputShapes is the value of a flag: shapes with ? where a dimension is open.
type inputShapes []kerasrun.Shape

// Type is the kind of value, for the help.
func (inputShapes) Type() string { return "DIMS" }

// String writes them as they are given.
func (s *inputShapes) String() string {
	var all []string
	for _, shape := range *s {
		var dims []string
		for _, n := range shape {
			if n < 0 {
				dims = append(dims, "?")
			} else {
				dims = append(dims, strconv.Itoa(n))
			}
		}
		all = append(all, strings.Join(dims, ","))
	}
	return strings.Join(all, " ")
}

// Set adds a shape.
func (s *inputShapes) Set(text string) error {
	var shape kerasrun.Shape
	for _, d := range strings.Split(text, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(d))
		switch {
		case strings.TrimSpace(d) == "?":
			n = -1
		case err != nil || n < 1:
			return fmt.Errorf("dimension %q, want a number from 1, or ?", d)
		}
		shape = append(shape, n)
	}
	*s = append(*s, shape)
	return nil
}

// addExact adds --exact, which verify has another meaning for.
func (m *modelFlags) addExact(c *cobra.Command) {
	c.Flags().BoolVar(&m.exact, "exact", false, "compute 3x3 convolutions tap by tap: slower, with smaller rounding errors")
}

// load opens a model. Its errors end in exit code 3.
func (a *app) load(path string, m modelFlags, more ...kerasrun.Option) (*kerasrun.Model, error) {
	var model *kerasrun.Model
	err := a.loadWith(path, m, func(options []kerasrun.Option) (*kerasrun.Model, error) {
		var err error
		model, err = kerasrun.Load(path, append(options, more...)...)
		return model, err
	})
	return model, err
}

// loadWith is load for what opens the model in a way of its own.
func (a *app) loadWith(path string, m modelFlags, load func([]kerasrun.Option) (*kerasrun.Model, error)) error {
	if m.threads < 0 {
		return usageError(fmt.Errorf("--threads %d, want 1 or more", m.threads))
	}
	start := time.Now()
	model, err := load(m.options())
	if err != nil {
		return m.openError(path, err)
	}
	a.timed(start, "%s: loaded", path)
	a.warn(path, model.File())
	return nil
}

// open opens a model that is not to run; it must be closed. Its errors end in exit code 3.
func (a *app) open(path string, m modelFlags) (*kerasrun.Source, error) {
	model, err := kerasrun.Open(path, m.options()...)
	if err != nil {
		return nil, m.openError(path, err)
	}
	a.warn(path, model.Info)
	return model, nil
}

// warn tells what was assumed of a file.
func (a *app) warn(path string, file kerasrun.FileInfo) {
	for _, w := range file.Warnings {
		a.note("%s: %s", path, w)
	}
}

// openError gives an error of opening a model its exit code, 3.
func (m *modelFlags) openError(path string, err error) error {
	if _, missing := os.Stat(path); missing == nil && m.weights == "" && errors.Is(err, kerasrun.ErrNotFound) {
		err = fmt.Errorf("%w; the command's flag for it is --weights FILE", err)
	}
	return modelError(err)
}

// options are those that the flags ask for.
func (m *modelFlags) options() []kerasrun.Option {
	options := []kerasrun.Option{kerasrun.WithThreads(m.threads)}
	if m.weights != "" {
		options = append(options, kerasrun.WithWeights(m.weights))
	}
	if len(m.shapes) > 0 {
		options = append(options, kerasrun.WithInputShapes(m.shapes...))
	}
	for _, l := range m.lambdas {
		options = append(options, kerasrun.WithLambdaExpression(l.layer, l.text))
	}
	if m.unknownKeys {
		options = append(options, kerasrun.WithUnknownKeys())
	}
	if m.thirdParty {
		options = append(options, kerasrun.WithThirdPartyLayers())
	}
	if m.exact {
		options = append(options, kerasrun.WithExact())
	}
	return options
}

// outputFlags are the flags of all commands that print results in formats.
type outputFlags struct {
	format string
	path   string
}

func (o *outputFlags) add(c *cobra.Command, formats ...string) {
	c.Flags().StringVar(&o.format, "format", "", "`FORMAT` of the results: "+strings.Join(formats, ", ")+" (default "+formats[0]+", or by the ending of -o)")
	c.Flags().StringVarP(&o.path, "output", "o", "", "write the results to `FILE`, whole or not at all")
}

// settle checks the format; without one it is that of the ending of -o, or the first.
func (o *outputFlags) settle(formats ...string) error {
	if o.format == "" {
		o.format = formats[0]
		if ext := strings.TrimPrefix(strings.ToLower(filepath.Ext(o.path)), "."); slices.Contains(formats, ext) {
			o.format = ext
		}
	}
	if !slices.Contains(formats, o.format) {
		return fmt.Errorf("--format %q, want one of %s", o.format, strings.Join(formats, ", "))
	}
	return nil
}

// outputStyle decides about the colours and the width of results.
func (a *app) outputStyle(o outputFlags) output.Style {
	if o.path != "" && o.path != "-" {
		return output.Style{Color: a.color == "always"}
	}
	style := a.style(a.out)
	style.Width = terminalWidth(a.out)
	return style
}

// write calls f with standard output or the file of -o.
func (a *app) write(o outputFlags, f func(io.Writer) error) error {
	if o.path == "" || o.path == "-" {
		return f(a.out)
	}
	return atomicfile.Write(o.path, f)
}

// arguments checks that a command has from least to most arguments, a negative
// most being no limit; want says what they are.
func arguments(least, most int, want string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if n := len(args); n < least || most >= 0 && n > most {
			return fmt.Errorf("%s: %d arguments, want %s", c.CommandPath(), n, want)
		}
		return nil
	}
}
