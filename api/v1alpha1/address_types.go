package v1alpha1

// Address is where an order is shipped to: one value, of which nobody owns half.
// Every text is kept letter for letter.
//
// +structType=atomic
type Address struct {
	// name of the person the parcel goes to.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=200
	// +kubebuilder:validation:Pattern=`^[^\x00-\x1f\x7f-\x9f\x{2028}\x{2029}]*$`
	Name string `json:"name,omitempty"`
	// company the parcel goes to.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=200
	// +kubebuilder:validation:Pattern=`^[^\x00-\x1f\x7f-\x9f\x{2028}\x{2029}]*$`
	Company string `json:"company,omitempty"`
	// street and house number.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=200
	// +kubebuilder:validation:Pattern=`^[^\x00-\x1f\x7f-\x9f\x{2028}\x{2029}]*$`
	Street string `json:"street"`
	// street2 is a second line: floor, building, care of.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=200
	// +kubebuilder:validation:Pattern=`^[^\x00-\x1f\x7f-\x9f\x{2028}\x{2029}]*$`
	Street2 string `json:"street2,omitempty"`
	// city or town.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=100
	// +kubebuilder:validation:Pattern=`^[^\x00-\x1f\x7f-\x9f\x{2028}\x{2029}]*$`
	City string `json:"city"`
	// state is the state, province or region, where the country's addresses have one.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=100
	// +kubebuilder:validation:Pattern=`^[^\x00-\x1f\x7f-\x9f\x{2028}\x{2029}]*$`
	State string `json:"state,omitempty"`
	// country as an ISO 3166-1 alpha-2 code or a name.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=60
	// +kubebuilder:validation:Pattern=`^[^\x00-\x1f\x7f-\x9f\x{2028}\x{2029}]*$`
	Country string `json:"country"`
	// zip is the postal code, where the country has one.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=20
	// +kubebuilder:validation:Pattern=`^[^\x00-\x1f\x7f-\x9f\x{2028}\x{2029}]*$`
	Zip string `json:"zip,omitempty"`
}

// Contact is how the customer is told about the order. Without one, or with one
// that says nothing, nobody is told.
// +structType=atomic
type Contact struct {
	// email address for notifications: exactly one, without a name.
	// +optional
	// +kubebuilder:validation:MaxLength=254
	// +kubebuilder:validation:Pattern=`^[^\x00-\x20"(),:;<>@\[\\\]\x7f-\xa0\x{1680}\x{2000}-\x{200F}\x{2028}-\x{202F}\x{205F}-\x{206F}\x{3000}\x{FEFF}]{1,64}@[^\x00-\x20"(),.:;<>@\[\\\]\x7f-\xa0\x{1680}\x{2000}-\x{200F}\x{2028}-\x{202F}\x{205F}-\x{206F}\x{3000}\x{FEFF}]+(\.[^\x00-\x20"(),.:;<>@\[\\\]\x7f-\xa0\x{1680}\x{2000}-\x{200F}\x{2028}-\x{202F}\x{205F}-\x{206F}\x{3000}\x{FEFF}]+)*$`
	Email string `json:"email,omitempty"`
	// phone number for notifications, in E.164 form such as +4917012345678.
	// +optional
	// +kubebuilder:validation:MaxLength=16
	// +kubebuilder:validation:Pattern=`^(\+[1-9][0-9]{1,14})?$`
	Phone string `json:"phone,omitempty"`
	// language of the notifications, a BCP 47 tag such as de or pt-BR. Where there are no texts in it,
	// they are in the nearest language, or in English.
	// +optional
	// +kubebuilder:validation:MaxLength=35
	// +kubebuilder:validation:Pattern=`^([A-Za-z]{2,3}(-[0-9A-Za-z]{1,8})*)?$`
	Language string `json:"language,omitempty"`
}
