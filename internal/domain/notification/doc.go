// Package notification says what a customer is told of an order: which events make a message, on
// which channels and to whom, and what follows from an attempt to send it
// (docs/design/0016-notifications.md).
package notification
