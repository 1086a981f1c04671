package bundle

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// Whatever changes in a folder changes its fingerprint, and what does not change leaves it.
func TestFingerprint(t *testing.T) {
	dir := copyBundle(t, "trees")
	b, err := Load(dir, Standard(""))
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	first := FingerprintOf(dir)
	if first.Digest != b.Digest || first != FingerprintOf(dir) {
		t.Errorf("%+v, then %+v; the bundle's digest is %s", first, FingerprintOf(dir), b.Digest)
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil || FingerprintOf(link) != first {
		t.Errorf("by a link: %v, %+v", err, FingerprintOf(link))
	}
	write(t, dir, "growing.txt", []byte("a"))
	second := FingerprintOf(dir)
	write(t, dir, "growing.txt", []byte("aa"))
	if third := FingerprintOf(dir); second == first || third == second || third.Digest != first.Digest {
		t.Errorf("another file: %+v, grown: %+v", second, third)
	}
	write(t, dir, manifestFile, []byte("{}"))
	if changed := FingerprintOf(dir); changed.Digest == first.Digest || changed.Digest == "" {
		t.Errorf("another manifest: %+v", changed)
	}
	if err := errors.Join(os.Remove(filepath.Join(dir, manifestFile)), os.Remove(link)); err != nil {
		t.Fatal(err)
	}
	if bare, none := FingerprintOf(dir), FingerprintOf(link); bare.Digest != "" || none.Digest != "" || bare == none {
		t.Errorf("no manifest: %+v, no folder: %+v", bare, none)
	}
}
