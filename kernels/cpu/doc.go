// Package cpu names the kernel variants and chooses the one this process runs.
package cpu
