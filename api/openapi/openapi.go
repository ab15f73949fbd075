// Package openapi holds the OpenAPI document of the REST API. The types and the
// server skeleton in adapters/rest/wire are generated from it.
package openapi

import (
	"bytes"
	_ "embed" // the document
	"encoding/json"
	"fmt"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"sigs.k8s.io/yaml"
)

//go:embed openapi.yaml
var document []byte

// Load parses and checks the document. Each call returns one of its own.
func Load() (*openapi3.T, error) {
	doc, err := openapi3.NewLoader().LoadFromData(document)
	if err != nil {
		return nil, fmt.Errorf("parse the OpenAPI document: %w", err)
	}
	if err := doc.Validate(openapi3.NewLoader().Context); err != nil {
		return nil, fmt.Errorf("check the OpenAPI document: %w", err)
	}
	return doc, nil
}

// Document is the document with the two texts of it that clients get. Nobody changes one, so those
// who need it may share it.
type Document struct {
	*openapi3.T

	JSON, YAML []byte
}

// LoadDocument loads the document and writes its texts.
func LoadDocument() (*Document, error) {
	doc, err := Load()
	if err != nil {
		return nil, err
	}
	asJSON, err := JSON(doc)
	if err != nil {
		return nil, err
	}
	asYAML, err := toYAML(asJSON)
	if err != nil {
		return nil, err
	}
	return &Document{T: doc, JSON: asJSON, YAML: asYAML}, nil
}

// JSON writes the document for clients: without the remarks that are meant for
// the code generator.
func JSON(doc *openapi3.T) ([]byte, error) {
	written, err := doc.MarshalJSON()
	if err != nil {
		return nil, fmt.Errorf("write the OpenAPI document as JSON: %w", err)
	}
	var tree any
	decoder := json.NewDecoder(bytes.NewReader(written))
	decoder.UseNumber()
	if err := decoder.Decode(&tree); err != nil {
		return nil, fmt.Errorf("read the OpenAPI document back: %w", err)
	}
	allowNulls(tree)
	nameStatuses(tree)
	describeAnswers(tree)
	return json.Marshal(withoutRemarks(tree))
}

// YAML is JSON in YAML, for who would rather read that.
func YAML(doc *openapi3.T) ([]byte, error) {
	text, err := JSON(doc)
	if err != nil {
		return nil, err
	}
	return toYAML(text)
}

func toYAML(text []byte) ([]byte, error) {
	written, err := yaml.JSONToYAML(text)
	if err != nil {
		return nil, fmt.Errorf("write the OpenAPI document as YAML: %w", err)
	}
	return written, nil
}

func withoutRemarks(tree any) any {
	switch node := tree.(type) {
	case map[string]any:
		for key, value := range node {
			if key == "x-order" || strings.HasPrefix(key, "x-go-") {
				delete(node, key)
				continue
			}
			node[key] = withoutRemarks(value)
		}
	case []any:
		for i, value := range node {
			node[i] = withoutRemarks(value)
		}
	}
	return tree
}
