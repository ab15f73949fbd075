package local

import (
	"fmt"
	"os"
	"strings"
)

// export is one line of the env file.
type export struct{ name, value string }

// tool is a program and the folder that has it.
type tool struct{ name, dir string }

// writeEnvFile writes shell exports, readable by this user alone: tokens are
// among them. The folder of a tool comes last in PATH, so that one of the user's
// own stays the one that is found.
func writeEnvFile(path string, tools []tool, exports []export) error {
	var text strings.Builder
	for _, e := range exports {
		fmt.Fprintf(&text, "export %s=%s\n", e.name, shellQuote(e.value))
	}
	for _, t := range tools {
		fmt.Fprintf(&text, "command -v %s >/dev/null || export PATH=\"$PATH\":%s\n", t.name, shellQuote(t.dir))
	}
	// A new file and a rename: somebody may be sourcing the old one.
	part := path + ".part"
	if err := os.WriteFile(part, []byte(text.String()), 0o600); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := os.Rename(part, path); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

func shellQuote(s string) string {
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
