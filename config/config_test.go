package config_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// Every alert links to a section of the runbook that has its name.
func TestEveryAlertHasASectionInTheRunbook(t *testing.T) {
	runbook, err := os.ReadFile("../docs/operate/runbook.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"prometheus/alerts.yaml", "prometheus/mirror/alerts.yaml", "prometheus/notifier/alerts.yaml"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		names := regexp.MustCompile(`- alert: (\w+)`).FindAllStringSubmatch(string(text), -1)
		if len(names) == 0 {
			t.Errorf("%s has no alert", file)
		}
		for _, found := range names {
			name := found[1]
			if !strings.Contains(string(runbook), "\n## "+name+"\n") {
				t.Errorf("%s: the runbook has no section %s", file, name)
			}
			if link := "runbook: docs/operate/runbook.md#" + strings.ToLower(name) + "\n"; !strings.Contains(string(text), link) {
				t.Errorf("%s: %s has no link to its section", file, name)
			}
		}
	}
}
