package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/orderplane/orderplane/internal/release/archive"
	"github.com/orderplane/orderplane/internal/release/image"
)

func newImageCommand() *cobra.Command {
	var (
		o        image.Options
		binaries []string
		layout   string
		packed   string
	)
	cmd := &cobra.Command{
		Use:   "image",
		Short: "Assemble the container image as an OCI layout, and print its digest",
		Example: "  release image --layout=dist/image --version=v0.1.0 --ca-certificates=/etc/ssl/certs/ca-certificates.crt \\\n" +
			"    --binary=linux/amd64=dist/orderplane-linux-amd64 --binary=linux/arm64=dist/orderplane-linux-arm64",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if o.Created, err = created(); err != nil {
				return err
			}
			if o.Binaries, err = parseBinaries(binaries); err != nil {
				return err
			}
			digest, err := image.Write(layout, o)
			if err != nil {
				return err
			}
			if packed != "" {
				if err := pack(packed, archive.Options{Dir: layout, At: o.Created}); err != nil {
					return err
				}
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), digest)
			return err
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&layout, "layout", "", "new folder for the layout")
	flags.StringVar(&packed, "archive", "", "file that the layout is packed into as well, if any")
	flags.StringArrayVar(&binaries, "binary", nil, "OS/ARCH=FILE, once for each platform")
	flags.StringVar(&o.CACertificates, "ca-certificates", "", "file with the certificates that the image trusts, PEM")
	flags.StringVar(&o.Version, "version", "", "version of the release")
	flags.StringVar(&o.Revision, "revision", "", "commit that it was built from, if it is known")
	for _, name := range []string{"layout", "binary", "ca-certificates", "version"} {
		_ = cmd.MarkFlagRequired(name) // it fails for a flag that is not there alone
	}
	return cmd
}

// parseBinaries reads OS/ARCH=FILE.
func parseBinaries(texts []string) ([]image.Binary, error) {
	binaries := make([]image.Binary, 0, len(texts))
	for _, text := range texts {
		platform, file, ok := strings.Cut(text, "=")
		system, arch, both := strings.Cut(platform, "/")
		if !ok || !both || system == "" || arch == "" || file == "" {
			return nil, fmt.Errorf("--binary=%s: give OS/ARCH=FILE, such as linux/amd64=dist/orderplane-linux-amd64", text)
		}
		binaries = append(binaries, image.Binary{OS: system, Arch: arch, File: file})
	}
	return binaries, nil
}

// pack writes an archive of a folder.
func pack(file string, o archive.Options) error {
	out, err := os.Create(file)
	if err != nil {
		return err
	}
	return errors.Join(archive.Tar(out, o), out.Close())
}
