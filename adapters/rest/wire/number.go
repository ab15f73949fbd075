package wire

import (
	"errors"
)

// Number is a JSON number as it was, or is to be, written: its literal. It keeps
// money and quantities out of floating point, which would round them.
type Number string

// MarshalJSON writes the literal. The empty Number is 0.
func (n Number) MarshalJSON() ([]byte, error) {
	if n == "" {
		return []byte("0"), nil
	}
	return []byte(n), nil
}

// UnmarshalJSON keeps the literal of a number and refuses everything else.
func (n *Number) UnmarshalJSON(literal []byte) error {
	if len(literal) == 0 || literal[0] != '-' && (literal[0] < '0' || literal[0] > '9') {
		return errors.New("is not a number")
	}
	*n = Number(literal)
	return nil
}
