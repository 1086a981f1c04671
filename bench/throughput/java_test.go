package throughput

import (
	"os"
	"os/exec"
	"testing"
)

// java labels the topic by the service in java/, which ends by itself once nothing comes.
func (r *run) java(bundle string) usage {
	r.t.Helper()
	libraries := "-Djava.io.tmpdir=" + r.t.TempDir() // where it unpacks LightGBM and ONNX Runtime
	return r.measure(func() {}, exec.Command("java", "-Xmx2g", libraries, "-jar", "java/target/service.jar", r.addr, "records", r.labels, bundle, "5"))
}

// javaIsBuilt says whether there is a service to run, and logs what is missing. The broker, too, needs a Java.
func javaIsBuilt(t *testing.T) bool {
	t.Helper()
	_, err := os.Stat("java/target/service.jar")
	if err != nil {
		t.Log("the service in Java is not built, and left out: install Maven and a Java 17 or newer, then make bench-throughput")
	}
	return err == nil
}
