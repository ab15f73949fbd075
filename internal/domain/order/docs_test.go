package order_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/orderplane/orderplane/internal/domain/order"
)

const (
	docs       = "../../../docs/use/orders.md"
	tableStart = "<!-- transitions -->\n"
	tableEnd   = "<!-- /transitions -->\n"
)

// The table in the docs is the table in the code.
func TestDocsHaveTheTransitions(t *testing.T) {
	raw, err := os.ReadFile(docs)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok1 := strings.Cut(string(raw), tableStart)
	there, after, ok2 := strings.Cut(rest, tableEnd)
	if !ok1 || !ok2 {
		t.Fatalf("%s has no place for the table (%q to %q)", docs, tableStart, tableEnd)
	}
	want := transitionTable()
	if *update {
		if err := os.WriteFile(docs, []byte(before+tableStart+want+tableEnd+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, there); diff != "" {
		t.Errorf("%s (-code +docs), write it with go test ./internal/domain/order -update\n%s", docs, diff)
	}
}

func transitionTable() string {
	var b strings.Builder
	b.WriteString("| from | command | to | guard | what goes with it | history |\n|---|---|---|---|---|---|\n")
	for _, t := range order.Transitions() {
		var history []string
		for _, kind := range t.History {
			history = append(history, string(kind))
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s |\n", t.From, t.Command, t.To, t.Guard, t.Effect, strings.Join(history, ", "))
	}
	return b.String()
}
