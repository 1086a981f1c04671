// Package e2e holds docker-compose.yml to its word, by make e2e.
//
// Its tests bring the file up as an operator does, break it, and take it down again.
package e2e
