// Package phones is the simulator's phones page: index.html at the root of FS and everything it loads below assets/, with
// authorize.css for the OAuth authorize page.
//
// The files keep a strict content policy (script, style, font, image and connect from 'self' only): nothing is inline. The
// page speaks to the control API of rcsim at the relative address api/ and to nothing else; the data-testid of every control
// is listed at the top of assets/phones.js, the script that loads the others.
package phones

import "embed"

// FS holds the page as it is served: index.html at /sim/, assets/ at /sim/assets/.
//
//go:embed index.html assets
var FS embed.FS
