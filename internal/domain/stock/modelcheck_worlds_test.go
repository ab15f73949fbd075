package stock_test

import (
	"time"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/stock/stocktest"
)

func unit(products ...string) (lines []v1alpha1.StockLine) {
	for _, p := range products {
		lines = append(lines, stocktest.Units(p, 1))
	}
	return lines
}

const (
	receives = v1alpha1.AdjustmentReceived
	adjusts  = v1alpha1.AdjustmentAdjusted
	counts   = v1alpha1.AdjustmentCounted
)

// protocolWorlds are the worlds in which the whole protocol must hold.
func protocolWorlds() map[string]world {
	one := []itemSlot{{name: "a", onHand: 1}}
	all := reservationSlot{name: "r", lines: unit("a"), commit: true, release: true, restock: true}
	other := all
	other.name = "s"
	return map[string]world{
		"two reservations of one unit, every intent": {
			items: one, reservations: []reservationSlot{all, other}, processes: 2, batch: 2, lost: true, unclear: true,
		},
		"two reservations of one unit, expiring, deleted, one of them late": {
			items: one, reservations: []reservationSlot{
				{name: "r", lines: unit("a"), commit: true, release: true, restock: true, expires: true, life: life{dies: true}},
				{name: "s", lines: unit("a"), commit: true, expires: true, life: life{dies: true, late: true}},
			}, processes: 2, batch: 2, lost: true, unclear: true,
		},
		"a reservation of two items and one of one": {
			items: []itemSlot{{name: "a", onHand: 1}, {name: "b", onHand: 1}}, reservations: []reservationSlot{
				{name: "r", lines: unit("a", "b"), commit: true, release: true, restock: true}, {name: "s", lines: unit("a"), commit: true, release: true},
			}, processes: 2, batch: 2, lost: true,
		},
		"two reservations of two items, one returned in part": {
			items: []itemSlot{{name: "a", onHand: 1}, {name: "b", onHand: 2}}, reservations: []reservationSlot{
				{name: "r", lines: unit("a", "b"), commit: true, restock: true, parts: [][]v1alpha1.StockLine{unit("b")}}, {name: "s", lines: unit("a", "b"), commit: true, release: true},
			}, processes: 2, batch: 1,
		},
		"a correction down and goods received": {
			items: one, reservations: []reservationSlot{{name: "r", lines: unit("a"), commit: true}, {name: "s", lines: unit("a"), release: true}},
			documents: []documentSlot{{name: "d", product: "a", kind: adjusts, quantity: -1}, {name: "e", product: "a", kind: receives, quantity: 1}},
			processes: 2, batch: 1,
		},
		"documents deleted, reservations deleted": {
			items: one, reservations: []reservationSlot{{name: "r", lines: unit("a"), commit: true, restock: true, life: life{dies: true}}},
			documents: []documentSlot{{name: "d", product: "a", kind: adjusts, quantity: -1, life: life{dies: true}}, {name: "e", product: "a", kind: receives, quantity: 1, life: life{dies: true}}},
			processes: 2, batch: 2, lost: true, unclear: true,
		},
		"a document deleted and made again counts once": {
			items: one, reservations: []reservationSlot{{name: "r", lines: units2("a"), commit: true}},
			documents: []documentSlot{{name: "d", product: "a", kind: receives, quantity: 1, life: life{dies: true}}, {name: "d", product: "a", kind: receives, quantity: 1, life: life{after: 1}}},
			processes: 2, batch: 2, lost: true, unclear: true,
		},
		"a count finds less than is reserved": {
			items: []itemSlot{{name: "a", onHand: 2}}, reservations: []reservationSlot{{name: "r", lines: unit("a"), release: true}, {name: "s", lines: unit("a"), commit: true}},
			documents: []documentSlot{{name: "d", product: "a", kind: counts, quantity: 0, counted: time.Second}, {name: "e", product: "a", kind: receives, quantity: 1}},
			processes: 2, batch: 1,
		},
		"a count that may be stale": {
			items: []itemSlot{{name: "a", onHand: 2}}, reservations: []reservationSlot{{name: "r", lines: unit("a"), commit: true, restock: true, life: life{dies: true}}},
			documents: []documentSlot{{name: "d", product: "a", kind: counts, quantity: 1, counted: -time.Hour}, {name: "e", product: "a", kind: counts, quantity: 0, counted: time.Second}},
			processes: 2, batch: 2, lost: true, unclear: true,
		},
		"three reservations": {
			items:        []itemSlot{{name: "a", onHand: 2}},
			reservations: []reservationSlot{{name: "r", lines: unit("a"), commit: true}, {name: "s", lines: unit("a"), release: true}, {name: "t", lines: units2("a")}},
			processes:    2, batch: 1,
		},
		"three reservations of two items, some safety stock": {
			items:        []itemSlot{{name: "a", onHand: 1}, {name: "b", onHand: 2, safety: 1}},
			reservations: []reservationSlot{{name: "r", lines: unit("a", "b"), commit: true}, {name: "s", lines: unit("a"), release: true}, {name: "t", lines: unit("b")}},
			processes:    2, batch: 2,
		},
		"three allocators": {
			items: one, reservations: []reservationSlot{{name: "r", lines: unit("a"), commit: true}, {name: "s", lines: unit("a"), release: true}},
			processes: 3, batch: 1,
		},
		"three allocators, most faults": {
			items: one, reservations: []reservationSlot{{name: "r", lines: unit("a"), commit: true, restock: true, life: life{dies: true}}, {name: "s", lines: unit("a"), expires: true}},
			processes: 3, batch: 2, lost: true, unclear: true,
		},
		"an item deleted and made again": {
			items:        []itemSlot{{name: "a", onHand: 1, life: life{dies: true}}, {name: "a", onHand: 1, life: life{after: 1}}},
			reservations: []reservationSlot{{name: "r", lines: unit("a"), commit: true, restock: true}, {name: "s", lines: unit("a"), commit: true}},
			processes:    2, batch: 1, lost: true,
		},
		"an item deleted and made again, with a document": {
			items:        []itemSlot{{name: "a", onHand: 1, life: life{dies: true}}, {name: "a", onHand: 1, life: life{after: 1}}},
			reservations: []reservationSlot{{name: "r", lines: unit("a"), commit: true}},
			documents:    []documentSlot{{name: "d", product: "a", kind: adjusts, quantity: -1}},
			processes:    2, batch: 2, lost: true,
		},
		"a reservation deleted and made again": {
			items: one, reservations: []reservationSlot{
				{name: "r", lines: unit("a"), commit: true, restock: true, life: life{dies: true}}, {name: "r", lines: unit("a"), commit: true, release: true, life: life{after: 1}},
			}, processes: 2, batch: 2, lost: true, unclear: true,
		},
		"audits while informers lag": {
			items: []itemSlot{{name: "a", onHand: 2, life: life{dies: true}}}, reservations: []reservationSlot{
				{name: "r", lines: unit("a"), commit: true, restock: true, life: life{dies: true}}, {name: "s", lines: unit("a"), expires: true, life: life{late: true, dies: true}},
			}, processes: 2, batch: 2, lost: true, unclear: true, audits: true,
		},
		"a document that waits for its item": {
			items: []itemSlot{{name: "a", onHand: 1, life: life{late: true}}}, reservations: []reservationSlot{{name: "r", lines: unit("a"), commit: true}},
			documents: []documentSlot{{name: "d", product: "a", kind: receives, quantity: 1}},
			processes: 2, batch: 2, lost: true, unclear: true,
		},
		"a document that waits for its item, deleted meanwhile and kept until it is decided": {
			items: []itemSlot{{name: "a", onHand: 1, life: life{late: true}}}, reservations: []reservationSlot{{name: "r", lines: unit("a"), commit: true}},
			documents: []documentSlot{{name: "d", product: "a", kind: receives, quantity: 1, life: life{kept: true}}},
			processes: 2, batch: 2, lost: true, unclear: true,
		},
		"documents deleted and kept until they are decided": {
			items: one, reservations: []reservationSlot{{name: "r", lines: unit("a"), commit: true}},
			documents: []documentSlot{{name: "d", product: "a", kind: adjusts, quantity: -1, life: life{kept: true}}, {name: "e", product: "a", kind: receives, quantity: 1, life: life{kept: true}}},
			processes: 2, batch: 1,
		},
		"reservations deleted and kept until their end": {
			items: one, reservations: []reservationSlot{
				{name: "r", lines: unit("a"), commit: true, release: true, restock: true, life: life{kept: true}},
				{name: "s", lines: unit("a"), expires: true, life: life{kept: true}},
			}, processes: 2, batch: 2, lost: true,
		},
		"a journal deleted at rest and made again": {
			items: one, reservations: []reservationSlot{{name: "r", lines: unit("a"), commit: true, restock: true, life: life{dies: true}}, {name: "s", lines: unit("a"), life: life{late: true}}},
			documents: []documentSlot{{name: "d", product: "a", kind: receives, quantity: 1, life: life{dies: true}}},
			processes: 2, batch: 1, journalDies: true,
		},
		"a journal deleted at rest and made again, after the clock went back": {
			items: one, reservations: []reservationSlot{{name: "r", lines: unit("a"), commit: true, restock: true, life: life{dies: true}}},
			documents: []documentSlot{{name: "d", product: "a", kind: receives, quantity: 1, life: life{dies: true}}},
			processes: 2, batch: 1, lost: true, journalDies: true, clockBack: true,
		},
		"an item the API server refuses to have written": {
			items: one, reservations: []reservationSlot{all, other}, processes: 2, batch: 1, refuses: object(kindItem, 0),
		},
		"a reservation the API server refuses to have written": {
			items: one, reservations: []reservationSlot{all, other},
			processes: 2, batch: 1, refuses: object(kindReservation, 0),
		},
		"one of two items and a document the API server refuses to have written": {
			items: []itemSlot{{name: "a", onHand: 1}, {name: "b", onHand: 1}}, reservations: []reservationSlot{
				{name: "r", lines: unit("a", "b"), commit: true, restock: true}, {name: "s", lines: unit("a")},
			}, documents: []documentSlot{{name: "d", product: "a", kind: receives, quantity: 1}},
			processes: 2, batch: 1, refuses: object(kindItem, 1) | object(kindDocument, 0),
		},
		"a basket that becomes an order, while another order wants the last unit": {
			items: one, reservations: []reservationSlot{
				{name: "b", lines: unit("a"), release: true, commit: true, customer: "c"},
				{name: "o", lines: unit("a"), order: true, takeOver: "b", customer: "c", commit: true},
				{name: "p", lines: unit("a"), order: true},
			}, processes: 2, batch: 2, unclear: true,
		},
		"a basket that becomes an order as it expires or is deleted, in write order": {
			items: one, reservations: []reservationSlot{
				{name: "b", lines: unit("a"), expires: true, life: life{dies: true}},
				{name: "o", lines: unit("a"), order: true, takeOver: "b", commit: true, life: life{late: true}},
			}, processes: 2, batch: 2, lost: true, unclear: true, ordered: true,
		},
		"a basket that two orders name, and one of another customer": {
			items: []itemSlot{{name: "a", onHand: 2}}, reservations: []reservationSlot{
				{name: "b", lines: unit("a"), customer: "c"},
				{name: "o", lines: units2("a"), order: true, takeOver: "b", customer: "c"},
				{name: "p", lines: units2("a"), order: true, takeOver: "b", customer: "d", life: life{dies: true}},
			}, processes: 2, batch: 2, lost: true,
		},
		"a basket made again under its name": {
			items: one, reservations: []reservationSlot{
				{name: "b", lines: unit("a"), life: life{dies: true}}, {name: "b", lines: unit("a"), life: life{after: 1}},
				{name: "o", lines: unit("a"), order: true, takeOver: "b", release: true},
			}, processes: 2, batch: 1, lost: true,
		},
		"a basket of which more is ordered, in write order": {
			items: []itemSlot{{name: "a", onHand: 2}, {name: "b", onHand: 1}}, reservations: []reservationSlot{
				{name: "b", lines: unit("a"), release: true},
				{name: "o", lines: append(units2("a"), unit("b")...), order: true, takeOver: "b", commit: true},
			}, processes: 2, batch: 2, lost: true, unclear: true, ordered: true,
		},
		"a reservation that comes back in two parts": {
			items: []itemSlot{{name: "a", onHand: 2}}, reservations: []reservationSlot{
				{name: "r", lines: units2("a"), commit: true, restock: true, parts: [][]v1alpha1.StockLine{unit("a"), units2("a")}, life: life{dies: true}},
				{name: "s", lines: unit("a"), release: true},
			}, processes: 2, batch: 2, lost: true,
		},
		"a reservation that comes back in two parts, the first of nothing": {
			items: []itemSlot{{name: "a", onHand: 1}, {name: "b", onHand: 1}}, reservations: []reservationSlot{
				{name: "r", lines: unit("a", "b"), commit: true, restock: true, parts: [][]v1alpha1.StockLine{{}, unit("b", "a")}},
			}, processes: 2, batch: 2, lost: true, unclear: true, ordered: true,
		},
		"a reservation that comes back in two parts, its item deleted and made again": {
			items: []itemSlot{{name: "a", onHand: 2, life: life{dies: true}}, {name: "a", onHand: 1, life: life{after: 1}}}, reservations: []reservationSlot{
				{name: "r", lines: units2("a"), commit: true, restock: true, parts: [][]v1alpha1.StockLine{unit("a"), units2("a")}},
			}, processes: 2, batch: 1, lost: true,
		},
		"in write order, somebody adds up what they see": {
			items: []itemSlot{{name: "a", onHand: 1}, {name: "b", onHand: 1}}, reservations: []reservationSlot{
				{name: "r", lines: unit("a", "b"), commit: true, release: true, restock: true}, {name: "s", lines: unit("a"), commit: true},
			}, processes: 2, batch: 2, lost: true, unclear: true, ordered: true,
		},
		"in write order with documents, somebody adds up what they see": {
			items: one, reservations: []reservationSlot{{name: "r", lines: unit("a"), commit: true, release: true}, {name: "s", lines: unit("a"), commit: true}},
			documents: []documentSlot{{name: "d", product: "a", kind: adjusts, quantity: -1}, {name: "e", product: "a", kind: receives, quantity: 1}},
			processes: 2, batch: 2, ordered: true,
		},
	}
}

