// Command release makes the files of a release that no ordinary tool makes the same each time: the container
// image, the chart, the bill of materials, the provenance. hack/release.sh runs it.
package main

import (
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/spf13/cobra"
)

func main() {
	root := &cobra.Command{
		Use:           "release",
		Short:         "Make files of a release, the same each time",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(newImageCommand(), newChartCommand(), newSBOMCommand(), newProvenanceCommand())
	if err := root.Execute(); err != nil {
		fmt.Fprintf(os.Stderr, "release: %v\n", err)
		os.Exit(1)
	}
}

// epochVariable has the time that everything made gets, in seconds since 1970
// (https://reproducible-builds.org/specs/source-date-epoch).
const epochVariable = "SOURCE_DATE_EPOCH"

// created is the time that everything made gets.
func created() (time.Time, error) {
	text := os.Getenv(epochVariable)
	seconds, err := strconv.ParseInt(text, 10, 64)
	if err != nil || seconds <= 0 {
		return time.Time{}, fmt.Errorf("%s=%q: give the time of the commit in seconds since 1970, as `git log -1 --format=%%ct` prints it", epochVariable, text)
	}
	return time.Unix(seconds, 0).UTC(), nil
}
