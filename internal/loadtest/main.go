// Command loadtest sends one request to an HTTP server again and again and prints a line of JSON about the answers; it is the client of
// python/bench_serve.py.
//
//	loadtest -url URL -body FILE -rate 500 -seconds 3
//	loadtest -url URL -body FILE -clients 1000 -requests 100 -slow 1000 -endless 8 -half 8
//
// With -rate, requests are sent at that rate whether the server keeps up or not, and a latency counts from the moment
// at which the request was due, so that a server that stands still is charged for all that waited. With -clients, each client sends its
// next request when it has the answer to the last. Every answer must equal the first, byte for byte. Clients that behave badly may be about
// meanwhile: connections whose headers never end, bodies that never end, connections that are closed halfway.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"iter"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// A target is the request and the answer that is right.
type target struct {
	url     *url.URL
	head    string // of the request, but for the length of its body
	request []byte
	want    []byte
}

// counts are what became of requests.
type counts struct {
	Sent       int64 `json:"sent"`
	Right      int64 `json:"right"`
	Wrong      int64 `json:"wrong"`       // status 200 and another answer
	TurnedAway int64 `json:"turned_away"` // status 503
	Failed     int64 `json:"failed"`      // another status, or no answer
	// Of clients that behave badly.
	Cut      int64 `json:"cut"`       // slow headers: connections that the server closed
	TooLarge int64 `json:"too_large"` // endless bodies that got 413
	Halves   int64 `json:"halves"`    // half-closed connections that got the right answer

	Seconds    float64 `json:"seconds"`
	Throughput float64 `json:"throughput"` // right answers a second
	P50        float64 `json:"p50"`        // ms, of right answers
	P99        float64 `json:"p99"`

	Example string `json:"example,omitempty"` // a wrong or failed answer
}

