package handlers

import (
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/cordboard/cordboard/rc/board"
	"github.com/cordboard/cordboard/web/problem"
)

// maxID is longer than any id of RingCentral.
const maxID = 128

// Complete joins the pair that was shown.
func (h *Handlers) Complete(c echo.Context) error { return h.press(c, board.ActionComplete) }

// Back ends the consult that was shown and goes back to the customer.
func (h *Handlers) Back(c echo.Context) error { return h.press(c, board.ActionBack) }

// Choose names both ends of a pair.
func (h *Handlers) Choose(c echo.Context) error { return h.press(c, board.ActionChoose) }

// Hold puts a call on hold.
func (h *Handlers) Hold(c echo.Context) error { return h.press(c, board.ActionHold) }

// Unhold takes a call off hold.
func (h *Handlers) Unhold(c echo.Context) error { return h.press(c, board.ActionUnhold) }

// HangUp leaves a call.
func (h *Handlers) HangUp(c echo.Context) error { return h.press(c, board.ActionHangUp) }

// Reread reads calls again: the one that is named, or all.
func (h *Handlers) Reread(c echo.Context) error { return h.press(c, board.ActionReread) }

// press hands what the person saw to their desk. What became of it shows on the
// page; the script's press needs no more than an empty answer, a plain form goes
// back to the desk, and a press that came to nothing says so there.
func (h *Handlers) press(c echo.Context, a board.Action) error {
	s, err := h.signedIn(c)
	if err != nil {
		return err
	}
	claim, err := readClaim(c.Request(), a)
	if err != nil {
		return err
	}
	if err := h.Desks.Act(c.Request().Context(), s.Person, claim); err != nil {
		if fragment(c) {
			return err
		}
		return h.flash(c, s, problem.From(err))
	}
	if fragment(c) {
		return c.NoContent(http.StatusNoContent)
	}
	return c.Redirect(http.StatusSeeOther, "/desk")
}

// readClaim is a press as its form has it. The picker's form names two sessions,
// and the own party of each call that it offers.
func readClaim(r *http.Request, a board.Action) (board.Claim, error) {
	claim := board.Claim{Action: a}
	customerParty, consultParty := "customer_party", "consult_party"
	if a == board.ActionChoose {
		customerParty = "party_" + r.PostFormValue("customer_session")
		consultParty = "party_" + r.PostFormValue("consult_session")
	}
	for _, field := range []struct {
		name string
		into *string
	}{
		{"customer_session", &claim.Ends.CustomerSession},
		{customerParty, &claim.Ends.CustomerParty},
		{"consult_session", &claim.Ends.ConsultSession},
		{consultParty, &claim.Ends.ConsultParty},
		{"session", &claim.SessionID},
		{"party", &claim.PartyID},
	} {
		value := r.PostFormValue(field.name)
		if !isID(value) {
			return board.Claim{}, problem.NewBadRequest(field.name, errors.New("not an id"))
		}
		*field.into = value
	}
	if text := r.PostFormValue("revision"); text != "" {
		revision, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			return board.Claim{}, problem.NewBadRequest("revision", errors.New("not a number"))
		}
		claim.Revision = revision
	}
	return claim, nil
}

// isID reports whether a field may be an id, or is empty.
func isID(s string) bool {
	return len(s) <= maxID && strings.IndexFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_'
	}) < 0
}
