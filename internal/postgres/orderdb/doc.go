// Package orderdb has the queries of the table orders: what is known of each order, as it is
// in the cluster or as it last was. Only the mirror writes it.
//
// An order's row is locked before anything about the order is decided, so two mirrors never
// decide at once. Rows are locked, and inserted, in the order of their ids.
package orderdb
