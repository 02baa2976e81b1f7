"""Leads of a travel business: their pages, their CRM, scores, follow-ups and the daily report (document 004)."""
