package board

import (
	"reflect"
	"testing"
	"time"
)

func TestEveryTimeHasADefaultAndIsScaled(t *testing.T) {
	defaults, scaled := reflect.ValueOf(DefaultTiming()), reflect.ValueOf(Timing{}.Scaled(0.5))
	for i := range defaults.NumField() {
		name, d := defaults.Type().Field(i).Name, time.Duration(defaults.Field(i).Int())
		if d <= 0 {
			t.Errorf("%s has no default", name)
		}
		if got := time.Duration(scaled.Field(i).Int()); got != d/2 {
			t.Errorf("%s: %v scaled by a half is %v", name, d, got)
		}
	}
	if got := (Timing{PressAfter: time.Hour}).Filled().PressAfter; got != time.Hour {
		t.Errorf("a time that was given became %v", got)
	}
}

func TestAPollScheduleInOtherUnits(t *testing.T) {
	unit := 20 * time.Millisecond
	last := start
	for _, n := range []int{1, 2, 3, 5, 10, 15} {
		last = pollAfter(start, last, unit)
		want(t, "poll", last, start.Add(time.Duration(n)*unit))
	}
	want(t, "after a minute", pollAfter(start, start.Add(60*unit), unit), start.Add(70*unit))
}
