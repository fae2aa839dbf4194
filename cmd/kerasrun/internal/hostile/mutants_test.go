//go:build linux

package hostile

import (
	"bufio"
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"hash/fnv"
	"math/rand"
	"os"
	"os/exec"
	"runtime/debug"
	"runtime/metrics"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var (
	mutants     = flag.Int("mutants", 0, "damaged files of each format (default 300, 100 with -short)")
	mutantsSeed = flag.Int64("mutants-seed", 8, "of the random damage")
	mutantsOf   = flag.String("mutants-of", "", "the only format")
	everyByte   = flag.Bool("every-byte", false, "cut a file of each format at every byte, not at some")
)

const (
	// memory is what a child may have resident.
	memory = 1 << 30
	// budget is what reading one file may allocate in all, garbage included:
	// the intermediate values of a prediction once for the plan of batch 1 and once
	// for that of batch 2, and 64 MiB.
	budget = 2*activations + 64<<20
	// slow is the processor time of one file.
	slow = 2 * time.Second
	// stuck is the time after which a child without progress is ended.
	stuck = 2 * time.Minute
)

// A job is what a child does: read damaged files, or a file cut at each byte.
type job struct {
	Format string
	Cut    bool
	Seed   int64
	First  int // of the files
	End    int
	Step   int
}

const jobKey = "KERASRUN_HOSTILE_JOB"

func TestMain(m *testing.M) {
	if text := os.Getenv(jobKey); text != "" {
		var j job
		if err := json.Unmarshal([]byte(text), &j); err != nil {
			panic(err)
		}
		j.run()
		os.Exit(0)
	}
	if text := os.Getenv(conversionKey); text != "" {
		var c conversion
		if err := json.Unmarshal([]byte(text), &c); err != nil {
			panic(err)
		}
		c.run()
	}
	flag.Parse()
	os.Exit(m.Run())
}

// A verdict is what a child says of one file.
type verdict struct {
	File      int
	Start     bool // it begins with it
	Panic     string
	Bug       string // an error that is called internal
	Wrong     bool   // it was cut and read as something else
	Refused   bool
	CPU       time.Duration
	Allocated uint64
	Peak      int64 // resident bytes of the child so far
}

func formatOf(name string) format {
	for _, f := range formats {
		if f.name == name {
			return f
		}
	}
	panic("no format " + name)
}

// file returns file number i of the job.
func (j job) file(f format, seeds []seed, i int) (seed, []byte) {
	if j.Cut {
		return seeds[0], seeds[0].data[:i]
	}
	h := fnv.New64a()
	fmt.Fprint(h, f.name, j.Seed, i)
	m := &mutator{rand.New(rand.NewSource(int64(h.Sum64())))}
	s := seeds[m.Intn(len(seeds))]
	data := f.mutate(m, s.data)
	for m.Intn(3) == 0 {
		data = f.mutate(m, data)
	}
	return s, data
}

// seedsOf are the seeds of a format; for cutting the smallest alone.
func (j job) seedsOf(f format) []seed {
	seeds, err := f.seeds()
	if err != nil || len(seeds) == 0 {
		panic(fmt.Sprint("no files of ", f.name, err))
	}
	if !j.Cut {
		return seeds
	}
	least := seeds[0]
	for _, s := range seeds {
		if _, err := f.read(s, s.data); err == nil && len(s.data) < len(least.data) {
			least = s
		}
	}
	return []seed{least}
}

// run is a child: it says what it begins with and what came of it.
func (j job) run() {
	debug.SetMemoryLimit(memory / 2)
	f := formatOf(j.Format)
	seeds := j.seedsOf(f)
	out := json.NewEncoder(os.Stdout)
	whole := uint64(0)
	if j.Cut {
		var err error
		if whole, err = f.read(seeds[0], seeds[0].data); err != nil {
			panic(err)
		}
	}
	for i := j.First; i < j.End; i += j.Step {
		s, data := j.file(f, seeds, i)
		_ = out.Encode(verdict{File: i, Start: true})
		v := verdict{File: i}
		cpu, allocs := cpuTime(), allocated()
		func() {
			defer func() {
				if r := recover(); r != nil {
					v.Panic = fmt.Sprintf("%v\n%s", r, debug.Stack())
				}
			}()
			digest, err := f.read(s, data)
			v.Refused = err != nil
			if err != nil && strings.Contains(err.Error(), "internal error") {
				v.Bug = err.Error()
			}
			v.Wrong = j.Cut && err == nil && digest != whole && !f.open
		}()
		v.CPU, v.Allocated, v.Peak = cpuTime()-cpu, allocated()-allocs, resident("self", "VmHWM:")
		_ = out.Encode(v)
	}
}

func cpuTime() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func allocated() uint64 {
	s := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64()
}

// resident reads a number of bytes from the status of a process; 0 when it is gone.
func resident(process, key string) int64 {
	text, _ := os.ReadFile("/proc/" + process + "/status")
	if _, rest, ok := strings.Cut(string(text), key); ok {
		if f := strings.Fields(rest); len(f) > 0 {
			n, _ := strconv.ParseInt(f[0], 10, 64)
			return n << 10
		}
	}
	return 0
}

// A tally counts verdicts of a format.
type tally struct {
	files, refused, panics, deaths, slow, over, wrong int
	cpu                                               time.Duration
	allocated                                         uint64
	peak                                              int64
	findings                                          []string
}

// do runs a job in children: one that dies is followed by another for the rest.
func (j job) do(t *testing.T) (sum tally) {
	t.Helper()
	found := func(n *int, i int, what string) {
		*n++
		sum.findings = append(sum.findings, fmt.Sprintf("%s, file %d (seed %d, cut %v): %s", j.Format, i, j.Seed, j.Cut, what))
	}
	for j.First < j.End {
		text, err := json.Marshal(j)
		require.NoError(t, err)
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), jobKey+"="+string(text), "GOTRACEBACK=single")
		var said bytes.Buffer
		cmd.Stderr = &said
		pipe, err := cmd.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		why := watch(cmd)
		lines := bufio.NewScanner(pipe)
		lines.Buffer(nil, 1<<20)
		at := -1 // the file it began and did not end
		for lines.Scan() {
			var v verdict
			require.NoError(t, json.Unmarshal(lines.Bytes(), &v), lines.Text())
			why.progress.Store(time.Now().UnixNano())
			if v.Start {
				at = v.File
				continue
			}
			at = -1
			j.First = v.File + j.Step
			sum.files++
			if v.Refused {
				sum.refused++
			}
			sum.cpu, sum.allocated, sum.peak = max(sum.cpu, v.CPU), max(sum.allocated, v.Allocated), max(sum.peak, v.Peak)
			switch {
			case v.Panic != "":
				found(&sum.panics, v.File, "panic: "+v.Panic)
			case v.Bug != "":
				found(&sum.panics, v.File, v.Bug)
			case v.Wrong:
				found(&sum.wrong, v.File, "another result")
			case v.CPU > slow:
				found(&sum.slow, v.File, fmt.Sprint("takes ", v.CPU))
			case v.Allocated > budget || v.Peak > memory:
				found(&sum.over, v.File, fmt.Sprintf("allocates %d MiB, peak %d MiB", v.Allocated>>20, v.Peak>>20))
			}
		}
		err = cmd.Wait()
		close(why.done)
		if at < 0 && err == nil {
			break
		}
		require.GreaterOrEqual(t, at, 0, "the child ended between files: %v\n%s", err, said.String())
		j.First = at + j.Step
		sum.files++
		switch reason, _ := why.ended.Load().(string); reason {
		case "memory":
			found(&sum.over, at, "more than 1 GiB resident")
		case "time":
			found(&sum.slow, at, "no end")
		default:
			found(&sum.deaths, at, fmt.Sprintf("%v\n%.1500s", err, said.String()))
		}
	}
	return sum
}

