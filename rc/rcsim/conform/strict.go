package conform

import (
	"maps"
	"slices"

	"github.com/getkin/kin-openapi/openapi3"
)

// unknown is every property of a value that its schema does not know, as paths like parties[].brandId. JSON Schema lets
// additional properties pass, and the document hardly ever forbids them; and forbidding them in each part of an allOf
// would forbid those of the other parts. Hence a walk of our own, which knows what any part allows.
func unknown(value any, schema *openapi3.Schema) []string {
	found := map[string]bool{}
	collect(value, []*openapi3.Schema{schema}, "", found)
	return slices.Sorted(maps.Keys(found))
}

// strange is a finding for each of them, otherwise like base.
func strange(value any, schema *openapi3.Schema, base finding) []finding {
	var out []finding
	for _, at := range unknown(value, schema) {
		f := base
		f.kind, f.at = unknownProperty, at
		out = append(out, f)
	}
	return out
}

func collect(value any, schemas []*openapi3.Schema, at string, found map[string]bool) {
	parts := flatten(schemas, nil)
	switch v := value.(type) {
	case map[string]any:
		known, open := properties(parts)
		for name, child := range v {
			path := name
			if at != "" {
				path = at + "." + name
			}
			switch {
			case len(known[name]) > 0:
				collect(child, known[name], path, found)
			case !open:
				found[path] = true
			}
		}
	case []any:
		var items []*openapi3.Schema
		for _, s := range parts {
			if s.Items != nil {
				items = append(items, s.Items.Value)
			}
		}
		if items == nil {
			return
		}
		for _, child := range v {
			collect(child, items, at+"[]", found)
		}
	}
}

// flatten is schemas with all their alternatives and parts.
func flatten(schemas, into []*openapi3.Schema) []*openapi3.Schema {
	for _, s := range schemas {
		if s == nil || slices.Contains(into, s) {
			continue
		}
		into = append(into, s)
		for _, refs := range []openapi3.SchemaRefs{s.AllOf, s.AnyOf, s.OneOf} {
			for _, ref := range refs {
				into = flatten([]*openapi3.Schema{ref.Value}, into)
			}
		}
	}
	return into
}

// properties are the known properties of an object; open means that others are welcome: the document says so, or it
// says nothing about any property.
func properties(parts []*openapi3.Schema) (known map[string][]*openapi3.Schema, open bool) {
	known = map[string][]*openapi3.Schema{}
	for _, s := range parts {
		for name, ref := range s.Properties {
			known[name] = append(known[name], ref.Value)
		}
		more := s.AdditionalProperties
		open = open || more.Has != nil && *more.Has || more.Schema != nil
	}
	return known, open || len(known) == 0
}
