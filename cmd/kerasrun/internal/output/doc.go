// Package output writes what the command prints: aligned tables, numbers with a
// sensible number of digits, JSON, CSV and NumPy files. Files are written
// beside their target and renamed when they are whole.
package output
