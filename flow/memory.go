package flow

import "unsafe"

const (
	flowBytes   = int(unsafe.Sizeof(Flow{}))
	packetBytes = int(unsafe.Sizeof(Packet{}))
	entryBytes  = int(unsafe.Sizeof(finishedFlow{}))
	cursorBytes = int(unsafe.Sizeof(Cursor{}))

	// overhead is what an open flow takes outside its own storage: its slots in the
	// table's map and in the timers, the unused rest of its uid's block, and its Acker.
	overhead = 96
)

// FinishedBytes is the memory of one remembered uid, at most, once the table holds as
// many as the limit allows.
const FinishedBytes = entryBytes + 11

// packetCap is the number of packets that a flow allocates room for when it must hold
// n. The steps are small at first, because most flows that stay open have few packets.
func packetCap(n int) int {
	for _, size := range [...]int{1, 3, 6, 10, 20, 40} {
		if n <= size {
			return size
		}
	}
	return max(n, Deepest)
}

// headerCap is the number of header bytes that a flow allocates room for when it must
// hold n: those of one packet, without TCP, without options or with them, and then of two more at a time.
func headerCap(n int) int {
	for _, size := range [...]int{32, 48, 64} {
		if n <= size {
			return size
		}
	}
	return (n + 127) &^ 127
}

// bytes is the memory that the flow holds, accurate enough for a limit.
func (f *Flow) bytes() int {
	n := flowBytes + overhead + len(f.UID) + cap(f.packets)*packetBytes + cap(f.headers) + f.conn.bytes()
	for i := range f.Cursors {
		n += cursorBytes + 4*cap(f.Cursors[i].Answer)
	}
	return n
}

// charge updates what the table counts for the flow.
func (t *Table) charge(f *Flow) {
	now := int32(f.bytes())
	t.bytes += int(now - f.charged)
	f.charged = now
}
