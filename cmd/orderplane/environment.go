package main

import (
	"errors"
	"fmt"

	"github.com/spf13/pflag"
)

// environmentKey annotates a flag with the environment variable that sets it.
const environmentKey = "orderplane.dev/environment"

// fromEnvironment lets a variable set a flag that is not given: flags win over
// the environment, and the environment over defaults.
func fromEnvironment(flags *pflag.FlagSet, name, variable string) {
	f := flags.Lookup(name)
	f.Usage += " [" + variable + "]"
	if f.Annotations == nil {
		f.Annotations = map[string][]string{}
	}
	f.Annotations[environmentKey] = []string{variable}
}

// applyEnvironment sets every flag that was not given and whose variable is set
// to something. All that is wrong is told at once.
func applyEnvironment(flags *pflag.FlagSet, lookup func(string) (string, bool)) error {
	var errs []error
	flags.VisitAll(func(f *pflag.Flag) {
		variables := f.Annotations[environmentKey]
		if len(variables) == 0 || f.Changed {
			return
		}
		value, ok := lookup(variables[0])
		if !ok || value == "" {
			return
		}
		if err := flags.Set(f.Name, value); err != nil {
			errs = append(errs, fmt.Errorf("environment variable %s=%q: %w", variables[0], value, err))
		}
	})
	return errors.Join(errs...)
}
