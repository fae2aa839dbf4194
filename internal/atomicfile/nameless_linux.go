package atomicfile

import (
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// createNameless opens a file in dir that has no name yet: it is gone when the
// process ends, however it ends. It fails on file systems that cannot do so, and
// then the caller uses a temporary name.
func createNameless(dir string) (*os.File, error) {
	if dir == "" {
		dir = "."
	}
	fd, err := unix.Open(dir, unix.O_TMPFILE|unix.O_WRONLY|unix.O_CLOEXEC, 0o666)
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), filepath.Join(dir, "(nameless)"))
	if _, err := os.Stat(procPath(f)); err != nil { // without /proc it could not be given a name
		f.Close()
		return nil, err
	}
	return f, nil
}

// procPath is a path by which a file without a name can be opened.
func procPath(f *os.File) string { return fmt.Sprintf("/proc/self/fd/%d", f.Fd()) }

// giveName gives a file that has none the name path, at which nothing may be.
func giveName(f *os.File, path string) error {
	err := unix.Linkat(unix.AT_FDCWD, procPath(f), unix.AT_FDCWD, path, unix.AT_SYMLINK_FOLLOW)
	if err != nil {
		return &os.LinkError{Op: "link", Old: f.Name(), New: path, Err: err}
	}
	return nil
}
