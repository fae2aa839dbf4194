package memory

import "syscall"

// Peak returns the most memory the process ever had resident, in 2^20 bytes.
func Peak() (float64, error) {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0, err
	}
	return float64(u.Maxrss) / (1 << 20), nil
}
