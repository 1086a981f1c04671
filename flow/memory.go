package flow

import "unsafe"

const (
	flowBytes   = int(unsafe.Sizeof(Flow{}))
	packetBytes = int(unsafe.Sizeof(Packet{}))
	finishBytes = int(unsafe.Sizeof(finish{}))

	// elsewhere is what an open flow takes beside its own storage: its slot in the
	// table's map and in the timers, the rest of its uid's block, and its pin.
	elsewhere = 96
)

// FinishedBytes is what a remembered uid takes, at most, once as many are there as
// the limit allows.
const FinishedBytes = finishBytes + 11

// roomFor is how many packets a flow makes room for that is to hold n. Few flows
// that stay open have many.
func roomFor(n int) int {
	for _, room := range [...]int{2, 5, 10, 20, 40} {
		if n <= room {
			return room
		}
	}
	return max(n, 64)
}

// roomForHeaders is how many header bytes a flow makes room for that is to hold n:
// one packet's, and then two more at a time.
func roomForHeaders(n int) int {
	if n <= 64 {
		return 64
	}
	return (n + 127) &^ 127
}

// bytes is what the flow holds in memory, near enough for a cap.
func (f *Flow) bytes() int {
	return flowBytes + elsewhere + len(f.UID) +
		cap(f.packets)*packetBytes + cap(f.headers) + f.conn.bytes() + 8*cap(f.Cursor.Answer)
}

// charge brings what the table counts for the flow up to date.
func (t *Table) charge(f *Flow) {
	now := int32(f.bytes())
	t.bytes += int(now - f.charged)
	f.charged = now
}
