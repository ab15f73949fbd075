package main

import (
	"github.com/spf13/pflag"

	"github.com/orderplane/orderplane/internal/domain/mirror"
)

// registerMirrored adds the setting that manager and gateway have in common: they agree on
// what is mirrored, else an object of one is kept for a mirror that the other knows nothing of.
func registerMirrored(flags *pflag.FlagSet, mirrored *mirror.Namespaces) {
	flags.StringSliceVar((*[]string)(mirrored), "mirrored-namespaces", nil,
		"namespaces that a mirror serves, * for all; what is created in them is kept until the mirror has told of it")
	fromEnvironment(flags, "mirrored-namespaces", "MIRRORED_NAMESPACES")
}
