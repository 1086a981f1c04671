package fetch

import (
	"context"
	"sync"

	"github.com/klauspost/compress/zstd"
	"golang.org/x/sync/semaphore"
)

// Limits of one batch. They hold whatever its header says. Producers send batches of a
// few megabytes at most.
const (
	maxPacked   = 16 << 20 // bytes of the batch as it is in the log
	maxUnpacked = 64 << 20 // bytes that are unpacked of it in all
	maxBlock    = 16 << 20 // bytes that are unpacked of it at once
	maxWindow   = 8 << 20  // bytes that a zstd stream may look back
)

// smallBatch is how many bytes a batch may take without a reservation: as it is in the log,
// and as many again to unpack it.
const smallBatch = 1 << 20

// Memory is shared by the readers of a process. It bounds the memory of large batches, of
// which each partition may have one, and pools the decoders of zstd.
type Memory struct {
	large *semaphore.Weighted
	// A decoder never frees the largest window that it has seen, so streams with a large
	// window have decoders of their own.
	narrow, wide sync.Pool
}

// NewMemory builds the memory for the largest batch that there can be, or for several
// large ones.
func NewMemory() *Memory {
	m := &Memory{large: semaphore.NewWeighted(maxPacked + maxBlock)}
	m.narrow.New = func() any { return newZstd(smallBatch) }
	m.wide.New = func() any { return newZstd(maxWindow) }
	return m
}

// reserve waits until so many bytes are free, or ctx is done.
func (m *Memory) reserve(ctx context.Context, bytes int64) error {
	if bytes <= 0 {
		return nil
	}
	return m.large.Acquire(ctx, bytes)
}

// release frees what was reserved.
func (m *Memory) release(bytes int64) {
	if bytes > 0 {
		m.large.Release(bytes)
	}
}

// newZstd builds a decoder of streams. It must not unpack a short input all at once, as the
// library would by default: the input may be a bomb.
func newZstd(window uint64) *zstd.Decoder {
	d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxWindow(window), zstd.WithDecodeBuffersBelow(0))
	if err != nil {
		panic(err) // the options are constants
	}
	return d
}
