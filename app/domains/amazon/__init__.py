"""Amazon's Selling Partner and Ads APIs: a seller's datasets, fetched within their budgets.

Start at ``datasets.fetch``; ``client.Amazon`` is the line it goes over, ``errors`` what it can end in.
"""
