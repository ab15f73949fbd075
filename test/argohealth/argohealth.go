// Package argohealth runs Argo CD health checks as Argo CD does, for tests.
package argohealth

import (
	"fmt"

	lua "github.com/yuin/gopher-lua"
)

// Assess runs the health.lua at path on an object, given as decoded JSON, and
// returns the status and the message it answers.
func Assess(path string, object map[string]any) (status, message string, err error) {
	l := lua.NewState()
	defer l.Close()
	l.SetGlobal("obj", value(l, object))
	if err := l.DoFile(path); err != nil {
		return "", "", fmt.Errorf("run %s: %w", path, err)
	}
	result, ok := l.Get(-1).(*lua.LTable)
	if !ok {
		return "", "", fmt.Errorf("%s returned a %s, want a table", path, l.Get(-1).Type())
	}
	return result.RawGetString("status").String(), result.RawGetString("message").String(), nil
}

func value(l *lua.LState, v any) lua.LValue {
	switch v := v.(type) {
	case map[string]any:
		table := l.NewTable()
		for key, item := range v {
			table.RawSetString(key, value(l, item))
		}
		return table
	case []any:
		table := l.NewTable()
		for _, item := range v {
			table.Append(value(l, item))
		}
		return table
	case string:
		return lua.LString(v)
	case bool:
		return lua.LBool(v)
	case float64:
		return lua.LNumber(v)
	}
	return lua.LNil
}
