package event_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"sigs.k8s.io/yaml"

	"github.com/orderplane/orderplane/internal/domain/event"
)

// docs/events/asyncapi.yaml is made from the topics, the schemas, and records of the golden files.

type dict = map[string]any

func ref(path string) dict { return dict{"$ref": path} }

// keys are what the records of a topic are keyed by.
func keyOf(topic string) string {
	switch {
	case topic == string(event.InventoryUpdated):
		return "The product's id."
	case topic == string(event.NotificationSent):
		return "The notification's id."
	default:
		return "The order's id."
	}
}

// headers of our own records, with what they mean.
func headerSchema() dict {
	text := func(description string) dict { return dict{"type": "string", "description": description} }
	properties := dict{
		"X-Trace-Id":     text("The id of the request that the event goes back to; the traceId of the value."),
		"ce_specversion": dict{"type": "string", "const": "1.0"},
		"ce_id":          text("The event's id; the eventId of the value. A repeat has the same."),
		"ce_source":      dict{"type": "string", "const": event.Source, "description": "Who wrote it."},
		"ce_type":        text("What happened; the eventType of the value."),
		"ce_subject":     text("The key of the record."),
		"ce_time":        text("When it happened; the occurredAt of the value."),
		"ce_sequence":    text("The number of the event: of an order's in its life, of a product's in the stock journal. It has leading zeros, so that it sorts as a text."),
		"ce_identity":    text("The uid of the object that it is about. An id that was used again has another."),
		"ce_object":      text("The name of that object: an order, reservation, stock document or product."),
		"content-type":   dict{"type": "string", "const": "application/json"},
	}
	return dict{"type": "object", "properties": properties, "required": slices.Sorted(maps.Keys(properties))}
}

func deadLetterHeaders() dict {
	text := func(description string) dict { return dict{"type": "string", "description": description} }
	return dict{"type": "object", "description": "Those that the record had, and these.", "properties": dict{
		"dlt-error":     text("Why it could not be handled."),
		"dlt-topic":     text("The topic it was read from."),
		"dlt-partition": text("The partition it was read from, a decimal."),
		"dlt-offset":    text("Its offset there, a decimal."),
		"dlt-group":     text("The consumer group that gave up."),
		"dlt-timestamp": text("The time that the record had, RFC 3339."),
	}, "required": []string{"dlt-error", "dlt-group", "dlt-offset", "dlt-partition", "dlt-timestamp", "dlt-topic"}}
}

// identifier is a topic's name as AsyncAPI has it in maps.
func identifier(name string) string { return strings.ReplaceAll(name, ".", "_") }

func asyncAPI(t *testing.T) dict {
	t.Helper()
	channels, operations, messages := dict{}, dict{}, dict{}
	for _, topic := range event.Topics() {
		channels[identifier(topic.Name)] = dict{
			"address": topic.Name, "messages": dict{},
			"bindings": dict{"kafka": dict{"topic": topic.Name, "partitions": topic.Partitions, "bindingVersion": "0.5.0"}},
		}
	}
	add := func(topic, name string, message dict) {
		message["name"], message["bindings"] = name, dict{"kafka": dict{"key": dict{"type": "string", "description": keyOf(topic)}, "bindingVersion": "0.5.0"}}
		messages[identifier(name)] = message
		channels[identifier(topic)].(dict)["messages"].(dict)[identifier(name)] = ref("#/components/messages/" + identifier(name))
	}
	all := values(t)
	for _, k := range kinds() {
		var example dict
		if err := json.Unmarshal(all[k.name][0], &example); err != nil {
			t.Fatal(err)
		}
		message := dict{
			"title": k.title, "contentType": "application/json",
			"payload":  dict{"schemaFormat": "application/schema+json;version=draft-2020-12", "schema": ref("./" + k.name + ".schema.json")},
			"examples": []any{dict{"payload": example}},
		}
		if !k.input {
			message["headers"] = ref("#/components/schemas/headers")
		}
		add(k.topic, k.name, message)
		operation := dict{
			"action": "send", "title": k.title, "channel": ref("#/channels/" + identifier(k.topic)),
			"messages": []any{ref("#/channels/" + identifier(k.topic) + "/messages/" + identifier(k.name))},
		}
		if k.input {
			operation["action"] = "receive"
			operation["bindings"] = dict{"kafka": dict{"groupId": dict{"type": "string", "pattern": "^orderplane-mirror-"}, "bindingVersion": "0.5.0"}}
		}
		operations[identifier(k.name)] = operation
	}
	for _, topic := range event.Topics() {
		if of, dead := strings.CutSuffix(topic.Name, event.DeadLetters); dead {
			add(topic.Name, topic.Name, dict{
				"title":   "A record of " + of + " that could not be handled",
				"headers": ref("#/components/schemas/deadLetterHeaders"),
				"payload": dict{"description": "The value as it was, whatever it was."},
			})
		}
	}
	return dict{
		"asyncapi": "3.0.0",
		"info": dict{
			"title": "Orderplane", "version": fmt.Sprint(event.Version),
			"description": "What happens to orders and stock, as records of Kafka. README.md beside this file says what is told when, in which order, and how to read it.",
			"license":     dict{"name": "Apache-2.0"},
		},
		"defaultContentType": "application/json",
		"servers": dict{"local": dict{
			"host": "localhost:9092", "protocol": "kafka", "description": "The broker of KAFKA_BOOTSTRAP.",
		}},
		"channels": channels, "operations": operations,
		"components": dict{"messages": messages, "schemas": dict{"headers": headerSchema(), "deadLetterHeaders": deadLetterHeaders()}},
	}
}

