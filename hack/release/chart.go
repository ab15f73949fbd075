package main

import (
	"compress/gzip"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	"github.com/orderplane/orderplane/internal/release/archive"
)

func newChartCommand() *cobra.Command {
	var version string
	cmd := &cobra.Command{
		Use:   "chart DIR FILE.tgz",
		Short: "Pack a Helm chart with the version of the release, as helm package does",
		Args:  cobra.ExactArgs(2),
		RunE:  func(_ *cobra.Command, args []string) error { return packChart(args[0], args[1], version) },
	}
	cmd.Flags().StringVar(&version, "version", "", "version of the release, such as v0.1.0; the chart's is the same without v")
	_ = cmd.MarkFlagRequired("version")
	return cmd
}

func packChart(dir, file, version string) error {
	at, err := created()
	if err != nil {
		return err
	}
	out, err := os.Create(file)
	if err != nil {
		return err
	}
	packed := gzip.NewWriter(out)
	err = archive.Tar(packed, archive.Options{
		Dir: dir, Prefix: "orderplane/", At: at,
		Rewrite: func(name string, content []byte) ([]byte, error) {
			if name != "Chart.yaml" {
				return content, nil
			}
			return chartOf(content, version)
		},
	})
	return errors.Join(err, packed.Close(), out.Close())
}

// chartOf is Chart.yaml with the version of the release: the chart's own is semantic versioning's, without v, and the
// app's is the tag of the image.
func chartOf(text []byte, version string) ([]byte, error) {
	for key, value := range map[string]string{"version": strings.TrimPrefix(version, "v"), "appVersion": `"` + version + `"`} {
		line := regexp.MustCompile(`(?m)^` + key + `:.*$`)
		if n := len(line.FindAll(text, -1)); n != 1 {
			return nil, fmt.Errorf("%d lines begin with %q, want one", n, key+":")
		}
		text = line.ReplaceAllLiteral(text, []byte(key+": "+value))
	}
	return text, nil
}
