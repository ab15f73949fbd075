package openapi

import (
	"maps"
	"slices"
	"strings"
)

// allowNulls says of every member of a request that need not be there that it may
// be null. It is a rule of the whole API, so the document has it in one place.
func allowNulls(tree any) {
	schemas, _ := in(tree, "components", "schemas").(map[string]any)
	seen := map[string]bool{}
	var allow func(schema any)
	allow = func(schema any) {
		node, _ := schema.(map[string]any)
		if ref, ok := node["$ref"].(string); ok {
			name := strings.TrimPrefix(ref, "#/components/schemas/")
			if !seen[name] {
				seen[name] = true
				allow(schemas[name])
			}
			return
		}
		if items, ok := node["items"]; ok {
			allow(items)
		}
		members, _ := node["properties"].(map[string]any)
		required, _ := node["required"].([]any)
		if node["minProperties"] != nil {
			node["anyOf"] = eachGiven(members)
		}
		for name, member := range members {
			allow(member)
			if !slices.Contains(required, any(name)) {
				members[name] = nullable(member, schemas)
			}
		}
	}
	paths, _ := in(tree, "paths").(map[string]any)
	for _, path := range paths {
		operations, _ := path.(map[string]any)
		for _, operation := range operations {
			allow(in(operation, "requestBody", "content", "application/json", "schema"))
		}
	}
}

// eachGiven returns schemas of which each has another member given, and not as null. An object
// that must have a member needs one of them.
func eachGiven(members map[string]any) (schemas []any) {
	for _, name := range slices.Sorted(maps.Keys(members)) {
		schemas = append(schemas, map[string]any{"required": []any{name}, "properties": map[string]any{name: members[name]}})
	}
	return schemas
}

// nullable returns a schema that takes null, too. OpenAPI 3.0 passes over what
// stands beside a reference, and wants null among the values of an enum.
func nullable(schema any, schemas map[string]any) any {
	node, ok := schema.(map[string]any)
	if !ok {
		return schema
	}
	if ref, ok := node["$ref"].(string); ok {
		referred, _ := schemas[strings.TrimPrefix(ref, "#/components/schemas/")].(map[string]any)
		if _, isEnum := referred["enum"]; !isEnum {
			return map[string]any{"allOf": []any{node}, "nullable": true}
		}
		node = referred
	}
	node = maps.Clone(node) // what was there before stays as it was
	node["nullable"] = true
	if values, ok := node["enum"].([]any); ok {
		node["enum"] = append(slices.Clone(values), nil)
	}
	return node
}

// in follows a path of names.
func in(tree any, path ...string) any {
	for _, name := range path {
		node, _ := tree.(map[string]any)
		tree = node[name]
	}
	return tree
}
