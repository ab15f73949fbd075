package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// AdjustmentKind is the kind of a stock document.
//
// +kubebuilder:validation:Enum=Received;Adjusted;Counted
type AdjustmentKind string

const (
	// AdjustmentReceived: goods came in.
	AdjustmentReceived AdjustmentKind = "Received"
	// AdjustmentAdjusted: a correction, up or down, with a reason.
	AdjustmentAdjusted AdjustmentKind = "Adjusted"
	// AdjustmentCounted: somebody counted the shelf.
	AdjustmentCounted AdjustmentKind = "Counted"
)

// AdjustmentPhase is what was decided about a stock document.
//
// +kubebuilder:validation:Enum=Pending;Applied;Refused
type AdjustmentPhase string

const (
	// AdjustmentPending waits for a decision, or for its product to exist.
	AdjustmentPending AdjustmentPhase = "Pending"
	// AdjustmentApplied is final: it counts in onHand.
	AdjustmentApplied AdjustmentPhase = "Applied"
	// AdjustmentRefused is final: it changed nothing; its condition says why.
	AdjustmentRefused AdjustmentPhase = "Refused"
)

// AdjustmentConditionApplied is True once the document counts in onHand.
const AdjustmentConditionApplied = "Applied"

// StockAdjustmentSpec is an immutable stock document.
//
// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="a stock document never changes; correct it with another document"
// +kubebuilder:validation:XValidation:rule="self.kind != 'Received' || self.quantity > 0",message="goods that came in are one unit or more",fieldPath=".quantity"
// +kubebuilder:validation:XValidation:rule="self.kind != 'Adjusted' || self.quantity != 0",message="a correction of nothing is no correction",fieldPath=".quantity"
// +kubebuilder:validation:XValidation:rule="self.kind != 'Counted' || self.quantity >= 0",message="a count is not negative",fieldPath=".quantity"
// +kubebuilder:validation:XValidation:rule="self.kind != 'Adjusted' || (has(self.reason) && size(self.reason) > 0)",message="a correction needs a reason",fieldPath=".reason"
// +kubebuilder:validation:XValidation:rule="(self.kind == 'Counted') == has(self.countedAt)",message="countedAt says when the shelf was counted: required for Counted, and only there",fieldPath=".countedAt"
// +kubebuilder:validation:XValidation:rule="self.kind == 'Counted' || !has(self.expectedOnHand)",message="expectedOnHand goes with Counted only",fieldPath=".expectedOnHand"
type StockAdjustmentSpec struct {
	// productID is the name of the StockItem.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`
	ProductID string `json:"productID"`
	// kind says what quantity does: Received adds it, Adjusted adds it (it may be
	// negative), Counted sets what is on hand to it.
	// +required
	Kind AdjustmentKind `json:"kind"`
	// quantity in units. For Counted: what was on the shelf, reserved units included.
	// +required
	// +kubebuilder:validation:Minimum=-1000000000000
	// +kubebuilder:validation:Maximum=1000000000000
	Quantity int64 `json:"quantity"`
	// reason for the document; required for Adjusted.
	// +optional
	// +kubebuilder:validation:MaxLength=500
	// +kubebuilder:validation:Pattern=`^[^\x00-\x1f\x7f-\x9f\x{2028}\x{2029}]*$`
	Reason string `json:"reason,omitempty"`
	// countedAt is when the shelf was counted. A count older than the item's
	// last movement is refused: it no longer says what is there.
	// +optional
	CountedAt *metav1.Time `json:"countedAt,omitempty"`
	// expectedOnHand is what must be on hand, or the count is refused; not checked when absent.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=1000000000000
	ExpectedOnHand *int64 `json:"expectedOnHand,omitempty"`
	Requester      `json:",inline"`
}

// StockAdjustmentStatus is what became of the document. Only the stock controller writes it.
// +structType=atomic
type StockAdjustmentStatus struct {
	// observedGeneration is the generation of spec this status answers; -1 when none yet.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// phase that was decided.
	// +optional
	// +default="Pending"
	Phase AdjustmentPhase `json:"phase,omitempty"`
	// journalSeq of the decision in the namespace's stock journal.
	// +optional
	JournalSeq int64 `json:"journalSeq,omitempty"`
	// itemUID is the uid of the StockItem it was decided for.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	ItemUID string `json:"itemUID,omitempty"`
	// delta is what the document changed on hand; 0 where it counted before.
	// +optional
	Delta *int64 `json:"delta,omitempty"`
	// onHandAfter is what was on hand after the decision.
	// +optional
	OnHandAfter *int64 `json:"onHandAfter,omitempty"`
	// availableAfter is what was available after the decision.
	// +optional
	AvailableAfter *int64 `json:"availableAfter,omitempty"`
	// decidedAt is when it was applied or refused.
	// +optional
	DecidedAt *metav1.Time `json:"decidedAt,omitempty"`
	// conditions of the document: Applied, and Stalled when refused.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=8
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// StockAdjustment is an immutable document that moves stock exactly once.
// Deleting it does not reverse it; another document does.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=adj,categories=orderplane
// +kubebuilder:selectablefield:JSONPath=".spec.productID"
// +kubebuilder:selectablefield:JSONPath=".status.phase"
// +kubebuilder:printcolumn:name="Product",type=string,JSONPath=".spec.productID"
// +kubebuilder:printcolumn:name="Kind",type=string,JSONPath=".spec.kind"
// +kubebuilder:printcolumn:name="Quantity",type=integer,JSONPath=".spec.quantity"
// +kubebuilder:printcolumn:name="Phase",type=string,JSONPath=".status.phase"
// +kubebuilder:printcolumn:name="On-Hand-After",type=integer,JSONPath=".status.onHandAfter",priority=1
// +kubebuilder:printcolumn:name="Requested-By",type=string,JSONPath=".spec.requestedBy",priority=1
// +kubebuilder:printcolumn:name="On-Behalf-Of",type=string,JSONPath=".spec.onBehalfOf",priority=1
// +kubebuilder:printcolumn:name="Why",type=string,JSONPath=".status.conditions[?(@.type=='Applied')].message",priority=1
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=".metadata.creationTimestamp"
type StockAdjustment struct {
	metav1.TypeMeta `json:",inline"`
	// metadata of the object.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is the document.
	// +required
	Spec StockAdjustmentSpec `json:"spec"`
	// status is what became of it.
	// +optional
	// +default={"observedGeneration":-1,"phase":"Pending"}
	Status StockAdjustmentStatus `json:"status,omitzero"`
}

// StockAdjustmentList is a list of stock documents.
//
// +kubebuilder:object:root=true
type StockAdjustmentList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []StockAdjustment `json:"items"`
}
