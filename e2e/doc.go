// Package e2e holds docker-compose.yml to its word: its tests bring the file up as an
// operator does, break it, and take it down again. They run by make e2e.
package e2e
