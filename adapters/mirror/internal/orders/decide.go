package orders

import (
	"fmt"
	"time"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/event"
	"github.com/orderplane/orderplane/internal/domain/mirror/orders"
	"github.com/orderplane/orderplane/internal/postgres/orderdb"
)

// seen is a version of an order, with what is known of it.
type seen struct {
	order     *v1alpha1.Order
	version   orders.Version
	archiving orders.Archiving
}

// work is all that is known of the order of a name: the ends of objects that are gone, and the
// version in the cache, last. There is at least one.
type work struct {
	entry *entry
	seen  []seen
}

// decision is what is done about a name.
type decision struct {
	work *work
	// isNew says that there is no row yet.
	isNew bool
	// row as it is to be.
	row orders.Row
	// content is the version that the row is to show; nil when it shows it already.
	content *v1alpha1.Order
	// marked says that only the row's state changes.
	marked bool
	// tell is what is told, and records are its events once they are rendered.
	tell    []telling
	records []event.Record
	// step is what is done next in the cluster.
	step orders.Step
	// differs says what in the history is not as it was told; empty when nothing.
	differs string
}

// idle says that there is nothing to do.
func (d *decision) idle() bool {
	return d.content == nil && !d.marked && d.step == orders.Nothing
}

// decide applies what was seen to the row of a name, and plans what comes next.
func decide(w *work, stored orderdb.Version, found bool, now time.Time) *decision {
	d := &decision{work: w, isNew: !found}
	if found {
		d.row = ruleRow(stored)
	}
	for i := range w.seen {
		s := &w.seen[i]
		applied := orders.Apply(d.row, s.version)
		if d.row.Identity == s.version.Identity && s.version.Entries > 0 && s.version.Entries < d.row.Seq && s.version.RV > d.row.RV {
			d.differs = fmt.Sprintf("it has %d entries, and %d were told", s.version.Entries, d.row.Seq)
		}
		if !applied.Counts {
			continue
		}
		d.tell = append(d.tell, telling{order: s.order, after: applied.After, upTo: applied.Row.Seq})
		d.row, d.content = applied.Row, s.order
		if applied.Grown {
			d.row.MirroredAt = now
		}
	}
	d.plan(&w.seen[len(w.seen)-1])
	return d
}

// telling are the entries of an order that are told now: those after a number, up to another.
type telling struct {
	order       *v1alpha1.Order
	after, upTo int64
}

// render makes the events that are told, and compares what was told before with the history it
// was told of (rule 6).
func (d *decision) render(stored orderdb.Version) error {
	told := stored.Told
	for _, t := range d.tell {
		if t.after > 0 && toldSum(t.order, t.after) != told {
			d.differs = fmt.Sprintf("its first %d entries are not those that were told", t.after)
		}
		records, err := event.OfOrder(t.order, t.after)
		if err != nil {
			return fmt.Errorf("tell what happened: %w", err)
		}
		d.records, told = append(d.records, records...), toldSum(t.order, t.upTo)
	}
	return nil
}

// plan finds the next step. Those that only mark the row are taken at once.
func (d *decision) plan(s *seen) {
	for {
		d.step = orders.Plan(d.row, s.version, s.archiving.Due(d.row))
		state, marks := d.step.Marks()
		if !marks || d.row.State == state {
			return
		}
		d.row.State = state
		d.marked = true
		if d.step != orders.MarkArchived {
			return
		}
	}
}
