package cachedclient

import (
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"k8s.io/client-go/tools/cache"

	"github.com/orderplane/orderplane/api/v1alpha1"
)

// kind is one of ours: how it is listed and watched, and how one object is decoded.
type kind struct {
	name string
	// from makes what an informer lists and watches with, in whatever namespace it then points at.
	from func(s *Source, namespace *string) cache.ListerWatcherWithContext
	// decode decodes a text into an object of the kind; what can't be decoded is set aside.
	decode func(text jsontext.Value, into any, how json.Options) error
}

// kindFor is the kind of an object; ok is false when it is none of ours.
func kindFor(o any) (k kind, ok bool) {
	switch o.(type) {
	case *v1alpha1.Order:
		return newKind[v1alpha1.Order]("Order", "orders"), true
	case *v1alpha1.OrderClass:
		return newKind[v1alpha1.OrderClass]("OrderClass", "orderclasses"), true
	case *v1alpha1.StockReservation:
		return newKind[v1alpha1.StockReservation]("StockReservation", "stockreservations"), true
	case *v1alpha1.StockItem:
		return newKind[v1alpha1.StockItem]("StockItem", "stockitems"), true
	case *v1alpha1.StockAdjustment:
		return newKind[v1alpha1.StockAdjustment]("StockAdjustment", "stockadjustments"), true
	case *v1alpha1.StockJournal:
		return newKind[v1alpha1.StockJournal]("StockJournal", "stockjournals"), true
	}
	return kind{}, false
}

func newKind[T any, P object[T]](name, resource string) kind {
	return kind{
		name: name,
		from: func(s *Source, namespace *string) cache.ListerWatcherWithContext {
			return &listWatch[T, P]{
				rest: s.rest, namespace: namespace, resource: resource, decoding: decoding(), news: newNews(s.log, name),
			}
		},
		decode: func(text jsontext.Value, into any, how json.Options) error {
			o, err := decodeObject[T, P](text, how)
			if err == nil {
				*into.(*T) = *o
			}
			return err
		},
	}
}