func main() {
	address := flag.String("url", "", "`URL` of the request, a POST")
	body := flag.String("body", "", "`FILE` with its body")
	rate := flag.Float64("rate", 0, "requests a second")
	seconds := flag.Float64("seconds", 3, "how long, with -rate")
	clients := flag.Int("clients", 64, "connections")
	requests := flag.Int("requests", 0, "requests of each client; 0: with -rate")
	slow := flag.Int("slow", 0, "connections whose headers never end")
	endless := flag.Int("endless", 0, "connections whose bodies never end")
	half := flag.Int("half", 0, "connections that are closed halfway")
	header := http.Header{}
	flag.Func("header", "`NAME:VALUE`", func(s string) error {
		name, value, ok := strings.Cut(s, ":")
		if !ok {
			return errors.New("want NAME:VALUE")
		}
		header.Add(name, strings.TrimSpace(value))
		return nil
	})
	flag.Parse()
	if err := run(*address, *body, header, *rate, *seconds, *clients, *requests, *slow, *endless, *half); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(address, body string, header http.Header, rate, seconds float64, clients, requests, slow, endless, half int) error {
	u, err := url.Parse(address)
	if err != nil {
		return err
	}
	content, err := os.ReadFile(body)
	if err != nil {
		return err
	}
	var head strings.Builder
	fmt.Fprintf(&head, "POST %s HTTP/1.1\r\nHost: %s\r\n", u.RequestURI(), u.Host)
	header.Write(&head)
	t := &target{url: u, head: head.String()}
	t.request = fmt.Appendf(nil, "%sContent-Length: %d\r\n\r\n%s", t.head, len(content), content)
	probe := &connection{target: t}
	status, first, err := probe.ask()
	probe.close()
	if err != nil {
		return err
	}
	if status != http.StatusOK {
		return fmt.Errorf("the first request: status %d: %s", status, first)
	}
	t.want = first

	c := &counts{}
	stop := make(chan struct{})
	var bad sync.WaitGroup
	t.badly(c, stop, &bad, slow, endless, half)
	start := time.Now()
	var latencies []time.Duration
	if requests > 0 {
		latencies = t.closed(c, clients, requests)
	} else {
		latencies = t.open(c, clients, rate, time.Duration(seconds*float64(time.Second)))
	}
	c.Seconds = time.Since(start).Seconds()
	close(stop)
	bad.Wait()
	c.Throughput = float64(c.Right) / c.Seconds
	if n := len(latencies); n > 0 {
		slices.Sort(latencies)
		c.P50 = latencies[n/2].Seconds() * 1e3
		c.P99 = latencies[min(n-1, n*99/100)].Seconds() * 1e3
	}
	return json.NewEncoder(os.Stdout).Encode(c)
}

// A connection sends the request and reads answers with little work of its own, for it shares the machine with the server. It is opened by the
// first request, and anew after an error.
type connection struct {
	*target
	conn   net.Conn
	reader *bufio.Reader
	answer []byte
}

// ask sends the request once; the answer is valid until the next.
func (c *connection) ask() (status int, answer []byte, err error) {
	if c.conn == nil {
		if c.conn, err = net.DialTimeout("tcp", c.url.Host, time.Minute); err != nil {
			c.conn = nil
			return 0, nil, err
		}
		c.reader = bufio.NewReader(c.conn)
	}
	defer func() {
		if err != nil {
			c.close()
		}
	}()
	c.conn.SetDeadline(time.Now().Add(2 * time.Minute))
	if _, err := c.conn.Write(c.request); err != nil {
		return 0, nil, err
	}
	length := -1
	for first := true; ; first = false {
		line, err := c.reader.ReadSlice('\n')
		if err != nil {
			return 0, nil, err
		}
		line = bytes.TrimSpace(line)
		name, value, _ := bytes.Cut(line, []byte(":"))
		switch {
		case len(line) == 0:
			if length < 0 {
				return 0, nil, errors.New("an answer without Content-Length")
			}
			c.answer = slices.Grow(c.answer[:0], length)[:length]
			_, err = io.ReadFull(c.reader, c.answer)
			return status, c.answer, err
		case first:
			if _, err := fmt.Sscanf(string(line), "HTTP/1.1 %d", &status); err != nil {
				return 0, nil, fmt.Errorf("%q is no answer", line)
			}
		case bytes.EqualFold(name, []byte("Content-Length")):
			if length, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil {
				return 0, nil, err
			}
		}
	}
}

func (c *connection) close() {
	if c.conn != nil {
		c.conn.Close()
		c.conn = nil
	}
}

// judge counts an answer and reports whether it is right.
func (t *target) judge(c *counts, status int, answer []byte, err error) bool {
	c.Sent++
	switch {
	case err != nil:
		c.Failed++
		c.Example = err.Error()
	case status == http.StatusServiceUnavailable:
		c.TurnedAway++
	case status != http.StatusOK:
		c.Failed++
		c.Example = fmt.Sprintf("status %d: %.200s", status, answer)
	case !bytes.Equal(answer, t.want):
		c.Wrong++
		c.Example = fmt.Sprintf("%.200q, want %.200q", answer, t.want)
	default:
		c.Right++
		return true
	}
	return false
}

// open sends requests at a rate and returns the latencies of right answers.
func (t *target) open(c *counts, clients int, rate float64, length time.Duration) []time.Duration {
	due := make(chan time.Time, int(rate*length.Seconds())+1) // it never holds the clock up
	go func() {
		defer close(due)
		start := time.Now()
		for i := 0; ; i++ {
			at := time.Duration(float64(i) / rate * float64(time.Second))
			if at >= length {
				return
			}
			time.Sleep(time.Until(start.Add(at)))
			due <- start.Add(at)
		}
	}()
	return t.each(c, clients, func(yield func(time.Time) bool) {
		for at := range due {
			yield(at)
		}
	})
}

// closed has each client send its requests one after the other and returns the latencies of right answers.
func (t *target) closed(c *counts, clients, requests int) []time.Duration {
	return t.each(c, clients, func(yield func(time.Time) bool) {
		for range requests {
			yield(time.Now())
		}
	})
}

// each has every client send a request for each moment of the sequence, from which its latency counts.
func (t *target) each(c *counts, clients int, moments iter.Seq[time.Time]) []time.Duration {
	var lock sync.Mutex // of c and all
	var all []time.Duration
	var group sync.WaitGroup
	for range clients {
		group.Add(1)
		go func() {
			defer group.Done()
			conn := &connection{target: t}
			defer conn.close()
			for at := range moments {
				status, answer, err := conn.ask()
				took := time.Since(at)
				lock.Lock()
				if t.judge(c, status, answer, err) {
					all = append(all, took)
				}
				lock.Unlock()
			}
		}()
	}
	group.Wait()
	return all
}

// badly starts the clients that behave badly; they end with stop.
func (t *target) badly(c *counts, stop <-chan struct{}, group *sync.WaitGroup, slow, endless, half int) {
	again := func(n int, f func()) {
		for range n {
			group.Add(1)
			go func() {
				defer group.Done()
				for {
					select {
					case <-stop:
						return
					default:
						f()
					}
				}
			}()
		}
	}
	dial := func() (net.Conn, error) {
		conn, err := net.DialTimeout("tcp", t.url.Host, 10*time.Second)
		if err != nil {
			time.Sleep(100 * time.Millisecond)
		}
		return conn, err
	}
	again(slow, func() {
		conn, err := dial()
		if err != nil {
			return
		}
		defer conn.Close()
		for line := t.head; ; line = "X: y\r\n" {
			if _, err := conn.Write([]byte(line)); err != nil {
				atomic.AddInt64(&c.Cut, 1)
				return
			}
			select {
			case <-stop:
				return
			case <-time.After(time.Second):
			}
		}
	})
	again(endless, func() {
		conn, err := dial()
		if err != nil {
			return
		}
		defer conn.Close()
		go func() { // the answer comes while the body is still being sent
			w, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err == nil && w.StatusCode == http.StatusRequestEntityTooLarge {
				atomic.AddInt64(&c.TooLarge, 1)
			}
			conn.Close()
		}()
		chunk := "10000\r\n" + strings.Repeat(" ", 0x10000) + "\r\n"
		for line := t.head + "Transfer-Encoding: chunked\r\n\r\n"; ; line = chunk {
			if _, err := conn.Write([]byte(line)); err != nil {
				return
			}
			select {
			case <-stop:
				return
			default:
			}
		}
	})
	again(half, func() {
		conn, err := dial()
		if err != nil {
			return
		}
		defer conn.Close()
		conn.Write(t.request)
		conn.(*net.TCPConn).CloseWrite()
		w, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			return
		}
		defer w.Body.Close()
		if answer, err := io.ReadAll(w.Body); err == nil && bytes.Equal(answer, t.want) {
			atomic.AddInt64(&c.Halves, 1)
		}
	})
}
