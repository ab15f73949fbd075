package mirrorfaults

import (
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

var (
	mutants = flag.Bool("mutants", false, "remove rules of the protocol from the code, one at a time, and see that crashes find it")
	only    = flag.String("sites", "", "crash only at sites that have this in their names")
)

// mutant is a rule of the protocol that is removed from the code.
type mutant struct {
	rule string
	// file, from the root of the module, in which old becomes new.
	file, old, new string
	// sites are where a crash finds it.
	sites string
}

// inTwo ends a transaction and begins another, so that a crash comes in between.
const inTwo = `for _, s := range []string{"commit", "begin"} {
		if _, err := tx.Exec(ctx, s); err != nil {
			return RETURN
		}
	}
	`

func removedRules() []mutant {
	return []mutant{
		{
			"4: events are written in the transaction of the row", "adapters/mirror/internal/orders/applier.go",
			"	return done, lost, outbox.Put(ctx, tx, outbox.Orders, records)",
			"	" + strings.ReplaceAll(inTwo, "RETURN", "nil, nil, err") + "return done, lost, outbox.Put(ctx, tx, outbox.Orders, records)",
			"postgres orders",
		},
		{
			"10: the cursor moves in the transaction of what is told", "adapters/mirror/internal/stock/writing.go",
			"	if err := w.tell(ctx, tx, items); err != nil {",
			"	if err := stockdb.Move(ctx, tx, w.cursor); err != nil {\n\t\treturn err\n\t}\n\t" +
				strings.ReplaceAll(inTwo, "RETURN", "err") + "if err := w.tell(ctx, tx, items); err != nil {",
			"postgres inventory",
		},
		{
			"15: a row is marked after it was acknowledged", "adapters/mirror/internal/relay/shift.go",
			"	client.Produce(f.flight, recordOf(q), func(_ *kgo.Record, err error) { f.answers <- answer{q, err} })",
			"	f.answers <- answer{q, nil}\n\tclient.Produce(f.flight, recordOf(q), func(*kgo.Record, error) {})",
			"kafka produce",
		},
		{
			"19: a request is carried out before its offset is committed", "adapters/mirror/internal/inbound/consumer.go",
			"	if err := c.handleAll(ctx, broker, records); err != nil {",
			"	_ = broker.CommitRecords(ctx, records...)\n\tif err := c.handleAll(ctx, broker, records); err != nil {",
			"order.cancel.requested",
		},
		{
			"21: an order is let go after its last version is committed", "adapters/mirror/internal/orders/applier.go",
			"	var done []*decision\n",
			"	for name, w := range byName {\n\t\tstored, found := rows[name]\n\t\tif d := decide(w, stored, found, a.Clock.Now()); d.step != orders.Nothing {\n\t\t\ta.writer.add(w.seen[len(w.seen)-1].order, d.step)\n\t\t\ta.writer.next(ctx, name)\n\t\t}\n\t}\n\tvar done []*decision\n",
			"postgres orders",
		},
		{
			"27: an order is marked as archived before it is deleted", "internal/domain/mirror/orders/plan.go",
			"	case r.State != Archived:\n\t\treturn MarkArchived\n", "",
			"api DELETE orders",
		},
	}
}

// A rule that is removed from the code is found by crashes. Each takes a build and minutes, so they
// run by hand: go test ./test/mirrorfaults -run TestRemovedRules -mutants -timeout 1h
func TestRemovedRules(t *testing.T) {
	if !*mutants {
		t.Skip("it runs with -mutants")
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range removedRules() {
		t.Run(m.rule, func(t *testing.T) {
			overlay := m.overlay(t, root)
			// #nosec G204 -- the texts of this file
			test := exec.CommandContext(t.Context(), "go", "test", "-overlay="+overlay, "-count=1", "-timeout=9m",
				"-run=TestCrashAtEveryWrite", "./test/mirrorfaults", "-sites="+m.sites)
			test.Dir = root
			said, err := test.CombinedOutput()
			if err == nil {
				t.Fatal("nothing found it")
			}
			_, found, is := strings.Cut(string(said), "--- FAIL: TestCrashAtEveryWrite")
			if !is {
				t.Fatalf("it could not be tried:\n%s", said)
			}
			if _, crashed, some := strings.Cut(found, "--- FAIL: TestCrashAtEveryWrite/"); some {
				found = crashed
			}
			t.Logf("found:\n%s", firstLines(found, 60))
		})
	}
}

// overlay makes the file by which the Go command builds with the rule removed.
func (m mutant) overlay(t *testing.T, root string) string {
	t.Helper()
	path := filepath.Join(root, m.file)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Count(string(text), m.old) != 1 {
		t.Fatalf("%s has not once what is to be removed:\n%s", m.file, m.old)
	}
	folder := t.TempDir()
	mutated := filepath.Join(folder, "mutated.go")
	if err := os.WriteFile(mutated, []byte(strings.Replace(string(text), m.old, m.new, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	list, err := json.Marshal(map[string]map[string]string{"Replace": {path: mutated}})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(folder, "overlay.json")
	if err := os.WriteFile(file, list, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func firstLines(text string, n int) string {
	lines := strings.Split(text, "\n")
	return strings.Join(lines[:min(n, len(lines))], "\n")
}
