package v1alpha1

import (
	"bytes"
	"encoding/json"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// StockJournalName is the name of a namespace's one journal.
const StockJournalName = "stock"

// JournalConditionConsistent is True while the last audit found that the
// objects in the cluster say what the journal's holder remembers.
const JournalConditionConsistent = "Consistent"

// JournalEntryKind is the kind of a stock decision.
//
// +kubebuilder:validation:Enum=Grant;Reject;Release;Commit;Restock;Adjust;AdjustReject
type JournalEntryKind string

const (
	// EntryGrant reserves every line of a reservation.
	EntryGrant JournalEntryKind = "Grant"
	// EntryReject refuses a reservation: stock is short.
	EntryReject JournalEntryKind = "Reject"
	// EntryRelease gives back what a reservation holds.
	EntryRelease JournalEntryKind = "Release"
	// EntryCommit takes what a reservation holds off the shelf.
	EntryCommit JournalEntryKind = "Commit"
	// EntryRestock puts back on the shelf what a reservation took.
	EntryRestock JournalEntryKind = "Restock"
	// EntryAdjust applies a stock document.
	EntryAdjust JournalEntryKind = "Adjust"
	// EntryAdjustReject settles a stock document without a movement.
	EntryAdjustReject JournalEntryKind = "AdjustReject"
)

// JournalLine is what a decision does to one product.
type JournalLine struct {
	// productID is the name of the StockItem.
	// +required
	// +kubebuilder:validation:MaxLength=63
	ProductID string `json:"productID"`
	// itemUID is the uid of the StockItem; absent when there is none of that name.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	ItemUID string `json:"itemUID,omitempty"`
	// quantity in units: reserved, released, taken or put back; for Adjust the
	// change of onHand, which may be negative.
	// +required
	Quantity int64 `json:"quantity"`
	// remaining units available after the decision.
	// +required
	Remaining int64 `json:"remaining"`
	// onHand after the decision; only for Adjust and AdjustReject.
	// +optional
	OnHand *int64 `json:"onHand,omitempty"`
	// notMoved are those of the units that change nothing on hand, because the item is gone
	// or, for Restock, is being deleted; only for Commit and Restock.
	// +optional
	NotMoved int64 `json:"notMoved,omitempty"`
	// shortage says why the line could not be reserved; only for Reject.
	// +optional
	Shortage ShortageReason `json:"shortage,omitempty"`
}

// JournalEntry is one decision, and all that is needed to carry it out again.
//
// In the API it is a text: the JSON of these fields. The API server passes a text
// on; fields it would decode, check and track one by one at every swap, which is
// most of what a swap would cost. Fields are read as well: older versions wrote them.
//
// +kubebuilder:validation:Type=string
// +kubebuilder:validation:MaxLength=65536
// +kubebuilder:pruning:PreserveUnknownFields
type JournalEntry struct {
	// seq counts the decisions of the namespace.
	// +required
	Seq int64 `json:"seq"`
	// kind of the decision.
	// +required
	Kind JournalEntryKind `json:"kind"`
	// name of the StockReservation or StockAdjustment it is about.
	// +required
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`
	// uid of that object.
	// +required
	// +kubebuilder:validation:MaxLength=64
	UID string `json:"uid"`
	// at is when it was decided.
	// +required
	At metav1.Time `json:"at"`
	// reason for it, in one word.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	Reason string `json:"reason,omitempty"`
	// lines it touches.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=250
	Lines []JournalLine `json:"lines,omitempty"`
	// countedAt is when the shelf was counted; only for a Counted document.
	// +optional
	CountedAt *metav1.Time `json:"countedAt,omitempty"`
	// generated is true for a document whose name the server generated.
	// +optional
	Generated bool `json:"generated,omitempty"`
}

// journalEntryFields is an entry as it is inside its text.
type journalEntryFields JournalEntry

// MarshalJSON encodes the entry as a text that holds the JSON of its fields.
func (e JournalEntry) MarshalJSON() ([]byte, error) {
	fields, err := json.Marshal(journalEntryFields(e))
	if err != nil {
		return nil, fmt.Errorf("encode journal entry %d: %w", e.Seq, err)
	}
	return json.Marshal(string(fields))
}

// UnmarshalJSON decodes a text that holds the JSON of the fields, or the fields themselves.
func (e *JournalEntry) UnmarshalJSON(data []byte) error {
	if bytes.HasPrefix(data, []byte(`"`)) {
		var text string
		if err := json.Unmarshal(data, &text); err != nil {
			return fmt.Errorf("decode a journal entry: %w", err)
		}
		data = []byte(text)
	}
	if err := json.Unmarshal(data, (*journalEntryFields)(e)); err != nil {
		return fmt.Errorf("decode a journal entry: %w", err)
	}
	return nil
}

// StockJournalStatus is the journal. Only the stock controller writes it, and
// only with the resourceVersion it last saw.
// +structType=atomic
type StockJournalStatus struct {
	// epoch counts the leaders that took the journal over.
	// +optional
	Epoch int64 `json:"epoch,omitempty"`
	// holder is the leader of this epoch.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	Holder string `json:"holder,omitempty"`
	// seq of the last decision.
	// +optional
	Seq int64 `json:"seq,omitempty"`
	// entries are the decisions whose effects may not all be written yet, in order of
	// seq: each a text that holds JSON.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=512
	Entries []JournalEntry `json:"entries,omitempty"`
	// conditions of the journal: Consistent.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=4
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// StockJournal is the write-ahead journal of a namespace's stock decisions. It
// is internal: made and written by the stock controller, one a namespace, named "stock".
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:categories=orderplane-internal
// +kubebuilder:printcolumn:name="Epoch",type=integer,JSONPath=".status.epoch"
// +kubebuilder:printcolumn:name="Seq",type=integer,JSONPath=".status.seq"
// +kubebuilder:printcolumn:name="Holder",type=string,JSONPath=".status.holder"
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=".metadata.creationTimestamp"
// +kubebuilder:validation:XValidation:rule="oldSelf.hasValue() || self.metadata.name == 'stock'",optionalOldSelf=true,message="a namespace has one journal, named stock"
type StockJournal struct {
	metav1.TypeMeta `json:",inline"`
	// metadata of the object.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// status is the journal.
	// +optional
	Status StockJournalStatus `json:"status,omitzero"`
}

// StockJournalList is a list of journals.
//
// +kubebuilder:object:root=true
type StockJournalList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []StockJournal `json:"items"`
}
