package cachedclient

import (
	"encoding/json"
	"reflect"
	"testing"

	jsonv2 "github.com/go-json-experiment/json"
	metafuzzer "k8s.io/apimachinery/pkg/apis/meta/fuzzer"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"sigs.k8s.io/randfill"

	"github.com/orderplane/orderplane/api/v1alpha1"
)

// filler fills objects as apimachinery's own round trip tests do, with the same every time.
func filler() *randfill.Filler {
	return randfill.NewWithSeed(1).NilChance(0.5).NumElements(1, 1).
		Funcs(metafuzzer.Funcs(serializer.NewCodecFactory(runtime.NewScheme()))...)
}

// Every field of every kind is decoded as encoding/json does, but for managed fields.
func TestDecodingGivesWhatEncodingJSONGives(t *testing.T) {
	fill := filler()
	how := decoding()
	for range 200 {
		for _, o := range []metav1.Object{
			&v1alpha1.Order{}, &v1alpha1.OrderClass{}, &v1alpha1.StockReservation{}, &v1alpha1.StockItem{}, &v1alpha1.StockAdjustment{}, &v1alpha1.StockJournal{},
		} {
			fill.Fill(o)
			text, err := json.Marshal(o)
			if err != nil {
				t.Fatal(err)
			}
			kind := reflect.TypeOf(o).Elem()
			want, got := reflect.New(kind).Interface().(metav1.Object), reflect.New(kind).Interface()
			if err := json.Unmarshal(text, want); err != nil {
				t.Fatal(err)
			}
			if err := jsonv2.Unmarshal(text, got, how); err != nil {
				t.Fatalf("%s: %v", text, err)
			}
			want.SetManagedFields(nil)
			if !reflect.DeepEqual(got, want) {
				t.Fatalf("%s\nis read as %+v\nwant       %+v", text, got, want)
			}
		}
	}
}

func TestTimes(t *testing.T) {
	for _, text := range []string{
		`"2026-03-01T12:00:01Z"`, `"2026-03-01T12:00:01.5+02:00"`, `"2026-03-01T12:00:01\u005a"`, `null`,
		`""`, `7`, `"yesterday"`, `"2026-03-01"`, `{}`,
	} {
		var got, want metav1.Time
		wrong, no := want.UnmarshalJSON([]byte(text)), jsonv2.Unmarshal([]byte(text), &got, decoding())
		if (no == nil) != (wrong == nil) || !got.Equal(&want) || got.Location() != want.Location() {
			t.Errorf("%s is read as %v, %v; by itself %v, %v", text, got, no, want, wrong)
		}
	}
}
