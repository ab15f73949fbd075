package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	// StockItemFinalizer keeps an item while anything is reserved of it.
	StockItemFinalizer = "orderplane.dev/stock"

	// StockItemConditionInStock is True while units are available.
	StockItemConditionInStock = "InStock"
	// StockItemConditionLowStock is True while fewer units than lowStockThreshold are available.
	StockItemConditionLowStock = "LowStock"
	// StockItemConditionOversold is True while more is reserved than is on hand:
	// a count found less than was promised. Nothing new is reserved until it is False.
	StockItemConditionOversold = "Oversold"
)

// StockItemSpec is policy about a product. No live number stands here: stock
// moves by StockAdjustments.
type StockItemSpec struct {
	// sku is the merchant's article number.
	// +optional
	// +kubebuilder:validation:MaxLength=100
	// +kubebuilder:validation:Pattern=`^[^\x00-\x1f\x7f-\x9f\x{2028}\x{2029}]*$`
	SKU string `json:"sku,omitempty"`
	// name of the product for people.
	// +optional
	// +kubebuilder:validation:MaxLength=200
	// +kubebuilder:validation:Pattern=`^[^\x00-\x1f\x7f-\x9f\x{2028}\x{2029}]*$`
	Name string `json:"name,omitempty"`
	// openingQuantity is what is on the shelf when the item is made; 0 when absent.
	// It counts once and never changes. Once it was counted (status.openingQuantity)
	// a manifest need not say it any more.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=1000000000000
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="openingQuantity counts once, when the item is made; move stock with a StockAdjustment"
	OpeningQuantity int64 `json:"openingQuantity,omitempty"`
	// safetyStock is kept back: units that are never reserved.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=1000000000000
	SafetyStock int64 `json:"safetyStock,omitempty"`
	// lowStockThreshold sets condition LowStock while fewer units are available.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=1000000000000
	LowStockThreshold int64 `json:"lowStockThreshold,omitempty"`
}

// StockItemStatus is what there is of the product. Only the stock controller writes it.
// +structType=atomic
type StockItemStatus struct {
	// observedGeneration is the generation of spec this status answers; -1 when none yet.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// onHand is what is on the shelf, reserved units included; absent until it
	// was first written, when it is spec.openingQuantity.
	// +optional
	OnHand *int64 `json:"onHand,omitempty"`
	// openingQuantity is what onHand began with. It stays when spec no longer says it.
	// +optional
	OpeningQuantity *int64 `json:"openingQuantity,omitempty"`
	// reserved is what is promised to reservations, as of asOf.
	// +optional
	Reserved int64 `json:"reserved"`
	// available is onHand less reserved less safetyStock, as of asOf. Below
	// zero when more is promised or kept back than there is.
	// +optional
	Available int64 `json:"available"`
	// journalSeq is the last decision of the stock journal that onHand contains.
	// +optional
	JournalSeq int64 `json:"journalSeq"`
	// asOf is when reserved and available were last computed.
	// +optional
	AsOf *metav1.Time `json:"asOf,omitempty"`
	// lastMovementAt is when onHand last changed. A count older than this is refused.
	// +optional
	LastMovementAt *metav1.Time `json:"lastMovementAt,omitempty"`
	// appliedDocuments are the names of the last StockAdjustments that count in
	// onHand, oldest first, without those whose name the server generated. One
	// that is deleted and applied again under its name does not count twice.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=512
	// +kubebuilder:validation:items:MaxLength=253
	AppliedDocuments []string `json:"appliedDocuments,omitempty"`
	// conditions of the item: InStock, LowStock, Oversold.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=8
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// StockItem is a product that can be reserved. Its name is the product id.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=stk,categories=orderplane
// +kubebuilder:printcolumn:name="On-Hand",type=integer,JSONPath=".status.onHand"
// +kubebuilder:printcolumn:name="Reserved",type=integer,JSONPath=".status.reserved"
// +kubebuilder:printcolumn:name="Available",type=integer,JSONPath=".status.available"
// +kubebuilder:printcolumn:name="Oversold",type=string,JSONPath=".status.conditions[?(@.type=='Oversold')].status",priority=1
// +kubebuilder:printcolumn:name="SKU",type=string,JSONPath=".spec.sku",priority=1
// +kubebuilder:printcolumn:name="Name",type=string,JSONPath=".spec.name",priority=1
// +kubebuilder:printcolumn:name="As-Of",type=date,JSONPath=".status.asOf",priority=1
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=".metadata.creationTimestamp"
// +kubebuilder:validation:XValidation:rule="oldSelf.hasValue() || size(self.metadata.name) <= 63",optionalOldSelf=true,message="an item's name is its product id and has at most 63 characters"
// +kubebuilder:validation:XValidation:rule="self.?spec.?openingQuantity.hasValue() || oldSelf.?spec.?openingQuantity.orValue(0) == 0 || oldSelf.?status.?onHand.hasValue()",message="openingQuantity counts until the stock controller has counted it (status.onHand); leave it in until then",fieldPath=".spec.openingQuantity"
// +kubebuilder:validation:XValidation:rule="!self.?spec.?openingQuantity.hasValue() || oldSelf.?spec.?openingQuantity.hasValue() || self.spec.openingQuantity == oldSelf.?status.?openingQuantity.orValue(0)",message="openingQuantity counts once, when the item is made; move stock with a StockAdjustment",fieldPath=".spec.openingQuantity"
type StockItem struct {
	metav1.TypeMeta `json:",inline"`
	// metadata of the object.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is policy.
	// +optional
	// +default={}
	Spec StockItemSpec `json:"spec,omitzero"`
	// status is what there is.
	// +optional
	// +default={"observedGeneration":-1}
	Status StockItemStatus `json:"status,omitzero"`
}

// StockItemList is a list of items.
//
// +kubebuilder:object:root=true
type StockItemList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []StockItem `json:"items"`
}
