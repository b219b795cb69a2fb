package handlers

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/cordboard/cordboard/views"
)

// SignIn is the page with the link that begins a sign-in.
func (h *Handlers) SignIn(c echo.Context) error {
	if _, err := h.Sessions.Current(c.Request()); err == nil {
		return c.Redirect(http.StatusSeeOther, "/desk")
	}
	return page(c, http.StatusOK, views.SignIn(local(c.QueryParam("return")), h.options()))
}

// StartSignIn leads to RingCentral's own page, from a page of ours: another site's leads to ours first, or it could sign a
// browser in, or in again, that asked for nothing.
func (h *Handlers) StartSignIn(c echo.Context) error {
	to := local(c.QueryParam("return"))
	switch c.Request().Header.Get("Sec-Fetch-Site") {
	case "cross-site", "same-site":
		return c.Redirect(http.StatusSeeOther, "/signin?return="+url.QueryEscape(to))
	}
	authorize, err := h.Sessions.Begin(c.Response(), c.Request(), to)
	if err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, authorize)
}

// FinishSignIn is where RingCentral sends the browser back.
func (h *Handlers) FinishSignIn(c echo.Context) error {
	_, returnTo, err := h.Sessions.Finish(c.Response(), c.Request())
	if err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, local(returnTo))
}

// SignOut ends this browser's session.
func (h *Handlers) SignOut(c echo.Context) error {
	if err := h.Sessions.SignOut(c.Response(), c.Request()); err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, "/signedout")
}

// SignOutEverywhere ends every browser's session of this person.
func (h *Handlers) SignOutEverywhere(c echo.Context) error {
	if err := h.Sessions.SignOutEverywhere(c.Response(), c.Request()); err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, "/signedout?everywhere=1")
}

// SignedOut says that nothing was hung up.
func (h *Handlers) SignedOut(c echo.Context) error {
	return page(c, http.StatusOK, views.SignedOut(c.QueryParam("everywhere") != "", h.options()))
}

// local is a path of this server to return to; anything else becomes the desk.
func local(target string) string {
	if !strings.HasPrefix(target, "/") || strings.HasPrefix(target, "//") || strings.ContainsAny(target, "\\\r\n\t") {
		return "/desk"
	}
	return target
}
