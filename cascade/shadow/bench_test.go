package shadow

import "testing"

func BenchmarkShare(b *testing.B) {
	for b.Loop() {
		Share(.1).Has("CHhAvVGS1DHFjwGM9")
	}
}
