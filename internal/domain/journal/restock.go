package journal

import (
	"fmt"
	"slices"
	"strings"

	"github.com/orderplane/orderplane/api/v1alpha1"
)

// Restocked reports whether everything that a reservation's spec.restock wants back on the
// shelf was decided about, and names the units that could not be put back.
func Restocked(r *v1alpha1.StockReservation) (settled bool, notBack []v1alpha1.StockLine) {
	answered := Answered(r)
	settled = r.Status.Phase == v1alpha1.ReservationRestocked && r.Spec.Intent == v1alpha1.IntentRestock &&
		len(Owed(r.Status.Allocations, r.Spec.Restock, answered)) == 0
	return settled, notRestocked(answered)
}

// Answered is what was decided so far about the units that a reservation wants back.
// A history alone, without
// the sum, is that of a version that decided once, about everything.
func Answered(r *v1alpha1.StockReservation) []v1alpha1.RestockedLine {
	s := &r.Status
	if len(s.Restocked) > 0 || s.Phase != v1alpha1.ReservationRestocked {
		return s.Restocked
	}
	var answered []v1alpha1.RestockedLine
	known := false
	for i := range s.History {
		if h := &s.History[i]; h.Phase == v1alpha1.ReservationRestocked {
			known = true
			for _, l := range h.Lines {
				answered = append(answered, v1alpha1.RestockedLine{ProductID: l.ProductID, Quantity: l.Quantity, NotRestocked: l.NotMoved})
			}
		}
	}
	if known {
		return answered
	}
	for _, l := range Owed(s.Allocations, r.Spec.Restock, nil) {
		answered = append(answered, v1alpha1.RestockedLine{ProductID: l.ProductID, Quantity: l.Quantity})
	}
	return answered
}

// Owed is what is still to be decided about: of what was taken, all that is wanted back
// (everything when wanted is nil), less what was answered. It is never more of a product
// than was taken, whatever is wanted.
func Owed(taken []v1alpha1.StockAllocation, wanted *[]v1alpha1.StockLine, answered []v1alpha1.RestockedLine) []v1alpha1.StockAllocation {
	done := make(map[string]int64, len(answered))
	for i := range answered {
		done[answered[i].ProductID] += answered[i].Quantity
	}
	var back map[string]int64
	if wanted != nil {
		back = make(map[string]int64, len(*wanted))
		for _, w := range *wanted {
			back[w.ProductID] = w.Quantity
		}
	}
	var owed []v1alpha1.StockAllocation
	for _, a := range taken {
		if wanted != nil {
			a.Quantity = min(a.Quantity, back[a.ProductID])
		}
		if a.Quantity -= done[a.ProductID]; a.Quantity > 0 {
			owed = append(owed, a)
		}
	}
	return owed
}

// AddRestock is what was answered, with the lines of one more restock. It changes neither.
func AddRestock(answered []v1alpha1.RestockedLine, lines []v1alpha1.JournalLine) []v1alpha1.RestockedLine {
	sum := slices.Clone(answered)
	at := make(map[string]int, len(sum)+len(lines))
	for i := range sum {
		at[sum[i].ProductID] = i
	}
	for i := range lines {
		l := &lines[i]
		n, known := at[l.ProductID]
		if !known {
			n = len(sum)
			at[l.ProductID] = n
			sum = append(sum, v1alpha1.RestockedLine{ProductID: l.ProductID})
		}
		sum[n].Quantity += l.Quantity
		sum[n].NotRestocked += l.NotMoved
	}
	return sum
}

func notRestocked(answered []v1alpha1.RestockedLine) (out []v1alpha1.StockLine) {
	for _, l := range answered {
		if l.NotRestocked > 0 {
			out = append(out, v1alpha1.StockLine{ProductID: l.ProductID, Quantity: l.NotRestocked})
		}
	}
	return out
}

// DescribeNotRestocked says in one line which units could not be put back, and the way
// out; empty when all could. It names at most eight products.
func DescribeNotRestocked(notBack []v1alpha1.StockLine) string {
	if len(notBack) == 0 {
		return ""
	}
	return "could not be put back, because the StockItem they were taken from is gone, was made again, or is being deleted: " +
		DescribeUnits(notBack) + "; if they are on a shelf, enter them with a StockAdjustment of kind Received"
}

// describeNotTaken says of which items that are gone a commit took nothing off a shelf.
func describeNotTaken(lines []v1alpha1.JournalLine) string {
	var gone []v1alpha1.StockLine
	for i := range lines {
		if l := &lines[i]; l.NotMoved > 0 {
			gone = append(gone, v1alpha1.StockLine{ProductID: l.ProductID, Quantity: l.NotMoved})
		}
	}
	if len(gone) == 0 {
		return ""
	}
	return "taken without a change on any shelf, because the StockItem they were reserved of is gone: " + DescribeUnits(gone)
}

// DescribeUnits names units in one line, of at most eight products.
func DescribeUnits(lines []v1alpha1.StockLine) string {
	const shown = 8
	var parts []string
	for i, l := range lines {
		if i == shown {
			parts = append(parts, fmt.Sprintf("and of %d products more", len(lines)-shown))
			break
		}
		parts = append(parts, fmt.Sprintf("%d of %s", l.Quantity, l.ProductID))
	}
	return strings.Join(parts, ", ")
}

// Limits of a reservation's history. The schema's is the number of decisions; that of
// lines keeps a reservation of 250 lines that came back in many parts far below what
// an object may weigh.
const (
	maxHistory      = 64
	maxHistoryLines = 1500
)

// trimHistory leaves the oldest restocks out until the history keeps its limits. What
// they did is in status.restocked; all other decisions come once.
func trimHistory(history []v1alpha1.ReservationHistoryEntry) []v1alpha1.ReservationHistoryEntry {
	lines := 0
	for i := range history {
		lines += len(history[i].Lines)
	}
	for len(history) > maxHistory || lines > maxHistoryLines {
		oldest := slices.IndexFunc(history[:len(history)-1], func(h v1alpha1.ReservationHistoryEntry) bool { return h.Phase == v1alpha1.ReservationRestocked })
		if oldest < 0 {
			break
		}
		lines -= len(history[oldest].Lines)
		history = slices.Delete(history, oldest, oldest+1)
	}
	return history
}
