// Package fields reads and writes the header fields of HTTP that have a grammar of their own.
package fields
