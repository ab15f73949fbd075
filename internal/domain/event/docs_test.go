package event_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/orderplane/orderplane/internal/domain/event"
)

const docs = "../../../docs/events"

// generated compares a generated file of docs/events with what is there, or writes it.
func generated(t *testing.T, name string, text []byte) {
	t.Helper()
	path := filepath.Join(docs, name)
	if *update {
		if err := os.WriteFile(path, text, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	there, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v; write it with go test ./internal/domain/event -update", err)
	}
	if diff := cmp.Diff(string(there), string(text)); diff != "" {
		t.Errorf("%s is not what the code says; write it with go test ./internal/domain/event -update (-docs +code)\n%s", path, diff)
	}
}

func TestSchemasOfTheDocs(t *testing.T) {
	all := schemas(t)
	for name, schema := range all {
		text, err := json.MarshalIndent(schema, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(text, []byte("MISSING")) {
			t.Errorf("%s has a field without a comment:\n%s", name, text)
		}
		generated(t, name+".schema.json", append(text, '\n'))
	}
	files, err := filepath.Glob(filepath.Join(docs, "*.schema.json"))
	if err != nil || len(files) != len(all) {
		t.Errorf("%d schemas for %d kinds of records (%v); delete what belongs to none", len(files), len(all), err)
	}
}

// values are records of every kind, by kind.
func values(t *testing.T) map[string][][]byte {
	t.Helper()
	all := map[string][][]byte{
		"order.cancel.requested.request": {
			[]byte(`{"payload":{"orderId":"8d9b2f5e-0c1a-4f57-9a3e-5b1d7c2e4f60","reason":"PAYMENT_FAILED"}}`),
			[]byte(`{"eventId":"shop-17","eventType":"order.cancel.requested","eventVersion":1,"occurredAt":"2026-11-23T12:00:00Z","traceId":"4bf92f3577b34da6a3ce929d0e0e4736","payload":{"orderId":"8d9b2f5e-0c1a-4f57-9a3e-5b1d7c2e4f60","reason":"CUSTOMER_REQUEST"}}`),
		},
		"notif.sent": {
			[]byte(`{"eventId":"0b8a6c9e-51a2-4c93-8f0e-6f5b0c0d2a11","eventType":"notif.sent","eventVersion":1,"occurredAt":"2026-11-23T12:00:00Z","traceId":"4bf92f3577b34da6a3ce929d0e0e4736","payload":{"notifId":"n-1","orderId":"8d9b2f5e-0c1a-4f57-9a3e-5b1d7c2e4f60","channel":"EMAIL","recipient":"ines@example.com","template":"order-confirmed","status":"DELIVERED"}}`),
		},
	}
	for _, r := range records(t) {
		if r.Topic != "" {
			all[r.Topic] = append(all[r.Topic], r.Value)
		}
	}
	return all
}

// records are all of the golden files.
func records(t *testing.T) []event.Record {
	t.Helper()
	all := stockRecords()
	lives := orders()
	for _, name := range slices.Sorted(maps.Keys(lives)) {
		told, err := event.OfOrder(lives[name], 0)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, told...)
	}
	return all
}

// strict is a schema under which every field has to be known.
func strict(schema any) any {
	switch s := schema.(type) {
	case map[string]any:
		for name := range s {
			s[name] = strict(s[name])
		}
		if s["type"] == "object" {
			s["additionalProperties"] = false
		}
	case []any:
		for i := range s {
			s[i] = strict(s[i])
		}
	}
	return schema
}

func compile(t *testing.T, name string, change func(any) any) *jsonschema.Schema {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(docs, name+".schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	schema, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	if err := compiler.AddResource(name, change(schema)); err != nil {
		t.Fatal(err)
	}
	compiled, err := compiler.Compile(name)
	if err != nil {
		t.Fatal(err)
	}
	return compiled
}

func validate(t *testing.T, schema *jsonschema.Schema, value []byte) error {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(value))
	if err != nil {
		t.Fatal(err)
	}
	return schema.Validate(v)
}

// Every field of every record stands in its schema, and what is required is there. A
// reader that goes by the schema takes fields that are added later.
func TestEveryRecordIsAsItsSchemaSays(t *testing.T) {
	all := values(t)
	for _, k := range kinds() {
		as := compile(t, k.name, func(schema any) any { return schema })
		exactly := compile(t, k.name, strict)
		if len(all[k.name]) == 0 {
			t.Errorf("no record of %s: the test shows nothing", k.name)
		}
		for _, value := range all[k.name] {
			if err := validate(t, exactly, value); err != nil {
				t.Errorf("%s: %v\n%s", k.name, err, value)
			}
			more := bytes.Replace(value, []byte(`"payload":{`), []byte(`"payload":{"added":1,`), 1)
			if err := validate(t, as, more); err != nil {
				t.Errorf("%s: a field that was added breaks its readers: %v", k.name, err)
			}
			if err := validate(t, exactly, more); err == nil {
				t.Errorf("%s: a field that no schema knows passes", k.name)
			}
			less := bytes.Replace(value, []byte(`"orderId":`), []byte(`"order":`), 1)
			if k.name != "inventory.updated" && validate(t, as, less) == nil {
				t.Errorf("%s: a record without an order passes", k.name)
			}
		}
	}
}

// What is beyond the schema: another event, version, state or time.
func TestSchemasRefuse(t *testing.T) {
	all := values(t)
	for _, c := range []struct{ kind, old, new string }{
		{"order.created", `"eventType":"order.created"`, `"eventType":"order.cancelled"`},
		{"order.created", `"eventVersion":1`, `"eventVersion":2`},
		{"order.created", `"occurredAt":"2026-11-23T12:00:00Z"`, `"occurredAt":"2026-11-23T13:00:00+01:00"`},
		{"order.created", `"eventId":"`, `"eventId":"no uuid `},
		{"order.created", `"status":"PENDING"`, `"status":"Pending"`},
		{"order.created", `"quantity":2`, `"quantity":"2"`},
		{"order.cancelled", `"reason":"`, `"reason":"NOT_`},
		{"inventory.updated", `"status":"ADJUSTED"`, `"status":"MOVED"`},
		{"order.cancel.requested.request", `"reason":"PAYMENT_FAILED"`, `"reason":"BORED"`},
	} {
		value := all[c.kind][0]
		changed := strings.Replace(string(value), c.old, c.new, 1)
		if changed == string(value) {
			t.Errorf("%s: there is no %s", c.kind, c.old)
		}
		if err := validate(t, compile(t, c.kind, func(schema any) any { return schema }), []byte(changed)); err == nil {
			t.Errorf("%s passes", c.new)
		}
	}
}
