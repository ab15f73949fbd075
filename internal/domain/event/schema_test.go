package event_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/event"
)

// The JSON Schemas of docs/events are made from the structs: names and types from the
// fields, descriptions from their comments, words from the constants of their types.

// kind is a kind of record that the topics have.
type kind struct {
	// name of the schema's file; the topic's, but for what others write to it.
	name, topic string
	// envelope of the payload.
	envelope reflect.Type
	title    string
	// input is set for what others write: of the envelope they need the payload only.
	input bool
}

func kinds() []kind {
	return []kind{
		{"order.created", "order.created", reflect.TypeFor[event.Envelope[event.OrderCreatedPayload]](), "An order was created", false},
		{"order.confirmed", "order.confirmed", reflect.TypeFor[event.Envelope[event.OrderConfirmedPayload]](), "Every line of an order was reserved", false},
		{"order.cancel.requested", "order.cancel.requested", reflect.TypeFor[event.Envelope[event.OrderCancelRequestedPayload]](), "An order is to be cancelled, because stock is short", false},
		{"order.cancel.requested.request", "order.cancel.requested", reflect.TypeFor[event.Envelope[event.CancelRequest]](), "Somebody asks for an order to be cancelled", true},
		{"order.cancelled", "order.cancelled", reflect.TypeFor[event.Envelope[event.OrderCancelledPayload]](), "An order was cancelled", false},
		{"order.fulfilled", "order.fulfilled", reflect.TypeFor[event.Envelope[event.OrderFulfilledPayload]](), "An order was shipped", false},
		{"order.return.requested", "order.return.requested", reflect.TypeFor[event.Envelope[event.OrderReturnRequestedPayload]](), "A customer asks to send something back", false},
		{"order.return.rejected", "order.return.rejected", reflect.TypeFor[event.Envelope[event.OrderReturnRejectedPayload]](), "A return was rejected", false},
		{"order.returned", "order.returned", reflect.TypeFor[event.Envelope[event.OrderReturnedPayload]](), "An order, or a part of it, came back", false},
		{"refund.requested", "refund.requested", reflect.TypeFor[event.Envelope[event.RefundRequestedPayload]](), "Money is to be paid back", false},
		{"inventory.updated", "inventory.updated", reflect.TypeFor[event.Envelope[event.InventoryUpdatedPayload]](), "A product's stock was decided about", false},
		{"notif.sent", "notif.sent", reflect.TypeFor[event.Envelope[event.NotificationSentPayload]](), "A notification went out, or could not", false},
	}
}

// object is a JSON object whose members keep their order.
type object []member

type member struct {
	name  string
	value any
}

func (o object) MarshalJSON() ([]byte, error) {
	var text bytes.Buffer
	text.WriteByte('{')
	for i, m := range o {
		if i > 0 {
			text.WriteByte(',')
		}
		value, err := json.Marshal(m.value)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&text, "%q:%s", m.name, value)
	}
	text.WriteByte('}')
	return text.Bytes(), nil
}

// source is what the Go files say beside the types.
type source struct {
	// comments of fields, by type and field; of generic types without their arguments.
	comments map[string]string
	// words are the constants of a type.
	words map[string][]string
}

func readSource(t *testing.T, folders ...string) source {
	t.Helper()
	s := source{comments: map[string]string{}, words: map[string][]string{}}
	for _, folder := range folders {
		files, err := filepath.Glob(filepath.Join(folder, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range files {
			if !strings.HasSuffix(path, "_test.go") {
				s.readFile(t, path)
			}
		}
	}
	return s
}

func (s source) readFile(t *testing.T, path string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.TypeSpec:
			if fields, ok := n.Type.(*ast.StructType); ok {
				s.readFields(n.Name.Name, fields)
			}
		case *ast.ValueSpec:
			s.readWord(n)
		}
		return true
	})
}

func (s source) readFields(name string, fields *ast.StructType) {
	for _, f := range fields.Fields.List {
		for _, id := range f.Names {
			s.comments[name+"."+id.Name] = strings.Join(strings.Fields(f.Doc.Text()), " ")
		}
	}
}

func (s source) readWord(spec *ast.ValueSpec) {
	of, typed := spec.Type.(*ast.Ident)
	if !typed || len(spec.Values) != 1 {
		return
	}
	if literal, ok := spec.Values[0].(*ast.BasicLit); ok && literal.Kind == token.STRING {
		if word, err := strconv.Unquote(literal.Value); err == nil {
			s.words[of.Name] = append(s.words[of.Name], word)
		}
	}
}

// schema of a type; the envelope's payload is in place.
func (s source) schema(t reflect.Type) object {
	switch t {
	case reflect.TypeFor[event.Timestamp]():
		return object{{"type", "string"}, {"format", "date-time"}, {"pattern", `^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$`}}
	case reflect.TypeFor[json.Number]():
		return object{{"type", "number"}, {"minimum", 0}}
	case reflect.TypeFor[v1alpha1.Currency]():
		return object{{"type", "string"}, {"pattern", "^[A-Z]{3}$"}}
	case reflect.TypeFor[v1alpha1.ShortageReason]():
		return object{{"type", "string"}, {"examples", s.words[t.Name()]}} // there may be more one day
	}
	switch t.Kind() {
	case reflect.Pointer:
		return s.schema(t.Elem())
	case reflect.String:
		if words := s.words[t.Name()]; len(words) > 0 {
			return object{{"type", "string"}, {"enum", words}}
		}
		return object{{"type", "string"}}
	case reflect.Bool:
		return object{{"type", "boolean"}}
	case reflect.Int, reflect.Int32, reflect.Int64:
		return object{{"type", "integer"}}
	case reflect.Slice:
		return object{{"type", "array"}, {"items", s.schema(t.Elem())}}
	default:
		return s.structure(t)
	}
}

func (s source) structure(t reflect.Type) object {
	name, _, _ := strings.Cut(t.Name(), "[")
	var properties object
	required := []string{}
	for i := range t.NumField() {
		f := t.Field(i)
		tag, optional := strings.CutSuffix(f.Tag.Get("json"), ",omitempty")
		comment := s.comments[name+"."+f.Name]
		if comment == "" {
			comment = "MISSING: write a comment on " + name + "." + f.Name
		}
		properties = append(properties, member{tag, append(object{{"description", comment}}, s.schema(f.Type)...)})
		if !optional {
			required = append(required, tag)
		}
	}
	return object{{"type", "object"}, {"properties", properties}, {"required", required}}
}

// document is the schema of a kind of record.
func (s source) document(k kind) object {
	body := s.structure(k.envelope)
	properties := body[1].value.(object)
	for i := range properties {
		fields := properties[i].value.(object)
		switch properties[i].name {
		case "eventType":
			properties[i].value = append(fields[:2:2], member{"const", k.topic})
		case "eventVersion":
			properties[i].value = append(fields, member{"const", event.Version})
		case "eventId":
			if !k.input {
				properties[i].value = append(fields, member{"format", "uuid"})
			}
		}
	}
	if k.input {
		body[2].value = []string{"payload"}
	}
	return append(object{
		{"$schema", "https://json-schema.org/draft/2020-12/schema"},
		{"$id", "urn:orderplane:event:" + k.name},
		{"title", k.title},
	}, body...)
}

func schemas(t *testing.T) map[string]object {
	t.Helper()
	s := readSource(t, ".", "../../../api/v1alpha1")
	all := map[string]object{}
	for _, k := range kinds() {
		all[k.name] = s.document(k)
	}
	return all
}
