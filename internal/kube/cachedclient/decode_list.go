package cachedclient

import (
	"fmt"
	"io"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"k8s.io/apimachinery/pkg/apis/meta/internalversion"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// itemReader decodes the next item of a list.
type itemReader func(*jsontext.Decoder) (runtime.Object, error)

// decodeList decodes a list item by item, as it arrives. One that ends early is an error.
func decodeList(r io.Reader, how json.Options, read itemReader) (*internalversion.List, error) {
	list, d := &internalversion.List{}, jsontext.NewDecoder(r, how)
	if err := expect(d, '{'); err != nil {
		return nil, err
	}
	for d.PeekKind() != '}' {
		token, err := d.ReadToken()
		if err != nil {
			return nil, err
		}
		switch token.String() {
		case "items":
			list.Items, err = decodeItems(d, read)
		case "metadata":
			err = json.UnmarshalDecode(d, &list.ListMeta, how)
		default:
			err = d.SkipValue()
		}
		if err != nil {
			return nil, err
		}
	}
	return list, nil
}

func decodeItems(d *jsontext.Decoder, read itemReader) ([]runtime.Object, error) {
	if err := expect(d, '['); err != nil {
		return nil, err
	}
	var items []runtime.Object
	for d.PeekKind() != ']' {
		item, err := read(d)
		if err != nil {
			return nil, err
		}
		items = append(items, item)
	}
	return items, expect(d, ']')
}

// withoutKind drops what every object of a Go type says of itself, as client-go does.
func withoutKind(o runtime.Object) runtime.Object {
	o.GetObjectKind().SetGroupVersionKind(schema.GroupVersionKind{})
	return o
}

func expect(d *jsontext.Decoder, want jsontext.Kind) error {
	got, err := d.ReadToken()
	if err == nil && got.Kind() != want {
		return fmt.Errorf("%s: found %v where %v should be", d.StackPointer(), got, want)
	}
	return err
}
