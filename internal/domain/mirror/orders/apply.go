package orders

// Applied is what a version does to the row of its name.
type Applied struct {
	// Counts is false when it does nothing.
	Counts bool
	// Row as it is to be written. MirroredAt is for the caller to set if Grown.
	Row Row
	// After is the number of the last entry that was told: those behind it are told now.
	After int64
	// Grown says that the row gets entries, or another order.
	Grown bool
}

// Apply says what a version does to the row (protocol rules 4, 5, 6 and 25).
func Apply(r Row, v Version) Applied {
	switch {
	case v.Entries == 0:
		return Applied{}
	case r.Identity == "":
		return open(v)
	case r.Identity == v.Identity && v.Last:
		return end(r, v)
	case r.Identity == v.Identity:
		return renew(r, v)
	case v.RV <= r.RV || IsRepeat(r, v):
		return Applied{}
	default: // the name was free
		return open(v)
	}
}

// open makes the row that of a new order.
func open(v Version) Applied {
	return Applied{
		Counts: true, Grown: true,
		Row: Row{Identity: v.Identity, RV: v.RV, Seq: v.Entries, State: stateOf(v)},
	}
}

// renew puts a newer version of its own order into the row. An order that is there is live.
func renew(r Row, v Version) Applied {
	if v.Entries < r.Seq || v.Entries == r.Seq && v.RV <= r.RV {
		return Applied{}
	}
	return grow(r, v, Live)
}

// end puts the last version of an order that is gone into the row. One that was archived as
// it was stays archived.
func end(r Row, v Version) Applied {
	switch {
	case v.Entries > r.Seq:
		return grow(r, v, Gone)
	case v.Entries == r.Seq && v.RV >= r.RV && r.State == Live:
		return grow(r, v, Gone)
	default:
		return Applied{}
	}
}

func grow(r Row, v Version, to State) Applied {
	return Applied{
		Counts: true, Grown: v.Entries > r.Seq, After: r.Seq,
		Row: Row{Identity: r.Identity, RV: v.RV, Seq: v.Entries, State: to, MirroredAt: r.MirroredAt},
	}
}

func stateOf(v Version) State {
	if v.Last {
		return Gone
	}
	return Live
}

// Sweep says whether a row becomes gone (protocol rule 8): it was read as live before the
// cluster was asked, the order was not there, and the row has not changed since.
func Sweep(read, now Row) bool {
	return now == read && now.State == Live
}
