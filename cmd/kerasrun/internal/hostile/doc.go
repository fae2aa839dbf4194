// Package hostile holds tests alone: readers are given damaged files, and the
// command is given trouble while it works. Damaged files are read in a child
// process, which may not use more than 1 GiB.
package hostile
