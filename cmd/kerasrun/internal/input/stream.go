package input

import (
	"context"
	"runtime"
	"sync"
)

// Stream reads files in order, several at a time and some ahead of their use, and calls use with the content of each. It stops at
// the first error of use or of reading a file, in the order of the files, and returns it when no file is being read any more. use
// is called by the goroutine of the caller; what has been read and not yet used is at most ahead files.
func (r *Reader) Stream(ctx context.Context, files []string, ahead int, use func(Group) error) error {
	ctx, stop := context.WithCancel(ctx)
	type answer struct {
		group Group
		err   error
	}
	ahead = min(max(ahead, 1), max(len(files), 1))
	slots := make(chan struct{}, ahead)
	answers := make([]chan answer, ahead) // of file i at i modulo their number
	for i := range answers {
		answers[i] = make(chan answer, 1)
	}
	next := make(chan int)
	var readers sync.WaitGroup
	readers.Add(1)
	go func() {
		defer readers.Done()
		defer close(next)
		for i := range files {
			select {
			case slots <- struct{}{}:
			case <-ctx.Done():
				return
			}
			select {
			case next <- i:
			case <-ctx.Done():
				return
			}
		}
	}()
	for range min(runtime.GOMAXPROCS(0), ahead) {
		readers.Add(1)
		go func() {
			defer readers.Done()
			for i := range next {
				g, err := r.Read(ctx, files[i])
				answers[i%ahead] <- answer{g, err}
			}
		}()
	}
	defer readers.Wait()
	defer stop()
	for i := range files {
		var a answer
		select {
		case a = <-answers[i%ahead]:
		case <-ctx.Done():
			return ctx.Err()
		}
		<-slots
		if a.err != nil {
			return a.err
		}
		if err := use(a.group); err != nil {
			return err
		}
	}
	return nil
}
