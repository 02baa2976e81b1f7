"""The dashboard: pages for people, rendered on the server, at ``/dashboard``. How a page is made:

* **A file of views a page** (``users.py``): ``@bp.get("/users")`` and ``@page(Role.VIEWER)`` from ``site``; ask the
  domain or the ledger, shape what the template shows, ``render_template``. ``site.add_to`` imports the file; the
  sidebar has it when its endpoint stands in ``site.NAVIGATION``. What only shows stays here; what another part would
  ask too is a named statement below (``app/ledger``, ``app/domains``).
* **A template a page** (``templates/users.html``) extends ``base.html`` and fills ``title`` and ``main``. Its parts are
  macros: ``{% import "parts.html" as ui with context %}`` has ``head``, ``badge``, ``number``, ``empty``, ``pager``,
  ``act`` (a button that posts), ``confirm``. Filters (``shown.py``): ``at | ago``, ``at | clock`` (in ``TIMEZONE``, the
  UTC in its title), ``ms | took``, ``n | thousands``.
* **No inline script, no inline style**: the Content-Security-Policy refuses both. Widths and colours come from classes,
  or from SVG's own attributes. Charts are tables that ``dashboard.js`` draws: ``<figure data-chart="line">`` around a
  ``<table>`` whose first column is the x axis (seconds since the epoch in ``<td data-x>``); without script it is read.
* **Live**: an element with an ``id`` and ``data-live`` is replaced when its HTML has changed. The stream (``live.py``)
  only says *that* something changed; the page is asked again and compared, so nothing is rendered twice. It waits while
  the tab is hidden, and a part waits while it is hovered over, selected in, or has a ticked box or a focused field.
* **Rows**: ``<tr data-row>`` whose first link is where Enter goes; a box named ``id`` in it is what ``x`` ticks.
  Lists are pages of 50 by keyset (``paging.py``), never an offset. Every number links to the list that it counts.
* **Acts are forms that post** (``ui.act``): the CSRF token comes with the macro, and ``site`` refuses a form without.
  The view asks for ``Role.OPERATOR`` or more, writes the audit trail (``app.auth.acts.act``, or the domain's own), and
  ends with ``said(url, "what was done")``. The button is shown only to who may press it: ``{% if may("operator") %}``.
  What destroys asks for the name and a reason first (``confirmation.py``), at its own URL: GET asks, POST does.
* **Errors** are the API's: raise what the API raises. A browser gets its status and its words as a page.
* What was given as job data goes through ``app.jobs.personal.redacted`` before it is shown.
"""
