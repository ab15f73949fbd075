// Package mirror has the rules by which what happens in a namespace reaches databases
// and topics. They are pure: packages beneath it decide about orders, stock and the relay,
// and are explored as a model.
package mirror
