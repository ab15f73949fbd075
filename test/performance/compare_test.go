package performance

import (
	"errors"
	"testing"
)

func TestADisturbedRoundIsRunAgain(t *testing.T) {
	broken := errors.New("broken")
	for name, tc := range map[string]struct {
		foreign []float64 // of each try; negative for an error
		want    float64
		tries   int
		err     error
	}{
		"nobody else":         {[]float64{0.02}, 0.02, 1, nil},
		"the second is good":  {[]float64{0.6, 0.1}, 0.1, 2, nil},
		"the least disturbed": {[]float64{0.6, 0.3, 0.4}, 0.3, 3, nil},
		"an error ends it":    {[]float64{0.6, -1}, 0, 2, broken},
	} {
		tries := 0
		got, err := undisturbed(func() (Measurement, error) {
			tries++
			if f := tc.foreign[tries-1]; f >= 0 {
				return Measurement{ForeignCores: f}, nil
			}
			return Measurement{}, broken
		})
		if !errors.Is(err, tc.err) || tries != tc.tries || err == nil && got.ForeignCores != tc.want {
			t.Errorf("%s: %.2f after %d tries, %v; want %.2f after %d, %v", name, got.ForeignCores, tries, err, tc.want, tc.tries, tc.err)
		}
	}
}
