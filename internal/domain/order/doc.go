// Package order is the life cycle of an order, as a pure function.
//
// Judge looks at the Facts (the order, its stock reservation, its class, the
// time) and answers with one Decision: at most one API write, and when to judge
// again. It has no client, no clock and no logger, and it never remembers
// anything, so it may be called any number of times with facts that are late,
// repeated or incomplete:
//
//   - What is wanted stands in spec (the intents), what happened in status. Judge
//     compares the two and takes the next step; it never needs to know what changed.
//   - One decision is one write to one object, fenced by that object's
//     resourceVersion. A crash between two writes leaves facts from which Judge
//     takes the next step. Stale facts lead to a conflict, or to a create that
//     meets AlreadyExists, never to a second effect.
//   - A decision that rests on something being absent says so (Verify): a cache
//     that lags shows things as absent that are there, and no resourceVersion
//     fences an absence. The caller looks at the API server before it acts.
//   - The reservation's intent is the only thing said to the stock side, and its
//     phase the only thing heard. What holds stock is the reservation; the order's
//     status only tells.
//   - The first durable write wins a race: the order's status for cancel against
//     confirm and time-out against confirm, the reservation's intent for cancel
//     against fulfil, the order's status again for approve against reject. The
//     loser is told by the condition IntentRefused.
//
// The rules of Judge stand in judge.go, in their order; the transitions they may
// take in transitions.go, which is also what docs/use/orders.md is made from.
package order
