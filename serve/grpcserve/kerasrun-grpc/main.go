// Command kerasrun-grpc serves models as kerasrun serve does, and over gRPC too: the Open Inference Protocol v2 of KServe
// and Triton. It is a program of its own, so that kerasrun does not link gRPC.
//
//	kerasrun-grpc digits=digits.keras birds=models/birds
package main

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/keepalive"

	"github.com/kerasrun/kerasrun"
	"github.com/kerasrun/kerasrun/serve"
	"github.com/kerasrun/kerasrun/serve/daemon"
	"github.com/kerasrun/kerasrun/serve/grpcserve"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the process
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "kerasrun-grpc:", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	c := serve.Config{Version: version()}
	f := flag.NewFlagSet("kerasrun-grpc", flag.ExitOnError)
	f.Usage = func() {
		fmt.Fprintln(f.Output(), "usage: kerasrun-grpc [FLAG]... [NAME=]MODEL...\n\nMODEL is a file or a folder of versions, as for kerasrun serve.")
		f.PrintDefaults()
	}
	addr := f.String("addr", "127.0.0.1:8501", "`HOST:PORT` of HTTP")
	grpcAddr := f.String("grpc-addr", "127.0.0.1:8500", "`HOST:PORT` of gRPC")
	threads := f.Int("threads", 0, "threads of one prediction (default: one for each CPU)")
	versions := f.Int("versions", 1, "`number` of versions of a folder to serve, the newest; 0: all")
	level := slog.LevelInfo
	f.TextVar(&level, "log-level", level, "least `level` of the lines of the log: DEBUG, INFO, WARN or ERROR")
	f.IntVar(&c.Concurrency, "concurrency", 0, "predictions at a time (default: one for each CPU)")
	f.IntVar(&c.Queue, "queue", 1024, "requests that may wait")
	f.DurationVar(&c.Timeout, "timeout", time.Minute, "`time` from a request to its answer")
	maxBody := f.Int64("max-body", 64, "most `MiB` of a request")
	f.DurationVar(&c.BatchWait, "batch-wait", 0, "`time` that a request may wait to share a prediction; 0: it shares none")
	f.IntVar(&c.BatchMost, "batch-most", 32, "most examples that share a prediction")
	f.DurationVar(&c.Poll, "poll", 2*time.Second, "`time` between looks for changed files; 0: never")
	f.Parse(args) // ends the process at an error
	if f.NArg() == 0 {
		f.Usage()
		return fmt.Errorf("no models")
	}
	if *maxBody < 1 || *maxBody > 1<<11-1 {
		return fmt.Errorf("-max-body %d, want 1 to %d", *maxBody, 1<<11-1)
	}
	c.MaxBody = *maxBody << 20
	for _, arg := range f.Args() {
		m, err := serve.ParseModel(arg)
		if err != nil {
			return err
		}
		if m.Versions = *versions; m.Versions == 0 {
			m.Versions = -1
		}
		m.Options = []kerasrun.Option{kerasrun.WithThreads(*threads)}
		c.Models = append(c.Models, m)
	}
	c.Logger = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level}))
	web, err := net.Listen("tcp", *addr)
	if err != nil {
		return err
	}
	defer web.Close()
	calls, err := net.Listen("tcp", *grpcAddr)
	if err != nil {
		return err
	}
	defer calls.Close()
	s, err := serve.New(c)
	if err != nil {
		return err
	}
	defer s.Close()
	g := grpc.NewServer(grpc.MaxRecvMsgSize(int(c.MaxBody)), grpc.MaxSendMsgSize(1<<31-1), grpc.ConnectionTimeout(10*time.Second),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 10 * time.Second, PermitWithoutStream: true}))
	drain := grpcserve.Register(g, s)
	fmt.Printf("http://%s grpc://%s\n", web.Addr(), calls.Addr())

	stopped := make(chan struct{})
	context.AfterFunc(ctx, func() {
		defer close(stopped)
		drain()
		end := time.AfterFunc(daemon.Grace, g.Stop)
		defer end.Stop()
		g.GracefulStop()
	})
	failed := make(chan error, 1)
	go func() { failed <- g.Serve(calls) }()
	err = daemon.Run(ctx, web, s, c.Logger)
	if ctx.Err() != nil {
		<-stopped
		return err
	}
	g.Stop()
	<-failed
	return err
}

// version is that of the module.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		return info.Main.Version
	}
	return ""
}
