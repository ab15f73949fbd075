package orders

// Step is what the mirror does about an order.
type Step string

const (
	// Nothing is to be done.
	Nothing Step = ""
	// Adopt puts both finalizers on an order that lacks one.
	Adopt Step = "Adopt"
	// ClearMark takes the mark off: the name was asked after, and is this order's.
	ClearMark Step = "ClearMark"
	// Refuse deletes a repeat.
	Refuse Step = "Refuse"
	// LetRefusedGo takes the mirror's finalizer off a repeat that is deleted. It is not told.
	LetRefusedGo Step = "LetRefusedGo"
	// LetGo marks the row as gone, and takes the mirror's finalizer off a deleted order.
	LetGo Step = "LetGo"
	// TakeOff takes both finalizers off a finished order and marks it as leaving: the first
	// step of archiving.
	TakeOff Step = "TakeOff"
	// MarkArchived marks the row as archived, the second step. The third follows.
	MarkArchived Step = "MarkArchived"
	// Delete deletes an archived order: the third step.
	Delete Step = "Delete"
)

// Marks is the state that a step gives the row before anything is written to the cluster;
// false when it leaves the row alone.
func (s Step) Marks() (State, bool) {
	switch s {
	case LetGo:
		return Gone, true
	case MarkArchived:
		return Archived, true
	default:
		return "", false
	}
}

// Plan says what is to be done about an order of which this is a version, once the version was
// applied to the row. mayArchive is what [Archiving.Due] says.
func Plan(r Row, v Version, mayArchive bool) Step {
	switch {
	case v.Last:
		return Nothing
	case v.Deleting:
		return planDeleted(r, v)
	case IsRepeat(r, v):
		return Refuse
	case !v.Leaving && !(v.OrderFinalizer && v.MirrorFinalizer):
		return Adopt
	case v.Unasked:
		if r.Identity == v.Identity && v.Entries > 0 && r.Seq >= v.Entries {
			return ClearMark
		}
		return Nothing
	case mayArchive && r.Shows(v):
		return planArchived(r, v)
	default:
		return Nothing
	}
}

// planDeleted lets a deleted order go once the controller has, and the row has its very last
// version (protocol rules 21 and 22).
func planDeleted(r Row, v Version) Step {
	switch {
	case v.OrderFinalizer || !v.MirrorFinalizer:
		return Nothing
	case IsRepeat(r, v):
		return LetRefusedGo
	case r.Shows(v):
		return LetGo
	default:
		return Nothing
	}
}

// planArchived is the next of the three steps (protocol rule 27).
func planArchived(r Row, v Version) Step {
	switch {
	case v.OrderFinalizer || v.MirrorFinalizer:
		return TakeOff
	case r.State != Archived:
		return MarkArchived
	default:
		return Delete
	}
}
