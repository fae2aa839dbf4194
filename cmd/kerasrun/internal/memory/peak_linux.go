package memory

import (
	"bytes"
	"fmt"
	"os"
)

// Peak returns the most memory the process ever had resident, in 2^20
// bytes. Getrusage would count what the parent had before exec.
func Peak() (float64, error) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, err
	}
	var kib int64
	if _, after, ok := bytes.Cut(status, []byte("\nVmHWM:")); ok {
		if _, err := fmt.Sscanf(string(after), "%d kB", &kib); err != nil {
			return 0, fmt.Errorf("/proc/self/status: VmHWM: %w", err)
		}
	}
	return float64(kib) / 1024, nil
}
