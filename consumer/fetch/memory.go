package fetch

import (
	"context"
	"sync"

	"github.com/klauspost/compress/zstd"
	"golang.org/x/sync/semaphore"
)

// Caps of one batch, whatever its header says. Producers send batches of at most
// a megabyte or a few.
const (
	maxPacked   = 16 << 20 // bytes as it lies in the log
	maxUnpacked = 64 << 20 // bytes that are unpacked of it, in passing
	maxBlock    = 16 << 20 // bytes that are unpacked of it at once
	maxWindow   = 8 << 20  // bytes that a zstd stream may look back
)

// small is what a batch may need in memory, packed and to unpack it each, without
// waiting for room.
const small = 1 << 20

// Memory is what the readers of a process share: room for large batches, so that
// many partitions with a large one each do not add up, and what unpacks zstd.
type Memory struct {
	large *semaphore.Weighted
	// Decoders keep the largest window that they have met, so those that may meet
	// a large one are kept apart.
	narrow, wide sync.Pool
}

// NewMemory builds room for the largest batch there can be, or several large ones.
func NewMemory() *Memory {
	m := &Memory{large: semaphore.NewWeighted(maxPacked + maxBlock)}
	m.narrow.New = func() any { return newZstd(small) }
	m.wide.New = func() any { return newZstd(maxWindow) }
	return m
}

// take waits for room until ctx is done; give hands it back.
func (m *Memory) take(ctx context.Context, bytes int64) error {
	if bytes <= 0 {
		return nil
	}
	return m.large.Acquire(ctx, bytes)
}

func (m *Memory) give(bytes int64) {
	if bytes > 0 {
		m.large.Release(bytes)
	}
}

// newZstd builds a decoder of streams. It must never unpack all at once what is
// short: a bomb is.
func newZstd(window uint64) *zstd.Decoder {
	d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxWindow(window), zstd.WithDecodeBuffersBelow(0))
	if err != nil {
		panic(err) // the options are constants
	}
	return d
}