// A watcher ends a child that uses too much memory or makes no progress.
type watcher struct {
	progress atomic.Int64
	ended    atomic.Value // the reason
	done     chan struct{}
}

func watch(cmd *exec.Cmd) *watcher {
	w := &watcher{done: make(chan struct{})}
	w.progress.Store(time.Now().UnixNano())
	go func() {
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-w.done:
				return
			case <-tick.C:
			}
			reason := ""
			if resident(strconv.Itoa(cmd.Process.Pid), "VmRSS:") > memory {
				reason = "memory"
			} else if time.Since(time.Unix(0, w.progress.Load())) > stuck {
				reason = "time"
			}
			if reason != "" {
				w.ended.Store(reason)
				_ = cmd.Process.Kill()
				return
			}
		}
	}()
	return w
}

// row prints a tally.
func (s tally) row(name string) string {
	return fmt.Sprintf("%-20s %7d %7d %7d %7d %7d %7d %7d %9.2f %8d %8d", name, s.files, s.refused, s.panics, s.deaths, s.slow, s.over, s.wrong, s.cpu.Seconds(), s.allocated>>20, s.peak>>20)
}

const header = "%-20s %7s %7s %7s %7s %7s %7s %7s %9s %8s %8s"

func table(t *testing.T, rows []string) {
	t.Helper()
	head := fmt.Sprintf(header, "format", "files", "refused", "panics", "deaths", "> 2 s", "budget", "wrong", "most s", "most MiB", "peak MiB")
	t.Logf("\n%s\n%s", head, strings.Join(rows, "\n"))
}

// TestMutants reads damaged files: none ends the process, panics, takes longer
// than 2 s or more memory than the limits say.
func TestMutants(t *testing.T) {
	n := *mutants
	if n == 0 {
		n = 300
		if testing.Short() {
			n = 100
		}
	}
	var rows []string
	for _, f := range formats {
		if *mutantsOf != "" && *mutantsOf != f.name {
			continue
		}
		sum := job{Format: f.name, Seed: *mutantsSeed, End: n, Step: 1}.do(t)
		rows = append(rows, sum.row(f.name))
		require.Equal(t, n, sum.files)
		require.Greater(t, sum.refused, n/10, "the damage to %s is too small to show anything", f.name)
		for _, finding := range sum.findings {
			t.Error(finding)
		}
	}
	table(t, rows)
}

// TestTruncated cuts a file of each format short: an error, or the right answer.
func TestTruncated(t *testing.T) {
	var rows []string
	for _, f := range formats {
		if *mutantsOf != "" && *mutantsOf != f.name {
			continue
		}
		j := job{Format: f.name, Cut: true, Step: 1}
		j.End = len(j.seedsOf(f)[0].data)
		if !*everyByte {
			j.Step = max(1, j.End/150)
		}
		sum := j.do(t)
		rows = append(rows, sum.row(f.name))
		require.Equal(t, (j.End+j.Step-1)/j.Step, sum.files)
		for _, finding := range sum.findings {
			t.Error(finding)
		}
	}
	table(t, rows)
}
