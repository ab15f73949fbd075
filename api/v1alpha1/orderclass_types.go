package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// OrderClassDefaultAnnotation marks the class of orders that name none, as
// storageclass.kubernetes.io/is-default-class does for volumes: "true" on one class.
const OrderClassDefaultAnnotation = "orderplane.dev/is-default-class"

// OrderClassSpec is policy for the orders of a class.
type OrderClassSpec struct {
	OrderPolicy `json:",inline"`
	// currency of orders that name none. USD when absent.
	// +optional
	Currency Currency `json:"currency,omitempty"`
}

// OrderClass is policy that orders follow: time-outs, the return window,
// retention, notifications. An order keeps what its class said when it was created.
//
// +kubebuilder:object:root=true
// +kubebuilder:resource:scope=Cluster,shortName=oc,categories=orderplane
// +kubebuilder:printcolumn:name="Default",type=string,JSONPath=".metadata.annotations.orderplane\\.dev/is-default-class"
// +kubebuilder:printcolumn:name="Pending-Timeout",type=string,JSONPath=".spec.pendingTimeout"
// +kubebuilder:printcolumn:name="Return-Window",type=string,JSONPath=".spec.returnWindow"
// +kubebuilder:printcolumn:name="Retention",type=string,JSONPath=".spec.retention",priority=1
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=".metadata.creationTimestamp"
type OrderClass struct {
	metav1.TypeMeta `json:",inline"`
	// metadata of the object.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is the policy.
	// +optional
	Spec OrderClassSpec `json:"spec,omitzero"`
}

// OrderClassList is a list of order classes.
//
// +kubebuilder:object:root=true
type OrderClassList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []OrderClass `json:"items"`
}
