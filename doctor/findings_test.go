package doctor

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/serveflow/serveflow/internal/brokers"
)

// FINDINGS.md documents every finding that the code can make, and no other.
func TestEveryFindingIsDocumented(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	made := []string{"broker-*", "advertised-*", "no-read", "no-write"} // put together, or chosen
	id := regexp.MustCompile(`Finding\{+"([a-z-]+)",`)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		for _, match := range id.FindAllSubmatch(text, -1) {
			made = append(made, string(match[1]))
		}
	}
	for ending := range listenerAdvice("broker") {
		made = append(made, ending)
	}
	made = append(made, brokers.Untrusted, brokers.WrongName, brokers.Expired, brokers.NoTLS, brokers.CertRefused, brokers.TLSRefused,
		brokers.NoLogin, brokers.MechanismDenied, brokers.LoginRefused, brokers.Impostor)
	slices.Sort(made)
	made = slices.Compact(made)
	table, err := os.ReadFile("FINDINGS.md")
	if err != nil {
		t.Fatal(err)
	}
	var told []string
	for _, match := range regexp.MustCompile("(?m)^\\| `([a-z*-]+)`").FindAllSubmatch(table, -1) {
		told = append(told, string(match[1]))
	}
	slices.Sort(told)
	if !slices.Equal(made, told) {
		t.Errorf("the code makes\n%v\nFINDINGS.md tells\n%v", made, told)
	}
}
