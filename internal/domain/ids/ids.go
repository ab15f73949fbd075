// Package ids makes names out of what a client said, so that saying it twice
// names the same object and the second create meets AlreadyExists in etcd. No
// other store has to remember which requests were seen.
package ids

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
)

// length of a name in base32 characters: 130 bits, so that a collision is not
// worth a thought and the name still reads as an id.
const length = 26

// Order returns the name of the order that a customer creates in a namespace
// with an idempotency key. It is a valid object name and label value.
func Order(namespace, customer, key string) string {
	return digest("order", namespace, customer, key)
}

// Adjustment returns the name of the stock document that a user makes for a
// product with an idempotency key.
func Adjustment(namespace, user, product, key string) string {
	return digest("adjustment", namespace, user, product, key)
}

// Basket returns the id of the basket that a customer makes in a namespace with an
// idempotency key. No order has such an id.
func Basket(namespace, customer, key string) string {
	return "basket-" + digest("basket", namespace, customer, key)
}

// Command returns the name under which an order keeps the idempotency key that a
// user gave a command.
func Command(user, key string) string {
	return digest("command", user, key)
}

// Return returns the id of the next return request of an order: the one that
// follows the request with the id previous, which is empty for the first. Two
// clients that ask at once so ask with one id, and the API server sees one request.
func Return(orderUID, previous string) string {
	return digest("return", orderUID, previous)
}

// digest hashes the parts, each with its length, so that no two lists of parts
// run together into the same bytes.
func digest(parts ...string) string {
	h := sha256.New()
	var size [8]byte
	for _, part := range parts {
		binary.BigEndian.PutUint64(size[:], uint64(len(part)))
		h.Write(size[:])
		h.Write([]byte(part))
	}
	lower := base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)
	return lower.EncodeToString(h.Sum(nil))[:length]
}
