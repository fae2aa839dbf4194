package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/spf13/cobra"

	"github.com/kerasrun/kerasrun/serve"
	"github.com/kerasrun/kerasrun/serve/daemon"
	"github.com/kerasrun/kerasrun/vision"
)

// serveFlags are the flags of serve.
type serveFlags struct {
	model      modelFlags
	addr       string
	config     serve.Config
	versions   int
	preprocess string
	labels     string
	log        string
	maxBody    int64 // MiB
}

func (a *app) serveCommand() *cobra.Command {
	f := &serveFlags{}
	c := &cobra.Command{
		Use:   "serve MODEL...",
		Short: "Serve models over HTTP: TensorFlow Serving's REST API and the Open Inference Protocol v2",
		Long: `Serve answers the REST API of TensorFlow Serving (/v1/models/NAME:predict) and the Open
Inference Protocol v2 of KServe and Triton (/v2/models/NAME/infer, with binary
tensors). /metrics is for Prometheus, /openapi.json describes all of it, and the page at /
shows what each layer makes of an image.

MODEL is a file, or a folder with a numbered folder for each version (models/1/model.keras),
of which the newest are served (--versions), or with one model file. NAME=MODEL gives it a
name; without, it is that of the file. Changed files are loaded beside the old model, warmed up, and take its place
without a request being dropped; SIGHUP loads all of them anew. SIGTERM and interrupts end
the server once the requests under way are answered, after 25 s at most.

Where the model takes an image, {"b64": "..."} of a PNG, JPEG or GIF stands for it.

--batch-wait lets requests that come while others run share a prediction: more of them a
second, each up to so much later. Numbers may then differ in the last bits.`,
		Example: `  kerasrun serve model.keras
  kerasrun serve digits=digits.keras birds=models/birds --addr :8501
  curl -d '{"instances": [[1, 2, 3]]}' http://127.0.0.1:8501/v1/models/model:predict`,
		Args: arguments(1, -1, "MODEL..."),
		RunE: func(c *cobra.Command, args []string) error { return a.serve(c.Context(), args, f) },
	}
	f.model.add(c)
	f.model.addExact(c)
	flags := c.Flags()
	flags.StringVar(&f.addr, "addr", "127.0.0.1:8501", "`HOST:PORT` to listen at; :8501 is every address of this machine, port 0 any free one")
	flags.IntVar(&f.config.Concurrency, "concurrency", 0, "number of predictions at a time (default: one for each CPU)")
	flags.IntVar(&f.config.Queue, "queue", 1024, "number of requests that may wait; more get status 503")
	flags.DurationVar(&f.config.Timeout, "timeout", time.Minute, "`TIME` from a request to its answer; later ones get status 504")
	flags.Int64Var(&f.maxBody, "max-body", 64, "most `MIB` of a request's body; larger ones get status 413")
	flags.DurationVar(&f.config.BatchWait, "batch-wait", 0, "`TIME` that a request may wait to share a prediction; 0: it shares none")
	flags.IntVar(&f.config.BatchMost, "batch-most", 32, "most examples that share a prediction")
	flags.IntVar(&f.versions, "versions", 1, "`NUMBER` of versions of a folder to serve, the newest; 0: all")
	flags.DurationVar(&f.config.Poll, "poll", 2*time.Second, "`TIME` between looks for changed files; 0: never")
	flags.StringVar(&f.preprocess, "preprocess", "none", "`MODE` for images: none, scale, tf, caffe or torch")
	flags.StringVar(&f.labels, "labels", "", "`FILE` with names of classes: a line each, or JSON")
	flags.BoolVar(&f.config.NoPage, "no-page", false, "leave out the page at /")
	flags.StringVar(&f.log, "log", "text", "`FORMAT` of the log on standard error: text or json; -v has a line for every request, -q errors alone")
	return c
}

// check checks the flags and completes the configuration of the server.
func (f *serveFlags) check(args []string) error {
	mode, err := vision.ParseMode(f.preprocess)
	c := &f.config
	switch {
	case err != nil:
		return fmt.Errorf("--preprocess %q, want none, scale, tf, caffe or torch", f.preprocess)
	case f.log != "text" && f.log != "json":
		return fmt.Errorf("--log %q, want text or json", f.log)
	case c.Concurrency < 0:
		return fmt.Errorf("--concurrency %d, want 1 or more", c.Concurrency)
	case f.model.threads < 0:
		return fmt.Errorf("--threads %d, want 1 or more", f.model.threads)
	case c.Queue < 1:
		return fmt.Errorf("--queue %d, want 1 or more", c.Queue)
	case c.Timeout <= 0:
		return fmt.Errorf("--timeout %v, want more than 0", c.Timeout)
	case f.maxBody < 1 || f.maxBody > 1<<20:
		return fmt.Errorf("--max-body %d, want 1 to %d", f.maxBody, 1<<20)
	case c.BatchWait < 0 || c.Poll < 0:
		return fmt.Errorf("--batch-wait %v and --poll %v, want 0 or more", c.BatchWait, c.Poll)
	case c.BatchMost < 1:
		return fmt.Errorf("--batch-most %d, want 1 or more", c.BatchMost)
	case f.versions < 0:
		return fmt.Errorf("--versions %d, want 0 or more", f.versions)
	case f.model.weights != "" && len(args) > 1:
		return fmt.Errorf("--weights is for one model, not for %d", len(args))
	}
	c.MaxBody = f.maxBody << 20
	c.Version = buildInfo().version
	versions := f.versions
	if versions == 0 {
		versions = -1
	}
	for _, arg := range args {
		m, err := serve.ParseModel(arg)
		if err != nil {
			return err
		}
		m.Versions, m.Options, m.Preprocess = versions, f.model.options(), mode
		if f.model.weights != "" {
			m.Watch = []string{f.model.weights}
		}
		c.Models = append(c.Models, m)
	}
	return nil
}

func (a *app) serve(ctx context.Context, args []string, f *serveFlags) error {
	if err := f.check(args); err != nil {
		return usageError(err)
	}
	labels, err := readLabels(f.labels)
	if err != nil {
		return err
	}
	for i := range f.config.Models {
		f.config.Models[i].Labels = labels
	}
	level := slog.LevelInfo
	if a.verbose {
		level = slog.LevelDebug
	}
	if a.quiet {
		level = slog.LevelError
	}
	var handler slog.Handler = slog.NewTextHandler(a.err, &slog.HandlerOptions{Level: level})
	if f.log == "json" {
		handler = slog.NewJSONHandler(a.err, &slog.HandlerOptions{Level: level})
	}
	f.config.Logger = slog.New(handler)
	l, err := net.Listen("tcp", f.addr)
	if err != nil {
		return err
	}
	defer l.Close()
	s, err := serve.New(f.config)
	if err != nil {
		return modelError(err)
	}
	defer s.Close()
	fmt.Fprintf(a.out, "http://%s\n", l.Addr())
	return daemon.Run(ctx, l, s, f.config.Logger)
}
