// Package sbom writes the software bill of materials of a Go program: what the linker recorded in it, in the
// words of CycloneDX. It reads the program and nothing else, so it can't differ from what was built.
package sbom

import (
	"debug/buildinfo"
	"fmt"
	"io"
	"net/url"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"
	"github.com/google/uuid"

	"github.com/orderplane/orderplane/internal/release/checksum"
)

// Names of properties that CycloneDX has no field for.
const (
	// goSum is a module's checksum as go.sum has it.
	goSum = "orderplane:go:sum"
	// buildSetting and a setting's name, such as GOARCH, have what the program was built with.
	buildSetting = "orderplane:go:build:"
)

// Options are what the program does not say of itself.
type Options struct {
	// Version of the release.
	Version string
	// Created is the time of the document.
	Created time.Time
}

// Of reads a program and returns its bill of materials: the program, the modules that it was linked of, and the
// standard library.
func Of(file string, o Options) (*cdx.BOM, error) {
	info, err := buildinfo.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read what %s was built of: %w", file, err)
	}
	sum, err := checksum.SHA256(file)
	if err != nil {
		return nil, fmt.Errorf("read what %s was built of: %w", file, err)
	}
	program := component(cdx.ComponentTypeApplication, debug.Module{Path: info.Main.Path, Version: o.Version})
	program.Hashes = &[]cdx.Hash{{Algorithm: cdx.HashAlgoSHA256, Value: sum}}
	program.Properties = settings(info)
	parts := []cdx.Component{component(cdx.ComponentTypeLibrary, debug.Module{Path: "std", Version: strings.TrimPrefix(info.GoVersion, "go")})}
	for _, module := range info.Deps {
		parts = append(parts, component(cdx.ComponentTypeLibrary, *module))
	}
	refs := make([]string, 0, len(parts))
	for _, part := range parts {
		refs = append(refs, part.BOMRef)
	}
	bom := cdx.NewBOM()
	// The document's name follows from the program, so that it is the same each time.
	bom.SerialNumber = uuid.NewSHA1(uuid.NameSpaceURL, []byte(sum)).URN()
	bom.Metadata = &cdx.Metadata{Timestamp: o.Created.UTC().Format(time.RFC3339), Component: &program}
	bom.Components = &parts
	bom.Dependencies = &[]cdx.Dependency{{Ref: program.BOMRef, Dependencies: &refs}}
	return bom, nil
}

// Write writes a bill of materials as JSON.
func Write(w io.Writer, bom *cdx.BOM) error {
	return cdx.NewBOMEncoder(w, cdx.BOMFileFormatJSON).SetPretty(true).Encode(bom)
}

// component is a module as a component; the one that replaces it, where one does.
func component(kind cdx.ComponentType, module debug.Module) cdx.Component {
	if module.Replace != nil {
		module = *module.Replace
	}
	purl := packageURL(module.Path, module.Version)
	c := cdx.Component{Type: kind, BOMRef: purl, Name: module.Path, Version: module.Version, PackageURL: purl}
	if module.Sum != "" {
		c.Properties = &[]cdx.Property{{Name: goSum, Value: module.Sum}}
	}
	return c
}

// packageURL names a module as github.com/package-url does, by which scanners look for known weaknesses.
func packageURL(path, version string) string {
	segments := strings.Split(path, "/")
	for i, s := range segments {
		segments[i] = url.PathEscape(s)
	}
	// PathEscape lets + stand, which a package URL does not.
	return "pkg:golang/" + strings.Join(segments, "/") + "@" + strings.ReplaceAll(url.PathEscape(version), "+", "%2B")
}

// settings are what the program was built with, sorted by name.
func settings(info *debug.BuildInfo) *[]cdx.Property {
	properties := make([]cdx.Property, 0, len(info.Settings))
	for _, s := range info.Settings {
		properties = append(properties, cdx.Property{Name: buildSetting + s.Key, Value: s.Value})
	}
	slices.SortFunc(properties, func(a, b cdx.Property) int { return strings.Compare(a.Name, b.Name) })
	return &properties
}