// soakWorlds are larger than a test that people wait for may explore.
func soakWorlds() map[string]world {
	every := func(name string, lines []v1alpha1.StockLine) reservationSlot {
		return reservationSlot{name: name, lines: lines, commit: true, release: true, restock: true, expires: true, life: life{dies: true}}
	}
	return map[string]world{
		"three reservations of two items, every intent and fault": {
			items:        []itemSlot{{name: "a", onHand: 1}, {name: "b", onHand: 2}},
			reservations: []reservationSlot{every("r", unit("a", "b")), every("s", unit("a")), every("t", unit("a", "b"))},
			processes:    2, batch: 2, lost: true, unclear: true,
		},
		"documents of every kind, every intent and fault": {
			items: []itemSlot{{name: "a", onHand: 2}}, reservations: []reservationSlot{every("r", unit("a")), every("s", unit("a"))},
			documents: []documentSlot{{name: "d", product: "a", kind: adjusts, quantity: -1, life: life{dies: true}}, {name: "e", product: "a", kind: counts, quantity: 0}},
			processes: 2, batch: 2, lost: true, unclear: true,
		},
		"three allocators, two items, every intent and fault": {
			items: []itemSlot{{name: "a", onHand: 1}, {name: "b", onHand: 1}}, reservations: []reservationSlot{every("r", unit("a", "b")), every("s", unit("a"))},
			processes: 3, batch: 2, lost: true, unclear: true,
		},
	}
}

func units2(product string) []v1alpha1.StockLine {
	return []v1alpha1.StockLine{stocktest.Units(product, 2)}
}
