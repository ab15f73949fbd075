package v1alpha1

// Requester says who asked for something.
type Requester struct {
	// requestedBy is the user who asked for this, as the API server knew them.
	// Filled in at admission; what a client writes here is replaced. A user whose
	// name is longer, or has control characters, is written down as the start of
	// the name and a hash of all of it.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[^\x00-\x1f\x7f-\x9f\x{2028}\x{2029}]*$`
	RequestedBy string `json:"requestedBy,omitempty"`
	// onBehalfOf is the person for whom requestedBy acted, as requestedBy says;
	// the gateway puts the subject of the token here. Visible ASCII characters, at
	// most 255.
	// +optional
	// +kubebuilder:validation:MaxLength=255
	// +kubebuilder:validation:Pattern=`^[!-~]{1,255}$`
	OnBehalfOf string `json:"onBehalfOf,omitempty"`
}
