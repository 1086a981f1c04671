package kafkatest

import (
	"os/exec"
	"path/filepath"
)

// command returns a command that runs a main class of Kafka's jars. The JVM starts fast
// and uses little memory, unless options change that.
func (in installation) command(dir string, options []string, mainClass string, args ...string) *exec.Cmd {
	all := []string{
		"-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xmx256m", "-XX:-UsePerfData",
		"-Djava.io.tmpdir=" + filepath.Join(dir, "tmp"),
		"-Dlog4j2.configurationFile=" + filepath.Join(dir, loggingFile),
		"-cp", filepath.Join(in.jars, "*"),
	}
	all = append(append(all, options...), mainClass)
	cmd := exec.Command(in.java, append(all, args...)...)
	cmd.Dir = dir
	return cmd
}
