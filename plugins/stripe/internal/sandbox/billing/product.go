package billing

import (
	"slices"

	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/resource"
)

func products() resource.Module {
	return resource.Module{
		Prefixes: map[string]string{product: "prod"},
		Operations: map[string]resource.Operation{
			"PostProducts":      createProduct,
			"GetProducts":       listProducts,
			"GetProductsId":     resource.Getter(product),
			"PostProductsId":    updateProduct,
			"DeleteProductsId":  deleteProduct,
			"GetProductsSearch": resource.Searcher(product, resource.SearchFields{"active": resource.TokenField, "description": resource.StringField, "name": resource.StringField, "shippable": resource.TokenField, "url": resource.StringField}),
		},
	}
}

// productFields are copied from the params as they are.
var productFields = []string{"active", "description", "features", "images", "name", "package_dimensions", "shippable", "statement_descriptor", "tax_code", "unit_label", "url"}

func createProduct(t *resource.Tx, r *resource.Request) (resource.Object, *resource.Refusal) {
	o, refusal := newProduct(t, r.Params)
	if refusal != nil {
		return nil, refusal
	}
	if data := r.Params.Object("default_price_data"); data != nil {
		made, refusal := newPrice(t, data, o.ID(), "default_price_data")
		if refusal != nil {
			return nil, refusal
		}
		announcePrice(t, made)
		before := o.Clone()
		o["default_price"] = made.ID()
		t.Put(o)
		t.EmitUpdate("product.updated", before, o)
	}
	return o, nil
}

// newProduct makes and stores a product of params.
func newProduct(t *resource.Tx, params resource.Object) (resource.Object, *resource.Refusal) {
	o := t.New(product)
	o["updated"] = o["created"]
	if id := params.Text("id"); id != "" {
		if _, taken := t.Find(product, id); taken {
			return nil, resource.Invalid("id", "resource_already_exists", "Product already exists.")
		}
		o["id"] = id
	}
	if refusal := resource.Update(o, params, productFields...); refusal != nil {
		return nil, refusal
	}
	t.Put(o)
	t.Emit("product.created", o)
	return o, nil
}

func updateProduct(t *resource.Tx, r *resource.Request) (resource.Object, *resource.Refusal) {
	o, refusal := t.Subject(r, product)
	if refusal != nil {
		return nil, refusal
	}
	before := o.Clone()
	if id := r.Params.Text("default_price"); id != "" {
		chosen, refusal := t.Get(price, id, "default_price")
		if refusal != nil {
			return nil, refusal
		}
		if chosen.Text("product") != o.ID() {
			return nil, resource.Invalid("default_price", "", "The price specified is not for the product %s.", o.ID())
		}
	}
	if r.Params.Has("name") && r.Params.Text("name") == "" {
		return nil, resource.Invalid("name", "parameter_invalid_empty", "You passed an empty string for 'name'. We assume empty values are an attempt to unset a parameter; however 'name' cannot be unset.")
	}
	if refusal := resource.Update(o, r.Params, append(productFields, "default_price")...); refusal != nil {
		return nil, refusal
	}
	o["updated"] = t.Now().Unix()
	t.Put(o)
	t.EmitUpdate("product.updated", before, o)
	return o, nil
}

func listProducts(t *resource.Tx, r *resource.Request) (resource.Object, *resource.Refusal) {
	f := resource.ByParams(product, r, "active", "shippable", "url")
	if ids := r.Params.Texts("ids"); len(ids) > 0 {
		keep := f.Keep
		f.Keep = func(o resource.Object) bool {
			return slices.Contains(ids, o.ID()) && (keep == nil || keep(o))
		}
	}
	return t.List(r, f)
}

func deleteProduct(t *resource.Tx, r *resource.Request) (resource.Object, *resource.Refusal) {
	o, refusal := t.Subject(r, product)
	if refusal != nil {
		return nil, refusal
	}
	if len(t.All(resource.Filter{Kind: price, Equal: map[string]string{"product": o.ID()}})) > 0 {
		return nil, resource.Unexpected("", "This product cannot be deleted because it has one or more user-created prices.")
	}
	rest := t.Remove(o)
	t.Emit("product.deleted", o)
	return rest, nil
}
