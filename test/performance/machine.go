package performance

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
)

// Machine is what a run ran on; absolute numbers mean nothing without it.
type Machine struct {
	CPU      string `json:"cpu"`
	Cores    int    `json:"cores"`
	MemoryMB int64  `json:"memoryMB"`
	Kernel   string `json:"kernel"`
	// LoadAverage before the run: what else the machine had to do.
	LoadAverage string `json:"loadAverage"`

	Go            string `json:"go"`
	Orderplane    string `json:"orderplane"`
	KubeAPIServer string `json:"kubeAPIServer"`
	Etcd          string `json:"etcd"`
}

func describeMachine(assets string) Machine {
	m := Machine{
		Cores: runtime.NumCPU(), Go: runtime.Version(),
		CPU:           fieldOf("/proc/cpuinfo", "model name"),
		Kernel:        firstLine("/proc/sys/kernel/osrelease"),
		LoadAverage:   firstLine("/proc/loadavg"),
		KubeAPIServer: versionOf(filepath.Join(assets, "kube-apiserver")),
		Etcd:          versionOf(filepath.Join(assets, "etcd")),
	}
	if data, err := os.ReadFile("/proc/meminfo"); err == nil {
		m.MemoryMB = kibField(data, "MemTotal:") / 1024
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				m.Orderplane = s.Value
			}
		}
	}
	return m
}

func firstLine(file string) string {
	data, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	line, _, _ := strings.Cut(string(data), "\n")
	return line
}

// fieldOf is the value of the first "name : value" of a file.
func fieldOf(file, name string) string {
	data, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(data)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// versionOf is the first line a program says to --version.
func versionOf(path string) string {
	out, err := exec.Command(path, "--version").Output() //nolint:noctx // one of our own, and it ends at once
	if err != nil {
		return ""
	}
	line, _, _ := strings.Cut(string(out), "\n")
	return line
}