func TestAsyncAPIOfTheDocs(t *testing.T) {
	text, err := yaml.Marshal(asyncAPI(t))
	if err != nil {
		t.Fatal(err)
	}
	generated(t, "asyncapi.yaml", append([]byte("# Written by go test ./internal/domain/event -update; not by hand.\n"), text...))
}

// specification is AsyncAPI's own schema (testdata/asyncapi/NOTICE).
func specification(t *testing.T) *jsonschema.Schema {
	t.Helper()
	file, err := os.Open(filepath.Join("testdata", "asyncapi", "3.0.0.json.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	text, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	schema, err := jsonschema.UnmarshalJSON(text)
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	const name = "http://asyncapi.com/definitions/3.0.0/asyncapi.json"
	if err := compiler.AddResource(name, schema); err != nil {
		t.Fatal(err)
	}
	compiled, err := compiler.Compile(name)
	if err != nil {
		t.Fatal(err)
	}
	return compiled
}

func TestAsyncAPISaysThatItIsValid(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(docs, "asyncapi.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	asJSON, err := yaml.YAMLToJSON(text)
	if err != nil {
		t.Fatal(err)
	}
	schema := specification(t)
	if err := validate(t, schema, asJSON); err != nil {
		t.Error(err)
	}
	for _, broken := range [][2]string{
		{`"action":"send"`, `"action":"sends"`},
		{`"asyncapi":"3.0.0"`, `"asyncapi":"2.0.0"`},
		{`"partitions":3`, `"partitions":"3"`},
		{`"address":`, `"street":`},
	} {
		changed := bytes.Replace(asJSON, []byte(broken[0]), []byte(broken[1]), 1)
		if bytes.Equal(changed, asJSON) || validate(t, schema, changed) == nil {
			t.Errorf("%s passes", broken[1])
		}
	}
	every := map[string]bool{}
	var document dict
	if err := json.Unmarshal(asJSON, &document); err != nil {
		t.Fatal(err)
	}
	resolve(t, document, document, every)
	if len(every) < 2*len(event.Topics()) {
		t.Errorf("%d references: the test shows nothing", len(every))
	}
}

// resolve follows every reference of a document, within it and to files beside it.
func resolve(t *testing.T, document dict, at any, every map[string]bool) {
	t.Helper()
	switch at := at.(type) {
	case []any:
		for _, v := range at {
			resolve(t, document, v, every)
		}
	case dict:
		for _, v := range at {
			resolve(t, document, v, every)
		}
		path, is := at["$ref"].(string)
		if !is {
			return
		}
		every[path] = true
		within, here := strings.CutPrefix(path, "#/")
		if !here {
			if _, err := os.Stat(filepath.Join(docs, path)); err != nil {
				t.Errorf("%s: %v", path, err)
			}
			return
		}
		var target any = document
		for _, step := range strings.Split(within, "/") {
			object, _ := target.(dict)
			target = object[step]
		}
		if target == nil {
			t.Errorf("%s leads nowhere", path)
		}
	}
}

// The headers of every record are those of the document.
func TestHeadersAreAsDocumented(t *testing.T) {
	schema := headerSchema()["properties"].(dict)
	want := slices.Sorted(maps.Keys(schema))
	for _, r := range records(t) {
		var got []string
		for _, h := range r.Headers() {
			got = append(got, h.Key)
			if constant, is := schema[h.Key].(dict)["const"]; is && constant != h.Value {
				t.Errorf("%s is %q, want %q", h.Key, h.Value, constant)
			}
		}
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("documented - sent +\n%s", diff)
		}
	}
}
