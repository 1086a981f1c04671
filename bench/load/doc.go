// Package load is the load bench. It offers a cascade up to ten times what its slow stage can
// take, and draws what becomes of delay, deferral and accuracy. `make bench-load` runs it.
package load
