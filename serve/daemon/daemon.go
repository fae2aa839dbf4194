// Package daemon runs a server of models until the process is told to stop: with deadlines for what clients send,
// reload by SIGHUP, memory that is given back and a graceful end.
package daemon

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/kerasrun/kerasrun/serve"
)

// Grace is how long requests under way may take once the process was told to stop.
const Grace = 25 * time.Second

// Run serves on l until ctx ends: it then says that it is not ready, takes no new connection, answers the requests under
// way for [Grace] and returns. SIGHUP, where there is such a signal, loads all models anew.
func Run(ctx context.Context, l net.Listener, s *serve.Server, log *slog.Logger) error {
	handler := &thrifty{Handler: s}
	h := &http.Server{
		Handler:           handler,
		ConnState:         handler.connState,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug), // what clients do wrong below HTTP
	}
	hangups := make(chan struct{}, 1)
	defer onHangup(hangups)()
	done := make(chan struct{})
	defer close(done)
	go handler.watch(done)
	go func() {
		for {
			select {
			case <-done:
				return
			case <-hangups:
				log.Info("reload of all models")
				s.Reload(ctx, true) // what it cannot load is in the log
			}
		}
	}()
	failed := make(chan error, 1)
	go func() { failed <- h.Serve(l) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	s.Drain()
	log.Info("shutting down", "grace", Grace)
	end, cancel := context.WithTimeout(context.Background(), Grace)
	defer cancel()
	err := h.Shutdown(end)
	if errors.Is(err, context.DeadlineExceeded) {
		log.Error("requests under way were cut off", "after", Grace)
		h.Close()
		return err
	}
	log.Info("stopped")
	return err
}
