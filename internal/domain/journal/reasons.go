package journal

// MaxOnHand is the most units of one item that documents may add up to. It
// leaves room for arithmetic in int64 and for exact JSON numbers (2^53).
const MaxOnHand = int64(1_000_000_000_000_000)

// Reasons a document was settled for, shown in its Applied condition.
const (
	// ReasonApplied: it counts in onHand.
	ReasonApplied = "Applied"
	// ReasonAlreadyApplied: a document of its name already counts in onHand; this
	// one, made again after that was deleted, does not count a second time.
	ReasonAlreadyApplied = "AlreadyApplied"
	// ReasonBelowReserved: what would be left is less than what is reserved.
	ReasonBelowReserved = "BelowReserved"
	// ReasonBelowZero: less than nothing would be left.
	ReasonBelowZero = "BelowZero"
	// ReasonStaleCount: stock moved after the shelf was counted.
	ReasonStaleCount = "StaleCount"
	// ReasonCountInFuture: countedAt is later than now.
	ReasonCountInFuture = "CountInFuture"
	// ReasonUnexpectedOnHand: expectedOnHand is not what is on hand.
	ReasonUnexpectedOnHand = "UnexpectedOnHand"
	// ReasonQuantityOverflow: more than MaxOnHand would be on hand.
	ReasonQuantityOverflow = "QuantityOverflow"
	// ReasonUnknownProduct: there is no such StockItem yet; the document waits.
	ReasonUnknownProduct = "UnknownProduct"
	// ReasonWithdrawn: it was deleted before it was decided, and counts nowhere.
	ReasonWithdrawn = "Withdrawn"
)

// Reasons a reservation was released for.
const (
	ReasonRequested = "Requested"
	ReasonExpired   = "Expired"
	ReasonDeleted   = "Deleted"
	// ReasonTakenOver: another reservation, decided in the same moment, took over what was held.
	ReasonTakenOver = "TakenOver"
)

// Reasons that units of a commit or restock moved nothing on hand.
const (
	// ReasonItemGone: the StockItem they are of is gone.
	ReasonItemGone = "ItemGone"
	// ReasonItemMadeAgain: it is gone, and there is another one of its name.
	ReasonItemMadeAgain = "ItemMadeAgain"
	// ReasonItemDeleting: it is being deleted and takes nothing back.
	ReasonItemDeleting = "ItemDeleting"
)
