// Package repository holds the tests of what is in this repository beside the program: who imports whom, and that the READMEs, the manual,
// the dashboard and the alerts say what is so. It knows nothing of what the program does, and reads the source as text.
package repository
