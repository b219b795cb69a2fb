package desk

import (
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestEveryTimeHasADefaultAndIsScaled(t *testing.T) {
	t.Parallel()
	var check func(path string, whole, scaled reflect.Value)
	check = func(path string, whole, scaled reflect.Value) {
		for i := range whole.NumField() {
			name := path + "." + whole.Type().Field(i).Name
			if whole.Field(i).Kind() == reflect.Struct {
				check(name, whole.Field(i), scaled.Field(i))
				continue
			}
			d, want := time.Duration(whole.Field(i).Int()), time.Duration(whole.Field(i).Int())/2
			if strings.HasPrefix(name, ".Lease") {
				want = d
			}
			if got := time.Duration(scaled.Field(i).Int()); d <= 0 || got != want {
				t.Errorf("%s: default %v, scaled by a half %v, want %v", name, d, got, want)
			}
		}
	}
	check("", reflect.ValueOf(Timing{}.filled()), reflect.ValueOf(Timing{}.Scaled(0.5)))
}
