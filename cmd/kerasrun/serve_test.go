package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// A served is a server that a script has started.
type served struct {
	process *exec.Cmd
	stderr  bytes.Buffer
}

// serving starts "kerasrun serve" with the arguments; URL becomes its address.
func serving(ts *testscript.TestScript, _ bool, args []string) {
	s := &served{}
	path, err := exec.LookPath("kerasrun") // the test binary, by the name that it runs the command under
	if err != nil {
		for _, dir := range filepath.SplitList(ts.Getenv("PATH")) {
			if _, err := os.Stat(filepath.Join(dir, "kerasrun")); err == nil {
				path = filepath.Join(dir, "kerasrun")
				break
			}
		}
	}
	s.process = exec.Command(path, append([]string{"serve", "--addr", "127.0.0.1:0"}, args...)...)
	s.process.Dir = ts.MkAbs(".")
	s.process.Stderr = &s.stderr
	out, err := s.process.StdoutPipe()
	ts.Check(err)
	ts.Check(s.process.Start())
	ts.Defer(func() { s.process.Process.Kill(); s.process.Wait() })
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		s.process.Wait()
		ts.Fatalf("kerasrun serve: %v: %s", err, s.stderr.String())
	}
	ts.Setenv("URL", strings.TrimSpace(line))
	ts.Setenv("PID", fmt.Sprint(s.process.Process.Pid))
	ts.Value("served").(map[string]*served)[""] = s
}

// stopped ends the server, which must exit with code 0; stderr is its log.
func stopped(ts *testscript.TestScript, _ bool, _ []string) {
	s := ts.Value("served").(map[string]*served)[""]
	ts.Check(s.process.Process.Signal(syscall.SIGTERM))
	err := s.process.Wait()
	ts.Stderr().Write(s.stderr.Bytes())
	ts.Check(err)
}

// fetch sends a request; stdout is the answer, which must have a status below 400, or not with "!".
func fetch(ts *testscript.TestScript, neg bool, args []string) {
	body := ""
	if len(args) > 2 {
		body = args[2]
	}
	if name, ok := strings.CutPrefix(body, "@"); ok {
		body = ts.ReadFile(name)
	}
	r, err := http.NewRequest(args[0], args[1], strings.NewReader(body))
	ts.Check(err)
	w, err := http.DefaultClient.Do(r)
	ts.Check(err)
	defer w.Body.Close()
	_, err = io.Copy(ts.Stdout(), w.Body)
	ts.Check(err)
	if (w.StatusCode >= 400) != neg {
		ts.Fatalf("%s %s: status %d", args[0], args[1], w.StatusCode)
	}
}

// eventually sends a request until the answer has a text in it, for a minute.
func eventually(ts *testscript.TestScript, _ bool, args []string) {
	text := ""
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		w, err := http.Post(args[1], "application/json", strings.NewReader(args[2]))
		ts.Check(err)
		body, err := io.ReadAll(w.Body)
		w.Body.Close()
		ts.Check(err)
		if text = string(body); strings.Contains(text, args[0]) {
			return
		}
	}
	ts.Fatalf("no %q in the answer of %s: %s", args[0], args[1], text)
}
