package performance

import (
	"math"
	"slices"
	"time"
)

// latencies in milliseconds.
type latencies struct {
	P50 float64 `json:"p50"`
	P90 float64 `json:"p90"`
	P99 float64 `json:"p99"`
	Max float64 `json:"max"`
}

func latenciesOf(d []time.Duration) latencies {
	sorted := slices.Clone(d)
	slices.Sort(sorted)
	return latencies{
		P50: milliseconds(quantile(sorted, 50)), P90: milliseconds(quantile(sorted, 90)),
		P99: milliseconds(quantile(sorted, 99)), Max: milliseconds(quantile(sorted, 100)),
	}
}

func milliseconds(d time.Duration) float64 { return rounded(float64(d)/float64(time.Millisecond), 2) }

// quantile is the nearest-rank percentile of sorted values; zero of none.
func quantile[T any](sorted []T, percent int) T {
	var zero T
	if len(sorted) == 0 {
		return zero
	}
	rank := (len(sorted)*percent + 99) / 100
	return sorted[max(rank, 1)-1]
}

// median of values; not a number of none.
func median(values []float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	sorted := slices.Clone(values)
	slices.Sort(sorted)
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

func rounded(v float64, decimals int) float64 {
	scale := math.Pow10(decimals)
	return math.Round(v*scale) / scale
}
