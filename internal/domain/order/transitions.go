package order

import (
	"fmt"
	"slices"
	"strings"

	"github.com/orderplane/orderplane/api/v1alpha1"
)

// Command is something that can be done to an order.
type Command string

// The commands, as the public contract names them.
const (
	Confirm       Command = "confirm"
	Cancel        Command = "cancel"
	TimeOut       Command = "time-out"
	RejectStock   Command = "reservation failed"
	Fulfil        Command = "fulfil"
	RequestReturn Command = "request return"
	Approve       Command = "approve"
	Reject        Command = "reject"
)

// Transition is a pair of phase and command that is allowed, and where it leads. One
// pair may lead to two phases, by its guard.
type Transition struct {
	From    v1alpha1.OrderPhase
	Command Command
	To      v1alpha1.OrderPhase
	// Guard is what must hold besides, for people.
	Guard string
	// Effect is what goes with it, for people.
	Effect string
	// History is what it appends to status.history.
	History []v1alpha1.OrderHistoryType
}

// Transitions returns every transition there is. Any other pair of phase and
// command is refused and changes nothing.
func Transitions() []Transition {
	return []Transition{
		{
			v1alpha1.OrderPending, Confirm, v1alpha1.OrderConfirmed,
			"every line is reserved", "the stock is held",
			[]v1alpha1.OrderHistoryType{v1alpha1.HistoryConfirmed},
		},
		{
			v1alpha1.OrderPending, Cancel, v1alpha1.OrderCancelled,
			"any reason", "anything held is released",
			[]v1alpha1.OrderHistoryType{v1alpha1.HistoryCancelled},
		},
		{
			v1alpha1.OrderPending, TimeOut, v1alpha1.OrderCancelled,
			"Pending for the class's pendingTimeout (15 minutes)", "reason SLA_TIMEOUT; anything held is released",
			[]v1alpha1.OrderHistoryType{v1alpha1.HistoryCancelled},
		},
		{
			v1alpha1.OrderPending, RejectStock, v1alpha1.OrderCancelled,
			"a line is short", "reason INSUFFICIENT_STOCK; status.shortages names the products; nothing is held",
			[]v1alpha1.OrderHistoryType{v1alpha1.HistoryCancelRequested, v1alpha1.HistoryCancelled},
		},
		{
			v1alpha1.OrderConfirmed, Cancel, v1alpha1.OrderCancelled,
			"not shipped", "what was held is released",
			[]v1alpha1.OrderHistoryType{v1alpha1.HistoryCancelled},
		},
		{
			v1alpha1.OrderConfirmed, Fulfil, v1alpha1.OrderFulfilled,
			"nobody asked to cancel", "the reservation is committed: what is on hand goes down",
			[]v1alpha1.OrderHistoryType{v1alpha1.HistoryFulfilled},
		},
		{
			v1alpha1.OrderFulfilled, RequestReturn, v1alpha1.OrderReturnRequested,
			"within the class's returnWindow (30 days) of fulfilment, a new requestID, at most what is left of what was ordered", "status.return says what comes back and what it is worth",
			[]v1alpha1.OrderHistoryType{v1alpha1.HistoryReturnRequested},
		},
		{
			v1alpha1.OrderReturnRequested, Approve, v1alpha1.OrderReturned,
			"the verb approve on orders/return, or the class's autoApproveReturns; everything is back", "what can be sold again is restocked; the part is in status.returnedItems, its refund in refundAmount",
			[]v1alpha1.OrderHistoryType{v1alpha1.HistoryReturned, v1alpha1.HistoryRefundRequested},
		},
		{
			v1alpha1.OrderReturnRequested, Approve, v1alpha1.OrderFulfilled,
			"the same; a part is still out", "the same; a new requestID asks for another part",
			[]v1alpha1.OrderHistoryType{v1alpha1.HistoryReturned, v1alpha1.HistoryRefundRequested},
		},
		{
			v1alpha1.OrderReturnRequested, Reject, v1alpha1.OrderFulfilled,
			"the verb approve on orders/return; a reason", "the customer is told the reason; a new requestID asks again",
			[]v1alpha1.OrderHistoryType{v1alpha1.HistoryReturnRejected},
		},
	}
}

// InvalidTransition says that a command is not allowed in a phase.
type InvalidTransition struct {
	From    v1alpha1.OrderPhase
	Command Command
}

// Error names the phase, the command and the phases that would allow it.
func (e InvalidTransition) Error() string {
	var allowed []string
	for _, t := range Transitions() {
		if t.Command == e.Command {
			if from := string(t.From); !slices.Contains(allowed, from) {
				allowed = append(allowed, from)
			}
		}
	}
	return fmt.Sprintf("%s: the order is %s, and this goes only when it is %s", e.Command, e.From, strings.Join(allowed, " or "))
}

// Next returns the phase a command leads to, or an InvalidTransition. An approval is
// taken to be about all that is still out.
func Next(from v1alpha1.OrderPhase, command Command) (v1alpha1.OrderPhase, error) {
	for _, t := range Transitions() {
		if t.From == from && t.Command == command {
			return t.To, nil
		}
	}
	return from, InvalidTransition{From: from, Command: command}
}
