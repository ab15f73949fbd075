package informer

import (
	"encoding/json"
	"fmt"
	"io"

	"k8s.io/apimachinery/pkg/apis/meta/internalversion"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// readList decodes a list item by item, as it arrives. One that ends early is an error.
func readList[T any, P object[T]](r io.Reader) (*internalversion.List, error) {
	list, d := &internalversion.List{}, json.NewDecoder(r)
	if err := expect(d, json.Delim('{')); err != nil {
		return nil, err
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, err
		}
		switch key {
		case "items":
			list.Items, err = readItems[T, P](d)
		case "metadata":
			err = d.Decode(&list.ListMeta)
		default:
			err = d.Decode(&json.RawMessage{})
		}
		if err != nil {
			return nil, fmt.Errorf("%v: %w", key, err)
		}
	}
	return list, expect(d, json.Delim('}'))
}

func readItems[T any, P object[T]](d *json.Decoder) ([]runtime.Object, error) {
	if err := expect(d, json.Delim('[')); err != nil {
		return nil, err
	}
	var items []runtime.Object
	for d.More() {
		item := P(new(T))
		if err := d.Decode(item); err != nil {
			return nil, err
		}
		items = append(items, withoutKind(item))
	}
	return items, expect(d, json.Delim(']'))
}

// withoutKind drops what every object of a Go type says of itself, as client-go does.
func withoutKind(o runtime.Object) runtime.Object {
	o.GetObjectKind().SetGroupVersionKind(schema.GroupVersionKind{})
	return o
}

func expect(d *json.Decoder, want json.Delim) error {
	got, err := d.Token()
	if err == io.EOF { //nolint:errorlint // Token returns it bare
		err = io.ErrUnexpectedEOF
	}
	if err == nil && got != want {
		err = fmt.Errorf("found %v where %v should be", got, want)
	}
	return err
}
