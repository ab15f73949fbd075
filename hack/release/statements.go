package main

import (
	"runtime"

	"github.com/spf13/cobra"

	"github.com/orderplane/orderplane/internal/release/provenance"
	"github.com/orderplane/orderplane/internal/release/sbom"
)

func newSBOMCommand() *cobra.Command {
	var o sbom.Options
	cmd := &cobra.Command{
		Use:   "sbom BINARY",
		Short: "Print what a program was built of, as CycloneDX",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if o.Created, err = created(); err != nil {
				return err
			}
			bom, err := sbom.Of(args[0], o)
			if err != nil {
				return err
			}
			return sbom.Write(cmd.OutOrStdout(), bom)
		},
	}
	cmd.Flags().StringVar(&o.Version, "version", "", "version of the release")
	_ = cmd.MarkFlagRequired("version")
	return cmd
}

func newProvenanceCommand() *cobra.Command {
	// Whoever runs this built with the same toolchain.
	o := provenance.Options{Go: runtime.Version()}
	cmd := &cobra.Command{
		Use:   "provenance DIR",
		Short: "Print how the files of a folder came about, as an in-toto statement",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if o.Created, err = created(); err != nil {
				return err
			}
			statement, err := provenance.Of(args[0], o)
			if err != nil {
				return err
			}
			return provenance.Write(cmd.OutOrStdout(), statement)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&o.Version, "version", "", "version of the release")
	flags.StringVar(&o.Revision, "revision", "", "commit that it was built from")
	flags.StringVar(&o.Source, "source", "", "where the commit is to be had, such as git+https://example.com/orderplane")
	flags.StringVar(&o.CACertificates, "ca-certificates", "", "file with the certificates that went into the image")
	flags.StringVar(&o.ImageDigest, "image-digest", "", "digest of the image")
	flags.StringVar(&o.Builder, "builder", "", "URI that names who builds")
	return cmd
}
