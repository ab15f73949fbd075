package stock

import "k8s.io/apimachinery/pkg/types"

// An item whose object can't be decoded is withheld while the ledger can't know what is on
// hand of it: nothing is granted of it, and documents about it wait. What is held of it stays
// held. It ends with the ledger: whoever sees the object mended makes a new one.

// Withhold has nothing granted of an item.
func (l *Ledger) Withhold(uid types.UID) {
	if it := l.items[uid]; it != nil {
		it.withheld = true
	}
}

// MarkDeleting notes that an item is being deleted, when nothing more can be told of it.
func (l *Ledger) MarkDeleting(uid types.UID) {
	if it := l.items[uid]; it != nil {
		it.deleting = true
	}
}

// KeepBasket has nobody take a basket over: whose it is may be what can't be decoded.
func (l *Ledger) KeepBasket(uid types.UID) {
	if known := l.known(uid); l.baskets[known.basket] == uid {
		delete(l.baskets, known.basket)
	}
}
