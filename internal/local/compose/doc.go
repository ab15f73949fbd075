// Package compose prepares what the containers of compose.yaml share, where nobody else does: who may call the API
// server, what is installed there, and stock to order from.
//
// Its steps are hidden subcommands of the binary. Each ends, may run any number of times, and changes nothing that is
// there already.
package compose
